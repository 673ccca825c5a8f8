"""Metrics that hold strata against an expert's labels, and scorers for searches."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import (
    adjusted_rand_score,
    balanced_accuracy_score,
    normalized_mutual_info_score,
    silhouette_score,
)
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils import check_consistent_length

__all__ = [
    "adjusted_rand_scorer",
    "clustering_accuracy",
    "clustering_accuracy_scorer",
    "map_clusters_to_labels",
    "mapped_accuracy",
    "normalized_mutual_info_scorer",
    "silhouette_scorer",
]

Scorer = Callable[[Any, Any, Any], float]


def _check_labels(**arrays: ArrayLike) -> list[np.ndarray]:
    """Return arrays of labels, one-dimensional, not empty and of one length."""
    checked = []
    for name, values in arrays.items():
        labels = np.asarray(values)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.ndim != 1:
            raise ValueError(
                f"{name} has shape {labels.shape}; one label a sample is needed, of "
                "shape (n_samples,)."
            )
        if len(labels) == 0:
            raise ValueError(f"{name} is empty; at least one label is needed.")
        checked.append(labels)
    check_consistent_length(*checked)
    return checked


def clustering_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Accuracy under the best one-to-one matching of clusters to classes.

    Where the numbers of clusters and classes differ, the surplus ones stay without a
    partner and their samples count as wrong.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Classes.

    y_pred : array-like of shape (n_samples,)
        Clusters. Their names need not be those of the classes.

    Returns
    -------
    accuracy : float
        Part of the samples whose cluster is matched to their class, in ``[0, 1]``.

    Raises
    ------
    ValueError
        If the arrays are empty, are not one-dimensional or differ in length.

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
    y_true, y_pred = _check_labels(y_true=y_true, y_pred=y_pred)
    counts = contingency_matrix(y_true, y_pred)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return float(counts[rows, columns].sum() / counts.sum())


def map_clusters_to_labels(
    y_true: ArrayLike, y_pred: ArrayLike, y_pred_new: ArrayLike | None = None
) -> np.ndarray:
    """Replace each cluster by the commonest class of its members.

    The mapping is learnt on ``(y_true, y_pred)``, the training set, and applied to
    `y_pred_new`. Ties go to the class that sorts first; a cluster without a training
    member gets the commonest class of all.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Classes of the training set.

    y_pred : array-like of shape (n_samples,)
        Clusters of the training set.

    y_pred_new : array-like of shape (n_new,), default=None
        Clusters of the samples to label; those of the training set if None.

    Returns
    -------
    labels : ndarray of shape (n_new,) or (n_samples,)
        A class for each sample.

    Raises
    ------
    ValueError
        If an array is empty or not one-dimensional, or the first two differ in length.

    Examples
    --------
    >>> from contrastive_clustering.metrics import map_clusters_to_labels
    >>> map_clusters_to_labels(["ill", "ill", "well"], [3, 3, 7], [7, 3]).tolist()
    ['well', 'ill']
    """
    y_true, y_pred = _check_labels(y_true=y_true, y_pred=y_pred)
    (wanted,) = (
        (y_pred,) if y_pred_new is None else _check_labels(y_pred_new=y_pred_new)
    )
    classes, class_counts = np.unique(y_true, return_counts=True)
    clusters = np.unique(y_pred)
    commonest = classes[contingency_matrix(y_true, y_pred).argmax(axis=0)]
    place = np.searchsorted(clusters, wanted).clip(max=len(clusters) - 1)
    known = clusters[place] == wanted
    return np.asarray(np.where(known, commonest[place], classes[class_counts.argmax()]))


def mapped_accuracy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    y_true_new: ArrayLike | None = None,
    y_pred_new: ArrayLike | None = None,
    *,
    balanced: bool = False,
) -> float:
    """Accuracy after each cluster has taken the commonest class of its members.

    Unlike :func:`clustering_accuracy` several clusters may stand for one class. It
    grows with the number of clusters; give a test set to see what that is worth.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        Classes and clusters of the training set, which set the mapping.

    y_true_new, y_pred_new : array-like of shape (n_new,), default=None
        Classes and clusters of the test set, which is scored; the training set if
        None.

    balanced : bool, default=False
        Whether to give the mean of the classes' recalls instead.

    Returns
    -------
    accuracy : float
        Accuracy or balanced accuracy, in ``[0, 1]``.

    Raises
    ------
    ValueError
        If arrays are empty, not one-dimensional or of different lengths, or if only
        one of `y_true_new` and `y_pred_new` is given.

    Examples
    --------
    >>> from contrastive_clustering.metrics import mapped_accuracy
    >>> mapped_accuracy([0, 0, 1, 1], [0, 1, 2, 2])
    1.0
    """
    if (y_true_new is None) != (y_pred_new is None):
        raise ValueError("Give both y_true_new and y_pred_new, or neither.")
    if y_true_new is None or y_pred_new is None:
        y_true_new, y_pred_new = y_true, y_pred
    truth, strata = _check_labels(y_true_new=y_true_new, y_pred_new=y_pred_new)
    labels = map_clusters_to_labels(y_true, y_pred, strata)
    if balanced:
        return float(balanced_accuracy_score(truth, labels))
    return float(np.mean(truth == labels))


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
    """
    return clustering_accuracy(y, estimator.predict(X))


def adjusted_rand_scorer(estimator: Any, X: Any, y: Any) -> float:
    """Score ``estimator.predict(X)`` against `y` by the adjusted Rand index.

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
    """
    return float(adjusted_rand_score(y, estimator.predict(X)))


def normalized_mutual_info_scorer(estimator: Any, X: Any, y: Any) -> float:
    """Score ``estimator.predict(X)`` against `y` by normalised mutual information.

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
    """
    return float(normalized_mutual_info_score(y, estimator.predict(X)))


def silhouette_scorer(estimator: Any, X: Any, y: Any = None) -> float:  # noqa: ARG001
    """Score the strata of X by their silhouette in latent space, without labels.

    It is -1, the worst, where all samples fall into one stratum or each into its own.

    Parameters
    ----------
    estimator : estimator
        A fitted clusterer.

    X : array-like of shape (n_samples, ...)
        Samples.

    y : object, default=None
        Not used; present for the conventions of scikit-learn.

    Returns
    -------
    score : float
        Higher is better.
    """
    latents, labels = estimator.transform(X), estimator.predict(X)
    if not 2 <= len(np.unique(labels)) < len(labels):
        return -1.0
    return float(silhouette_score(latents, labels))
