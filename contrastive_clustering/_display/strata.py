"""Input of displays that count groups: strata and groups of samples."""

from typing import Any

import numpy as np

from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.labels import check_labels
from contrastive_clustering._utils.numbering import NOISE


def read_strata(strata: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct strata, and the index of each sample's stratum.

    Parameters
    ----------
    strata : array-like of shape (n_samples,)
        Stratum of each sample, as passed by the user.

    Returns
    -------
    strata : ndarray of shape (n_strata,)
        The strata, sorted.

    codes : ndarray of shape (n_samples,)
        Index of each sample's stratum among them.

    Raises
    ------
    ValueError
        If they are empty, not one-dimensional, or if some are missing.
    """
    (labels,) = check_labels(strata=strata)
    distinct, codes = np.unique(labels, return_inverse=True)
    return distinct, codes.reshape(-1)


def read_groups(groups: Any, n_samples: int) -> Grouping:
    """Return the group of each sample; each is its own group if `groups` is None."""
    if groups is None:
        return Grouping(np.arange(n_samples), n_samples)
    return Grouping.read(groups, n_samples)


def is_noise(stratum: Any) -> bool:
    """Return whether a stratum is noise, -1."""
    return bool(stratum == NOISE)
