"""Agreement of `score` with expert labels in the ranking of a search's candidates.

    python benchmarks/score.py
    python benchmarks/score.py retinamnist --learned 600

For each data set, 22 candidates (latent dimensions, numbers of strata, epochs and
others) are fitted to one part of the training images, and scored on another. It prints
Spearman's correlation of the adjusted Rand index with the score and with the silhouette
in each candidate's own latent space. It also prints the adjusted Rand index of the
candidate that each criterion chooses, and that of the best candidate. Test images are
not used.
"""

import argparse
import itertools
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score, silhouette_score

from contrastive_clustering import ContrastiveAutoencoderClusterer

# Numbers of strata: fewer than, as many as, and more than the classes.
DATA_SETS = {
    "digits": (5, 10, 20),
    "mnist": (5, 10, 20),
    "bloodcells": (3, 6, 12),
    "pneumoniamnist": (2, 5, 10),
    "ultrasound_sites": (2, 3, 6),
    "retinamnist": (3, 5, 10),
}
OTHERS: list[dict[str, Any]] = [
    {"temperature": 0.1},
    {"temperature": 1.0},
    {"reconstruction_weight": 3.0},
    {"augmentation": None},
]


def read(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return images and classes; hospitals for the ultrasound images."""
    if name == "digits":
        digits = load_digits()
        return digits.images, digits.target
    path = Path(os.environ["CONTRASTIVE_CLUSTERING_DATA"]) / f"{name}.npz"
    with np.load(path) as file:
        has_sites = "train_site" in file.files
        return file["train_images"], file["train_site" if has_sites else "train_labels"]


def candidates(numbers: tuple[int, ...]) -> list[dict[str, Any]]:
    """Return the parameters of each candidate."""
    longer = {"max_epochs": 8, "refinement_epochs": 4}
    shorter = {"max_epochs": 2, "refinement_epochs": 2}
    grid = itertools.product((2, 8, 64), numbers, (shorter, longer))
    return [
        {"latent_dim": latent_dim, "n_clusters": number, **epochs}
        for latent_dim, number, epochs in grid
    ] + [{"n_clusters": numbers[1], **longer, **other} for other in OTHERS]


def main() -> None:
    """Print a line for each data set."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", default=list(DATA_SETS))
    parser.add_argument("--learned", type=int, default=1200)
    arguments = parser.parse_args()
    for name in arguments.names:
        start = time.perf_counter()
        X, y = read(name)
        rows = np.random.default_rng(0).permutation(len(X))
        n_learned = min(arguments.learned, len(X) * 2 // 3)
        learned, scored = np.split(rows[: n_learned * 3 // 2], [n_learned])
        rand, score, own = [], [], []
        for parameters in candidates(DATA_SETS[name]):
            clusterer = ContrastiveAutoencoderClusterer(random_state=0, **parameters)
            labels = clusterer.fit(X[learned]).predict(X[scored])
            rand.append(adjusted_rand_score(y[scored].ravel(), labels))
            score.append(clusterer.score(X[scored]))
            latents = clusterer._model.clustering.prepare(
                clusterer.transform(X[scored])
            )
            one = len(np.unique(labels)) == 1
            own.append(-1 if one else silhouette_score(latents, labels))
        parts = []
        for what, found in (("score", score), ("own space", own)):
            correlation = spearmanr(found, rand).statistic
            parts.append(f"{what} {correlation:5.2f} {rand[np.argmax(found)]:.2f}")
        seconds = time.perf_counter() - start
        print(f"{name:18}  {'  '.join(parts)}  best {max(rand):.2f}  {seconds:.0f} s")


if __name__ == "__main__":
    main()
