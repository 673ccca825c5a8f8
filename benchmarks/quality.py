"""Quality of the strata on real images, compared with other methods.

It prints a table of data sets and methods, with the medians over seeds of each metric
on the test split and of the wall-clock seconds of a run (training, labels of both
splits and the reconstruction of the test split). It needs the image files in the folder
named by the environment variable CONTRASTIVE_CLUSTERING_DATA:

    python benchmarks/quality.py                        # all data sets, three seeds
    python benchmarks/quality.py pneumoniamnist-2 mnist --seeds 0 1 2 3 4
    python benchmarks/quality.py bloodcells --methods DEC DCN --budget 120

A long benchmark can be split into parts that append their runs to a file. The table is
then made from the file:

    python benchmarks/quality.py mnist --json runs.jsonl
    python benchmarks/quality.py bloodcells --json runs.jsonl
    python benchmarks/quality.py --from-json runs.jsonl

The documentation shows the table quality.csv in this folder. To update its rows, run

    python benchmarks/quality.py --csv benchmarks/quality.csv

Columns: *mapped* is the accuracy when each stratum is mapped to the most frequent class
of its training members, and *balanced* the mean recall of the classes under the same
mapping; *one-to-one* is the accuracy under the best matching of strata to classes;
*ARI*; *NMI*; *rec. error* is the mean squared error of the decoded test images over
that of their mean image, if a method can decode.

Other methods:

- k-means on pixels, and k-means and a Gaussian mixture on 50 principal components.
- The same encoder trained with labels, once on the original images and once on our
  random views: for 20 epochs, but for 5 on MNIST, which has 13 times as many images.
- DEC and DCN of ClustPy, with its default feed-forward autoencoder, on flattened images
  that are standardized as in ClustPy's README (with one mean and one standard deviation
  for all values). They get the wall-clock time that our method took with its defaults
  for the same data set and seed. Their epochs are timed beforehand, which does not
  count. Half of the time is spent on pretraining and half on clustering. This needs the
  extra `benchmarks`; without ClustPy, its rows are omitted.
"""

import argparse
import contextlib
import functools
import io
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from quality_table import METRICS, make_rows, print_rows, update_csv
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import (
    adjusted_rand_score,
    balanced_accuracy_score,
    normalized_mutual_info_score,
)
from sklearn.mixture import GaussianMixture

from contrastive_clustering import ConsensusClustering, ContrastiveAutoencoderClusterer
from contrastive_clustering.datasets import load_medmnist_file
from contrastive_clustering.metrics import clustering_accuracy, map_clusters_to_labels

DATA_VARIABLE = "CONTRASTIVE_CLUSTERING_DATA"

OURS = "ours, defaults"

# Batch size of the encoder that is trained with labels, the estimator's default.
BATCH_SIZE = 256


@dataclass(frozen=True)
class Task:
    """A data set and its number of strata.

    If there are several files, each is a class: see `stack_kinds`. `label_epochs` is
    the number of epochs of the encoder that is trained with labels. `ours` contains
    further configurations of our method, by name: parameters that differ from the
    defaults.
    """

    name: str
    files: tuple[str, ...]
    n_clusters: int
    label_epochs: int = 20
    ours: dict[str, dict[str, Any]] = field(default_factory=dict)


MAIN_SETTINGS = {
    "without second phase": {"refinement_epochs": 0},
    'refinement="neighbors"': {"refinement": "neighbors"},
    'refinement="prototypes"': {"refinement": "prototypes"},
}
BY_POSITION = {
    "clustered by position, without second phase": {
        "clusterer": ConsensusClustering(),
        "refinement_epochs": 0,
    }
}

TASKS = (
    Task("pneumoniamnist", ("pneumoniamnist.npz",), 10),
    Task("pneumoniamnist-2", ("pneumoniamnist.npz",), 2),
    Task("mnist", ("mnist.npz",), 10, label_epochs=5),
    Task("bloodcells", ("bloodcells.npz",), 10, ours=BY_POSITION),
    Task("adrenalmnist3d", ("adrenalmnist3d.npz",), 10),
    Task(
        "four-kinds",
        ("pneumoniamnist.npz", "mnist.npz", "bloodcells.npz", "adrenalmnist3d.npz"),
        4,
    ),
)


@dataclass
class Data:
    """The training and test split of a data set."""

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    def flat(self) -> tuple[np.ndarray, np.ndarray]:
        """Return both splits as float32 rows of values from 0 to 1."""
        largest = np.float32(self.X_train.max())
        train, test = (
            X.reshape(len(X), -1) / largest for X in (self.X_train, self.X_test)
        )
        return train, test


def load(task: Task, folder: Path) -> Data:
    train, test = (
        [load_medmnist_file(folder / file, split=split) for file in task.files]
        for split in ("train", "test")
    )
    if len(task.files) > 1:
        return Data(
            *stack_kinds([part.data for part in train]),
            *stack_kinds([part.data for part in test]),
        )
    return Data(train[0].data, train[0].target, test[0].data, test[0].target)


def stack_kinds(kinds: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return equal numbers of gray images of each kind, and the indices of their kinds.

    Colors are averaged, volumes are replaced by their middle slice, and all images are
    cropped to the smallest size.
    """
    gray = [to_gray(X) for X in kinds]
    n = min(len(X) for X in gray)
    side = min(X.shape[-1] for X in gray)
    parts = []
    for X in gray:
        start = (X.shape[-1] - side) // 2
        inside = slice(start, start + side)
        parts.append(X[:n, inside, inside].round().astype(np.uint8))
    return np.concatenate(parts), np.repeat(np.arange(len(parts)), n)


def to_gray(X: np.ndarray) -> np.ndarray:
    if X.ndim == 3:
        return X
    return X.mean(axis=-1) if X.shape[-1] == 3 else X[:, X.shape[1] // 2]


@dataclass
class Result:
    """The result of a method for a data set.

    `train` and `test` are the strata of the splits. If `train` is None, `test` contains
    predicted classes.
    """

    test: np.ndarray
    train: np.ndarray | None = None
    reconstruction_error: float | None = None
    epochs: tuple[int, int] | None = None


Method = Callable[[Task, Data, int], Result]


def relative_error(decoded: np.ndarray, X: np.ndarray) -> float:
    return float(np.mean((decoded - X) ** 2) / X.var(axis=0).mean())


def ours(parameters: dict[str, Any], task: Task, data: Data, seed: int) -> Result:
    clusterer = ContrastiveAutoencoderClusterer(
        task.n_clusters, random_state=seed, **parameters
    ).fit(data.X_train)
    decoded = clusterer.inverse_transform(clusterer.transform(data.X_test))
    return Result(
        train=clusterer.labels_,
        test=clusterer.predict(data.X_test),
        reconstruction_error=relative_error(decoded, data.X_test),
    )


def kmeans_on_pixels(task: Task, data: Data, seed: int) -> Result:
    train, test = data.flat()
    kmeans = KMeans(task.n_clusters, n_init=3, random_state=seed).fit(train)
    return Result(train=kmeans.labels_, test=kmeans.predict(test))


def on_components(
    make_clusterer: Callable[[int, int], Any], task: Task, data: Data, seed: int
) -> Result:
    train, test = data.flat()
    pca = PCA(50, random_state=seed).fit(train)
    # A mixture's covariances of small components are singular in float32.
    train, components = (pca.transform(X).astype(np.float64) for X in (train, test))
    clusterer = make_clusterer(task.n_clusters, seed).fit(train)
    return Result(
        train=clusterer.predict(train),
        test=clusterer.predict(components),
        reconstruction_error=relative_error(pca.inverse_transform(components), test),
    )


def channels_first(X: np.ndarray) -> torch.Tensor:
    """Return images, RGB images or volumes with the channels on axis 1."""
    batch = torch.from_numpy(X)
    if X.ndim == 4 and X.shape[-1] == 3:
        return batch.movedim(-1, 1)
    return batch.unsqueeze(1)


def with_labels(augmented: bool, task: Task, data: Data, seed: int) -> Result:
    """Train the encoder and a linear layer on top of it by cross-entropy."""
    torch.manual_seed(seed)
    # A short fit creates the estimator's architecture and views. The weights of the
    # encoder are then reset.
    net = (
        ContrastiveAutoencoderClusterer(
            n_clusters=2, max_epochs=1, clusterer="kmeans", random_state=seed
        )
        .fit(data.X_train[:: math.ceil(len(data.X_train) / BATCH_SIZE)])
        .net_
    )
    encoder, device = net.module_.encoder, net.device
    for module in encoder.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    classes, y_train = np.unique(data.y_train, return_inverse=True)
    targets = torch.from_numpy(y_train)
    images = channels_first(data.X_train)
    statistics_axes = [axis for axis in range(images.ndim) if axis != 1]
    std, mean = torch.std_mean(images.float(), dim=statistics_axes, keepdim=True)

    def batch_of(raw: torch.Tensor) -> torch.Tensor:
        batch = ((raw.float() - mean) / std).to(device)
        if batch.ndim == 4:  # twice as fast for images
            return batch.contiguous(memory_format=torch.channels_last)
        return batch

    with torch.inference_mode():
        latent_dim = encoder.eval()(batch_of(images[:2])).shape[1]
    head = torch.nn.Linear(latent_dim, len(classes)).to(device)
    network = torch.nn.Sequential(encoder, head).train()
    n_batches = math.ceil(len(images) / BATCH_SIZE)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 3e-3, task.label_epochs * n_batches
    )
    views = torch.Generator(device=device).manual_seed(seed)
    for _ in range(task.label_epochs):
        for indices in torch.randperm(len(images)).tensor_split(n_batches):
            batch = batch_of(images[indices])
            if augmented:
                batch = net.augmentation(batch, views)
            loss = F.cross_entropy(network(batch), targets[indices].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    network.eval()
    with torch.inference_mode():
        logits = torch.cat(
            [
                network(batch_of(part)).cpu()
                for part in channels_first(data.X_test).split(BATCH_SIZE)
            ]
        )
    return Result(test=classes[logits.argmax(1).numpy()])


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
    """A deep method of ClustPy, with as many epochs as a time budget allows."""

    def __init__(self, name: str) -> None:
        self.name = name
        # Seconds of a fit without epochs, of an epoch of pretraining and of an epoch of
        # clustering, by task. They do not depend on the seed.
        self.paces: dict[str, tuple[float, float, float]] = {}

    def run(self, epochs: tuple[int, int], task: Task, data: Data, seed: int) -> Result:
        """Train for the given numbers of epochs of pretraining and of clustering."""
        deep = import_clustpy_deep()
        train, test = data.flat()
        mean, std = train.mean(dtype=np.float64), train.std(dtype=np.float64)
        train, test = (((X - mean) / std).astype(np.float32) for X in (train, test))
        clusterer = getattr(deep, self.name)(
            task.n_clusters,
            pretrain_epochs=epochs[0],
            clustering_epochs=epochs[1],
            random_state=seed,
        )
        # ClustPy has no switch for its progress bars and messages.
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            clusterer.fit(train)
            predicted, latents = clusterer.predict(test), clusterer.transform(test)
        network = clusterer.neural_network_trained_.eval()
        device = next(network.parameters()).device
        with torch.inference_mode():
            decoded = network.decode(torch.from_numpy(latents).float().to(device))
        return Result(
            train=clusterer.labels_,
            test=predicted,
            reconstruction_error=relative_error(decoded.cpu().numpy(), test),
            epochs=epochs,
        )

    def measure_pace(self, task: Task, data: Data) -> tuple[float, float, float]:
        """Return the entry of `paces` for a task, measured by three short fits."""

        def seconds(n_pretrain: int, n_clustering: int) -> float:
            start = time.perf_counter()
            self.run((n_pretrain, n_clustering), task, data, 0)
            return time.perf_counter() - start

        # The first fit includes the time of imports and of starting threads.
        few = Data(data.X_train[:256], data.y_train[:256], data.X_test, data.y_test)
        self.run((1, 1), task, few, 0)
        one_each = seconds(1, 1)
        # A difference that is only noise must not lead to thousands of epochs.
        smallest = one_each / 20
        pretrain = max(seconds(2, 1) - one_each, smallest)
        clustering = max(seconds(1, 2) - one_each, smallest)
        return max(one_each - pretrain - clustering, 0.0), pretrain, clustering

    def within(self, budget: float, task: Task, data: Data) -> Method:
        """Return a method that takes `budget` seconds, or one epoch of each kind."""
        if task.name not in self.paces:
            self.paces[task.name] = self.measure_pace(task, data)
        rest, *paces = self.paces[task.name]
        n_pretrain, n_clustering = (
            max(1, round((budget - rest) / 2 / pace)) for pace in paces
        )
        return functools.partial(self.run, (n_pretrain, n_clustering))


BASELINES: dict[str, Method | ClustPy] = {
    "k-means on pixels": kmeans_on_pixels,
    "PCA 50 + k-means": functools.partial(
        on_components, lambda k, seed: KMeans(k, n_init=10, random_state=seed)
    ),
    "PCA 50 + Gaussian mixture": functools.partial(
        on_components, lambda k, seed: GaussianMixture(k, random_state=seed)
    ),
    "encoder with labels": functools.partial(with_labels, False),
    "encoder with labels, augmented": functools.partial(with_labels, True),
    "ClustPy DEC": ClustPy("DEC"),
    "ClustPy DCN": ClustPy("DCN"),
}


def methods_of(task: Task, words: list[str] | None) -> dict[str, Method | ClustPy]:
    """Return the methods whose names contain one of `words`, ours first."""
    further = MAIN_SETTINGS | task.ours
    configurations = {OURS: {}} | {f"ours, {n}": p for n, p in further.items()}
    our_methods = {n: functools.partial(ours, p) for n, p in configurations.items()}
    methods = our_methods | BASELINES
    return {n: m for n, m in methods.items() if is_selected(n, words)}


def is_selected(name: str, words: list[str] | None) -> bool:
    return words is None or any(word.lower() in name.lower() for word in words)


def measure(
    name: str, method: Method, task: Task, data: Data, seed: int
) -> dict[str, Any]:
    """Return a record of one run: its task, method and seed, and its metrics."""
    start = time.perf_counter()
    result = method(task, data, seed)
    seconds = time.perf_counter() - start
    y, test = data.y_test, result.test
    mapped = test
    if result.train is not None:
        mapped = map_clusters_to_labels(data.y_train, result.train, test)
    metrics = (
        float(np.mean(mapped == y)),
        float(balanced_accuracy_score(y, mapped)),
        clustering_accuracy(y, test),
        float(adjusted_rand_score(y, test)),
        float(normalized_mutual_info_score(y, test)),
        result.reconstruction_error,
        seconds,
    )
    record = {"task": task.name, "method": name, "seed": seed}
    if result.epochs is not None:
        record["epochs"] = list(result.epochs)
    return record | dict(zip(METRICS, metrics, strict=True))


def run(arguments: argparse.Namespace, tasks: list[Task]) -> Iterator[dict[str, Any]]:
    """Run the selected methods and yield a record of each run, seeds innermost."""
    for task in tasks:
        data = load(task, arguments.folder)
        budgets = dict.fromkeys(arguments.seeds, arguments.budget)
        for name, method in methods_of(task, arguments.methods).items():
            if isinstance(method, ClustPy) and not arguments.has_clustpy:
                continue
            for seed in arguments.seeds:
                timed = method
                if isinstance(timed, ClustPy):
                    timed = timed.within(budgets[seed], task, data)
                record = measure(name, timed, task, data, seed)
                if name == OURS:
                    budgets[seed] = record["seconds"]
                print(json.dumps(record), file=sys.stderr, flush=True)
                if arguments.json is not None:
                    with arguments.json.open("a") as file:
                        file.write(json.dumps(record) + "\n")
                yield record


def read(
    paths: list[Path], tasks: list[Task], words: list[str] | None
) -> list[dict[str, Any]]:
    """Return the records in files, in the order of the table.

    Later runs replace earlier ones of the same task, method and seed.

    Raises
    ------
    ValueError
        If a line is not a record.
    """
    task_names = [task.name for task in tasks]
    runs = {}
    for path in paths:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            try:
                record = json.loads(line)
                key = (record["task"], record["method"], record["seed"])
                complete = record.keys() >= set(METRICS)
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path}, line {number}, is not a run.") from error
            if not complete:
                raise ValueError(f"{path}, line {number}, lacks some of {METRICS}.")
            if key[0] in task_names and is_selected(key[1], words):
                runs[key] = record
    methods = [method for _, method, _ in runs]
    our_methods = [method for method in methods if method.startswith("ours")]
    order = list(dict.fromkeys([OURS, *our_methods, *BASELINES, *methods]))
    return sorted(
        runs.values(),
        key=lambda record: (
            task_names.index(record["task"]),
            order.index(record["method"]),
            record["seed"],
        ),
    )


def parse() -> tuple[argparse.Namespace, list[Task]]:
    names = [task.name for task in TASKS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=f"any of {', '.join(names)}")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--methods",
        nargs="+",
        metavar="WORD",
        help="only methods whose names contain one of these",
    )
    parser.add_argument(
        "--budget",
        type=float,
        metavar="SECONDS",
        help="time of a run of ClustPy if ours is not run by the same command",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="append each run to this file"
    )
    parser.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help="also update the rows of the table in this file",
    )
    parser.add_argument(
        "--from-json",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="print the table of the runs in these files, without running anything",
    )
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(names))
    if unknown:
        parser.error(f"unknown data set {unknown[0]!r}; choose from {', '.join(names)}")
    tasks = [task for task in TASKS if task.name in (arguments.names or names)]
    if arguments.from_json is None:
        check(parser, arguments, tasks)
    return arguments, tasks


def check(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace, tasks: list[Task]
) -> None:
    """Check which methods can run, and exit if the arguments cannot be satisfied."""
    methods: dict[str, Method | ClustPy] = {}
    for task in tasks:
        methods |= methods_of(task, arguments.methods)
    if not methods:
        parser.error(f"no method's name contains {' or '.join(arguments.methods)}")
    folder = os.environ.get(DATA_VARIABLE)
    if not folder or not Path(folder).is_dir():
        parser.error(f"set {DATA_VARIABLE} to the folder of the image files")
    arguments.folder = Path(folder)
    arguments.has_clustpy = False
    if any(isinstance(method, ClustPy) for method in methods.values()):
        try:
            import_clustpy_deep()
            arguments.has_clustpy = True
        except ImportError as error:
            print(f"ClustPy's rows are omitted: {error}", file=sys.stderr)
    no_time = arguments.budget is None and OURS not in methods
    if arguments.has_clustpy and no_time:
        parser.error("ClustPy needs --budget if ours is not run by the same command")


def main() -> None:
    arguments, tasks = parse()
    if arguments.from_json is None:
        print(f"torch {torch.__version__}, {torch.get_num_threads()} threads\n")
        records: Iterable[dict[str, Any]] = run(arguments, tasks)
    else:
        records = read(arguments.from_json, tasks, arguments.methods)
    n_clusters = {task.name: task.n_clusters for task in tasks}
    rows = print_rows(make_rows(records, n_clusters))
    if arguments.csv is not None:
        update_csv(arguments.csv, rows)


if __name__ == "__main__":
    main()
