"""Map the labels of a clusterer, of any dtype, to numbered strata."""

from typing import Any

import numpy as np

from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.numbering import NOISE


class NoClusterError(ValueError):
    """A clusterer labeled all samples as noise."""


def read_labels(found: Any, n_samples: int, clusterer: Any) -> np.ndarray:
    """Return the labels of a clusterer as an array that can be sorted and compared.

    Parameters
    ----------
    found : array-like of shape (n_samples,)
        Result of the clusterer: integers, booleans, floats or strings.

    n_samples : int
        Number of clustered samples.

    clusterer : estimator
        The clusterer, for error messages.

    Returns
    -------
    labels : ndarray of shape (n_samples,)
        The labels with an integer, float or string dtype.

    Raises
    ------
    ValueError
        If there is not one label per sample, or if labels have an unsupported type,
        mixed types or infinite or missing values.
    """
    labels = np.asarray(found)
    if labels.shape != (n_samples,):
        raise ValueError(
            f"clusterer={show(clusterer)} returned labels of shape {labels.shape} for "
            f"{n_samples} samples. Its fit_predict and predict must return one label "
            "per sample."
        )
    labels = _to_plain(labels)
    if labels.dtype.kind not in "iufU":
        raise ValueError(
            f"clusterer={show(clusterer)} returned labels of dtype {labels.dtype}, or "
            "of mixed types. Labels must be integers, floats or strings."
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        index = int(np.flatnonzero(~np.isfinite(labels))[0])
        raise ValueError(
            f"clusterer={show(clusterer)} returned labels that are not finite, the "
            f"first of them for sample {index}. The label for noise must be -1."
        )
    return labels


def _to_plain(labels: np.ndarray) -> np.ndarray:
    """Convert booleans to integers, and object arrays to strings or numbers."""
    if labels.dtype.kind == "b":
        return labels.astype(np.int64)
    if labels.dtype.kind in "OT":  # T is NumPy's StringDType
        entries = labels.tolist()
        for kinds in (str, bool | int | float | np.number | np.bool_):
            if all(isinstance(entry, kinds) for entry in entries):
                return _to_plain(np.array(entries))
    return labels


def classes_of(clusterer: Any) -> np.ndarray | None:
    """Return the labels of the columns of a clusterer's `predict_proba`.

    Parameters
    ----------
    clusterer : estimator
        A fitted clusterer.

    Returns
    -------
    classes : ndarray of shape (n_classes,) or None
        The attribute `classes_`; None if there is none or no `predict_proba`.

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
            f"clusterer={show(clusterer)} has classes_={show(found)}. It must be an "
            "array of distinct labels, one per column of predict_proba."
        )
    return classes


def is_noise(labels: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
    """Return a mask of noise, which is labeled -1 unless `classes` contains -1.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Labels, as returned by `read_labels`.

    classes : ndarray of shape (n_classes,) or None
        Classes of the clusterer, as returned by `classes_of`.

    Returns
    -------
    is_noise : ndarray of shape (n_samples,)
        Boolean mask.
    """
    # Strings equal no number.
    if classes is not None and (classes == NOISE).any():
        return np.zeros(len(labels), dtype=bool)
    return np.asarray(labels == NOISE)


def number_labels(
    labels: np.ndarray, raw_labels: np.ndarray, clusterer: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return the stratum of each label, and a mask of labels without a stratum.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Labels, as returned by `read_labels`.

    raw_labels : ndarray of shape (n_clusters,)
        Distinct labels of the strata.

    clusterer : estimator
        The clusterer, for error messages.

    Returns
    -------
    strata : ndarray of shape (n_samples,)
        Strata as integers; arbitrary for labels without a stratum.

    is_unknown : ndarray of shape (n_samples,)
        Mask of labels without a stratum.

    Raises
    ------
    ValueError
        If either `labels` or `raw_labels` are strings but not both.
    """
    if not _are_comparable(labels, raw_labels):
        raise ValueError(
            f"clusterer={show(clusterer)} predicted labels of dtype {labels.dtype}, "
            f"but its fit returned labels of dtype {raw_labels.dtype}. Both must be "
            "the same labels."
        )
    strata = _find(labels, raw_labels)
    return strata, np.asarray(raw_labels[strata] != labels)


def columns_of(
    raw_labels: np.ndarray, n_columns: int, classes: np.ndarray | None
) -> np.ndarray | None:
    """Return the column of a clusterer's `predict_proba` for each stratum.

    Parameters
    ----------
    raw_labels : ndarray of shape (n_clusters,)
        Distinct labels of the strata.

    n_columns : int
        Number of columns.

    classes : ndarray of shape (n_classes,) or None
        Label of each column, if the clusterer provides them. Otherwise, the columns
        belong to the labels in ascending order if there are equally many, or else to
        the labels 0, 1, and so on, as in a mixture with empty components.

    Returns
    -------
    columns : ndarray of shape (n_clusters,) or None
        Indices of the columns; None if they cannot be determined.
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
    """Return the index of each label among distinct labels, arbitrary if missing."""
    order = np.argsort(among)
    rank = np.searchsorted(among, labels, sorter=order)
    return np.asarray(order[rank.clip(max=len(among) - 1)])


def _are_comparable(labels: np.ndarray, others: np.ndarray) -> bool:
    return (labels.dtype.kind == "U") == (others.dtype.kind == "U")
