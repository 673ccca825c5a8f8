"""The metrics of a report: internal ones, and external ones against classes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from contrastive_clustering._clustering.hierarchy import merge_labels
from contrastive_clustering._evaluation.agreement import list_metrics
from contrastive_clustering._evaluation.compactness import compactness
from contrastive_clustering._evaluation.reconstruction import reconstruction_error
from contrastive_clustering._report.data import Chosen
from contrastive_clustering._utils.grouping import Grouping, sample_weights
from contrastive_clustering.metrics import map_clusters_to_labels


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
    grouping: Grouping | None = None,
) -> list[Metric]:
    """Return the metrics that do not need classes.

    These are the compactness of the strata in the latent space and the reconstruction
    error. If there are many samples, the silhouette is that of a random part. A group
    weighs as one.
    """
    silhouette, davies_bouldin = compactness(
        chosen.latents, chosen.labels, seed, grouping
    )
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
                chosen.samples,
                chosen.latents,
                estimator.inverse_transform,
                sample_weights(grouping),
            ),
            "0 is perfect; the mean sample would score 1. Squared error of the "
            "decoder as a fraction of the variance.",
        ),
    ]


def measure_against_classes(
    labels: np.ndarray,
    y: np.ndarray,
    linkage: np.ndarray,
    grouping: Grouping | None = None,
) -> list[Metric]:
    """Return the metrics that compare strata with classes, matched in several ways.

    `linkage` is the tree over the strata. A group weighs as one, also in the mapping of
    strata to classes.
    """
    n_kept = min(len(np.unique(y)), len(linkage) + 1)
    weights = sample_weights(grouping)
    mapped, merged = (
        map_clusters_to_labels(y, strata, sample_weight=weights)
        for strata in (labels, merge_labels(labels, linkage, n_kept))
    )
    classes = np.unique(y)
    codes = np.searchsorted(classes, y)
    values = {
        name: score(codes, found, weights)
        for name, (score, found) in list_metrics(
            labels, mapped, merged, {}, classes, grouping=grouping
        ).items()
    }
    return [
        Metric(
            "Mapped accuracy",
            values["mapped_accuracy"],
            "From 0 to 1. Accuracy if each stratum predicts its most frequent class. "
            "It grows with the number of strata.",
        ),
        Metric(
            "Balanced accuracy",
            values["balanced_accuracy"],
            "Mapped accuracy with equal weight for each class. Prefer it if class "
            "sizes are unequal.",
        ),
        Metric(
            "Merged accuracy",
            values["merged_accuracy"],
            f"Mapped accuracy after merging the strata to {n_kept}, at most the number "
            "of classes.",
        ),
        Metric(
            "One-to-one accuracy",
            values["one_to_one_accuracy"],
            "From 0 to 1. Accuracy under the best one-to-one matching of strata and "
            "classes.",
        ),
        Metric(
            "Normalized mutual information",
            values["normalized_mutual_info"],
            "From 0 to 1. Information shared by strata and classes.",
        ),
        Metric(
            "Adjusted Rand index",
            values["adjusted_rand"],
            "1 for identical partitions, about 0 for agreement by chance.",
        ),
    ]
