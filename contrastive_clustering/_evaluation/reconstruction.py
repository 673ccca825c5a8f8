"""The error with which samples are reconstructed from their latents."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import issparse

from contrastive_clustering._data.validation import Samples
from contrastive_clustering._utils.arrays import from_tensor
from contrastive_clustering._utils.bad_samples import (
    NOT_FINITE,
    name_samples,
    not_finite,
)
from contrastive_clustering._utils.chunks import chunk_slices

METHOD = "estimator.inverse_transform"
REMEDY = (
    "Pass an estimator whose inverse_transform returns a dense array of finite real "
    "numbers with one sample for each latent."
)


def reconstruction_error(
    samples: Samples,
    latents: np.ndarray,
    decode: Callable[[np.ndarray], Any],
    weights: np.ndarray | None = None,
) -> float:
    """Return the mean squared error of decoded latents as a fraction of the variance.

    Parameters
    ----------
    samples : ndarray or LazyArray of shape (n_samples, ...)
        The samples, read in chunks.

    latents : ndarray of shape (n_samples, latent_dim)
        Their latents.

    decode : callable
        Function from latents to samples: the ``inverse_transform`` of an estimator.

    weights : ndarray of shape (n_samples,), default=None
        Weights of the samples, in the error, the mean and the variance; None weighs
        samples equally.

    Returns
    -------
    error : float
        0 is perfect, and the mean sample would score 1; NaN if all samples are the
        same.

    Raises
    ------
    TypeError, ValueError
        If the function does not return one sample of finite real numbers for each
        latent.
    """
    # Sums relative to a sample are exactly 0 where all samples are equal. The rounding
    # errors of other sums would be divided by a variance that consists of them.
    origin = np.asarray(samples[0], dtype=np.float64)
    total = np.zeros(samples.shape[1:])
    parts = list(chunk_slices(len(samples), origin.size))
    for rows in parts:
        total += _weigh(samples[rows] - origin, weights, rows).sum(axis=0)
    mean = origin + total / (len(samples) if weights is None else weights.sum())
    error = scatter = 0.0
    for rows in parts:
        values = samples[rows].astype(np.float64)
        decoded = _read_decoded(decode(latents[rows]), values.shape)
        _check_finite(decoded, rows.start, len(samples))
        error += float(np.sum(_weigh((decoded - values) ** 2, weights, rows)))
        scatter += float(np.sum(_weigh((values - mean) ** 2, weights, rows)))
    return error / scatter if scatter > 0 else np.nan


def _read_decoded(returned: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return decoded samples in the shape of the samples, or raise an error."""
    if issparse(returned):
        raise TypeError(f"{METHOD} returned a sparse matrix. {REMEDY}")
    decoded = np.asarray(from_tensor(returned, f"The result of {METHOD}"))
    if decoded.dtype.kind not in "biuf":
        raise TypeError(
            f"{METHOD} returned an array of dtype {decoded.dtype}. {REMEDY}"
        )
    if _sides(decoded.shape) not in (_sides(shape), (shape[0], math.prod(shape[1:]))):
        raise ValueError(
            f"{METHOD} returned an array of shape {decoded.shape} for {shape[0]} "
            f"latents of samples of shape {shape[1:]}. {REMEDY}"
        )
    return decoded.reshape(shape)


def _sides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without axes of one entry, which do not change the order."""
    return (*shape[:1], *(side for side in shape[1:] if side != 1))


def _check_finite(decoded: np.ndarray, start: int, n_samples: int) -> None:
    wrong = (start + not_finite(decoded)).tolist()
    if wrong:
        raise ValueError(
            f"{METHOD} returned {NOT_FINITE} for "
            f"{name_samples(wrong, n_samples, 'latents')}. {REMEDY}"
        )


def _weigh(values: np.ndarray, weights: np.ndarray | None, rows: slice) -> np.ndarray:
    """Return values of some samples times their weights."""
    if weights is None:
        return values
    columns = (1,) * (values.ndim - 1)
    return np.asarray(values * weights[rows].reshape(-1, *columns))
