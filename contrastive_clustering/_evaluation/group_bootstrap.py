"""Intervals of metrics by resampling groups, such as patients."""

from collections.abc import Callable, Container, Mapping

import numpy as np
from sklearn.utils import check_random_state

from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.weighted_tables import ROUNDING

N_RESAMPLES = 500

# Percentiles over the resamples that bound the intervals.
INTERVAL = (2.5, 97.5)

# Score of true classes, predictions and weights, and the predictions, each of shape
# (n_samples,).
Metric = tuple[Callable[[np.ndarray, np.ndarray, np.ndarray | None], float], np.ndarray]


def group_intervals(
    metrics: Mapping[str, Metric],
    y: np.ndarray,
    grouping: Grouping,
    random_state: int | np.random.RandomState | None,
    biased: Container[str] = (),
) -> dict[str, tuple[float, float]]:
    """Return 95 % intervals over resamples of groups with replacement.

    A group weighs as one each time it is drawn: its samples have the number of times
    divided by their number as their weight.

    Parameters
    ----------
    metrics : mapping of str to tuple
        For each metric a function ``score(y, predicted, weights)`` and the predictions,
        of shape (n_samples,). Nothing is fitted or predicted again.

    y : ndarray of shape (n_samples,)
        Reference classes.

    grouping : Grouping
        The group of each sample. Each resample has as many groups as there are, with
        all their samples; groups that are not drawn have weight 0.

    random_state : int, RandomState instance or None
        Seed of the resamples, which all metrics share.

    biased : container of str, default=()
        Metrics that are larger in resamples than in the data because repeated groups
        agree with themselves. Their percentiles are reflected about the observed value,
        and limits outside of the range of the metrics, from 0 to 1, are set to its end.

    Returns
    -------
    intervals : dict of str to tuple of float
        Percentiles 2.5 and 97.5 of each metric over 500 resamples, or the observed
        value minus their differences from it ("basic" bootstrap). NaN if both are
        1, as for predictions without any error: their resamples have none either, and
        do not show how precise the value is.

    References
    ----------
    Davison, Hinkley, "Bootstrap methods and their application", 1997, section 5.2.
    Field, Welsh, "Bootstrapping clustered data", Journal of the Royal Statistical
    Society B 69 (2007).

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._evaluation.group_bootstrap import group_intervals
    >>> from contrastive_clustering._utils.grouping import Grouping
    >>> y, predicted = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0])
    >>> def accuracy(y, predicted, weights):
    ...     return float(np.average(y == predicted, weights=weights))
    >>> metrics = {"accuracy": (accuracy, predicted)}
    >>> group_intervals(metrics, y, Grouping(np.array([0, 0, 1, 1]), 2), 0)
    {'accuracy': (0.5, 1.0)}
    """
    generator = check_random_state(random_state)
    n_groups, weights = grouping.n_groups, grouping.weights()
    drawn: dict[str, list[float]] = {name: [] for name in metrics}
    for _ in range(N_RESAMPLES):
        drawn_groups = generator.randint(n_groups, size=n_groups)
        times = np.bincount(drawn_groups, minlength=n_groups)
        drawn_weights = times[grouping.codes] * weights
        for name, (score, predicted) in metrics.items():
            drawn[name].append(score(y, predicted, drawn_weights))
    intervals = {}
    for name, (score, predicted) in metrics.items():
        low, high = map(float, np.percentile(drawn[name], INTERVAL))
        if name in biased:
            twice = 2 * float(score(y, predicted, weights))
            low, high = (
                min(1.0, max(0.0, limit)) for limit in (twice - high, twice - low)
            )
        intervals[name] = (np.nan, np.nan) if low > 1 - ROUNDING else (low, high)
    return intervals
