"""Fraction of images whose stratum keeps its number when training continues.

    python benchmarks/strata_numbers.py

A fit to training images is continued by `warm_start` or by `partial_fit`. It prints the
fraction of images whose stratum has the same number as before, and the largest fraction
that any numbering could give.
"""

import argparse
import os
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.datasets import load_digits
from sklearn.metrics.cluster import contingency_matrix

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering.datasets import load_medmnist_file

DATA_SETS = ["digits", "pneumoniamnist", "bloodcells"]


def main() -> None:
    """Print a line for each data set and method."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", default=DATA_SETS)
    parser.add_argument("--images", type=int, default=1000)
    arguments = parser.parse_args()
    for name in arguments.names:
        if name == "digits":
            X = load_digits().images
        else:
            folder = Path(os.environ["CONTRASTIVE_CLUSTERING_DATA"])
            X = load_medmnist_file(folder / f"{name}.npz").data
        X = np.random.default_rng(0).permutation(X)[: arguments.images]
        for method in ("fit", "partial_fit"):
            clusterer = ContrastiveAutoencoderClusterer(
                10, max_epochs=5, refinement_epochs=2, warm_start=True, random_state=0
            )
            before = clusterer.fit(X).labels_
            after = getattr(clusterer, method)(X).labels_
            counts = contingency_matrix(before, after)
            best = counts[linear_sum_assignment(counts, maximize=True)].sum() / len(X)
            kept = np.mean(before == after)
            print(f"{name:14}  {method:11}  {kept:6.1%} of at most {best:6.1%}")


if __name__ == "__main__":
    main()
