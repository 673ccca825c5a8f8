"""Check labels passed by callers."""

from numbers import Number, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array

from contrastive_clustering._utils.arrays import errors_about, to_array
from contrastive_clustering._utils.identifiers import check_is_column, is_missing
from contrastive_clustering._utils.refused_values import errors_about_numbers


def check_labels(**arrays: ArrayLike) -> list[np.ndarray]:
    """Return labels as 1D arrays of equal length, or raise if some are missing."""
    checked = []
    for name, values in arrays.items():
        check_is_column(values, name)
        with errors_about(name, "labels"):
            labels = np.asarray(to_array(values, name))
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.ndim != 1:
            raise ValueError(
                f"{name} has shape {labels.shape}, but one label per sample is needed, "
                "in the shape (n_samples,)."
            )
        if len(labels) == 0:
            raise ValueError(f"{name} is empty. Pass at least one label.")
        with errors_about(name, "labels"):
            check_entries(values, labels)
            distinct = np.unique(labels)  # fails if labels are not comparable
            # NaN and similar values are not equal to themselves.
            same = np.all(distinct == distinct)  # noqa: PLR0124
            if not same:
                _reject_missing(labels != labels)  # noqa: PLR0124
        _reject_fractions(whole_numbers(labels), name)
        checked.append(labels)
    lengths = {name: len(labels) for name, labels in zip(arrays, checked, strict=True)}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"{' and '.join(lengths)} have inconsistent numbers of samples: "
            f"{' and '.join(map(str, lengths.values()))}."
        )
    return checked


def _reject_fractions(labels: np.ndarray, name: str) -> None:
    """Raise a ValueError if labels are fractions, as probabilities, or infinite."""
    if labels.dtype.kind != "f":
        return
    with np.errstate(invalid="ignore"):  # infinity leaves NaN
        fractions = np.flatnonzero(labels % 1)
    if len(fractions):
        raise ValueError(
            f"{name} does not hold labels: {name}[{fractions[0]}] is not a whole "
            "number. Pass integers or strings; astype(str) converts grades such as "
            "0.5."
        )


def check_entries(values: ArrayLike, labels: np.ndarray) -> None:
    """Raise a ValueError if labels are missing, or if numbers and text are mixed.

    `labels` are the values of the caller as an array. NumPy cannot sort such labels, or
    has already turned numbers and NaN into text.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._utils.labels import check_entries
    >>> labels = [1, "1"]
    >>> check_entries(labels, np.array(labels))
    Traceback (most recent call last):
    ...
    ValueError: Labels have different types: int at index 0 and str at index 1. Pass \
either numbers or strings.
    """
    labels = with_entries(values, labels)
    if labels.dtype != object:
        return
    _reject_missing(missing_labels(labels))
    check_kinds(labels.ravel(), np.arange(labels.size))


def with_entries(values: Any, labels: np.ndarray) -> np.ndarray:
    """Return labels; as objects if NumPy has turned entries of a list into text."""
    if labels.dtype.kind in "US" and isinstance(values, list | tuple):
        return np.array(values, dtype=object).reshape(labels.shape)
    return labels


def missing_labels(labels: np.ndarray) -> np.ndarray:
    """Return which of some objects are missing, such as None, NaN or NaT."""
    return np.array([_is_missing(entry) for entry in labels.ravel()], dtype=bool)


def check_kinds(labels: np.ndarray, indices: np.ndarray) -> None:
    """Raise a ValueError unless the objects at some indices can be compared."""
    kinds = [_kind_of(labels[index]) for index in indices]
    for index, kind in zip(indices, kinds, strict=True):
        if kind != kinds[0]:
            start = indices[0]
            first, other = type(labels[start]).__name__, type(labels[index]).__name__
            raise ValueError(
                f"Labels have different types: {first} at index {start} and {other} at "
                f"index {index}. Pass either numbers or strings."
            )


def _reject_missing(missing: np.ndarray) -> None:
    """Raise a ValueError that gives the index of the first missing label."""
    indices = np.flatnonzero(missing)
    if len(indices):
        raise ValueError(
            f"Some labels are missing, the first at index {indices[0]}. Give each "
            "sample a label."
        )


def _is_missing(entry: Any) -> bool:
    """Return whether a label is missing; an empty text is a label."""
    return not isinstance(entry, str | bytes) and is_missing(entry)


def _kind_of(entry: Any) -> type:
    """Return a type that is the same for all labels that can be compared."""
    if isinstance(entry, str):
        return str
    return Number if isinstance(entry, Number | np.bool_) else type(entry)


def whole_numbers(labels: np.ndarray) -> np.ndarray:
    """Return whole numbers as integers and other labels unchanged.

    Columns of data frames hold numbers as floats or objects if some are missing.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._utils.labels import whole_numbers
    >>> whole_numbers(np.array([-1.0, 2.0])), whole_numbers(np.array([0.5, 2.0]))
    (array([-1,  2]), array([0.5, 2. ]))
    """
    if labels.dtype.kind == "O" and all(isinstance(each, Real) for each in labels.flat):
        labels = np.array(labels.tolist())
    if labels.dtype.kind not in "uf":
        return labels
    with np.errstate(invalid="ignore"):  # beyond the range of integers
        numbers = labels.astype(np.int64)
    return numbers if np.array_equal(numbers, labels) else labels


def check_weights(
    weights: ArrayLike | None, n_samples: int, name: str
) -> np.ndarray | None:
    """Return the weights of samples, or raise unless they are finite and at least 0.

    Complex numbers, dates, durations and texts are refused.

    They have the shape (n_samples,) and are float64, with a finite sum above 0; None
    stays None.
    """
    if weights is None:
        return None
    check_is_column(weights, name)
    with errors_about(name, "weights"):
        values = np.asarray(to_array(weights, name))
    if values.shape != (n_samples,):
        raise ValueError(
            f"{name} has shape {values.shape}, but there are {n_samples} samples. Pass "
            f"one weight for each sample, in the shape ({n_samples},)."
        )
    with errors_about_numbers(values, name, "weights"):
        values = check_array(
            values, dtype=np.float64, ensure_2d=False, ensure_all_finite=False
        )
    invalid = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(invalid):
        raise ValueError(
            f"{name} has {len(invalid)} negative, infinite or missing weights; the "
            f"first is at index {invalid[0]}. Pass finite weights of at least 0."
        )
    if not values.any():
        raise ValueError(f"{name} is 0 for all samples. Pass a weight above 0.")
    with np.errstate(over="ignore"):  # reported below
        overflows = np.isinf(values.sum())
    if overflows:
        raise ValueError(
            f"The sum of {name} overflows. Divide all weights by a constant, which "
            "does not change the result."
        )
    return np.asarray(values)


def check_alike(**arrays: np.ndarray) -> None:
    """Raise a ValueError if some arrays hold numbers and others hold strings."""
    are_numbers = {
        name: labels.dtype.kind in "biuf" or isinstance(labels[0], Number)
        for name, labels in arrays.items()
    }
    if len(set(are_numbers.values())) > 1:
        types = (
            f"{name} has {'numbers' if are_numbers[name] else 'strings'}"
            for name in arrays
        )
        raise ValueError(
            f"{' and '.join(arrays)} have labels of different types: "
            f"{', '.join(types)}. Pass numbers in both or strings in both."
        )
