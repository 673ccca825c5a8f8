"""Kaplan-Meier curves with pointwise confidence limits."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.stats import CensoredData, ecdf

# Times that differ by this share are equal.
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class KaplanMeierCurve:
    """The share of units without an event as a function of time.

    Attributes
    ----------
    times : ndarray of shape (n_times,)
        0 and the distinct times of units, ascending.

    survival : ndarray of shape (n_times,)
        Share without an event from this time to the next.

    low, high : ndarray of shape (n_times,)
        Limits of its interval; NaN where the share is 0.

    censored : ndarray of shape (n_censored,)
        Times of the censored units, ascending.

    unit_times : ndarray of shape (n_units,)
        Times of all units, ascending.
    """

    times: np.ndarray
    survival: np.ndarray
    low: np.ndarray
    high: np.ndarray
    censored: np.ndarray
    unit_times: np.ndarray

    def count_at_risk(self, times: np.ndarray) -> np.ndarray:
        """Return the number of units that are observed until each time or longer.

        Times may exceed those of units by rounding errors, as ticks of an axis do.
        """
        earliest = np.asarray(times) * (1 - ROUNDING)
        n_before = np.searchsorted(self.unit_times, earliest, side="left")
        return np.asarray(len(self.unit_times) - n_before)

    def survival_at(self, times: np.ndarray) -> np.ndarray:
        """Return the share of units without an event at each time."""
        indices = np.searchsorted(self.times, times, side="right") - 1
        return np.asarray(self.survival[indices])


def kaplan_meier(
    time: np.ndarray, event: np.ndarray, confidence_level: float
) -> KaplanMeierCurve:
    """Estimate the Kaplan-Meier curve of units.

    Limits are those of the log-log transform with Greenwood's variance.

    Parameters
    ----------
    time : ndarray of shape (n_units,)
        Time to the event or to the end of observation, at least 0.

    event : ndarray of shape (n_units,)
        True where the event was observed, False where the time is censored.

    confidence_level : float
        Level of the interval.

    Returns
    -------
    curve : KaplanMeierCurve
        The curve.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._evaluation.kaplan_meier import kaplan_meier
    >>> curve = kaplan_meier(np.array([1, 2, 3]), np.array([True, False, True]), 0.95)
    >>> curve.times.tolist(), curve.survival.round(3).tolist()
    ([0.0, 1.0, 2.0, 3.0], [1.0, 0.667, 0.667, 0.0])
    """
    sample = CensoredData(uncensored=time[event], right=time[~event])
    estimate = ecdf(sample).sf
    with warnings.catch_warnings():
        # The limits are not defined where the share is 0 or 1.
        warnings.simplefilter("ignore", RuntimeWarning)
        limits = estimate.confidence_interval(confidence_level, method="log-log")
    all_survive = estimate.probabilities == 1
    low, high = (
        np.where(all_survive, 1.0, limit.probabilities)
        for limit in (limits.low, limits.high)
    )
    starts_later = estimate.quantiles[0] > 0

    def prepend(value: float, values: np.ndarray) -> np.ndarray:
        return np.r_[value, values] if starts_later else values

    return KaplanMeierCurve(
        times=prepend(0.0, estimate.quantiles),
        survival=prepend(1.0, estimate.probabilities),
        low=prepend(1.0, low),
        high=prepend(1.0, high),
        censored=np.sort(time[~event]),
        unit_times=np.sort(time),
    )
