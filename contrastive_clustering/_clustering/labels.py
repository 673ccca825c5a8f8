"""A clusterer's own labels, of any dtype, and the strata that they stand for."""

from typing import Any

import numpy as np

from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.numbering import NOISE


def read_labels(found: Any, n_samples: int, clusterer: Any) -> np.ndarray:
    """Return a clusterer's labels as an array that can be sorted and compared.

    Parameters
    ----------
    found : array-like of shape (n_samples,)
        What the clusterer returned: integers, booleans, floats or strings.

    n_samples : int
        Number of samples that it was given.

    clusterer : estimator
        The clusterer, for messages.

    Returns
    -------
    labels : ndarray of shape (n_samples,)
        The same labels, of an integer, float or string dtype.

    Raises
    ------
    ValueError
        If there is not one label for each sample, or the labels are of another or of
        mixed types, or not finite.
    """
    labels = np.asarray(found)
    if labels.shape != (n_samples,):
        raise ValueError(
            f"clusterer={show(clusterer)} returned labels of shape {labels.shape} for "
            f"{n_samples} samples. Its fit_predict and predict have to return one "
            "label for each sample."
        )
    labels = _to_plain(labels)
    if labels.dtype.kind not in "iufU":
        raise ValueError(
            f"clusterer={show(clusterer)} returned labels of dtype {labels.dtype}, or "
            "of mixed types. They have to be integers, floats or strings."
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        place = int(np.flatnonzero(~np.isfinite(labels))[0])
        raise ValueError(
            f"clusterer={show(clusterer)} returned a label that is not finite, first "
            f"for sample {place}. Its label for noise has to be -1."
        )
    return labels


def _to_plain(labels: np.ndarray) -> np.ndarray:
    """Return booleans as integers, and strings and numbers of objects as such."""
    if labels.dtype.kind == "b":
        return labels.astype(np.int64)
    if labels.dtype.kind in "OT":  # T is NumPy's StringDType
        entries = labels.tolist()
        for kinds in (str, bool | int | float | np.number | np.bool_):
            if all(isinstance(entry, kinds) for entry in entries):
                return _to_plain(np.array(entries))
    return labels


def classes_of(clusterer: Any) -> np.ndarray | None:
    """Return which labels a clusterer names as the columns of its `predict_proba`.

    Parameters
    ----------
    clusterer : estimator
        A fitted clusterer.

    Returns
    -------
    classes : ndarray of shape (n_classes,) or None
        Its `classes_`, in its order; None if it has none, or no `predict_proba`.

    Raises
    ------
    ValueError
        If `classes_` is not an array of distinct labels.
    """
    found = getattr(clusterer, "classes_", None)
    if found is None or not hasattr(clusterer, "predict_proba"):
        return None
    classes = _to_plain(np.asarray(found))
    if (
        classes.ndim != 1
        or classes.dtype.kind not in "iufU"
        or len(np.unique(classes)) < len(classes)
    ):
        raise ValueError(
            f"clusterer={show(clusterer)} has {show(found)} for classes_. It has to be "
            "an array of distinct labels, one for each column of predict_proba."
        )
    return classes


def is_noise(labels: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
    """Return which labels stand for noise: -1, unless it is a class of its own.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Labels, as `read_labels` returns them.

    classes : ndarray of shape (n_classes,) or None
        The clusterer's classes, as `classes_of` returns them.

    Returns
    -------
    is_noise : ndarray of shape (n_samples,)
        Booleans.
    """
    is_class = (
        classes is not None and classes.dtype.kind != "U" and (classes == NOISE).any()
    )
    if labels.dtype.kind == "U" or is_class:
        return np.zeros(len(labels), dtype=bool)
    return np.asarray(labels == NOISE)


def number_labels(
    labels: np.ndarray, raw_labels: np.ndarray, clusterer: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return the stratum of each label, and which labels are of no stratum.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Labels, as `read_labels` returns them.

    raw_labels : ndarray of shape (n_clusters,)
        The label of each stratum, all distinct.

    clusterer : estimator
        The clusterer, for messages.

    Returns
    -------
    strata : ndarray of shape (n_samples,)
        Strata, as integers; of no meaning for labels of no stratum.

    is_unknown : ndarray of shape (n_samples,)
        Booleans.

    Raises
    ------
    ValueError
        If strings are given where strata have numbers, or the other way round.
    """
    if not _are_comparable(labels, raw_labels):
        raise ValueError(
            f"clusterer={show(clusterer)} has predicted labels of dtype "
            f"{labels.dtype}, but those of its fit are of {raw_labels.dtype}. They "
            "have to be the same labels."
        )
    strata = _find(labels, raw_labels)
    return strata, np.asarray(raw_labels[strata] != labels)


def columns_of(
    raw_labels: np.ndarray, n_columns: int, classes: np.ndarray | None
) -> np.ndarray | None:
    """Return which column of a clusterer's `predict_proba` belongs to each stratum.

    Parameters
    ----------
    raw_labels : ndarray of shape (n_clusters,)
        The label of each stratum, all distinct.

    n_columns : int
        Number of columns.

    classes : ndarray of shape (n_classes,) or None
        The label of each column, if the clusterer names them. If it does not, columns
        stand for the labels in ascending order, if there are as many, or for the
        labels from 0 on, as those of a mixture, some of whose components are empty.

    Returns
    -------
    columns : ndarray of shape (n_clusters,) or None
        Indices of columns; None if they cannot be told.
    """
    if classes is not None:
        if len(classes) != n_columns or not _are_comparable(classes, raw_labels):
            return None
        columns = _find(raw_labels, classes)
        return columns if (classes[columns] == raw_labels).all() else None
    if len(raw_labels) == n_columns:
        return np.argsort(np.argsort(raw_labels))
    is_index = raw_labels.dtype.kind in "iu" and raw_labels.min() >= 0
    return raw_labels if is_index and raw_labels.max() < n_columns else None


def _find(labels: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Return where labels are among distinct ones; any index where they are not."""
    order = np.argsort(among)
    rank = np.searchsorted(among, labels, sorter=order)
    return np.asarray(order[rank.clip(max=len(among) - 1)])


def _are_comparable(labels: np.ndarray, others: np.ndarray) -> bool:
    return (labels.dtype.kind == "U") == (others.dtype.kind == "U")
