"""Correction of p-values for several variables and several clusterings."""

import numpy as np
from scipy.stats import false_discovery_control

from contrastive_clustering._evaluation.association_result import LEVEL
from contrastive_clustering._utils.caller_warnings import warn


def correct(p: np.ndarray, n_searched: int, method: str | None) -> np.ndarray:
    """Return p-values corrected for the clusterings and the variables.

    Parameters
    ----------
    p : ndarray of shape (n_variables,)
        P-values; NaN if a variable was not tested, which does not count.

    n_searched : int
        Number of clusterings, by which p-values are multiplied first.

    method : {"holm", "bh"} or None
        Correction for the number of variables.

    Returns
    -------
    p_corrected : ndarray of shape (n_variables,)
        The corrected p-values, at most 1; NaN where `p` is.
    """
    corrected: np.ndarray = np.minimum(1, p * n_searched)
    known = ~np.isnan(p)
    if method is None:
        return corrected
    if method == "bh":
        corrected[known] = false_discovery_control(corrected[known], method="bh")
        return corrected
    order = np.flatnonzero(known)[np.argsort(corrected[known], kind="stable")]
    n_left = len(order) - np.arange(len(order))
    steps = np.maximum.accumulate(n_left * corrected[order])
    corrected[order] = np.minimum(1, steps)
    return corrected


def warn_of_few_permutations(
    p: np.ndarray, n_permutations: int, n_searched: int, method: str | None
) -> None:
    """Warn if no corrected p-value of `p`, of shape (n_variables,), can be small.

    The other parameters are those of :func:`associate_strata`.
    """
    # Benjamini and Hochberg need no smaller p-values if all variables have small ones.
    factor = n_searched * (int(np.sum(~np.isnan(p))) if method == "holm" else 1)
    if factor / (1 + n_permutations) > LEVEL:
        warn(
            f"n_permutations={n_permutations} is too small for a corrected p-value of "
            f"{LEVEL}: the smallest is {factor / (1 + n_permutations):.3g}. Set "
            f"n_permutations to at least {round(factor / LEVEL) - 1}."
        )
