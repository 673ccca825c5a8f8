"""Convert inputs to arrays, or raise errors that name the offending entries."""

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
from contrastive_clustering._utils.messages import (
    describe_error,
    reason_of,
    shorten,
    show,
)

NUMPY_FLOATS = (torch.float16, torch.float32, torch.float64)

# The squares of values up to this size, and sums of millions of them, are finite.
MAX_VALUE = 1e150


def to_array(values: Any, name: str) -> Any:
    """Return tensors, lists and tuples as arrays, and other inputs unchanged.

    Parameters
    ----------
    values : object
        The caller's input.

    name : str
        Parameter name used in error messages.

    Returns
    -------
    values : ndarray or object
        The array shares a tensor's memory if NumPy supports its dtype. Strings of
        NumPy's StringDType become objects.

    Raises
    ------
    TypeError
        If the input is a data set, or a tensor that is sparse or has no values.

    ValueError
        If a list is ragged or a masked array has masked values.
    """
    if isinstance(values, Dataset):  # NumPy might never stop reading it
        raise TypeError(
            f"{name} is a {type(values).__name__}, a data set. Pass an array."
        )
    if not isinstance(values, (list, tuple)):
        return _read(values, name)
    entries = _read_entries(values, name)
    try:
        return np.asarray(entries)
    # Elements raise errors of various types when they are converted.
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        if isinstance(error, ValueError) and "inhomogeneous" in str(error):
            raise ValueError(
                f"{name} is a ragged list: its samples differ in shape. "
                f"{_say_which_differ(values, name)} Crop, pad or resize them to one "
                "shape."
            ) from error
        raise TypeError(
            f"{name} is a list that cannot be converted to an array: {reason_of(error)}"
        ) from None


def _say_which_differ(values: Sequence[Any], name: str) -> str:
    """Return a sentence that names the entries of unusual shape."""
    shapes = list(map(shape_of, values))
    usual, n_usual = Counter(shapes).most_common(1)[0]
    wrong = [index for index, shape in enumerate(shapes) if shape != usual]
    if not wrong:  # each entry is itself a ragged list
        return f"{name}[0] is itself ragged."
    named = name_samples(wrong, len(values), name)
    found = shapes[wrong[0]]
    what = "is itself ragged" if found is None else f"has shape {found}"
    return (
        f"{n_usual} have shape {usual}, but {named} do not; {name}[{wrong[0]}] {what}."
    )


def shape_of(entry: Any) -> tuple[int, ...] | None:
    """Return the shape of an array or a nested list, or None if it has no shape."""
    # Elements raise errors of various types when they are converted.
    try:
        return tuple(np.shape(entry))
    except (TypeError, ValueError, RuntimeError):
        return None


def name_of(values: Any, default: str) -> str:
    """Return the name of a series or of a one-column data frame, or else the default.

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
    """Raise an error unless the input has one row per sample.

    scikit-learn's own error message would print the values.

    Parameters
    ----------
    values : object
        Result of `to_array`.

    name : str
        Parameter name used in error messages.

    shape : str
        Expected shape, for the message.

    Raises
    ------
    TypeError
        If the input is not an array and cannot be converted to one.

    ValueError
        If the input has fewer than two axes or is a structured array.
    """
    found = getattr(values, "shape", None)
    if not isinstance(found, tuple) and not hasattr(values, "__array__"):
        raise TypeError(
            f"{name}={show(values)} is not an array. Pass an array, a data frame, a "
            f"tensor or a list of shape {shape}."
        )
    if getattr(getattr(values, "dtype", None), "names", None) is not None:
        raise ValueError(
            f"{name} is a structured array, but numbers are needed. Convert its fields "
            "to a last axis with numpy.lib.recfunctions.structured_to_unstructured("
            f"{name})."
        )
    if isinstance(found, tuple) and len(found) < 2:
        remedy = _remedy_for_shape(values, name)
        raise ValueError(
            f"{name} has shape {found}, but shape {shape} is needed. {remedy}"
        )


def _remedy_for_shape(values: Any, name: str) -> str:
    """Return a sentence on how to pass an input of fewer than two axes."""
    # The other entries may be in a file.
    is_column = len(values.shape) == 1 and hasattr(values, "__getitem__")
    first = np.asarray(values[:1] if is_column else ())
    if len(first) and shape_of(first[0]) != ():
        return f"Its entries are arrays; pass them as a list, list({name})."
    return (
        f"Reshape your data: a single sample is {name}[np.newaxis], a single feature "
        f"{name}.reshape(-1, 1)."
    )


def from_tensor(values: Any, name: str) -> Any:
    """Return a tensor as an array, and any other input unchanged.

    The array shares the tensor's memory if NumPy supports its dtype. A sparse tensor,
    or one without values, raises a TypeError, and an array of a closed file a
    ValueError.
    """
    if isinstance(values, torch.Tensor):
        return _read_tensor(values, name)
    try:
        getattr(values, "shape", None)
    # The attributes of a closed file may raise any error.
    except Exception as error:
        raise ValueError(
            f"{name} is a {type(values).__name__} that cannot be read "
            f"({describe_error(error)}). Pass an array; files must stay open until it "
            "has been read."
        ) from error
    return values


def in_memory(values: Any) -> Any:
    """Return what Dask or polars would compute later, and any other input unchanged."""
    for name in ("compute", "collect"):
        # A column of a data frame may have the name.
        if hasattr(type(values), name):
            return getattr(values, name)()
    return values


def without_tensors(entries: Sequence[Any], name: str) -> list[Any]:
    """Return the numbers that tensors hold, and other entries unchanged.

    Items of PyTorch data sets are such tensors. As keys, two with the same number would
    be different.

    Parameters
    ----------
    entries : sequence of object
        The values of a column.

    name : str
        Parameter name used in error messages.

    Returns
    -------
    entries : list
        Tensors with axes are arrays.

    Raises
    ------
    TypeError
        If a tensor is sparse or has no values.

    Examples
    --------
    >>> import torch
    >>> from contrastive_clustering._utils.arrays import without_tensors
    >>> without_tensors([torch.tensor(7), "8"], "groups")
    [7, '8']
    """
    found = list(entries)
    for index, entry in enumerate(found):
        if isinstance(entry, torch.Tensor):
            array = _read_tensor(entry, f"{name}[{index}]")
            found[index] = array.item() if array.ndim == 0 else array
    return found


def _read_tensor(tensor: torch.Tensor, name: str) -> np.ndarray:
    if tensor.layout != torch.strided:
        raise TypeError(
            f"{name} is a tensor of layout {tensor.layout} (sparse or nested). Pass a "
            "dense tensor, for example the result of to_dense()."
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
    """Return the values unchanged, or raise a ValueError if some are masked.

    NumPy's functions would otherwise use the values behind the mask.
    """
    if np.ma.is_masked(values):
        raise ValueError(f"{name} has masked values. Fill them in or drop the samples.")
    return values


def objects_as_numbers(array: np.ndarray) -> np.ndarray:
    """Return an object array, such as polars decimals, as float64; others unchanged."""
    return array.astype(np.float64) if array.dtype == object else array


def without_extended_precision(array: np.ndarray) -> np.ndarray:
    """Return floats of more than 64 bits as float64, and other arrays unchanged."""
    is_extended = array.dtype.kind == "f" and array.dtype.itemsize > 8
    return array.astype(np.float64) if is_extended else array


def _read(values: Any, name: str) -> Any:
    values = from_tensor(read_masked(values, name), name)
    if isinstance(values, np.ndarray) and values.dtype.kind == "T":
        return values.astype(object)  # scikit-learn does not support StringDType
    return values


def _read_entries(values: Any, name: str) -> Any:
    """Return a nested list with its tensors converted, after checking for masks."""
    return [
        _read_entries(value, f"{name}[{index}]")
        if isinstance(value, (list, tuple))
        else _read(value, f"{name}[{index}]")
        if hasattr(value, "shape")
        else value
        for index, value in enumerate(values)
    ]


class _Names:
    """Column names of a data frame, in the form that older scikit-learn reads."""

    def __init__(self, frame: Any) -> None:
        self.shape = frame.shape
        self.names = list(frame.columns)

    def __dataframe__(self) -> "_Names":
        return self

    def column_names(self) -> list[str]:
        return self.names


def with_names(X: Any) -> Any:
    """Return an object from which scikit-learn can read X's column names and number.

    It is X itself, unless that is a polars data frame: polars has removed the method
    that scikit-learn versions without narwhals use to find names.
    """
    is_polars = type(X).__module__.partition(".")[0] == "polars"
    if is_polars and not hasattr(X, "__dataframe__") and not hasattr(validation, "nw"):
        return _Names(X)
    return X


@contextmanager
def errors_about(name: str, what: str) -> Iterator[None]:
    """Prefix errors of scikit-learn or NumPy with the name of the array.

    Messages say that it cannot be read as `what`. Errors keep their type, except that
    an overflow becomes a ValueError.
    """
    try:
        # Values too large for a dtype become infinite, which is reported as an error;
        # an additional warning would be redundant.
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except NotFittedError:  # a ValueError, but unrelated to the array
        raise
    except (TypeError, ValueError, OverflowError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        reason = shorten(str(error)) or reason_of(error)
        raise kind(f"{name} cannot be read as {what}. {reason}") from None


def check_squares(
    array: np.ndarray, name: str, indices: np.ndarray | None = None
) -> None:
    """Raise a ValueError if values are so large that sums of squares overflow.

    Parameters
    ----------
    array : ndarray of shape (n_samples, ...)
        Finite numbers, at least one.

    name : str
        Parameter name used in error messages.

    indices : ndarray of shape (n_samples,), default=None
        Indices of these samples in the full array; None if they are all samples.
    """
    if array.dtype.kind != "f" or array.dtype.itemsize < np.dtype(np.float64).itemsize:
        return
    largest = max(array.max(), -array.min())
    if largest > MAX_VALUE:
        row = int(np.unravel_index(np.abs(array).argmax(), array.shape)[0])
        index = row if indices is None else int(indices[row])
        raise ValueError(
            f"{name} has values as large as {largest:.3g}, in {name}[{index}], whose "
            f"squares overflow. Scale {name} down."
        )
