"""Detection of decoded centers that reveal a single training sample, in reports.

    python benchmarks/recognizable_centers.py
    python benchmarks/recognizable_centers.py pneumoniamnist --seeds 0 1 2

It fits training images of each data set, unchanged and with four of them repeated
(unchanged, with noise, or shifted by a pixel), and decodes the centers of strata. For
each center it determines

- the *gap*: the distance to the second nearest of all training images over that to the
  nearest, both without repetitions. A center is *recognizable* if the gap is at least
  1.2, and *average* if it is below 1.1;
- whether a report, which sees only the images of the fit, would omit it.

It prints how many recognizable and how many average centers are omitted. Strata with
one distinct image are always omitted, and not counted.
"""

import argparse
import itertools
import os
from pathlib import Path

import numpy as np

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._report.data import choose_samples
from contrastive_clustering._report.privacy import (
    MIN_MEMBERS,
    _directions,
    _distances,
    examine,
)
from contrastive_clustering.datasets import load_medmnist_file

DATA_SETS = ["pneumoniamnist", "bloodcells", "retinamnist", "chestxray_patients"]
N_IMAGES, N_REPEATED = 700, 4
RECOGNIZABLE, AVERAGE = 1.2, 1.1


def repetitions(images: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return training sets: the images unchanged, and with some of them repeated."""
    repeated = images[:N_REPEATED].repeat(len(images) // 8, axis=0)
    sets = {"as they are": images, "copies": np.concatenate([images, repeated])}
    for deviation in (3, 10):
        noise = rng.normal(0, deviation, repeated.shape)
        noisy = (repeated + noise).round().clip(0, 255).astype(np.uint8)
        sets[f"noise of {deviation}"] = np.concatenate([images, noisy])
    moved = [np.roll(each, rng.integers(-1, 2, 2), (0, 1)) for each in repeated]
    sets["moved"] = np.concatenate([images, moved])
    return sets


def measure(
    X: np.ndarray, everything: np.ndarray, n_clusters: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the gaps of the decoded centers of a fit to X, and which are omitted."""
    clusterer = ContrastiveAutoencoderClusterer(
        n_clusters,
        clusterer="kmeans",
        max_epochs=30,
        refinement_epochs=4,
        random_state=seed,
    ).fit(X)
    scaler = clusterer._model.scaler
    chosen = choose_samples(clusterer, X, X, None, max_samples=len(X), seed=0)
    privacy = examine(clusterer, chosen, X)
    kept = privacy.n_distinct >= MIN_MEMBERS
    centers = clusterer.inverse_transform(clusterer.cluster_centers_[kept])
    distances = _distances(_directions(centers, scaler), everything, scaler)
    nearest = np.sort(distances, axis=1)[:, :2]
    return nearest[:, 1] / nearest[:, 0], privacy.resembling[kept]


def main() -> None:
    """Print a line for each data set and training set."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", default=DATA_SETS)
    parser.add_argument("--clusters", type=int, nargs="+", default=[8, 20])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments = parser.parse_args()
    folder = Path(os.environ["CONTRASTIVE_CLUSTERING_DATA"])
    for name in arguments.names:
        images = load_medmnist_file(folder / f"{name}.npz").data
        everything = np.unique(images, axis=0)
        found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        for seed, n_clusters in itertools.product(arguments.seeds, arguments.clusters):
            rng = np.random.default_rng(seed)
            part = rng.permutation(everything)[:N_IMAGES]
            for kind, X in repetitions(part, rng).items():
                measured = measure(X, everything, n_clusters, seed)
                found.setdefault(kind, []).append(measured)
        for kind, pairs in found.items():
            gaps, omitted = map(np.concatenate, zip(*pairs, strict=True))
            counts = [
                f"{what} {omitted[which].sum()} of {which.sum()}"
                for what, which in (
                    ("recognizable", gaps >= RECOGNIZABLE),
                    ("average", gaps < AVERAGE),
                )
            ]
            print(f"{name:18}  {kind:11}  {', '.join(counts)}", flush=True)


if __name__ == "__main__":
    main()
