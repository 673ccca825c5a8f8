"""Metrics that compare clusters with reference labels, and a scorer for searches."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

from contrastive_clustering._utils.labels import (
    check_alike,
    check_labels,
    check_weights,
)
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.numbering import NOISE, match
from contrastive_clustering._utils.param_validation import validate_params
from contrastive_clustering._utils.weighted_tables import (
    accuracy,
    contingency_table,
    first_of_largest,
    mean_recall,
)

__all__ = [
    "clustering_accuracy",
    "clustering_accuracy_scorer",
    "map_clusters_to_labels",
    "mapped_accuracy",
    "match_clusters",
]


@default_library_settings()
def clustering_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Accuracy under the best one-to-one matching of clusters to classes.

    If the numbers of clusters and classes differ, some remain unmatched, and their
    samples count as wrong.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Classes.

    y_pred : array-like of shape (n_samples,)
        Clusters. They may be named differently from the classes.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples, such as one divided by the number of images of the
        patient, so that a patient weighs as one; None weighs samples equally.

    Returns
    -------
    accuracy : float
        Fraction of samples, or of their weight, whose cluster is matched to their
        class, in ``[0, 1]``.

    Raises
    ------
    TypeError, ValueError
        If the arrays are empty, have no order, are not one-dimensional, differ in
        length or contain fractions, or if weights are negative, not finite or all 0.

    References
    ----------
    Kuhn, "The Hungarian method for the assignment problem", 1955; used for clusters
    by Xie, Girshick, Farhadi, "Unsupervised Deep Embedding for Clustering Analysis",
    arXiv:1511.06335, equation 10.

    Examples
    --------
    >>> from contrastive_clustering.metrics import clustering_accuracy
    >>> clustering_accuracy([0, 0, 1, 1], [1, 1, 0, 0])
    1.0
    >>> clustering_accuracy([0, 0, 1, 1], [0, 1, 2, 2])
    0.75
    """
    y_true, y_pred = check_labels(y_true=y_true, y_pred=y_pred)
    weights = check_weights(sample_weight, len(y_true), "sample_weight")
    counts = contingency_table(y_true, y_pred, weights)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return float(counts[rows, columns].sum() / counts.sum())


@default_library_settings()
def match_clusters(labels_a: ArrayLike, labels_b: ArrayLike) -> np.ndarray:
    """Renumber the clusters of one fit to match those of another.

    Numbers of clusters are arbitrary, so two fits that agree may number them
    differently. This matches clusters one to one such that as many samples as possible
    are in matched clusters, and gives each matched cluster the number of its partner.

    Parameters
    ----------
    labels_a : array-like of shape (n_samples,)
        Clusters of the fit whose numbers are kept, as integers; -1 is noise.

    labels_b : array-like of shape (n_samples,)
        Clusters of the same samples in the other fit.

    Returns
    -------
    labels : ndarray of shape (n_samples,)
        `labels_b` with the numbers of `labels_a`. Unmatched clusters get the numbers
        that follow those of `labels_a`, largest first; -1 stays -1.

    Raises
    ------
    TypeError, ValueError
        If the arrays are empty, are not one-dimensional, differ in length or contain
        values other than integers of at least -1.

    References
    ----------
    Kuhn, "The Hungarian method for the assignment problem", 1955.

    Examples
    --------
    >>> from contrastive_clustering.metrics import match_clusters
    >>> match_clusters([0, 0, 1, 1, 2], [5, 5, 0, 0, 3]).tolist()
    [0, 0, 1, 1, 2]
    >>> match_clusters([0, 0, 0, 1, 1], [1, 1, 2, 0, 0]).tolist()
    [0, 0, 2, 1, 1]
    """
    kept, other = check_labels(labels_a=labels_a, labels_b=labels_b)
    for name, labels in {"labels_a": kept, "labels_b": other}.items():
        if labels.dtype.kind not in "iu" or labels.min() < NOISE:
            found = f"dtype {labels.dtype}"
            if labels.dtype.kind == "i":
                found = f"a value below -1 at index {np.argmax(labels < NOISE)}"
            raise ValueError(
                f"{name} has {found}. Pass integers of at least -1, such as labels_ or "
                "the output of predict."
            )
    matches = match(other, kept)
    clusters, counts = np.unique(other[other != NOISE], return_counts=True)
    unmatched = [
        c for c in clusters[np.argsort(-counts, kind="stable")] if c not in matches
    ]
    # The next number may exceed the dtype of the labels.
    matches |= {c: number for number, c in enumerate(unmatched, int(kept.max()) + 1)}
    matches[NOISE] = NOISE
    return np.array([matches[cluster] for cluster in other.tolist()])


@default_library_settings()
def map_clusters_to_labels(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    y_pred_new: ArrayLike | None = None,
    *,
    sample_weight: ArrayLike | None = None,
) -> np.ndarray:
    """Replace each cluster by the most frequent class of its members.

    The mapping is learned from ``(y_true, y_pred)``, the training set, and applied to
    `y_pred_new`. Ties go to the class that sorts first; a cluster without a training
    member gets the most frequent class of all. With weights, the most frequent class is
    that with the largest weight, and a member of weight 0 does not count.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Classes of the training set.

    y_pred : array-like of shape (n_samples,)
        Clusters of the training set.

    y_pred_new : array-like of shape (n_new,), default=None
        Clusters of the samples to label; None labels the training set.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the training set, such as one divided by the number of images of the
        patient, so that a patient weighs as one; None weighs samples equally.

    Returns
    -------
    labels : ndarray of shape (n_new,) or (n_samples,)
        A class for each sample.

    Raises
    ------
    TypeError, ValueError
        If an array is empty, has no order, is not one-dimensional or contains
        fractions, if the first two or the weights differ in length, if clusters are
        numbers in one array and strings in the other, or if weights are negative, not
        finite or all 0.

    Examples
    --------
    >>> from contrastive_clustering.metrics import map_clusters_to_labels
    >>> map_clusters_to_labels(["ill", "ill", "well"], [3, 3, 7], [7, 3]).tolist()
    ['well', 'ill']
    """
    y_true, y_pred = check_labels(y_true=y_true, y_pred=y_pred)
    wanted = y_pred
    if y_pred_new is not None:
        (wanted,) = check_labels(y_pred_new=y_pred_new)
        check_alike(y_pred=y_pred, y_pred_new=wanted)
    weights = check_weights(sample_weight, len(y_true), "sample_weight")
    classes, clusters = np.unique(y_true), np.unique(y_pred)
    counts = contingency_table(y_true, y_pred, weights)
    most_frequent = classes[first_of_largest(counts)]
    index = np.searchsorted(clusters, wanted).clip(max=len(clusters) - 1)
    known = (clusters[index] == wanted) & (counts.sum(axis=0) > 0)[index]
    overall = classes[first_of_largest(counts.sum(axis=1))]
    return np.asarray(np.where(known, most_frequent[index], overall))


@default_library_settings()
@validate_params({"balanced": ["boolean"]})
def mapped_accuracy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    y_true_new: ArrayLike | None = None,
    y_pred_new: ArrayLike | None = None,
    *,
    balanced: bool = False,
    sample_weight: ArrayLike | None = None,
    sample_weight_new: ArrayLike | None = None,
) -> float:
    """Accuracy if each cluster predicts the most frequent class of its members.

    Unlike in :func:`clustering_accuracy`, several clusters may predict the same class.
    The accuracy grows with the number of clusters; pass a test set for an unbiased
    estimate.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        Classes and clusters of the training set, from which the mapping is learned.

    y_true_new, y_pred_new : array-like of shape (n_new,), default=None
        Classes and clusters of the test set, which is scored; None scores the training
        set.

    balanced : bool, default=False
        Whether to return the mean recall of the classes instead.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the training set, such as one divided by the number of images of the
        patient, so that a patient weighs as one; None weighs samples equally.

    sample_weight_new : array-like of shape (n_new,), default=None
        Weights of the test set. If no test set is passed, the score uses
        `sample_weight`.

    Returns
    -------
    accuracy : float
        Accuracy or balanced accuracy, in ``[0, 1]``.

    Raises
    ------
    TypeError, ValueError
        If arrays are empty, without order, not one-dimensional or of different lengths,
        if labels are fractions, if they are numbers in one set and strings in the
        other, if only one of `y_true_new` and `y_pred_new` is passed, if
        `sample_weight_new` is passed without them, or if weights are negative, not
        finite or all 0.

    Examples
    --------
    >>> from contrastive_clustering.metrics import mapped_accuracy
    >>> mapped_accuracy([0, 0, 1, 1], [0, 1, 2, 2])
    1.0
    """
    if (y_true_new is None) != (y_pred_new is None):
        raise ValueError("Pass both y_true_new and y_pred_new, or neither.")
    y_true, y_pred = check_labels(y_true=y_true, y_pred=y_pred)
    if y_true_new is None or y_pred_new is None:
        if sample_weight_new is not None:
            raise ValueError(
                "sample_weight_new weighs a test set, but y_true_new is None. Pass a "
                "test set, or sample_weight alone."
            )
        truth, strata = y_true, y_pred
        weights = check_weights(sample_weight, len(truth), "sample_weight")
    else:
        truth, strata = check_labels(y_true_new=y_true_new, y_pred_new=y_pred_new)
        check_alike(y_true=y_true, y_true_new=truth)
        weights = check_weights(sample_weight_new, len(truth), "sample_weight_new")
    labels = map_clusters_to_labels(y_true, y_pred, strata, sample_weight=sample_weight)
    if balanced:
        return mean_recall(truth, labels, weights)
    return accuracy(truth, labels, weights)


@default_library_settings()
def clustering_accuracy_scorer(estimator: Any, X: Any, y: Any) -> float:
    """Score ``estimator.predict(X)`` against `y` by :func:`clustering_accuracy`.

    Parameters
    ----------
    estimator : estimator
        A fitted clusterer.

    X : array-like of shape (n_samples, ...)
        Samples.

    y : array-like of shape (n_samples,)
        Classes of the samples.

    Returns
    -------
    score : float
        Higher is better.

    Raises
    ------
    TypeError, ValueError
        If `estimator` lacks a required method, or if X or `y` is not valid.
    """
    predict = getattr(estimator, "predict", None)
    if isinstance(estimator, type) or not callable(predict):
        raise TypeError(
            f"estimator={show(estimator)} does not have the method predict. Pass a "
            "fitted clusterer."
        )
    y, predicted = check_labels(y=y, predictions=predict(X))
    return clustering_accuracy(y, predicted)
