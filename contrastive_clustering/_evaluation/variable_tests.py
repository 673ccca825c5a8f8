"""Tests and effect sizes of one variable against strata, for batches of labels."""

from abc import ABC, abstractmethod

import numpy as np
from scipy.stats import rankdata

from contrastive_clustering._evaluation.resampling import ROUNDING, resample
from contrastive_clustering._utils.weighted_tables import count

# The effect in a sample is larger than that in the population: chance alone makes
# strata differ, the more, the fewer units each has. Resamples repeat this bias. The
# upper limit of an interval only subtracts that of the resamples. The lower limit also
# subtracts that of the data, which vanishes if the effect is strong.
N_CORRECTIONS = (2, 1)


class _ResampledTest(ABC):
    """A test whose effect sizes in resamples are corrected for their bias.

    Labels are codes 0, 1, ... of strata, each with at least one unit.
    """

    note = ""  # details of the effect in words; none are needed

    labels: np.ndarray

    def interval(
        self, n_resamples: int, confidence: float, rng: np.random.Generator
    ) -> tuple[float, float]:
        """Return percentiles of the effect size over resampled units, or NaN."""
        n_units = len(self.labels)
        effects = resample(self.resampled_effects, n_units, n_resamples, rng)
        return corrected_interval(effects, confidence)

    @abstractmethod
    def resampled_effects(self, rows: np.ndarray) -> np.ndarray:
        """Return the effect sizes of resamples, indices of shape (n_batch, n_units).

        There is one column for each of `N_CORRECTIONS`.
        """


class ChiSquaredTest(_ResampledTest):
    """Pearson's chi-squared test, with Cramer's V as the effect size.

    Cramer's V is corrected for its bias as in Bergsma, "A bias-correction for Cramer's
    V and Tschuprow's T", Journal of the Korean Statistical Society 42 (2013).

    Parameters
    ----------
    values : ndarray of shape (n_units,)
        Codes of the levels, from 0.

    labels : ndarray of shape (n_units,)
        Codes of the strata, from 0.
    """

    test = "chi-squared"
    effect_name = "Cramer's V"

    def __init__(self, values: np.ndarray, labels: np.ndarray) -> None:
        self.values = values
        self.labels = labels
        self.shape = (int(values.max()) + 1, int(labels.max()) + 1)

    def statistic(self, labels: np.ndarray) -> np.ndarray:
        """Return the statistics of labels of shape (n_batch, n_units)."""
        return _chi_squared(count(self.values, labels, self.shape))

    def effect(self) -> float:
        """Return the effect size in the data."""
        counts = count(self.values, self.labels, self.shape)
        return float(cramers_v(counts, n_corrections=1)[0])

    def resampled_effects(self, rows: np.ndarray) -> np.ndarray:
        """Return an effect size for each resample and each of `N_CORRECTIONS`."""
        counts = count(self.values[rows], self.labels[rows], self.shape)
        return np.stack([cramers_v(counts, n_corrections=n) for n in N_CORRECTIONS], 1)


def _chi_squared(counts: np.ndarray) -> np.ndarray:
    n = counts.sum(axis=(1, 2), keepdims=True)
    expected = counts.sum(axis=2, keepdims=True) * counts.sum(axis=1, keepdims=True) / n
    # Cells of empty rows and columns, where nothing is expected, add nothing.
    terms = (counts - expected) ** 2 / np.where(expected > 0, expected, 1)
    total: np.ndarray = terms.sum(axis=(1, 2))
    return total


def cramers_v(counts: np.ndarray, *, n_corrections: int) -> np.ndarray:
    """Return Cramer's V of contingency tables of shape (n_batch, n_rows, n_columns).

    Empty rows and columns do not count. NaN if fewer than two of either are left.
    """
    n = counts.sum(axis=(1, 2))
    n_rows = (counts.sum(axis=2) > 0).sum(axis=1)
    n_columns = (counts.sum(axis=1) > 0).sum(axis=1)
    bias = (n_rows - 1) * (n_columns - 1) / (n - 1)
    squared = np.maximum(0, _chi_squared(counts) / n - n_corrections * bias)
    smaller = np.minimum(
        n_rows - (n_rows - 1) ** 2 / (n - 1),
        n_columns - (n_columns - 1) ** 2 / (n - 1),
    )
    valid = (np.minimum(n_rows, n_columns) > 1) & (smaller > 1)
    v = np.sqrt(squared / np.where(valid, smaller - 1, 1))
    return np.where(valid, np.minimum(v, 1), np.nan)


class KruskalWallisTest(_ResampledTest):
    """Kruskal-Wallis test, with epsilon squared as the effect size.

    Epsilon squared is ``H / (n_units - 1)``: the share of the variance of the ranks
    that lies between the strata, as in Tomczak and Tomczak, "The need to report effect
    size estimates revisited", Trends in Sport Sciences 21 (2014).

    Parameters
    ----------
    values : ndarray of shape (n_units,)
        Numbers, not all of them equal.

    labels : ndarray of shape (n_units,)
        Codes of the strata, from 0.
    """

    test = "Kruskal-Wallis"
    effect_name = "epsilon squared"

    def __init__(self, values: np.ndarray, labels: np.ndarray) -> None:
        self.values = values
        self.labels = labels
        self.n_strata = int(labels.max()) + 1

    def statistic(self, labels: np.ndarray) -> np.ndarray:
        """Return the statistics of labels of shape (n_batch, n_units)."""
        share, _ = self._explained(rankdata(self.values)[None], labels)
        return (len(self.values) - 1) * share

    def effect(self) -> float:
        """Return the effect size in the data."""
        share, _ = self._explained(rankdata(self.values)[None], self.labels[None])
        return float(share[0])

    def resampled_effects(self, rows: np.ndarray) -> np.ndarray:
        """Return an effect size for each resample and each of `N_CORRECTIONS`."""
        ranks = rankdata(self.values[rows], axis=1)
        share, n_strata = self._explained(ranks, self.labels[rows])
        # Strata seem to explain this part of the variance that they do not explain.
        part = (n_strata - 1) / max(1, len(self.values) - 1)
        unexplained = (1 - share) / np.where(part < 1, 1 - part, np.nan)
        corrected = [
            np.maximum(0, 1 - unexplained / (1 - part) ** (n - 1))
            for n in N_CORRECTIONS
        ]
        return np.where((n_strata > 1)[:, None], np.stack(corrected, 1), np.nan)

    def _explained(
        self, ranks: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the explained share of the variance, and the number of strata."""
        deviations = ranks - ranks.mean(axis=1, keepdims=True)
        total = (deviations**2).sum(axis=1)
        between = np.zeros(len(labels))
        n_strata = np.zeros(len(labels), dtype=int)
        for stratum in range(self.n_strata):
            members = labels == stratum
            n_members = members.sum(axis=1)
            sums = (members * deviations).sum(axis=1)
            between += sums**2 / np.maximum(1, n_members)
            n_strata += n_members > 0
        # A resample may consist of equal values only.
        return np.where(total > 0, between / np.where(total > 0, total, 1), 0), n_strata


def corrected_interval(effects: np.ndarray, confidence: float) -> tuple[float, float]:
    """Return the percentile interval of effects with corrections for each limit.

    Parameters
    ----------
    effects : ndarray of shape (n_resamples, 2)
        Effects of resamples, corrected for the lower and for the upper limit; NaN if a
        resample has no effect.

    confidence : float
        Level of the interval, between 0 and 1.

    Returns
    -------
    low, high : float
        Limits of the interval; NaN if no resample has an effect, or if all have the
        same, such as those of strata that a variable separates perfectly, which do not
        show how precise the effect is.
    """
    effects = effects[~np.isnan(effects).any(axis=1)]
    if len(effects) == 0:
        return np.nan, np.nan
    tail = (1 - confidence) / 2
    low = float(np.quantile(effects[:, 0], tail))
    least, high = map(float, np.quantile(effects[:, 1], [tail, 1 - tail]))
    if np.isclose(least, high, rtol=ROUNDING, atol=0):
        return np.nan, np.nan
    return low, high
