"""ClustPy's deep methods, with as many epochs as a time budget allows."""

import contextlib
import io
import sys
import time
from dataclasses import replace
from types import ModuleType

import numpy as np
import torch
from quality_methods import Job, Method, Result, relative_error

# An epoch is timed as a part of this many, because single ones of small sets take less
# time than a fit varies by.
MORE_EPOCHS = 4


def import_clustpy_deep() -> ModuleType:
    """Return ClustPy's module of deep methods, even with a broken torchvision.

    Raises
    ------
    ImportError
        If ClustPy is not installed.
    """
    try:
        import torchvision  # noqa: F401
    except (ImportError, OSError, RuntimeError):
        # A torchvision that was built for another PyTorch (such as that of PyPI with a
        # PyTorch for CPUs) raises on import. ClustPy imports it but needs it only for
        # data sets and residual networks, not for DEC and DCN. Therefore, empty modules
        # with the two imported names suffice.
        for name in ("torchvision", "torchvision.models", "torchvision.models._api"):
            sys.modules[name] = ModuleType(name)
        sys.modules["torchvision.models._api"].__dict__.update(
            Weights=object, WeightsEnum=object
        )
    import clustpy.deep

    return clustpy.deep


class ClustPy:
    """A deep method of ClustPy that trains for `Job.budget` seconds."""

    def __init__(self, name: str) -> None:
        self.name = name
        # Seconds of a fit without epochs, of an epoch of pretraining and of an epoch of
        # clustering, by set and number of strata. They do not depend on the seed.
        self.paces: dict[tuple[str, int | None], tuple[float, float, float]] = {}

    def run(self, job: Job) -> Result:
        """Train for the budget, half of it for each phase, but for one epoch each."""
        rest, *paces = self.paces[job.image_set.name, job.n_clusters]
        n_pretrain, n_clustering = (
            max(1, round((job.budget - rest) / 2 / pace)) for pace in paces
        )
        return self.train(job, (n_pretrain, n_clustering))

    def train(self, job: Job, epochs: tuple[int, int]) -> Result:
        """Train for the given numbers of epochs of pretraining and of clustering."""
        deep = import_clustpy_deep()
        train, new = job.data.flat()
        mean, std = train.mean(dtype=np.float64), train.std(dtype=np.float64)
        train, new = (((X - mean) / std).astype(np.float32) for X in (train, new))
        clusterer = getattr(deep, self.name)(
            job.n_clusters,
            pretrain_epochs=epochs[0],
            clustering_epochs=epochs[1],
            random_state=job.seed,
        )
        # ClustPy has no switch for its progress bars and messages.
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            clusterer.fit(train)
            predicted, latents = clusterer.predict(new), clusterer.transform(new)
        network = clusterer.neural_network_trained_.eval()
        device = next(network.parameters()).device
        with torch.inference_mode():
            decoded = network.decode(torch.from_numpy(latents).float().to(device))
        return Result(
            train=clusterer.labels_,
            new=predicted,
            reconstruction_error=relative_error(decoded.cpu().numpy(), new),
            epochs=epochs,
        )

    def measure_pace(self, job: Job) -> None:
        """Measure the entry of `paces` for a job by short fits."""
        key = (job.image_set.name, job.n_clusters)
        if key in self.paces:
            return
        job = replace(job, seed=0)

        def seconds(n_pretrain: int, n_clustering: int) -> float:
            start = time.perf_counter()
            self.train(job, (n_pretrain, n_clustering))
            return time.perf_counter() - start

        # The first fit may take longer than fits with more epochs, because it imports
        # modules and allocates memory.
        self.train(job, (1, 1))
        one_each = seconds(1, 1)
        # A difference that is only noise must not lead to thousands of epochs.
        smallest = one_each / 20
        more = 1 + MORE_EPOCHS
        pretrain = max((seconds(more, 1) - one_each) / MORE_EPOCHS, smallest)
        clustering = max((seconds(1, more) - one_each) / MORE_EPOCHS, smallest)
        rest = max(one_each - pretrain - clustering, 0.0)
        self.paces[key] = (rest, pretrain, clustering)


def make_method(name: str) -> Method:
    clustpy = ClustPy(name)
    return Method(
        f"ClustPy {name}",
        clustpy.run,
        needs_budget=True,
        prepare=clustpy.measure_pace,
    )


CLUSTPY_METHODS = (make_method("DEC"), make_method("DCN"))
