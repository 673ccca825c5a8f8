"""Input of displays that count groups: the strata of samples."""

from numbers import Real
from typing import Any

import numpy as np

from contrastive_clustering._utils.labels import check_labels


def read_strata(strata: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct strata, and the index of each sample's stratum.

    Parameters
    ----------
    strata : array-like of shape (n_samples,)
        Stratum of each sample, as passed by the user.

    Returns
    -------
    strata : ndarray of shape (n_strata,)
        The strata, sorted; whole numbers are integers.

    codes : ndarray of shape (n_samples,)
        Index of each sample's stratum among them.

    Raises
    ------
    ValueError
        If they are empty, not one-dimensional, or if some are missing.
    """
    (labels,) = check_labels(strata=strata)
    return np.unique(_to_integers(labels), return_inverse=True)


def _to_integers(labels: np.ndarray) -> np.ndarray:
    """Return whole numbers as integers, by which strata are colored, others unchanged.

    Columns of data frames hold numbers as floats or objects if some are missing.
    """
    if labels.dtype.kind == "O" and all(isinstance(each, Real) for each in labels):
        labels = np.array(labels.tolist())
    if labels.dtype.kind not in "uf":
        return labels
    with np.errstate(invalid="ignore"):  # beyond the range of integers
        numbers = labels.astype(np.int64)
    return numbers if np.array_equal(numbers, labels) else labels
