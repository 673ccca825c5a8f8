"""Codes of identifiers and levels, such as patients and sites, that callers pass."""

from collections.abc import Hashable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
from scipy.sparse import issparse
from torch.utils.data import Dataset

from contrastive_clustering._utils.arrays import from_tensor, in_memory, without_tensors

# Code of a missing value.
MISSING = -1

# Iterables that would yield keys, an arbitrary order, or their values only once. Data
# sets may never end.
NOT_COLUMNS = (Mapping, set, frozenset, Iterator, Dataset)


def read_column(values: Any, where: str, n_samples: int) -> list[Any]:
    """Return one value for each sample.

    Parameters
    ----------
    values : array-like of shape (n_samples,) or (n_samples, 1)
        A column of any library.

    where : str
        Name of the parameter or the column, for error messages.

    n_samples : int
        Expected number of values.

    Returns
    -------
    values : list of length n_samples
        The values; a masked one is None.

    Raises
    ------
    TypeError
        If the values are a mapping, a set, an iterator, a data set or sparse.

    ValueError
        If the shape or the number of values differs.
    """
    check_is_column(values, where)
    array = in_memory(from_tensor(values, where))
    if len(getattr(array, "columns", ())) == 1:  # a data frame
        array = array[next(iter(array.columns))]
    if isinstance(array, np.ma.MaskedArray):
        entries = read_column(array.data, where, n_samples)
        hidden = np.ma.getmaskarray(array).ravel().tolist()
        return [None if h else e for h, e in zip(hidden, entries, strict=True)]
    if not isinstance(array, np.ndarray):
        array = _to_exact(array)
    shape = getattr(array, "shape", None)
    if shape is None:
        if isinstance(array, str | bytes) or not np.iterable(array):
            raise ValueError(
                f"{where} is of type {type(values).__name__}, which is not "
                "one-dimensional. Pass one value for each sample."
            )
        entries = list(array)
    else:
        if len(shape) == 2 and shape[1] == 1:
            array = array[:, 0]
        elif len(shape) != 1:
            raise ValueError(
                f"{where} has shape {tuple(shape)}. Pass one value for each sample, of "
                f"shape ({n_samples},)."
            )
        # Lists of dates in nanoseconds would be integers.
        is_date = getattr(getattr(array, "dtype", None), "kind", "") in ("m", "M")
        has_list = hasattr(array, "tolist") and not is_date
        entries = array.tolist() if has_list else list(array)
    if len(entries) != n_samples:
        raise ValueError(
            f"{where} has {len(entries)} values, but there are {n_samples} samples. "
            "Pass one value for each sample."
        )
    return without_tensors(entries, where)


def check_is_column(values: Any, where: str) -> None:
    """Raise a TypeError unless values have an order and can be read several times."""
    if isinstance(values, NOT_COLUMNS) or issparse(values):
        raise TypeError(
            f"{where} is of type {type(values).__name__}. Pass one value for each "
            "sample, in the order of the samples, as a list or an array."
        )


def _to_exact(array: Any) -> Any:
    """Return an object of another library as a list or an array."""
    # In NumPy's arrays, integers beside missing values would be floats.
    for name in ("tolist", "to_list", "to_pylist", "to_numpy"):
        if hasattr(array, name):
            return getattr(array, name)()
    return array


def factorize(entries: list[Any], where: str) -> tuple[np.ndarray, list[Hashable]]:
    """Return the codes of values in the order in which these first appear.

    Parameters
    ----------
    entries : list of length n_samples
        The values. None, NaN, NaT, pandas' NA and empty strings are missing.

    where : str
        Name of the parameter or the column, for error messages.

    Returns
    -------
    codes : ndarray of shape (n_samples,)
        Codes from 0; -1 is missing.

    known : list of length n_known
        The value of each code.

    Raises
    ------
    TypeError
        If a value cannot be an identifier because it cannot be hashed.

    Examples
    --------
    >>> from contrastive_clustering._utils.identifiers import factorize
    >>> codes, known = factorize(["b", "a", None, "b"], "groups")
    >>> codes.tolist(), known
    ([0, 1, -1, 0], ['b', 'a'])
    """
    numbers: dict[Hashable, int] = {}
    codes = np.empty(len(entries), dtype=np.intp)
    for index, entry in enumerate(entries):
        if is_missing(entry):
            codes[index] = MISSING
            continue
        try:
            codes[index] = numbers.setdefault(entry, len(numbers))
        except TypeError as error:
            raise TypeError(
                f"{where} has a value of type {type(entry).__name__} at index {index}. "
                "Pass strings or integers."
            ) from error
    return codes, list(numbers)


def is_missing(entry: Any) -> bool:
    """Return whether a value is None, NaN, NaT, pandas' NA or an empty text."""
    if entry is None or type(entry).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(entry, str | bytes):
        return not entry.strip()
    # Those that have NaN or NaT, which differ from themselves.
    kinds = float | Decimal | np.floating | np.datetime64 | np.timedelta64
    return bool(isinstance(entry, kinds) and entry != entry)  # noqa: PLR0124
