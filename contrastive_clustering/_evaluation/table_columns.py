"""Columns of a table: reading them, and whether they are numbers or categories."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib import import_module
from numbers import Real
from typing import Any

import numpy as np

from contrastive_clustering._utils.arrays import from_tensor, in_memory, without_tensors
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.identifiers import (
    MISSING,
    check_is_column,
    is_missing,
)
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.stray_text import (
    CATEGORY_TYPES,
    warn_of_stray_text,
)

# Types of values that are categories. Tuples are the sizes of images, for example.
CATEGORIES = (str, bool | np.bool_, tuple)

# Larger integers may be equal as floats.
MAX_EXACT = 2.0**53


@dataclass(frozen=True, eq=False)
class Column:
    """One variable of samples or of groups.

    Attributes
    ----------
    name : hashable
        Name of the column.

    kind : {"numeric", "categorical"}
        How the variable is tested.

    values : ndarray of shape (n,)
        Numbers, NaN if missing; or codes of `levels`, -1 if missing.

    levels : tuple of str
        Names of the levels of a categorical variable.
    """

    name: Hashable
    kind: str
    values: np.ndarray
    levels: tuple[str, ...] = ()

    @property
    def known(self) -> np.ndarray:
        """Whether each value is not missing, of shape (n,)."""
        if self.kind == "numeric":
            return np.asarray(~np.isnan(self.values))
        return np.asarray(self.values != MISSING)

    def take(self, rows: np.ndarray) -> "Column":
        """Return some rows of the column."""
        return replace(self, values=self.values[rows])

    def reduce(self, grouping: Grouping) -> "Column":
        """Return one value for each group: the mean, or the most frequent level."""
        reduced = grouping.mean if self.kind == "numeric" else grouping.majority
        return replace(self, values=reduced(self.values))


def read_table(
    table: Any, n_samples: int, parameter: str = "metadata"
) -> dict[Hashable, Any]:
    """Return the columns of a table by name, as pandas series.

    Parameters
    ----------
    table : pandas.DataFrame, polars.DataFrame or mapping of names to columns
        One row a sample. An index is ignored.

    n_samples : int
        Expected number of rows.

    parameter : str, default="metadata"
        Name of the parameter, for messages.

    Returns
    -------
    columns : dict of hashable to pandas.Series
        The columns, indexed from 0.

    Raises
    ------
    TypeError
        If `table` has no named columns.

    ValueError
        If there are no columns, if names are repeated or look the same, or if a column
        does not have one value for each sample.
    """
    table = in_memory(table)
    if not isinstance(table, Mapping) and not hasattr(table, "columns"):
        raise TypeError(
            f"{parameter}={show(table)} has no named columns. Pass a pandas or polars "
            "data frame, or a dict of columns."
        )
    names = list(table) if isinstance(table, Mapping) else list(table.columns)
    if not names:
        raise ValueError(f"{parameter} has no columns. Pass at least one variable.")
    repeated = [name for i, name in enumerate(names) if name in names[:i]]
    if repeated:
        raise ValueError(
            f"{parameter} has several columns named {show(repeated[0])}. Give each "
            "column a name of its own."
        )
    _check_names(names, parameter)
    where = f"column {{}} of {parameter}"
    return {
        name: to_series(table[name], where.format(show(name)), n_samples)
        for name in names
    }


def _check_names(names: Sequence[Hashable], parameter: str) -> None:
    """Raise an error if names look the same, as results are indexed by their text."""
    first: dict[str, Hashable] = {}
    for name in names:
        other = first.setdefault(str(name), name)
        if other is not name:
            raise ValueError(
                f"{parameter} has columns named {show(other)} and {show(name)}, which "
                "look the same in results. Rename one of them."
            )


def to_series(values: Any, where: str, n_samples: int) -> Any:
    """Return one value for each sample as a series that is indexed from 0.

    Parameters
    ----------
    values : array-like of shape (n_samples,)
        A column of any library.

    where : str
        Name of the parameter or column, for messages.

    n_samples : int
        Expected length.

    Returns
    -------
    series : pandas.Series of length n_samples
        The values, with the name that they have.

    Raises
    ------
    TypeError
        If the values are a mapping, a set, an iterator, a data set or sparse.

    ValueError
        If the shape differs.
    """
    pandas: Any = import_module("pandas")
    check_is_column(values, where)
    values = in_memory(from_tensor(values, where))
    name = getattr(values, "name", None)
    if isinstance(values, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(values)
        values = np.asarray(values.data, dtype=object)
        values[mask] = None
    is_of_pandas = isinstance(
        values, pandas.Series | pandas.Index | pandas.api.extensions.ExtensionArray
    )
    # Those of polars would be texts.
    is_category = type(getattr(values, "dtype", None)).__name__ in CATEGORY_TYPES
    if not isinstance(values, np.ndarray) and not is_of_pandas:
        values = values.to_numpy() if hasattr(values, "to_numpy") else values
    ndim = values.ndim if hasattr(values, "ndim") else int(np.iterable(values))
    if ndim != 1 or isinstance(values, str):
        raise ValueError(
            f"{where} is not one-dimensional, but holds {show(values)}. Pass one value "
            "for each sample."
        )
    if not hasattr(values, "dtype"):
        values = without_tensors(values, where)
    if getattr(getattr(values, "dtype", None), "names", None) is not None:
        raise ValueError(
            f"{where} is a structured array. Pass each of its fields as a column."
        )
    series = pandas.Series(values)
    if isinstance(series.dtype, np.dtype):  # many methods need the native byte order
        series = series.astype(series.dtype.newbyteorder("="))
    if isinstance(series.dtype, pandas.SparseDtype):  # many methods do not support it
        series = series.sparse.to_dense()
    if len(series) != n_samples:
        raise ValueError(
            f"{where} has {len(series)} values, but strata has {n_samples} labels. "
            "Pass one value for each sample; repeat the values of a group for all of "
            "its samples."
        )
    series = series.reset_index(drop=True)
    if series.name is None and name:  # that of polars, where "" is none
        series.name = name
    return series.astype("category") if is_category else series


def read_column(name: Hashable, series: Any) -> Column:
    """Return a column as numbers or as codes of its levels.

    Numbers with exactly two different values, such as 0 and 1, are categories.

    Parameters
    ----------
    name : hashable
        Name of the column.

    series : pandas.Series of length n_samples
        The values.

    Returns
    -------
    column : Column
        The column.

    Raises
    ------
    ValueError
        If the values are neither numbers nor categories, or infinite, or if different
        levels look the same.

    Warns
    -----
    UserWarning
        As by `warn_of_stray_text`.
    """
    pandas: Any = import_module("pandas")
    where = f"column {show(name)} of metadata"
    if not pandas.api.types.is_numeric_dtype(series.dtype):
        series = series.mask(series.map(is_missing).astype(bool))  # empty texts
    if is_numeric(series, where):
        numbers = to_numbers(series, where)
        known, codes = np.unique(numbers[~np.isnan(numbers)], return_inverse=True)
        if len(known) != 2:
            return Column(name, "numeric", numbers)
        values = np.full(len(numbers), MISSING)
        values[~np.isnan(numbers)] = codes
        return Column(name, "categorical", values, _name_numbers(known))
    warn_of_stray_text(series.tolist(), where, series.dtype)
    if pandas.api.types.is_object_dtype(series.dtype):
        series = series.map(_name_tuple)  # tuples would form a MultiIndex
    categories = series.astype("category").cat.remove_unused_categories().cat
    levels = tuple(map(str, categories.categories))
    if len(set(levels)) < len(levels):
        raise ValueError(
            f"{where} has different levels that look the same, such as 1 and '1'. "
            "Convert it to one type."
        )
    return Column(name, "categorical", np.array(categories.codes, dtype=int), levels)


def is_numeric(series: Any, where: str) -> bool:
    """Return whether a series holds numbers; False for categories.

    Raises
    ------
    ValueError
        If it holds neither.
    """
    pandas: Any = import_module("pandas")
    types = pandas.api.types
    dtype = series.dtype
    if isinstance(dtype, pandas.CategoricalDtype) or types.is_bool_dtype(dtype):
        return False
    if types.is_numeric_dtype(dtype) and not types.is_complex_dtype(dtype):
        return True
    if types.is_object_dtype(dtype) or types.is_string_dtype(dtype):
        known = series.dropna()
        if known.map(_is_number).all():
            return True  # also if all values are missing
        for kinds in CATEGORIES:
            if known.map(lambda value, kinds=kinds: isinstance(value, kinds)).all():
                return False
        raise ValueError(
            f"{where} has values of different or unknown types, for example at index "
            f"{_first_of_another_type(known)}. Pass numbers, strings or a categorical "
            "column, with None for missing values."
        )
    raise ValueError(
        f"{where} has the type {dtype}, which is neither a number nor a category. "
        "Convert it, for example dates to days."
    )


def to_numbers(series: Any, where: str) -> np.ndarray:
    """Return numbers as floats, NaN if missing, or raise if some are infinite."""
    try:
        numbers: np.ndarray = series.to_numpy(dtype=float, na_value=np.nan)
    except OverflowError as error:
        raise ValueError(
            f"{where} has an integer beyond the largest float. Pass smaller numbers."
        ) from error
    infinite = np.flatnonzero(np.isinf(numbers))
    if len(infinite):
        raise ValueError(
            f"{where} is infinite at index {infinite[0]}. Pass finite numbers, and NaN "
            "for missing values."
        )
    known = numbers[~np.isnan(numbers)]
    if np.abs(known).max(initial=0) > MAX_EXACT and (
        len(np.unique(known)) < series.nunique()
    ):
        raise ValueError(
            f"{where} has integers above 2**53 that are equal as floats. Subtract a "
            "constant, or pass identifiers as strings."
        )
    return numbers


def _name_numbers(numbers: np.ndarray) -> tuple[str, ...]:
    """Return different names of two numbers, short ones of fractions if possible."""
    names = tuple(f"{x:.15g}" if x % 1 == 0 else f"{x:.6g}" for x in numbers)
    return names if names[0] != names[1] else tuple(map(repr, numbers.tolist()))


def _name_tuple(value: Any) -> Any:
    return str(value) if isinstance(value, tuple) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, Real | Decimal) and not isinstance(value, bool | np.bool_)


def _first_of_another_type(known: Any) -> int:
    kinds = known.map(lambda value: type(value).__name__)
    others = kinds[kinds != kinds.iloc[0]]
    return int(others.index[0] if len(others) else known.index[0])
