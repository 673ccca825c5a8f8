"""Refuse values that are not real numbers, and say where they are."""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from contrastive_clustering._utils.arrays import errors_about
from contrastive_clustering._utils.bad_samples import name_not_real, name_value

# Kinds of NumPy's dtypes that may hold text: objects, strings and bytes.
KINDS_OF_TEXT = "OUST"

# Those of pandas are subclasses, except for periods.
TIMES = (
    np.datetime64,
    np.timedelta64,
    datetime.date,
    datetime.time,
    datetime.timedelta,
)

# The index of a value, and the name of its column if it has one.
Position = tuple[tuple[int, ...], object]


@contextmanager
def errors_about_numbers(values: Any, name: str, what: str) -> Iterator[None]:
    """Refuse dates, durations and text, then explain errors of a conversion to numbers.

    scikit-learn's and NumPy's own errors would not say where a value is, and some would
    print all of them.

    Parameters
    ----------
    values : object
        The array or data frame that is converted.

    name : str
        Parameter name used in error messages.

    what : str
        Kind of array that is needed, such as "a table of samples", for error messages.

    Raises
    ------
    TypeError, ValueError
        If the array holds dates, durations or text, or if the conversion fails.
    """
    with errors_about(name, what):
        reject_times_and_text(values, name)
        try:
            yield
        except (TypeError, ValueError) as error:
            sentence = _say_why(values, error, name)
            if not sentence:
                raise
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(sentence) from None


def _say_why(values: Any, error: Exception, name: str) -> str:
    """Return why values cannot be converted to real numbers, "" if that is unknown."""
    columns = getattr(values, "columns", None)
    if columns is not None and not len(columns):
        return "It has no columns. Pass at least one column of numbers."
    if hasattr(values, "sparse"):  # a data frame
        return (
            f"Sparse data was passed for {name}, but dense data is required. Pass "
            f"{name}.sparse.to_dense()."
        )
    sentence = ""
    if columns is not None or np.dtype(object) == getattr(values, "dtype", None):
        sentence = name_not_real(np.asarray(values, dtype=object), columns, name)
    if not sentence and "Complex data not supported" in str(error):
        return f"Complex data not supported. Pass real numbers, such as np.abs({name})."
    return sentence


def reject_times_and_text(values: Any, name: str) -> None:
    """Raise a ValueError if an array or data frame holds dates, durations or text.

    Some libraries would convert dates and durations to numbers and lose their unit, and
    others refuse them without saying where they are. Some texts of digits, such as
    "01", would become numbers, but may be identifiers or codes of categories.

    Parameters
    ----------
    values : object
        An array or data frame; others are not checked.

    name : str
        Parameter name used in error messages.

    Examples
    --------
    >>> import pandas as pd
    >>> from contrastive_clustering._utils.refused_values import reject_times_and_text
    >>> frame = pd.DataFrame({"age": [30, 40], "scanned": pd.to_datetime(["2020"] * 2)})
    >>> reject_times_and_text(frame, "X")
    Traceback (most recent call last):
    ...
    ValueError: It holds dates or durations, first in X[0, 1], column 'scanned'. Drop \
them or convert them to real numbers, such as days since a reference date.
    """
    for found in _find_times(values):
        raise ValueError(
            f"It holds dates or durations, first in {name_value(*found, name)}. Drop "
            "them or convert them to real numbers, such as days since a reference date."
        )
    for found in _find_text(values):
        raise ValueError(
            f"It holds text, first in {name_value(*found, name)}. Drop it or encode it "
            "as numbers; if it is written in digits and not a name or a code, convert "
            "it by astype(float)."
        )


def _is_frame(values: Any) -> bool:
    return hasattr(values, "columns") and hasattr(values, "dtypes")


def _find_times(values: Any) -> Iterator[Position]:
    """Yield the positions of dates and durations, column by column."""
    dtype = getattr(values, "dtype", None)
    if _is_frame(values):
        for number, dtype in enumerate(values.dtypes):
            for row in _find_times_in_column(values, number, dtype):
                yield (row, number), values.columns[number]
    elif _holds_times(dtype):
        yield (0,) * values.ndim, None
    elif isinstance(values, np.ndarray) and values.dtype.kind == "O":
        for index, value in np.ndenumerate(values):
            if _is_time(type(value)):
                yield index, None


def _find_times_in_column(frame: Any, number: int, dtype: Any) -> Iterator[int]:
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


def _find_text(values: Any) -> Iterator[Position]:
    """Yield the positions of texts, row by row; of each column only the first."""
    if _is_frame(values):
        for row, number in sorted(_find_text_in_columns(values)):
            yield (row, number), values.columns[number]
    elif isinstance(values, np.ndarray) and values.dtype.kind in KINDS_OF_TEXT:
        for index, value in np.ndenumerate(values):
            if isinstance(value, str | bytes):
                yield index, None


def _find_text_in_columns(frame: Any) -> Iterator[tuple[int, int]]:
    for number, dtype in enumerate(frame.dtypes):
        if not _may_hold_text(dtype):
            continue
        is_pandas = hasattr(frame, "iloc")
        column = frame.iloc[:, number] if is_pandas else frame[frame.columns[number]]
        for row, value in enumerate(np.asarray(column, dtype=object)):
            if isinstance(value, str | bytes):
                yield row, number
                break


def _may_hold_text(dtype: Any) -> bool:
    """Return whether a dtype of any library may be one of text."""
    if hasattr(dtype, "is_numeric"):  # of polars
        return not dtype.is_numeric()
    return getattr(dtype, "kind", "O") in KINDS_OF_TEXT
