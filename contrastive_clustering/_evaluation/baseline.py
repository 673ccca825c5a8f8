"""Baseline characteristics by stratum, the first table of clinical papers."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
from scipy.stats import CensoredData, ecdf

from contrastive_clustering._evaluation.survival_column import SurvivalColumn
from contrastive_clustering._evaluation.table_columns import Column
from contrastive_clustering._utils.identifiers import MISSING
from contrastive_clustering._utils.messages import quantity

# Rarer levels of a variable share one row.
MOST_LEVELS = 20

# The curve is a product, which may exceed one half by rounding errors.
ROUNDING = 1e-9


def make_baseline(
    columns: Sequence[Column | SurvivalColumn],
    labels: np.ndarray,
    strata: np.ndarray,
) -> Any:
    """Return characteristics of all units and of each stratum, as text.

    Parameters
    ----------
    columns : sequence of Column or SurvivalColumn
        The variables of the units.

    labels : ndarray of shape (n_units,)
        Codes of the strata.

    strata : ndarray of shape (n_strata,)
        Names of the strata.

    Returns
    -------
    baseline : pandas.DataFrame
        See :class:`StrataAssociation`.
    """
    parts = [labels >= 0, *(labels == code for code in range(len(strata)))]
    names, statistics = ["units"], ["n"]
    cells = [[str(part.sum()) for part in parts]]
    for column in columns:
        missing = [_count(~column.known[part]) for part in parts]
        for statistic, row in [
            *_characterize(column, parts),
            ("missing, n (%)", missing),
        ]:
            names.append(str(column.name))
            statistics.append(statistic)
            cells.append(row)
    pandas: Any = import_module("pandas")
    return pandas.DataFrame(
        cells,
        index=pandas.MultiIndex.from_arrays(
            [names, statistics], names=["variable", "statistic"]
        ),
        columns=pandas.Index(["all", *strata.tolist()], name="stratum", dtype=object),
    )


def _characterize(
    column: Column | SurvivalColumn, parts: list[np.ndarray]
) -> list[tuple[str, list[str]]]:
    if isinstance(column, SurvivalColumn):
        known = [column.take(part & column.known) for part in parts]
        return [
            ("events, n (%)", [_count(each.event == 1) for each in known]),
            ("median survival", [_median_survival(each) for each in known]),
        ]
    if column.kind == "numeric":
        cells = [_quartiles(column.values[part & column.known]) for part in parts]
        return [("median [quartiles]", cells)]
    return _count_levels(column, parts)


def _count_levels(
    column: Column, parts: list[np.ndarray]
) -> list[tuple[str, list[str]]]:
    frequency = np.bincount(column.values[column.known])
    frequent = np.sort(np.argsort(-frequency, kind="stable")[:MOST_LEVELS])
    present = frequent[frequency[frequent] > 0]
    values = [column.values[part & column.known] for part in parts]
    rows = [
        (f"{column.levels[code]}, n (%)", [_count(each == code) for each in values])
        for code in present
    ]
    n_others = int((frequency > 0).sum()) - len(present)
    if n_others:
        cells = [_count(~np.isin(each, [*present, MISSING])) for each in values]
        rows.append((f"{quantity(n_others, 'other level')}, n (%)", cells))
    return rows


def _count(selected: np.ndarray) -> str:
    """Return a count, with its percentage if there is at least one unit."""
    if len(selected) == 0:
        return "0"
    return f"{selected.sum()} ({selected.mean():.1%})".replace("%", " %")


def _quartiles(values: np.ndarray) -> str:
    if len(values) == 0:
        return "-"
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{median:.4g} [{low:.4g}, {high:.4g}]"


def _median_survival(column: SurvivalColumn) -> str:
    """Return the first time at which the Kaplan-Meier curve is at most one half."""
    observed = column.event == 1
    sample = CensoredData(
        uncensored=column.time[observed], right=column.time[~observed]
    )
    curve = ecdf(sample).sf
    reached = curve.quantiles[curve.probabilities <= 0.5 + ROUNDING]
    return f"{reached[0]:.4g}" if len(reached) else "not reached"
