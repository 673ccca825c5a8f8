"""The error with which samples are reconstructed from their latents."""

from collections.abc import Callable
from typing import Any

import numpy as np

from contrastive_clustering._data.scaling import iterate_chunks
from contrastive_clustering._data.validation import Samples


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
        Function from latents to samples.

    weights : ndarray of shape (n_samples,), default=None
        Weights of the samples, in the error, the mean and the variance; None weighs
        samples equally.

    Returns
    -------
    error : float
        0 is perfect, and the mean sample would score 1; NaN if all samples are the
        same.
    """
    total = np.zeros(samples.shape[1:])
    start = 0
    for chunk in iterate_chunks(samples):
        rows = slice(start, start := start + len(chunk))
        total += _weigh(chunk, weights, rows).sum(axis=0, dtype=np.float64)
    mean = total / (len(samples) if weights is None else weights.sum())
    error = scatter = 0.0
    start = 0
    for chunk in iterate_chunks(samples):
        rows = slice(start, start := start + len(chunk))
        values = chunk.astype(np.float64)
        decoded = np.asarray(decode(latents[rows])).reshape(values.shape)
        error += float(np.sum(_weigh((decoded - values) ** 2, weights, rows)))
        scatter += float(np.sum(_weigh((values - mean) ** 2, weights, rows)))
    return error / scatter if scatter > 0 else np.nan


def _weigh(values: np.ndarray, weights: np.ndarray | None, rows: slice) -> np.ndarray:
    """Return values of some samples times their weights."""
    if weights is None:
        return values
    columns = (1,) * (values.ndim - 1)
    return np.asarray(values * weights[rows].reshape(-1, *columns))
