"""Refuse dates, times and durations where numbers are needed."""

import datetime
from collections.abc import Iterator
from typing import Any

import numpy as np

from contrastive_clustering._utils.bad_samples import name_value

# Those of pandas are subclasses, except for periods.
TIMES = (
    np.datetime64,
    np.timedelta64,
    datetime.date,
    datetime.time,
    datetime.timedelta,
)


def reject_times(values: Any, name: str) -> None:
    """Raise a ValueError if an array or data frame holds dates or durations.

    Some libraries would convert them to numbers and lose their unit, and others refuse
    them without saying where they are.

    Parameters
    ----------
    values : object
        An array or data frame; others are not checked.

    name : str
        Parameter name used in error messages.

    Examples
    --------
    >>> import pandas as pd
    >>> from contrastive_clustering._utils.times import reject_times
    >>> frame = pd.DataFrame({"age": [30, 40], "scanned": pd.to_datetime(["2020"] * 2)})
    >>> reject_times(frame, "X")
    Traceback (most recent call last):
    ...
    ValueError: It holds dates or durations, first in X[0, 1], column 'scanned'. Drop \
them or convert them to real numbers, such as days since a reference date.
    """
    where = next(_find(values), None)
    if where is None:
        return
    place = name_value(*where, name)
    raise ValueError(
        f"It holds dates or durations, first in {place}. Drop them or convert them to "
        "real numbers, such as days since a reference date."
    )


def _find(values: Any) -> Iterator[tuple[tuple[int, ...], object]]:
    """Yield the index, and the column if it has a name, of dates and durations."""
    if hasattr(values, "columns") and hasattr(values, "dtypes"):
        for number, dtype in enumerate(values.dtypes):
            for row in _find_in_column(values, number, dtype):
                yield (row, number), values.columns[number]
        return
    dtype = getattr(values, "dtype", None)
    if _holds_times(dtype):
        yield (0,) * values.ndim, None
    elif isinstance(values, np.ndarray) and values.dtype.kind == "O":
        for index, value in np.ndenumerate(values):
            if _is_time(type(value)):
                yield index, None


def _find_in_column(frame: Any, number: int, dtype: Any) -> Iterator[int]:
    """Yield the rows of a data frame in which a column holds dates and durations."""
    if _holds_times(dtype):
        yield 0
    elif getattr(dtype, "kind", None) == "O" and hasattr(frame, "iloc"):
        entries = np.asarray(frame.iloc[:, number], dtype=object)
        yield from (row for row, each in enumerate(entries) if _is_time(type(each)))


def _holds_times(dtype: Any) -> bool:
    """Return whether a dtype of any library is one of dates or durations."""
    if hasattr(dtype, "is_temporal"):  # of polars
        return bool(dtype.is_temporal())
    return _is_time(getattr(dtype, "type", None))


def _is_time(kind: Any) -> bool:
    is_known = isinstance(kind, type) and issubclass(kind, TIMES)
    return is_known or getattr(kind, "__name__", None) == "Period"
