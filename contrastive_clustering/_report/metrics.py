"""The metrics of a report: internal ones, and external ones against classes."""

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
class Metric:
    """A metric of a clustering.

    Attributes
    ----------
    name : str
        Its name.

    value : float
        Its value; NaN where it is not defined.

    interpretation : str
        Its range and meaning.
    """

    name: str
    value: float
    interpretation: str


def measure_strata(
    estimator: Any,
    chosen: Chosen,
    seed: int,
) -> list[Metric]:
    """Return the metrics that do not need classes.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`ContrastiveAutoencoderClusterer`.

    chosen : Chosen
        The samples to measure.

    seed : int
        Seed of the random part used for the silhouette if there are many samples.

    Returns
    -------
    metrics : list of Metric
        Compactness of the strata in the latent space, and the reconstruction error.
    """
    silhouette, davies_bouldin = compactness(chosen.latents, chosen.labels, seed)
    return [
        Metric(
            "Silhouette",
            silhouette,
            "From -1 to 1, higher is better. Compares the distance of latents to their "
            "own stratum with that to the nearest other stratum.",
        ),
        Metric(
            "Davies-Bouldin index",
            davies_bouldin,
            "At least 0, lower is better. Compares the spread within strata with the "
            "distances between them.",
        ),
        Metric(
            "Reconstruction error",
            reconstruction_error(
                chosen.samples, chosen.latents, estimator.inverse_transform
            ),
            "0 is perfect; the mean sample would score 1. Squared error of the "
            "decoder as a fraction of the variance.",
        ),
    ]


def measure_against_classes(
    labels: np.ndarray, y: np.ndarray, linkage: np.ndarray
) -> list[Metric]:
    """Return the metrics that compare strata with classes.

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
    metrics : list of Metric
        Agreement under several ways of matching strata to classes.
    """
    n_kept = min(len(np.unique(y)), len(linkage) + 1)
    merged = merge_labels(labels, linkage, n_kept)
    return [
        Metric(
            "Mapped accuracy",
            mapped_accuracy(y, labels),
            "From 0 to 1. Accuracy if each stratum predicts its most frequent class. "
            "It grows with the number of strata.",
        ),
        Metric(
            "Balanced accuracy",
            mapped_accuracy(y, labels, balanced=True),
            "Mapped accuracy with equal weight for each class. Prefer it if class "
            "sizes are unequal.",
        ),
        Metric(
            "Merged accuracy",
            mapped_accuracy(y, merged),
            f"Mapped accuracy after merging the strata to {n_kept}, at most the number "
            "of classes.",
        ),
        Metric(
            "One-to-one accuracy",
            clustering_accuracy(y, labels),
            "From 0 to 1. Accuracy under the best one-to-one matching of strata and "
            "classes.",
        ),
        Metric(
            "Normalized mutual information",
            float(normalized_mutual_info_score(y, labels)),
            "From 0 to 1. Information shared by strata and classes.",
        ),
        Metric(
            "Adjusted Rand index",
            float(adjusted_rand_score(y, labels)),
            "1 for identical partitions, about 0 for agreement by chance.",
        ),
    ]
