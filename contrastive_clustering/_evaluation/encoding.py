"""Strata and latents that an estimator returns, checked before metrics use them."""

from contextlib import suppress
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import _num_samples

from contrastive_clustering._data.sources import take_rows
from contrastive_clustering._utils.arrays import check_squares, errors_about, to_array
from contrastive_clustering._utils.bad_samples import (
    NOT_FINITE,
    name_samples,
    not_finite,
)
from contrastive_clustering._utils.labels import check_labels

REMEDY = (
    "returns a dense array of finite real numbers, of shape (n_samples, n_features)."
)


def predict_strata(estimator: Any, X: Any, name: str) -> np.ndarray:
    """Return the strata of samples.

    Parameters
    ----------
    estimator : object
        Any fitted object with ``predict``.

    X : array-like of shape (n_samples, ...)
        Samples.

    name : str
        Parameter name of X used in error messages.

    Returns
    -------
    labels : ndarray of shape (n_samples,)
        The strata.

    Raises
    ------
    TypeError, ValueError
        If the samples are refused, or if ``predict`` does not return one label for each
        sample.
    """
    with errors_about(name, "samples"):
        n_samples = _num_samples(X)
        predicted = estimator.predict(X)
    (labels,) = check_labels(**{f"estimator.predict({name})": predicted})
    if len(labels) != n_samples:
        raise ValueError(
            f"estimator.predict returned {len(labels)} labels for {n_samples} samples "
            f"of {name}. Pass an estimator that predicts one label for each sample."
        )
    return labels


def encode(
    estimator: Any,
    X: Any,
    name: str,
    rows: np.ndarray | None = None,
    *,
    method: str = "transform",
) -> np.ndarray | None:
    """Return the latents of samples; None if the estimator has no such method.

    scikit-learn's own errors about the latents would print them, and would not say
    which object returned them.

    Parameters
    ----------
    estimator : object
        Any fitted object.

    X : array-like of shape (n_samples, ...)
        Samples.

    name : str
        Parameter name of X used in error messages.

    rows : ndarray of shape (n_rows,), default=None
        Indices of the samples to encode; None encodes all.

    method : str, default="transform"
        Name of the method that returns latents.

    Returns
    -------
    latents : ndarray of shape (n_rows, n_features) or None
        Floats.

    Raises
    ------
    TypeError, ValueError
        If the samples are refused, or if the method does not return one row of finite
        real numbers for each sample.
    """
    call = getattr(estimator, method, None)
    if call is None:
        return None
    where = f"estimator.{method}"
    samples = X if rows is None else take_rows(X, rows)
    with errors_about(name, "samples"):
        n_samples = _num_samples(samples)
        returned = call(samples)
    latents = _read(returned, where, n_samples)
    indices = np.arange(n_samples) if rows is None else rows
    wrong = indices[not_finite(latents)].tolist()
    if wrong:
        raise ValueError(
            f"{where} returned {NOT_FINITE} for {name_samples(wrong, n_samples, name)}."
            f" Drop these samples, or pass an estimator whose {method} {REMEDY}"
        )
    check_squares(latents, f"{where}({name})", indices)
    return latents


def _read(returned: Any, where: str, n_samples: int) -> np.ndarray:
    """Return the result of a method as a table of floats with a row per sample."""
    remedy = f"Pass an estimator whose {where.rpartition('.')[2]} {REMEDY}"
    if issparse(returned):
        raise TypeError(f"{where} returned a sparse matrix. {remedy}")
    with errors_about(f"The result of {where}", "latents"):
        latents = np.asarray(to_array(returned, where))
    if latents.ndim != 2 or len(latents) != n_samples or not latents.shape[1]:
        raise ValueError(
            f"{where} returned an array of shape {latents.shape} for {n_samples} "
            f"samples. {remedy}"
        )
    if latents.dtype in (np.float32, np.float64):
        return latents
    if latents.dtype.kind in "biufO":
        with suppress(TypeError, ValueError):  # objects that are not numbers
            return latents.astype(np.float64)
    raise ValueError(f"{where} returned an array of dtype {latents.dtype}. {remedy}")
