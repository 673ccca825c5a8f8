"""Arrays from what callers pass, or errors that name what cannot be read."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import NotFittedError
from sklearn.utils import validation
from torch.utils.data import Dataset

from contrastive_clustering._utils.bad_samples import name_samples
from contrastive_clustering._utils.messages import reason_of, shorten, show

NUMPY_FLOATS = (torch.float16, torch.float32, torch.float64)

# Squares of values up to here, and the sums of millions of them, are finite.
LARGEST_VALUE = 1e150


def to_array(values: Any, name: str) -> Any:
    """Return tensors, lists and tuples as arrays, and all else as it is.

    Parameters
    ----------
    values : object
        What a caller passed.

    name : str
        What the caller calls it.

    Returns
    -------
    values : ndarray or object
        A tensor's memory is shared where NumPy has its dtype. Strings of NumPy's
        StringDType are objects.

    Raises
    ------
    TypeError
        If a tensor is sparse or holds no values, or if it is a data set.

    ValueError
        If a list is ragged, or if values of a masked array are masked.
    """
    if isinstance(values, Dataset):  # NumPy would read it without end
        raise TypeError(
            f"{name} is a {type(values).__name__}, a data set. Pass an array."
        )
    if not isinstance(values, (list, tuple)):
        return _read(values, name)
    entries = _read_entries(values, name)
    try:
        return np.asarray(entries)
    # What an element says when it is asked for its values has no common type.
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        if isinstance(error, ValueError) and "inhomogeneous" in str(error):
            raise ValueError(
                f"{name} is a ragged list: its samples differ in shape. "
                f"{_say_which_differ(values, name)} Crop, pad or resize them to one "
                "shape."
            ) from error
        raise TypeError(
            f"{name} is a list that is no array: {reason_of(error)}"
        ) from None


def _say_which_differ(values: Sequence[Any], name: str) -> str:
    """Return a sentence on the entries whose shape is not that of most."""
    shapes = list(map(_shape_of, values))
    usual, n_usual = Counter(shapes).most_common(1)[0]
    wrong = [index for index, shape in enumerate(shapes) if shape != usual]
    if not wrong:  # each entry is itself a ragged list
        return f"{name}[0] is one itself."
    named = name_samples(wrong, len(values), name)
    found = shapes[wrong[0]]
    what = "is itself ragged" if found is None else f"has shape {found}"
    return (
        f"{n_usual} have shape {usual}, others have not: {named}; "
        f"{name}[{wrong[0]}] {what}."
    )


def _shape_of(entry: Any) -> tuple[int, ...] | None:
    """Return the shape of an entry of a list; None if it has none."""
    # What an element says when it is asked for its values has no common type.
    try:
        return tuple(np.shape(entry))
    except (TypeError, ValueError, RuntimeError):
        return None


def name_of(values: Any, default: str) -> str:
    """Return the name of a series, or of a data frame of one column.

    Parameters
    ----------
    values : object
        What a caller passed, perhaps of pandas, polars or xarray.

    default : str
        What to return where there is no name.

    Returns
    -------
    name : str
        The name.

    Examples
    --------
    >>> import pandas as pd
    >>> from contrastive_clustering._utils.arrays import name_of
    >>> name_of(pd.Series([30, 40], name="age"), "label"), name_of([30, 40], "label")
    ('age', 'label')
    """
    name = getattr(values, "name", None)
    columns: Any = getattr(values, "columns", None)
    if hasattr(columns, "__len__") and len(columns) == 1:
        name = columns[0]
    return name if isinstance(name, str) and name.strip() else default


def check_axes(values: Any, name: str, shape: str) -> None:
    """Raise unless values stand in rows, one for each sample.

    scikit-learn says so, too, but prints them.

    Parameters
    ----------
    values : object
        What `to_array` has returned.

    name : str
        What the caller calls them.

    shape : str
        The shape that they should have.

    Raises
    ------
    TypeError
        If they are no array and cannot be made one.

    ValueError
        If they have fewer than two axes.
    """
    found = getattr(values, "shape", None)
    if not isinstance(found, tuple) and not hasattr(values, "__array__"):
        raise TypeError(
            f"{name}={show(values)} is not an array. Pass an array, a data frame, a "
            f"tensor or a list of shape {shape}."
        )
    if isinstance(found, tuple) and len(found) < 2:
        raise ValueError(
            f"{name} has shape {found}, but shape {shape} is needed. Reshape your "
            f"data: a single sample is {name}[np.newaxis], a single feature "
            f"{name}.reshape(-1, 1)."
        )


def from_tensor(values: Any, name: str) -> Any:
    """Return a tensor as an array, and all else as it is.

    Parameters
    ----------
    values : object
        What a caller passed.

    name : str
        What the caller calls it.

    Returns
    -------
    values : ndarray or object
        The tensor's memory is shared where NumPy has its dtype.

    Raises
    ------
    TypeError
        If the tensor is sparse or holds no values.
    """
    if not isinstance(values, torch.Tensor):
        return values
    return _read_tensor(values, name)


def _read_tensor(tensor: torch.Tensor, name: str) -> np.ndarray:
    if tensor.layout != torch.strided:
        raise TypeError(
            f"{name} is a tensor of the layout {tensor.layout} (sparse or nested). "
            "Pass a dense one, such as its to_dense() gives."
        )
    try:
        values = tensor.detach().cpu().resolve_conj().resolve_neg()
        if values.is_floating_point() and values.dtype not in NUMPY_FLOATS:
            values = values.float()
        return np.asarray(values.numpy())
    except (RuntimeError, TypeError) as error:
        raise TypeError(
            f"{name} is a tensor of dtype {tensor.dtype} on {tensor.device} whose "
            f"values cannot be read ({reason_of(error)}). Pass a tensor of numbers or "
            "an array."
        ) from error


def read_masked(values: Any, name: str) -> Any:
    """Return values as they are, or raise a ValueError if some are masked.

    NumPy's functions otherwise uncover what stands behind a mask.

    Parameters
    ----------
    values : object
        What a caller passed.

    name : str
        What the caller calls it.

    Returns
    -------
    values : object
        The same.
    """
    if np.ma.is_masked(values):
        raise ValueError(
            f"{name} has masked values. Fill them in or leave their samples out."
        )
    return values


def refuse_times(values: Any) -> None:
    """Raise a ValueError if dates or durations stand among the objects of an array.

    NumPy would take them for numbers, whose unit it forgets.

    Parameters
    ----------
    values : object
        An array or data frame.
    """
    if (
        isinstance(values, np.ndarray)
        and values.dtype == object
        and any(isinstance(v, np.datetime64 | np.timedelta64) for v in values.flat)
    ):
        raise ValueError("It holds dates or durations. Convert them to numbers.")


def objects_as_numbers(array: np.ndarray) -> np.ndarray:
    """Return objects, such as decimals of polars, as float64, and all else as it is."""
    return array.astype(np.float64) if array.dtype == object else array


def without_extended_precision(array: np.ndarray) -> np.ndarray:
    """Return floats of more than 64 bits as float64, and all else as it is."""
    is_extended = array.dtype.kind == "f" and array.dtype.itemsize > 8
    return array.astype(np.float64) if is_extended else array


def _read(values: Any, name: str) -> Any:
    values = from_tensor(read_masked(values, name), name)
    if isinstance(values, np.ndarray) and values.dtype.kind == "T":
        return values.astype(object)  # scikit-learn does not know StringDType
    return values


def _read_entries(values: Any, name: str) -> Any:
    """Return a nested list whose arrays are not masked and whose tensors are arrays."""
    return [
        _read_entries(value, f"{name}[{place}]")
        if isinstance(value, (list, tuple))
        else _read(value, f"{name}[{place}]")
        if hasattr(value, "shape")
        else value
        for place, value in enumerate(values)
    ]


class _Names:
    """The names of a data frame, as older versions of scikit-learn ask for them."""

    def __init__(self, frame: Any) -> None:
        self.shape = frame.shape
        self.names = list(frame.columns)

    def __dataframe__(self) -> "_Names":
        return self

    def column_names(self) -> list[str]:
        return self.names


def with_names(X: Any) -> Any:
    """Return what scikit-learn can read the names and the number of X's columns from.

    Parameters
    ----------
    X : object
        What a caller passed.

    Returns
    -------
    X : object
        Itself, unless it is a data frame of polars, which has lost the method by which
        versions of scikit-learn that do without narwhals find names.
    """
    is_polars = type(X).__module__.partition(".")[0] == "polars"
    if is_polars and not hasattr(X, "__dataframe__") and not hasattr(validation, "nw"):
        return _Names(X)
    return X


@contextmanager
def errors_about(name: str, what: str) -> Iterator[None]:
    """Put the name of an array before what scikit-learn or NumPy say of it.

    Parameters
    ----------
    name : str
        What the caller calls the array.

    what : str
        What it should be read as, with an article.

    Raises
    ------
    TypeError, ValueError
        Of the kind that was raised inside; a ValueError for an overflow.
    """
    try:
        # Values too large for a dtype become infinite, and that is then an error; a
        # warning beforehand tells nothing more.
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except NotFittedError:  # a ValueError, but not of the array
        raise
    except (TypeError, ValueError, OverflowError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        reason = shorten(str(error)) or reason_of(error)
        raise kind(f"{name} cannot be read as {what}. {reason}") from None


def check_squares(
    array: np.ndarray, name: str, indices: np.ndarray | None = None
) -> None:
    """Raise a ValueError if an array's values are too large for sums of squares.

    Parameters
    ----------
    array : ndarray of shape (n_samples, ...)
        Finite numbers, at least one.

    name : str
        What the caller calls it.

    indices : ndarray of shape (n_samples,), default=None
        Which samples these are; None for all.
    """
    if array.dtype.kind != "f" or array.dtype.itemsize < np.dtype(np.float64).itemsize:
        return
    largest = max(array.max(), -array.min())
    if largest > LARGEST_VALUE:
        row = int(np.unravel_index(np.abs(array).argmax(), array.shape)[0])
        index = row if indices is None else int(indices[row])
        raise ValueError(
            f"{name} holds values up to {largest:.3g}, in {name}[{index}], whose "
            f"squares overflow. Scale {name} down."
        )
