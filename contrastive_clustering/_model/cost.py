"""Estimate the time and the memory of a fit from a few steps on a copy."""

import copy
import math
from dataclasses import dataclass, replace

import numpy as np

from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._model.fit import FitSettings
from contrastive_clustering._networks.pretrained import PretrainedEncoder
from contrastive_clustering._training.build import count_changes, make_net
from contrastive_clustering._training.components import components_bytes
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._training.settings import TrainingSettings
from contrastive_clustering._training.step_memory import step_bytes
from contrastive_clustering._utils.memory import BYTES_OF_FLOAT32, show_bytes
from contrastive_clustering._utils.threads import limit_nested_threads

# A timed step has a whole batch of small samples, whose time includes a fixed cost, and
# this many large ones, whose time is proportional to their number.
FEWEST_TIMED, VALUES_TIMED = 32, 2**20

# The first step is slower, as libraries initialize themselves.
N_WARM_UP, N_TIMED = 1, 2

# Memory of libraries that are loaded during a fit, and of the clustering.
FIXED_BYTES = 150 * 2**20

# Copies of the weights: themselves, their gradients, the two moments of the optimizer,
# and their start in the second phase.
COPIES_OF_WEIGHTS = 5


@dataclass(frozen=True)
class CostEstimate:
    """Estimated time and memory of a fit.

    Attributes
    ----------
    seconds : float
        Seconds of training in both phases. Finding strata in the latents takes further
        seconds or minutes, which depend on the number of samples but not on their size.

    bytes : int
        Largest memory that a fit adds to that of the process and of the samples, on the
        device of training. Calculated for the default network, whatever `encoder` and
        `decoder`.

    batch_size : int
        Largest number of samples in a batch.

    max_epochs, refinement_epochs : int
        Numbers of epochs of the first and of the second phase: the parameters, with
        numbers instead of "auto".

    Examples
    --------
    >>> from contrastive_clustering import CostEstimate
    >>> print(CostEstimate(400.0, 2**30, 256, 30, 8))
    about 7 minutes of training (30 and 8 epochs, batches of 256) and 1.0 GiB of memory
    """

    seconds: float
    bytes: int
    batch_size: int
    max_epochs: int
    refinement_epochs: int

    def __str__(self) -> str:
        return (
            f"about {_show_seconds(self.seconds)} of training ({self.max_epochs} and "
            f"{self.refinement_epochs} epochs, batches of {self.batch_size}) and "
            f"{show_bytes(self.bytes)} of memory"
        )


def _show_seconds(seconds: float) -> str:
    """Return a readable duration with about two digits."""
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    # 0.0 seconds would mean that nothing is trained.
    return (
        f"{seconds:.0f} seconds" if seconds >= 2 else f"{max(seconds, 0.1):.1f} seconds"
    )


def is_cheap_to_estimate(dataset: ArrayDataset, settings: FitSettings) -> bool:
    """Return whether the timed steps take at most a hundredth of the training."""
    n_timed = (N_WARM_UP + N_TIMED) * _count_timed(dataset, settings.training)
    return 100 * n_timed <= len(dataset) * _count_new_epochs(settings)


def estimate_fit(dataset: ArrayDataset, settings: FitSettings) -> CostEstimate:
    """Time a few steps of a new net, and return the estimate for the whole fit."""
    training = settings.training
    n_timed = min(len(dataset), _count_timed(dataset, training))
    rows = np.linspace(0, len(dataset) - 1, n_timed).round().astype(np.intp)
    net = make_net(
        _reduced(training, n_timed), dataset.scaler, count_changes(training, dataset)
    )
    part = dataset.take(rows)
    max_epochs, refinement_epochs = _epochs(settings)
    n_new = _count_new_epochs(settings)
    n_repeated = max_epochs + refinement_epochs - n_new
    seconds = n_new * _seconds_per_sample(net, part)
    if n_repeated:
        with net.module_.keeping_features():
            seconds += n_repeated * _seconds_per_sample(net, part)
    n_weights = sum(weight.numel() for weight in net.module_.parameters())
    shape = dataset.scaler.layout.network_shape
    batch_size = min(training.batch_size, len(dataset))
    working = batch_size * step_bytes(shape, training.latent_dim)
    if dataset.scaler.layout.is_table and training.encoder is None:
        working = max(working, components_bytes(len(dataset), shape[0]))
    return CostEstimate(
        seconds=seconds * len(dataset),
        bytes=FIXED_BYTES + working + COPIES_OF_WEIGHTS * BYTES_OF_FLOAT32 * n_weights,
        batch_size=batch_size,
        max_epochs=max_epochs,
        refinement_epochs=refinement_epochs,
    )


def _count_timed(dataset: ArrayDataset, training: TrainingSettings) -> int:
    n_values = math.prod(dataset.scaler.layout.network_shape)
    return min(training.batch_size, max(FEWEST_TIMED, VALUES_TIMED // n_values))


def _epochs(settings: FitSettings) -> tuple[int, int]:
    """Return the numbers of epochs of both phases."""
    training = settings.training
    refining = 0 if settings.refinement is None else training.refinement_epochs
    return training.max_epochs, refining


def _count_new_epochs(settings: FitSettings) -> int:
    """Return the number of epochs whose views are new.

    The others repeat views whose features a frozen pretrained encoder has kept, which
    takes a small fraction of the time.
    """
    n_epochs, encoder = sum(_epochs(settings)), settings.training.encoder
    if not isinstance(encoder, PretrainedEncoder) or not encoder.is_frozen:
        return n_epochs
    n_kept = encoder.cached_views
    return n_epochs if n_kept is None else min(n_epochs, n_kept)


def _reduced(training: TrainingSettings, n_timed: int) -> TrainingSettings:
    """Return the settings of a silent training of a few steps, without callbacks."""
    ignored = ("callbacks__", "compile")
    encoder = training.encoder
    if isinstance(encoder, PretrainedEncoder) and encoder.cached_views is not None:
        # The steps after the warm-up then repeat its views.
        encoder = replace(encoder, cached_views=1)
    return replace(
        training,
        encoder=encoder,
        # A callable may have a state that its calls change.
        augmentation=copy.deepcopy(training.augmentation),
        max_epochs=N_WARM_UP + N_TIMED,
        batch_size=n_timed,
        early_stopping=False,
        callbacks=(),
        verbose=0,
        net_params={
            name: value
            for name, value in training.net_params.items()
            if not name.startswith(ignored)
        },
    )


@limit_nested_threads()
def _seconds_per_sample(net: ContrastiveNet, dataset: ArrayDataset) -> float:
    net.run_epochs(dataset)
    durations = net.history[-N_TIMED:, "dur"]
    return float(np.mean(durations)) / len(dataset)
