"""Refuse text where numbers are needed, also if it consists of digits."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from contrastive_clustering._utils.bad_samples import name_value

# Kinds of NumPy's dtypes that may hold text: objects, strings and bytes.
KINDS = "OUST"


def reject_text(values: Any, name: str) -> None:
    """Raise a ValueError if an array or data frame holds text.

    Libraries convert some texts of digits, such as "01", to numbers, and refuse others.
    They may be identifiers or codes of categories.

    Parameters
    ----------
    values : object
        An array or data frame; others are not checked.

    name : str
        Parameter name used in error messages.

    Examples
    --------
    >>> import pandas as pd
    >>> from contrastive_clustering._utils.texts import reject_text
    >>> frame = pd.DataFrame({"age": [30, 40], "site": ["1", "2"]})
    >>> reject_text(frame, "X")
    Traceback (most recent call last):
    ...
    ValueError: It holds text, first in X[0, 1], column 'site'. Drop it or encode it \
as numbers; if it is written in digits and not a name or a code, convert it by \
astype(float).
    """
    where = next(_find(values), None)
    if where is None:
        return
    place = name_value(*where, name)
    raise ValueError(
        f"It holds text, first in {place}. Drop it or encode it as numbers; if it is "
        "written in digits and not a name or a code, convert it by astype(float)."
    )


def _find(values: Any) -> Iterator[tuple[tuple[int, ...], object]]:
    """Yield the index, and the column if it has a name, of texts."""
    if hasattr(values, "columns") and hasattr(values, "dtypes"):
        for row, number in sorted(_find_in_columns(values)):
            yield (row, number), values.columns[number]
    elif isinstance(values, np.ndarray) and values.dtype.kind in KINDS:
        for index, value in np.ndenumerate(values):
            if isinstance(value, str | bytes):
                yield index, None


def _find_in_columns(frame: Any) -> Iterator[tuple[int, int]]:
    """Yield the first row with text, and the number, of each column of a data frame."""
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
    return getattr(dtype, "kind", "O") in KINDS
