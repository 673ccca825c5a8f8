"""Input of displays that count groups: the strata of samples."""

from typing import Any

import numpy as np

from contrastive_clustering._utils.labels import check_labels, whole_numbers


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
    return np.unique(whole_numbers(labels), return_inverse=True)
