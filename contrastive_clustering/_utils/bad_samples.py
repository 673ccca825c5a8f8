"""Find unusable samples and name them in error messages."""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

import numpy as np

from contrastive_clustering._utils.chunks import chunk_slices

# Number of samples that a message names; the others are only counted.
MAX_NAMED = 3

# Time limit of the search for further unusable samples: reading a large data set to the
# end could delay the error message by hours.
SECONDS_OF_SEARCH = 10.0


def name_samples(indices: Sequence[int], n_samples: int, name: str = "X") -> str:
    """Return the indices of the first few samples and their total number as text.

    There is at least one index, and `n_samples` is the number of samples that were
    checked.

    Examples
    --------
    >>> from contrastive_clustering._utils.bad_samples import name_samples
    >>> name_samples([123], 400), name_samples([1, 5], 400)
    ('X[123] (1 of 400 samples)', 'X[1] and X[5] (2 of 400 samples)')
    >>> name_samples([1, 5, 6, 9, 20], 400)
    'X[1], X[5], X[6] and 2 more (5 of 400 samples)'
    """
    named = [f"{name}[{index}]" for index in indices[:MAX_NAMED]]
    if len(indices) > MAX_NAMED:
        named.append(f"{len(indices) - MAX_NAMED} more")
    text = named[0]
    if len(named) > 1:
        text = f"{', '.join(named[:-1])} and {named[-1]}"
    return f"{text} ({len(indices)} of {n_samples} samples)"


def name_value(index: Sequence[int], column: object = None, name: str = "X") -> str:
    """Return the index of a value, and the name of its column if it has one, as text.

    Examples
    --------
    >>> from contrastive_clustering._utils.bad_samples import name_value
    >>> name_value([0, 1], "site"), name_value([3, 0, 2])
    ("X[0, 1], column 'site'", 'X[3, 0, 2]')
    """
    place = f"{name}[{', '.join(map(str, index))}]"
    return place if column is None else f"{place}, column {str(column)!r}"


def name_not_real(
    values: np.ndarray, columns: Sequence[object] | None = None, name: str = "X"
) -> str:
    """Return a sentence that names the first value that is not a real number.

    Parameters
    ----------
    values : ndarray of shape (n_samples, ...)
        Objects.

    columns : sequence of object, default=None
        Names of the columns of a table.

    name : str, default="X"
        Name of the array.

    Returns
    -------
    sentence : str
        The kind of value, its index, and the name of its column if there is one; empty
        if all values are numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._utils.bad_samples import name_not_real
    >>> name_not_real(np.array([[1, 2], [3, None], [4, object()]]), ["age", "size"])
    "A float() argument must be a string or a real number, not 'object' as in X[2, 1], \
column 'size'. Drop such values or convert them to numbers."
    """
    for flat, value in enumerate(values.flat):
        if _is_real(value):
            continue
        index = [int(each) for each in np.unravel_index(flat, values.shape)]
        column = None
        if columns is not None and len(index) == 2:
            column = columns[index[1]]
        where = name_value(index, column, name)
        kind = type(value).__name__
        if kind == "NAType":  # of pandas
            return (
                f"It holds missing values, first in {where}. Drop these samples or "
                "impute the values."
            )
        # The words of Python's own error, which scikit-learn's checks require.
        return (
            f"A float() argument must be a string or a real number, not {kind!r} as in "
            f"{where}. Drop such values or convert them to numbers."
        )
    return ""


def _is_real(value: Any) -> bool:
    """Return whether a value is converted to a real number or NaN."""
    if value is None:
        return True
    if isinstance(value, complex | np.complexfloating):
        return bool(value.imag == 0)
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def not_finite(samples: np.ndarray) -> np.ndarray:
    """Return the ascending indices of samples that contain NaN or infinity.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._utils.bad_samples import not_finite
    >>> not_finite(np.array([[0.0, 1.0], [np.nan, 0.0], [2.0, np.inf]]))
    array([1, 2])
    """
    if samples.dtype.kind != "f" or not samples.size:
        return np.empty(0, dtype=np.intp)
    found = []
    for part in chunk_slices(len(samples), samples[0].size):
        finite = np.isfinite(samples[part])
        if not finite.all():
            rows = finite.reshape(len(finite), -1).all(axis=1)  # (n, ...) -> (n,)
            found.append(part.start + np.flatnonzero(~rows))
    return np.concatenate(found) if found else np.empty(0, dtype=np.intp)


NOT_FINITE = "NaN or infinity"


def error_of_values(
    indices: Sequence[int],
    n_samples: int,
    name: str,
    what: str = NOT_FINITE,
    *,
    column: int | None = None,
    columns: Sequence[object] | None = None,
) -> ValueError:
    """Return the error for samples with unusable values.

    `column` is the first column that misses a value in the first of the samples, if
    they are rows of a table, and `columns` are the names of all columns, if they have
    names.
    """
    where, remedy = "", ""
    if column is not None:
        where = f", first in column {column}"
        if columns is not None and isinstance(columns[column], str):
            where += f", {columns[column]!r}"
        remedy = ", for example by sklearn.impute.SimpleImputer in a Pipeline"
    return ValueError(
        f"{name} contains {what} in {name_samples(indices, n_samples, name)}{where}. "
        f"Drop these samples or impute the values{remedy}."
    )


def check_finite(
    array: np.ndarray,
    name: str,
    what: str = NOT_FINITE,
    *,
    columns: Sequence[object] | None = None,
) -> None:
    """Raise an error unless all values of an array are finite.

    Parameters
    ----------
    array : ndarray of shape (n_samples, ...)
        Numbers.

    name : str
        Name of the array.

    what : str, default="NaN or infinity"
        How the message describes the values.

    columns : sequence of object, default=None
        Names of the columns of a table.

    Raises
    ------
    ValueError
        If a sample contains NaN or infinity; the message gives the indices and, if
        values of a table are missing, the first column of them.
    """
    indices = not_finite(array).tolist()
    if indices:
        is_missing = np.isnan(array[indices[0]])
        column = None
        if array.ndim == 2 and is_missing.any():
            column = int(is_missing.argmax())
        raise error_of_values(
            indices, len(array), name, what, column=column, columns=columns
        )


def search(
    first: int,
    n_samples: int,
    find: Callable[[np.ndarray], Sequence[int]],
    n_together: int,
) -> tuple[list[int], int]:
    """Search for more samples with the same defect as the first one found.

    Parameters
    ----------
    first : int
        Index of the first unusable sample.

    n_samples : int
        Number of samples.

    find : callable
        Takes consecutive indices and returns those of unusable samples.

    n_together : int
        Number of indices per call.

    Returns
    -------
    indices : list of int
        Indices of unusable samples in ascending order, including `first`.

    n_seen : int
        Number of samples that were checked within the time limit.
    """
    until = monotonic() + SECONDS_OF_SEARCH
    found = {first}
    n_seen = 0
    while n_seen < n_samples and monotonic() <= until:
        indices = np.arange(n_seen, min(n_seen + n_together, n_samples))
        found.update(find(indices))
        n_seen += len(indices)
    return sorted(found), max(n_seen, first + 1)
