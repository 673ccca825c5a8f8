"""P-values by permutation and intervals by the bootstrap, with limited memory."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

# Number of entries of the arrays of labels or indices that are drawn at a time.
MAX_ENTRIES = 2**20

# Statistics that are equal except for rounding count as equal.
ROUNDING = 1e-9

# Fewer permutations with the largest statistic do not show how frequent it is.
MIN_LARGEST = 5


class PermutationTest(NamedTuple):
    """The p-value of a statistic under random permutations.

    Attributes
    ----------
    p : float
        ``(1 + n_exceeding) / (1 + n_permutations)``, where ``n_exceeding`` counts the
        permutations whose statistic is at least that of the data.

    smallest : float
        P-value of the largest statistic among the data and the permutations. It is
        large if few units can be permuted or if few values differ. 0 if fewer than five
        permutations have this statistic, as they do not show how frequent it is.
    """

    p: float
    smallest: float


def permutation_p(
    statistic: Callable[[np.ndarray], np.ndarray],
    labels: np.ndarray,
    blocks: np.ndarray,
    n_permutations: int,
    rng: np.random.Generator,
) -> PermutationTest:
    """Return the p-value of a statistic under random permutations of labels.

    Parameters
    ----------
    statistic : callable
        Returns the statistics, of shape (n_batch,), of labels of shape
        (n_batch, n_units). Large values speak against the null hypothesis.

    labels : ndarray of shape (n_units,)
        The labels that are permuted.

    blocks : ndarray of shape (n_units,)
        Block of each unit. Labels are permuted within blocks.

    n_permutations : int
        Number of permutations.

    rng : Generator
        Random generator.

    Returns
    -------
    test : PermutationTest
        The p-value.
    """
    members = [np.flatnonzero(blocks == block) for block in np.unique(blocks)]

    def permute(permuted: np.ndarray) -> None:
        for units in members:
            permuted[:, units] = rng.permuted(permuted[:, units], axis=1)

    return exceedance_p(statistic, labels, permute, n_permutations)


def exceedance_p(
    statistic: Callable[[np.ndarray], np.ndarray],
    labels: np.ndarray,
    permute: Callable[[np.ndarray], None],
    n_permutations: int,
) -> PermutationTest:
    """Return the p-value of a statistic under permutations that a function draws.

    Parameters
    ----------
    statistic : callable
        Returns the statistics, of shape (n_batch,), of labels of shape
        (n_batch, n_units). Large values speak against the null hypothesis.

    labels : ndarray of shape (n_units,)
        The labels that are permuted.

    permute : callable
        Permutes each row of an array of shape (n_batch, n_units) in place.

    n_permutations : int
        Number of permutations.

    Returns
    -------
    test : PermutationTest
        The p-value.
    """
    observed = float(statistic(labels[None])[0])
    largest, n_largest, n_exceeding = observed, 0, 0
    for n_drawn in _batches(n_permutations, len(labels)):
        permuted = np.tile(labels, (n_drawn, 1))
        permute(permuted)
        statistics = statistic(permuted)
        n_exceeding += int(np.sum(statistics >= _just_below(observed)))
        if largest < _just_below(statistics.max()):
            largest, n_largest = float(statistics.max()), 0
        n_largest += int(np.sum(statistics >= _just_below(largest)))
    n_all = 1 + n_permutations
    smallest = (1 + n_largest) / n_all if n_largest >= MIN_LARGEST else 0.0
    return PermutationTest((1 + n_exceeding) / n_all, smallest)


def _just_below(statistic: float) -> float:
    """Return a threshold that statistics reach that are equal except for rounding."""
    return statistic - ROUNDING * max(1.0, abs(statistic))


def bootstrap_interval(
    effects: Callable[[np.ndarray], np.ndarray],
    n_units: int,
    n_resamples: int,
    confidence: float,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Return the percentile interval of an effect over resamples with replacement.

    Parameters
    ----------
    effects : callable
        Returns the effects, of shape (n_batch,), of resamples given as indices of units
        of shape (n_batch, n_units). NaN if a resample has no effect.

    n_units : int
        Number of units, which is also the size of each resample.

    n_resamples : int
        Number of resamples.

    confidence : float
        Level of the interval, between 0 and 1.

    rng : Generator
        Random generator.

    Returns
    -------
    low, high : float
        Limits of the interval; NaN if no resample has an effect.
    """
    values = resample(effects, n_units, n_resamples, rng)
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return np.nan, np.nan
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def resample(
    function: Callable[[np.ndarray], np.ndarray],
    n_units: int,
    n_resamples: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return values of a function for resamples with replacement.

    Parameters
    ----------
    function : callable
        Returns the values, of shape (n_batch, ...), of resamples given as indices of
        units of shape (n_batch, n_units).

    n_units : int
        Number of units, which is also the size of each resample.

    n_resamples : int
        Number of resamples.

    rng : Generator
        Random generator.

    Returns
    -------
    values : ndarray of shape (n_resamples, ...)
        The values.
    """
    return np.concatenate(
        [
            function(rng.integers(n_units, size=(n_drawn, n_units)))
            for n_drawn in _batches(n_resamples, n_units)
        ]
    )


def simultaneous_margins(
    estimates: np.ndarray, resampled: np.ndarray, confidence: float
) -> np.ndarray:
    """Return the margins of intervals that hold for all differences at once.

    The largest error among all pairs, in units of the standard error of each, is
    resampled, as in Romano and Wolf, "Exact and approximate stepdown methods for
    multiple hypothesis testing", Journal of the American Statistical Association 100
    (2005). Therefore, the interval of a pair that was chosen by the data is valid.

    Parameters
    ----------
    estimates : ndarray of shape (n,)
        The estimates whose differences are of interest; n is at least 2.

    resampled : ndarray of shape (n_resamples, n)
        Estimates of resamples; NaN where a resample has none.

    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    margins : ndarray of shape (n, n)
        Half the width of the interval of each difference, which is symmetric about the
        difference of the estimates. NaN if fewer than two resamples have both
        estimates.
    """
    errors = resampled - estimates
    first, second = np.triu_indices(len(estimates), 1)
    differences = errors[:, first] - errors[:, second]
    margins = np.full((len(estimates), len(estimates)), np.nan)
    np.fill_diagonal(margins, 0)
    known = (~np.isnan(differences)).sum(axis=0) > 1
    if not known.any():
        return margins
    first, second, differences = first[known], second[known], differences[:, known]
    scales = np.sqrt(np.nanmean(differences**2, axis=0))
    sizes = np.abs(differences) / np.where(scales > 0, scales, 1)
    largest = np.where(np.isnan(sizes), 0, sizes).max(axis=1)
    margins[first, second] = margins[second, first] = (
        np.quantile(largest, confidence) * scales
    )
    return margins


def _batches(n: int, n_units: int) -> Iterator[int]:
    """Yield the sizes of batches that add up to `n`."""
    largest = max(1, MAX_ENTRIES // n_units)
    for start in range(0, n, largest):
        yield min(largest, n - start)
