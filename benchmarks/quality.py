"""Quality of the strata on real images, beside what it has to beat.

Prints one table: data sets x methods, the median over seeds of each metric on the test
split, and the seconds of the slowest seed. Needs the image files, in a folder named by
the environment variable CONTRASTIVE_CLUSTERING_DATA:

    python benchmarks/quality.py                        # all data sets, three seeds
    python benchmarks/quality.py pneumoniamnist --seeds 0 1 2
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import (
    adjusted_rand_score,
    balanced_accuracy_score,
    normalized_mutual_info_score,
)
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    GreyImageAugmentation,
)
from contrastive_clustering._augmentation import resolve_augmentation
from contrastive_clustering._data import ArrayDataset, EvenBatchLoader
from contrastive_clustering._networks import ConvolutionalEncoder
from contrastive_clustering._random import make_generator
from contrastive_clustering._scaling import Scaler
from contrastive_clustering._validation import read_layout
from contrastive_clustering.datasets import load_medmnist_file
from contrastive_clustering.metrics import clustering_accuracy, map_clusters_to_labels

COLUMNS = ("mapped", "balanced", "one-to-one", "ARI", "NMI", "rec. error", "seconds")


@dataclass
class Task:
    """A data set, the number of strata, and how ours is configured for it."""

    name: str
    n_clusters: int
    n_train: int | None = None
    ours: dict[str, dict[str, Any]] = field(default_factory=lambda: {"default": {}})


HANDWRITING = {
    "clusterer": "gaussian_mixture",
    "whiten": True,
    "max_epochs": 12,
    "augmentation": GreyImageAugmentation(scale=1.25, shear=20, intensity=0.2),
}

TASKS = [
    Task("pneumoniamnist", 10),
    Task("mnist", 10, 20_000, {"handwriting": HANDWRITING}),
    Task("bloodcells", 10),
    Task("adrenalmnist3d", 10),
]

Method = Callable[[Any, int, int], dict[str, Any]]


def ours(parameters: dict[str, Any]) -> Method:
    def run(data: Any, n_clusters: int, seed: int) -> dict[str, Any]:
        clusterer = ContrastiveAutoencoderClusterer(
            n_clusters, random_state=seed, **parameters
        ).fit(data.X_train)
        decoded = clusterer.inverse_transform(clusterer.transform(data.X_test))
        error = np.mean((decoded - data.X_test) ** 2) / data.X_test.var()
        return {
            "train": clusterer.labels_,
            "test": clusterer.predict(data.X_test),
            "rec. error": error,
        }

    return run


def classical(make: Callable[[int, int], Any]) -> Method:
    def run(data: Any, n_clusters: int, seed: int) -> dict[str, Any]:
        train, test = (
            X.reshape(len(X), -1).astype(np.float32) / 255
            for X in (data.X_train, data.X_test)
        )
        clusterer = make(n_clusters, seed).fit(train)
        return {"train": clusterer.predict(train), "test": clusterer.predict(test)}

    return run


def supervised(data: Any, n_clusters: int, seed: int) -> dict[str, Any]:
    """Train the default encoder with labels for 20 epochs; `n_clusters` is not read."""
    torch.manual_seed(seed)
    generator = make_generator(seed)
    layout = read_layout(data.X_train.shape)
    scaler = Scaler.fit(data.X_train, layout)
    augmentation = resolve_augmentation("auto", layout.kind)
    classes, y_train = np.unique(data.y_train, return_inverse=True)
    network = torch.nn.Sequential(
        ConvolutionalEncoder(layout.network_shape, 64),
        torch.nn.Linear(64, len(classes)),
    )
    if len(layout.network_shape) == 3:
        network.to(memory_format=torch.channels_last)

    def scaled(batch: torch.Tensor) -> torch.Tensor:
        if batch.dtype == torch.uint8:
            mean, std = (torch.from_numpy(s).float() for s in (scaler.mean, scaler.std))
            return (batch.float() - mean) / std
        return batch

    dataset = ArrayDataset(data.X_train, scaler)
    loader = EvenBatchLoader(dataset, 256, shuffle=True, seed=seed)
    n_steps = 20 * len(loader)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, n_steps)
    for epoch in range(20):
        loader.even_batches.epoch = epoch
        for indices in loader.even_batches:
            views = augmentation(scaled(dataset.__getitems__(indices)[0]), generator)
            loss = F.cross_entropy(network(views), torch.from_numpy(y_train[indices]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    network.eval()
    predicted = {}
    with torch.inference_mode():
        for part, X in (("train", data.X_train), ("test", data.X_test)):
            batches = EvenBatchLoader(ArrayDataset(X, scaler), 256)
            logits = torch.cat([network(scaled(batch)) for batch, _ in batches])
            predicted[part] = classes[logits.argmax(1).numpy()]
    return {**predicted, "labels": True}


BASELINES: dict[str, Method] = {
    "k-means on pixels": classical(
        lambda k, seed: KMeans(k, n_init=3, random_state=seed)
    ),
    "PCA 50 + k-means": classical(
        lambda k, seed: make_pipeline(
            PCA(50, random_state=seed), KMeans(k, n_init=10, random_state=seed)
        )
    ),
    "PCA 50 + mixture": classical(
        lambda k, seed: make_pipeline(
            PCA(50, random_state=seed), GaussianMixture(k, random_state=seed)
        )
    ),
    "encoder with labels": supervised,
}


@dataclass
class Data:
    """The training and test split of a data set."""

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def load(task: Task) -> Data:
    path = Path(os.environ["CONTRASTIVE_CLUSTERING_DATA"]) / f"{task.name}.npz"
    train = load_medmnist_file(path, split="train")
    test = load_medmnist_file(path, split="test")
    n = task.n_train
    return Data(train.data[:n], train.target[:n], test.data, test.target)


def measure(method: Method, data: Data, n_clusters: int, seed: int) -> list[float]:
    """Return the metrics of one run, in the order of COLUMNS."""
    start = time.perf_counter()
    result = method(data, n_clusters, seed)
    seconds = time.perf_counter() - start
    y, test = data.y_test, result["test"]
    if result.get("labels"):
        mapped = test
    else:
        mapped = map_clusters_to_labels(data.y_train, result["train"], test)
    return [
        float(np.mean(mapped == y)),
        float(balanced_accuracy_score(y, mapped)),
        clustering_accuracy(y, test),
        float(adjusted_rand_score(y, test)),
        float(normalized_mutual_info_score(y, test)),
        float(result.get("rec. error", np.nan)),
        seconds,
    ]


def main() -> None:
    names = sorted({task.name for task in TASKS})
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=f"any of {', '.join(names)}")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only-ours", action="store_true", help="leave out baselines")
    arguments = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(f"seeds {arguments.seeds}: medians; seconds: the slowest seed\n")
    print("| data | k | method | " + " | ".join(COLUMNS) + " |")
    print("|---" * (3 + len(COLUMNS)) + "|", flush=True)
    for task in TASKS:
        if arguments.names and task.name not in arguments.names:
            continue
        data = load(task)
        methods = {f"ours, {name}": ours(params) for name, params in task.ours.items()}
        if not arguments.only_ours:
            methods |= BASELINES
        for name, method in methods.items():
            runs = np.array(
                [
                    measure(method, data, task.n_clusters, seed)
                    for seed in arguments.seeds
                ]
            )
            row = [*np.median(runs[:, :-1], axis=0), runs[:, -1].max()]
            cells = [f"{v:.3f}" if np.isfinite(v) else "-" for v in row[:-1]]
            print(
                f"| {task.name} | {task.n_clusters} | {name} | "
                + " | ".join([*cells, f"{row[-1]:.0f}"])
                + " |",
                flush=True,
            )


if __name__ == "__main__":
    main()
