"""Check labels passed by callers."""

from numbers import Number

import numpy as np
from numpy.typing import ArrayLike

from contrastive_clustering._utils.arrays import errors_about, to_array
from contrastive_clustering._utils.messages import show


def check_labels(**arrays: ArrayLike) -> list[np.ndarray]:
    """Return labels as 1D arrays of equal length, or raise if some are missing."""
    checked = []
    for name, values in arrays.items():
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
            distinct = np.unique(labels)  # fails if labels are not comparable
            # NaN and similar values are not equal to themselves.
            same = np.all(distinct == distinct)  # noqa: PLR0124
            if None in distinct.tolist() or not same:
                raise ValueError("Some labels are missing. Give each sample a label.")
            if distinct.dtype.kind == "f" and np.isinf(distinct).any():
                raise ValueError("Some labels are infinite. Give each sample a label.")
        checked.append(labels)
    lengths = {name: len(labels) for name, labels in zip(arrays, checked, strict=True)}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"{' and '.join(lengths)} have inconsistent numbers of samples: "
            f"{' and '.join(map(str, lengths.values()))}."
        )
    return checked


def check_weights(
    weights: ArrayLike | None, n_samples: int, name: str
) -> np.ndarray | None:
    """Return the weights of samples, or raise unless they are finite and at least 0.

    Parameters
    ----------
    weights : array-like of shape (n_samples,) or None
        The weights as passed by the caller.

    n_samples : int
        Number of samples.

    name : str
        Parameter name used in error messages.

    Returns
    -------
    weights : ndarray of shape (n_samples,) or None
        float64; None if None is passed.
    """
    if weights is None:
        return None
    with errors_about(name, "weights"):
        values = np.asarray(to_array(weights, name), dtype=np.float64)
    if values.shape != (n_samples,):
        raise ValueError(
            f"{name} has shape {values.shape}, but there are {n_samples} samples. Pass "
            f"one weight for each sample, in the shape ({n_samples},)."
        )
    invalid = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(invalid):
        raise ValueError(
            f"{name} has {len(invalid)} negative, infinite or missing weights; the "
            f"first is at index {invalid[0]}. Pass finite weights of at least 0."
        )
    if not values.any():
        raise ValueError(f"{name} is 0 for all samples. Pass a weight above 0.")
    return values


def check_alike(**arrays: np.ndarray) -> None:
    """Raise a ValueError if some arrays hold numbers and others hold strings."""
    are_numbers = {
        name: labels.dtype.kind in "biuf" or isinstance(labels[0], Number)
        for name, labels in arrays.items()
    }
    if len(set(are_numbers.values())) > 1:
        examples = (
            f"{name} such as {show(labels[0])}" for name, labels in arrays.items()
        )
        raise ValueError(
            f"{' and '.join(arrays)} have labels of different types: "
            f"{', '.join(examples)}. Pass numbers in both or strings in both."
        )
