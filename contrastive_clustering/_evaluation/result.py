"""The result of an evaluation: metrics, a summary and tables."""

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from contrastive_clustering._utils.messages import quantity
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.optional import import_pandas


@dataclass(frozen=True, eq=False)
class ClusteringEvaluation:
    """Metrics of strata against reference labels.

    All metrics are computed on the test set; the mapping of clusters to classes and the
    probes are learned from the training set. If groups are passed, a group weighs as
    one: a sample weighs one divided by the number of samples of its group. Noise (-1)
    counts as one more cluster, except in the silhouette and the Davies-Bouldin index,
    which leave it out. A metric is NaN, and an array None, if the estimator lacks the
    method that it needs.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each metric, indexed by "metric", with the column "value" and, if
        `groups_test` was passed, "low" and "high", the limits of `intervals`. It needs
        pandas.

    label_spread : pandas.DataFrame
        `label_counts` with a row for each stratum and a column for each class. It needs
        pandas.

    mapped_accuracy : float
        Accuracy if each cluster takes the most frequent class of its training members.

    balanced_accuracy : float
        Mean recall of the classes under the same mapping; preferable if class sizes are
        unequal.

    merged_accuracy : float
        Mapped accuracy after merging the strata along the hierarchy to the number of
        classes.

    one_to_one_accuracy : float
        Accuracy under the best one-to-one matching of clusters and classes, which is
        chosen on the test set, as is usual in papers.

    normalized_mutual_info, adjusted_rand : float
        Agreement of clusters and classes without a mapping. With groups, the
        information is that of the weighted contingency table. The Rand index compares
        samples of different groups only: it is that of the expected numbers of pairs if
        one sample of each group is drawn at random.

    silhouette, davies_bouldin : float
        Compactness of the clusters in the latent space. The silhouette is in
        ``[-1, 1]``, higher is better; the Davies-Bouldin index is at least 0, lower is
        better. With groups, the silhouette compares a sample with those of other groups
        only. NaN with fewer than two clusters, or if no cluster has two samples or,
        with groups, two groups. As in scikit-learn, the Davies-Bouldin index is 0 if
        the centers of all clusters coincide, although these are not separated.

    reconstruction_error : float
        Mean squared error of the decoded latents divided by the variance of the
        samples: 0 is perfect, and the mean sample would score 1.

    probes : dict of str to float
        Accuracy of classifiers trained on latents: "knn_latent_accuracy" of nearest
        neighbors and "linear_latent_accuracy" of a logistic regression on standardized
        latents; the same on the output of the projection head
        ("knn_projection_accuracy", "linear_projection_accuracy"); and each with
        "balanced_accuracy" instead of "accuracy".

    merge_levels : ndarray of shape (n_levels,) or None
        Numbers of strata along the hierarchy, from all of them to 2.

    merge_accuracies : ndarray of shape (n_levels,) or None
        Mapped accuracy at each level.

    classes : ndarray of shape (n_classes,)
        Classes of the training and the test set, sorted.

    strata : ndarray of shape (n_clusters,)
        Strata of the training and the test set, sorted; -1 is noise.

    stratum_classes : ndarray of shape (n_clusters,)
        Class that each stratum is mapped to.

    label_counts : ndarray of shape (n_clusters, n_classes)
        Number of test samples in each stratum with each class. Samples are counted
        even if groups are passed.

    classification_report : dict
        :func:`sklearn.metrics.classification_report` of the mapped labels. With groups,
        "support" is the sum of the weights: the number of groups, in which a group with
        several classes counts for a fraction in each.

    label_name : str
        Name of the classes: that of a series passed as `y_test`, otherwise "label".

    intervals : dict of str to tuple of float
        Limits of the 95 % interval of each metric that compares strata or latents with
        classes, by its name, probes included: percentiles 2.5 and 97.5 over 500
        resamples of the test groups with replacement, in which a group weighs as one
        each time it is drawn. They are reflected about the value for the normalized
        mutual information, which repeated groups increase, and cut at 0 and 1, so that
        the value itself may lie outside. Repeated groups also increase the adjusted
        Rand index, whose interval may lie above a value near 0 if there are few. NaN if
        both limits are 1, as for predictions without any error: their resamples have
        none either, and do not show how precise the value is. With few errors,
        intervals are too narrow, as is that of the one-to-one accuracy with fewer than
        50 groups. Strata, mapping and probes are fixed, so that the intervals hold for
        other test groups, not for another fit. Empty if `groups_test` was not passed.

    n_groups : int or None
        Number of test groups; None if `groups_test` was not passed.

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
    strata: np.ndarray
    stratum_classes: np.ndarray
    label_counts: np.ndarray
    classification_report: dict[str, Any]
    label_name: str = "label"
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    n_groups: int | None = None

    def _metrics(self) -> dict[str, float]:
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {k: v for k, v in values.items() if isinstance(v, float)} | self.probes

    @property
    def table(self) -> Any:
        """The metrics as a table."""
        pandas = import_pandas("ClusteringEvaluation.table")
        values = pandas.Series(self._metrics(), name="value", dtype=float)
        frame = values.rename_axis("metric").to_frame()
        if self.n_groups is not None:
            limits = [
                self.intervals.get(name, (np.nan, np.nan)) for name in frame.index
            ]
            frame["low"], frame["high"] = np.transpose(limits)
        return frame

    @property
    def label_spread(self) -> Any:
        """The counts of the classes in each stratum as a table."""
        pandas = import_pandas("ClusteringEvaluation.label_spread")
        return pandas.DataFrame(
            self.label_counts,
            index=pandas.Index(self.strata, name="stratum"),
            columns=pandas.Index(self.classes, name="class"),
        )

    def __str__(self) -> str:
        n_samples, n_strata = self.label_counts.sum(), np.sum(self.strata != NOISE)
        strata = quantity(int(n_strata), "stratum", "strata")
        lines = [f"{strata}, {len(self.classes)} classes, {n_samples} samples"]
        if self.n_groups is not None:
            lines[0] += f", {self.n_groups} groups, with 95 % intervals by group"
        for name, value in self._metrics().items():
            shown = "not available" if np.isnan(value) else f"{value:.3f}"
            if name in self.intervals:
                low, high = self.intervals[name]
                known = f"[{low:.3f}, {high:.3f}]"
                shown += " (no interval)" if np.isnan(low) else f" {known}"
            lines.append(f"  {name.replace('_', ' '):<36}{shown}")
        return "\n".join(lines)
