"""Log-rank test of strata and differences of restricted mean survival time."""

import numpy as np

from contrastive_clustering._evaluation.resampling import (
    resample,
    simultaneous_margins,
)
from contrastive_clustering._utils.messages import quantity

# Eigenvalues of the covariance below this share of the largest count as zero.
SMALLEST_EIGENVALUE = 1e-10

# The mean of fewer units is hardly known, resamples hide this, and a single unit that
# is observed briefly would shorten the horizon of all strata.
MIN_UNITS = 5


class LogRankTest:
    """Log-rank test of several strata, with restricted mean survival as effect size.

    The effect is the difference between the strata with the longest and the shortest
    restricted mean survival time, of those with at least five units. The horizon is the
    largest time up to which all of these are observed: the smallest of their largest
    times. Intervals allow for the choice of the two strata: they hold for all pairs at
    once. They also allow for events that a stratum might have had by chance, but has
    not had before the horizon. They are too narrow for many strata of few units.

    Parameters
    ----------
    time : ndarray of shape (n_units,)
        Time to the event or to the end of observation, at least 0.

    event : ndarray of shape (n_units,)
        True where the event was observed, False where the time is censored; at least
        one is True.

    labels : ndarray of shape (n_units,)
        Codes of the strata, from 0.

    names : sequence of length n_strata
        Names of the strata.
    """

    test = "log-rank"
    effect_name = "restricted mean survival difference"

    def __init__(
        self,
        time: np.ndarray,
        event: np.ndarray,
        labels: np.ndarray,
        names: list[str],
    ) -> None:
        self.labels = labels
        self.n_strata = int(labels.max()) + 1
        order = np.argsort(time, kind="stable")
        self.order, self.time, self.event = order, time[order], event[order]
        _, first = np.unique(self.time, return_index=True)
        deaths = np.add.reduceat(self.event.astype(float), first)
        self.first, self.deaths = first[deaths > 0], deaths[deaths > 0]
        self._names = names
        self.compared = np.flatnonzero(np.bincount(labels) >= MIN_UNITS)
        if len(self.compared) < 2:
            return
        self.horizon = min(
            float(time[labels == stratum].max()) for stratum in self.compared
        )
        (self._means,) = self.resampled_means(np.arange(len(time))[None])
        # Two strata even if all means are equal.
        order = self.compared[np.argsort(self._means, kind="stable")]
        self.best, self.worst = int(order[-1]), int(order[0])

    @property
    def note(self) -> str:
        """Which strata are compared, and the horizon."""
        n_compared, n_left_out = len(self.compared), self.n_strata - len(self.compared)
        if n_compared < 2:
            return f"fewer than two strata have at least {MIN_UNITS} times"
        best, worst = self._names[self.best], self._names[self.worst]
        text = f"stratum {best} minus stratum {worst}, up to {self.horizon:.4g}"
        if n_compared > 2:
            text += f"; the two of {n_compared} that differ most"
        if n_left_out:
            strata = quantity(n_left_out, "stratum", "strata")
            text += f"; without {strata} of fewer than {MIN_UNITS} times"
        return text

    def statistic(self, labels: np.ndarray) -> np.ndarray:
        """Return the statistics of labels of shape (n_batch, n_units)."""
        labels = labels[:, self.order]
        members = labels[:, None] == np.arange(self.n_strata)[:, None]
        # (n_batch, n_strata, n_units): members whose time is at least that of a unit.
        later = members[..., ::-1].cumsum(axis=2)[..., ::-1]
        at_risk = len(self.time) - self.first
        share = later[..., self.first] / at_risk  # (n_batch, n_strata, n_event_times)
        observed = members[..., self.event].sum(axis=2)
        excess = observed - share @ self.deaths
        variance = self.deaths * (at_risk - self.deaths) / np.maximum(1, at_risk - 1)
        weighted = share * variance
        covariance = -weighted @ share.swapaxes(1, 2)
        diagonal = np.arange(self.n_strata)
        covariance[:, diagonal, diagonal] += weighted.sum(axis=2)
        inverse = np.linalg.pinv(covariance, rcond=SMALLEST_EIGENVALUE, hermitian=True)
        return np.asarray(np.einsum("bi,bij,bj->b", excess, inverse, excess))

    def effect(self) -> float:
        """Return the effect size in the data, NaN if there are too few units."""
        if len(self.compared) < 2:
            return np.nan
        return float(self._means.max() - self._means.min())

    def interval(
        self, n_resamples: int, confidence: float, rng: np.random.Generator
    ) -> tuple[float, float]:
        """Return the interval of the effect size over resampled units, or NaN."""
        if len(self.compared) < 2:
            return np.nan, np.nan
        n_units = len(self.time)
        means = resample(self.resampled_means, n_units, n_resamples, rng)
        is_early = self.event & (self.time < self.horizon)
        for column, stratum in enumerate(self.compared):
            members = self.labels[self.order] == stratum
            if self.horizon > 0 and not is_early[members].any():
                drawn = draw_eventless_means(
                    self.time[members], self.horizon, n_resamples, rng
                )
                means[:, column] = np.where(np.isnan(means[:, column]), np.nan, drawn)
        margins = simultaneous_margins(self._means, means, confidence)
        best, worst = np.searchsorted(self.compared, [self.best, self.worst])
        margin = float(margins[best, worst])
        effect = self.effect()
        # No two restricted means differ by more than the horizon.
        return effect - margin, min(effect + margin, self.horizon)

    def resampled_means(self, rows: np.ndarray) -> np.ndarray:
        """Return the restricted means of the compared strata in resamples.

        Parameters
        ----------
        rows : ndarray of shape (n_batch, n_units)
            Indices of the units of each resample.

        Returns
        -------
        means : ndarray of shape (n_batch, n_compared)
            The restricted means; NaN for a stratum without units.
        """
        counts = np.apply_along_axis(np.bincount, 1, rows, minlength=rows.shape[1])
        weights = counts[:, self.order].astype(float)
        members = [self.labels[self.order] == stratum for stratum in self.compared]
        return np.stack(
            [
                restricted_mean(
                    self.time[each], self.event[each], weights[:, each], self.horizon
                )
                for each in members
            ],
            axis=1,
        )


def restricted_mean(
    time: np.ndarray, event: np.ndarray, weights: np.ndarray, horizon: float
) -> np.ndarray:
    """Return the area below weighted Kaplan-Meier curves up to a horizon.

    Parameters
    ----------
    time : ndarray of shape (n_units,)
        Times in ascending order.

    event : ndarray of shape (n_units,)
        Whether the event was observed.

    weights : ndarray of shape (n_batch, n_units)
        Weights of the units, one row for each curve.

    horizon : float
        Upper limit of the area.

    Returns
    -------
    areas : ndarray of shape (n_batch,)
        The restricted means; NaN if all weights of a row are zero. A curve whose last
        unit is censored before the horizon is continued as a constant.
    """
    times, first = np.unique(time, return_index=True)
    at_risk = weights[:, ::-1].cumsum(axis=1)[:, ::-1][:, first]
    deaths = np.add.reduceat(weights * event, first, axis=1)
    survival = np.cumprod(1 - deaths / np.maximum(at_risk, 1e-300), axis=1)
    edges = np.concatenate([[0.0], np.minimum(times, horizon), [horizon]])
    steps = np.concatenate([np.ones((len(weights), 1)), survival], axis=1)
    areas = steps @ np.diff(edges)
    return np.where(at_risk[:, 0] > 0, areas, np.nan)


def draw_eventless_means(
    time: np.ndarray, horizon: float, n_draws: int, rng: np.random.Generator
) -> np.ndarray:
    r"""Draw the restricted mean of units that have no event before the horizon.

    Resamples of such units have no event either, so that their restricted mean is
    always the horizon, :math:`h`. Instead, a constant hazard is drawn. Given that there
    was no event in the observed time :math:`T`, and with a uniform prior, it is
    exponential with the mean :math:`1 / T`. The restricted mean for a hazard
    :math:`\lambda` is :math:`(1 - \exp(-\lambda h)) / \lambda`.

    Parameters
    ----------
    time : ndarray of shape (n_units,)
        Times of the units, not all 0.

    horizon : float
        Upper limit of the restricted mean, above 0.

    n_draws : int
        Number of draws.

    rng : Generator
        Random generator.

    Returns
    -------
    means : ndarray of shape (n_draws,)
        The restricted means, at most `horizon`.
    """
    observed = np.minimum(time, horizon).sum()
    hazard = rng.exponential(1 / observed, n_draws)
    return np.asarray(-np.expm1(-hazard * horizon) / hazard)
