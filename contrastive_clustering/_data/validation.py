"""Validate samples, latents and output arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array

from contrastive_clustering._data.layout import SampleLayout
from contrastive_clustering._data.lazy_array import LazyArray
from contrastive_clustering._data.sources import open_samples
from contrastive_clustering._utils.arrays import (
    check_axes,
    check_squares,
    objects_as_numbers,
    to_array,
    without_extended_precision,
)
from contrastive_clustering._utils.bad_samples import check_finite
from contrastive_clustering._utils.refused_values import errors_about_numbers

Samples = np.ndarray | LazyArray


def check_samples(X: Any, *, min_samples: int = 1) -> Samples:
    """Return X as a numeric, finite array with samples along the first axis.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...) or torch.utils.data.Dataset
        Array, nested list, data frame or tensor with at least two axes; an array that
        is read by slices, as of HDF5 or Zarr; or a dataset of samples.

    min_samples : int, default=1
        Minimum number of samples.

    Returns
    -------
    X : ndarray or LazyArray of shape (n_samples, ...)
        X itself if it is a numeric array, memory-mapped or not. Datasets and arrays
        that are read by slices are read on demand.

    Raises
    ------
    TypeError
        If X is sparse, a tensor without values or not array-like.

    ValueError
        If X is empty, a ragged list or has fewer than two axes, or if its values are
        not real, finite numbers with finite squares, such as text.
    """
    X = open_samples(X, "X")
    array: Samples
    if isinstance(X, LazyArray):
        array = X
        _check_axes(array, min_samples)
    else:
        X = to_array(X, "X")
        check_axes(X, "X", "(n_samples, ...)")
        with errors_about_numbers(X, "X", "an array of samples"):
            array = _as_numbers(X, min_samples)
    if array.dtype.kind not in "buif":
        raise ValueError(
            f"X has dtype {array.dtype}, which is not a dtype of real numbers. Convert "
            "X to a numeric dtype."
        )
    if array.size == 0:
        raise ValueError(
            f"X of shape {array.shape} is empty. Each sample needs at least one value."
        )
    if isinstance(array, LazyArray):
        return array
    check_finite(array, "X", columns=getattr(X, "columns", None))
    check_squares(array, "X")
    return without_extended_precision(array)


def _as_numbers(X: Any, min_samples: int) -> np.ndarray:
    """Return X as an array of numbers, objects as float64."""
    checked = check_array(
        X,
        dtype="numeric",
        allow_nd=True,
        ensure_all_finite=False,  # its message has no index
        ensure_min_samples=min_samples,
        estimator="ContrastiveAutoencoderClusterer",
        input_name="X",
    )
    return objects_as_numbers(checked)


def _check_axes(array: LazyArray, min_samples: int) -> None:
    """Check the shape of a lazy array, as scikit-learn does for arrays."""
    if len(array) < min_samples:
        raise ValueError(
            f"X has n_samples={len(array)}, but at least {min_samples} are needed."
        )
    if array.ndim < 2:
        raise ValueError(
            f"X has samples of shape {array.shape[1:]}, but samples need at least one "
            "axis."
        )


def check_latents(X: ArrayLike, latent_dim: int) -> np.ndarray:
    """Return latents as a valid array for the decoder.

    Parameters
    ----------
    X : array-like of shape (n_samples, latent_dim)
        Latents.

    latent_dim : int
        Required number of columns.

    Returns
    -------
    latents : ndarray of shape (n_samples, latent_dim)
        Contiguous float32 copy, as PyTorch supports neither negative strides nor
        read-only arrays.

    Raises
    ------
    TypeError
        If X is sparse, a tensor without values or not array-like.

    ValueError
        If X does not have `latent_dim` columns, is not finite in float32, or holds
        dates, durations or text.
    """
    X = to_array(X, "X")
    check_axes(X, "X", f"(n_samples, {latent_dim})")
    with errors_about_numbers(X, "X", "a table of latents"):
        latents = check_array(
            X, dtype=np.float32, order="C", copy=True, ensure_all_finite=False
        )
    check_finite(latents, "X", "NaN, infinity or a value too large for float32")
    if latents.shape[1] != latent_dim:
        raise ValueError(
            f"X has {latents.shape[1]} columns, but the latent space has "
            f"latent_dim={latent_dim}. Pass the result of transform."
        )
    return np.asarray(latents)


def check_column_order(X: Any, names: Sequence[str]) -> None:
    """Raise if a data frame has the columns of `transform` in another order.

    Parameters
    ----------
    X : array-like or data frame
        The caller's input. Only its column names are read, if it has any.

    names : sequence of str
        The names that `transform` gives to columns.

    Raises
    ------
    ValueError
        If the columns have these names in another order. Other names, such as those of
        another step of a pipeline, say nothing of an order.
    """
    columns = list(getattr(X, "columns", ()))
    if len(columns) != len(names) or sorted(map(str, columns)) != sorted(names):
        return
    for index, (found, expected) in enumerate(zip(columns, names, strict=True)):
        if found != expected:
            raise ValueError(
                f"X has the columns of transform in another order: column {index} is "
                f"{found!r} instead of {expected!r}. Select them in the order of "
                "get_feature_names_out()."
            )


def check_out(out: Any, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raise an error unless `out` is None or can hold the result.

    Parameters
    ----------
    out : ndarray or None
        The caller's output array.

    shape : tuple of int
        Shape of the result.

    dtype : numpy.dtype
        Dtype of the result.

    Raises
    ------
    TypeError
        If `out` is not an array, or cannot represent the values of `dtype`.

    ValueError
        If `out` has another shape or is read-only.
    """
    if out is None:
        return
    if (
        not isinstance(out, np.ndarray)
        or out.dtype.kind != dtype.kind
        or not np.can_cast(dtype, out.dtype)
    ):
        kind = out.dtype if isinstance(out, np.ndarray) else type(out).__name__
        raise TypeError(
            f"out is {kind}. Pass an array of {dtype}, such as the result of "
            "np.lib.format.open_memmap, or out=None."
        )
    if out.shape != shape:
        raise ValueError(
            f"out has shape {out.shape}, but the result has shape {shape}."
        )
    if not out.flags.writeable:
        raise ValueError('out is read-only. Open a memory map with mode="r+" or "w+".')


def check_same_samples(
    X: Samples, layout: SampleLayout, *, otherwise: str = "fit again"
) -> None:
    """Raise unless the samples of X have the shape seen in fit.

    Parameters
    ----------
    X : ndarray or LazyArray of shape (n_samples, ...)
        The samples.

    layout : SampleLayout
        Layout of the samples of fit.

    otherwise : str, default="fit again"
        Remedy to name besides converting X.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if X.shape[1:] != layout.sample_shape:
        remedy = f"Convert X to shape {('n', *layout.sample_shape)} or {otherwise}."
        if X.shape == layout.sample_shape:
            remedy = "If X is a single sample, pass X[np.newaxis]."
        raise ValueError(
            f"X has samples of shape {X.shape[1:]}, but the estimator was fitted to "
            f"samples of shape {layout.sample_shape}. {remedy}"
        )
