"""The figures of a report: of strata alone, and of strata against classes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from contrastive_clustering._clustering.hierarchy import merge_labels
from contrastive_clustering._evaluation.evaluate import (
    compactness,
    reconstruction_error,
)
from contrastive_clustering._report.data import Chosen
from contrastive_clustering.metrics import clustering_accuracy, mapped_accuracy


@dataclass(frozen=True)
class Figure:
    """One figure of a clustering.

    Attributes
    ----------
    name : str
        What it is called.

    value : float
        Its value; NaN where it is not defined.

    reading : str
        How to read it.
    """

    name: str
    value: float
    reading: str


def measure_strata(
    estimator: Any,
    chosen: Chosen,
    seed: int,
) -> list[Figure]:
    """Return the figures that need no classes.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`ContrastiveAutoencoderClusterer`.

    chosen : Chosen
        The samples to measure.

    seed : int
        Seed of the samples whose silhouette is measured if there are many.

    Returns
    -------
    figures : list of Figure
        Compactness among the latents, and what the decoder loses.
    """
    silhouette, davies_bouldin = compactness(chosen.latents, chosen.labels, seed)
    return [
        Figure(
            "Silhouette",
            silhouette,
            "From -1 to 1, higher is better: how much nearer latents are to their own "
            "stratum than to the next.",
        ),
        Figure(
            "Davies-Bouldin index",
            davies_bouldin,
            "From 0, lower is better: how wide strata are beside their distances.",
        ),
        Figure(
            "Reconstruction error",
            reconstruction_error(
                chosen.samples, chosen.latents, estimator.inverse_transform
            ),
            "0 is perfect, 1 is what the mean sample would score: the decoder's "
            "squared error as a part of the variance.",
        ),
    ]


def measure_against_classes(
    labels: np.ndarray, y: np.ndarray, linkage: np.ndarray
) -> list[Figure]:
    """Return the figures that hold strata against classes.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Strata.

    y : ndarray of shape (n_samples,)
        Classes.

    linkage : ndarray of shape (n_clusters - 1, 4)
        Tree over the strata.

    Returns
    -------
    figures : list of Figure
        Agreement under several ways to match strata to classes.
    """
    n_kept = min(len(np.unique(y)), len(linkage) + 1)
    merged = merge_labels(labels, linkage, n_kept)
    return [
        Figure(
            "Mapped accuracy",
            mapped_accuracy(y, labels),
            "From 0 to 1: each stratum takes its most frequent class. Grows with the "
            "number of strata.",
        ),
        Figure(
            "Balanced accuracy",
            mapped_accuracy(y, labels, balanced=True),
            "The same, each class with the same weight: look here first where classes "
            "are of unequal sizes.",
        ),
        Figure(
            "Merged accuracy",
            mapped_accuracy(y, merged),
            f"Mapped accuracy after strata were merged to {n_kept}, as many as there "
            "are classes or fewer.",
        ),
        Figure(
            "One-to-one accuracy",
            clustering_accuracy(y, labels),
            "From 0 to 1, under the best matching of one stratum to one class.",
        ),
        Figure(
            "Normalized mutual information",
            float(normalized_mutual_info_score(y, labels)),
            "From 0 to 1: what strata tell of classes and classes of strata.",
        ),
        Figure(
            "Adjusted Rand index",
            float(adjusted_rand_score(y, labels)),
            "1 where both partitions are the same, about 0 where they agree by chance.",
        ),
    ]
