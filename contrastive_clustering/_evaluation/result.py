"""What an evaluation has found: figures by name, a text and tables."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.optional import import_pandas


@dataclass(frozen=True, eq=False)
class ClusteringEvaluation:
    """What strata are worth, held against an expert's labels.

    All figures are of the test set; the mapping of clusters to classes and the probes
    are learnt from the training set. Noise (-1) counts as one more cluster, but for
    the silhouette and the Davies-Bouldin index, which leave it out. A figure is NaN,
    and an array None, where the estimator lacks the method that it needs.

    Attributes
    ----------
    mapped_accuracy : float
        Accuracy if each cluster takes the most frequent class of its training members.

    balanced_accuracy : float
        Mean of the classes' recalls under the same mapping; look here first where
        classes are of unequal sizes.

    merged_accuracy : float
        Mapped accuracy after the strata were merged down the hierarchy to as many as
        there are classes.

    one_to_one_accuracy : float
        Accuracy under the best matching of one cluster to one class, which is chosen
        on the test set, as in papers.

    normalized_mutual_info, adjusted_rand : float
        Agreement of clusters and classes, with no mapping.

    silhouette, davies_bouldin : float
        Compactness of the clusters among the latents: in ``[-1, 1]``, higher is
        better, and from 0, lower is better. NaN unless there are two clusters.

    reconstruction_error : float
        Mean squared error of the decoded latents over the samples' variance: 0 is
        perfect, 1 is what the mean sample would score.

    probes : dict of str to float
        What can be learnt of the classes from latents: "knn_latent_accuracy" of the
        nearest neighbors, "linear_latent_accuracy" of a logistic regression on
        standardized latents, the same of what the projection head makes of them
        ("knn_projection_accuracy", "linear_projection_accuracy"), and each with
        "balanced_accuracy" in place of "accuracy".

    merge_levels : ndarray of shape (n_levels,) or None
        Numbers of strata on the way down the hierarchy, from all to 2.

    merge_accuracies : ndarray of shape (n_levels,) or None
        Mapped accuracy at each of these levels.

    classes : ndarray of shape (n_classes,)
        Classes of the training and the test set, sorted.

    clusters : ndarray of shape (n_clusters,)
        Clusters of the training and the test set, sorted; -1 is noise.

    cluster_classes : ndarray of shape (n_clusters,)
        Class that each cluster is mapped to.

    label_counts : ndarray of shape (n_clusters, n_classes)
        How the labels of the test set spread over the clusters.

    report : dict
        :func:`sklearn.metrics.classification_report` of the mapped labels.

    label_name : str
        What the classes are: the name of a series given as `y_test`, else "label".

    Examples
    --------
    See :func:`evaluate_clustering`.
    """

    mapped_accuracy: float
    balanced_accuracy: float
    merged_accuracy: float
    one_to_one_accuracy: float
    normalized_mutual_info: float
    adjusted_rand: float
    silhouette: float
    davies_bouldin: float
    reconstruction_error: float
    probes: dict[str, float]
    merge_levels: np.ndarray | None
    merge_accuracies: np.ndarray | None
    classes: np.ndarray
    clusters: np.ndarray
    cluster_classes: np.ndarray
    label_counts: np.ndarray
    report: dict[str, Any]
    label_name: str = "label"

    def _figures(self) -> dict[str, float]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {k: v for k, v in values.items() if isinstance(v, float)} | self.probes

    def to_frame(self) -> Any:
        """Return the figures as a table.

        Returns
        -------
        frame : pandas.DataFrame
            One row a figure, indexed by "metric", with the column "value".
        """
        pandas = import_pandas("ClusteringEvaluation.to_frame")
        values = pandas.Series(self._figures(), name="value", dtype=float)
        return values.rename_axis("metric").to_frame()

    def label_spread_frame(self) -> Any:
        """Return how the labels of the test set spread over the clusters.

        Returns
        -------
        frame : pandas.DataFrame
            `label_counts`, one row a cluster and one column a class.
        """
        pandas = import_pandas("ClusteringEvaluation.label_spread_frame")
        return pandas.DataFrame(
            self.label_counts,
            index=pandas.Index(self.clusters, name="cluster"),
            columns=pandas.Index(self.classes, name="class"),
        )

    def __str__(self) -> str:
        n_samples, n_strata = self.label_counts.sum(), np.sum(self.clusters != NOISE)
        lines = [f"{n_strata} strata, {len(self.classes)} classes, {n_samples} samples"]
        for name, value in self._figures().items():
            shown = "not available" if np.isnan(value) else f"{value:.3f}"
            lines.append(f"  {name.replace('_', ' '):<36}{shown}")
        return "\n".join(lines)
