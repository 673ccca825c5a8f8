"""Survival times: reading them, and reducing them to groups."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from contrastive_clustering._evaluation.table_columns import (
    is_numeric,
    to_numbers,
    to_series,
)
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.stray_text import find_stray_text


@dataclass(frozen=True, eq=False)
class SurvivalColumn:
    """Times to an event; either array is NaN where the unit is missing.

    Attributes
    ----------
    name : hashable
        Name of the variable.

    time : ndarray of shape (n,)
        Times to the event or to the end of observation.

    event : ndarray of shape (n,)
        1 where the event was observed, 0 where the time is censored.
    """

    name: Hashable
    time: np.ndarray
    event: np.ndarray

    kind = "survival"

    @property
    def known(self) -> np.ndarray:
        """Whether time and event are known, of shape (n,)."""
        known: np.ndarray = ~np.isnan(self.time) & ~np.isnan(self.event)
        return known

    def take(self, rows: np.ndarray) -> "SurvivalColumn":
        """Return some rows of the column."""
        return replace(self, time=self.time[rows], event=self.event[rows])

    def reduce(self, grouping: Grouping) -> "SurvivalColumn":
        """Return the time and the event of each group, which its samples share."""
        return replace(
            self, time=grouping.mean(self.time), event=grouping.mean(self.event)
        )


def read_survival(
    survival: Any, columns: dict[Hashable, Any], grouping: Grouping
) -> SurvivalColumn:
    """Return the survival times of all samples, and remove their columns.

    Parameters
    ----------
    survival : tuple of (time, event)
        Names of columns, or arrays of shape (n_samples,).

    columns : dict of hashable to pandas.Series
        The columns of the table. Those that `survival` names are removed.

    grouping : Grouping
        The group of each sample.

    Returns
    -------
    column : SurvivalColumn
        The times, named after the column or the series of times.

    Raises
    ------
    ValueError
        If times are negative, if events are neither 0 nor 1, if the samples of a group
        differ, or if a column that is not removed has the name of the times.
    """
    if len(survival) != 2:
        raise ValueError(
            f"survival={show(survival)} must be a pair (time, event) of column names "
            "or arrays."
        )
    time, event = (
        _find(values, what, columns, len(grouping.codes))
        for values, what in zip(survival, ("time", "event"), strict=True)
    )
    for each in survival:
        if _is_name(each):
            columns.pop(each, None)
    name = "survival" if time.name is None else time.name
    if str(name) in map(str, columns):
        raise ValueError(
            f"survival and a column of metadata are both named {show(str(name))}, so "
            "that results could not be told apart. Pass the name of the column in "
            "survival instead of its values, or rename it."
        )
    column = SurvivalColumn(name, _read(time, "time"), _read(event, "event"))
    _check(column, grouping)
    return column


def _is_name(values: Any) -> bool:
    return isinstance(values, str | int | tuple)


def _find(values: Any, what: str, columns: dict[Hashable, Any], n_samples: int) -> Any:
    if not _is_name(values):
        return to_series(values, f"the {what} of survival", n_samples)
    if not columns:
        raise ValueError(
            f"the {what} of survival is {show(values)}, but there are no columns. Pass "
            "an array."
        )
    if values not in columns:
        raise ValueError(
            f"the {what} of survival is {show(values)}, which is not a column of "
            "metadata. Pass the name of a column or an array."
        )
    return columns[values].rename(values)


def _read(series: Any, what: str) -> np.ndarray:
    where = f"the {what} of survival"
    are_bools = series.dropna().map(lambda value: isinstance(value, bool | np.bool_))
    if not are_bools.all() and not is_numeric(series, where):
        remedy = "numbers" if what == "time" else "1 where it was observed, otherwise 0"
        stray = find_stray_text(series.tolist())
        found = "does not hold numbers"
        if stray is not None:
            found += f": {stray.describe(f'at index {stray.first}')}"
        raise ValueError(f"{where} {found}. Pass {remedy}.")
    return to_numbers(series, where)


def _check(column: SurvivalColumn, grouping: Grouping) -> None:
    negative = np.flatnonzero(column.time < 0)
    if len(negative):
        raise ValueError(
            f"the time of survival is negative at index {negative[0]}. Pass the time "
            "from the start of observation."
        )
    known = ~np.isnan(column.event)
    invalid = np.flatnonzero(known & ~np.isin(column.event, (0, 1)))
    if len(invalid):
        raise ValueError(
            f"the event of survival is neither 0 nor 1 at index {invalid[0]}. Pass 1 "
            "where the event was observed, and 0 where the time is censored."
        )
    for what, values in (("time", column.time), ("event", column.event)):
        differing = grouping.varies(values)
        if len(differing):
            raise ValueError(
                f"the {what} of survival at index {differing[0]} differs from that of "
                "another sample of the same group. Repeat the time and the event of a "
                "group for all of its samples."
            )
