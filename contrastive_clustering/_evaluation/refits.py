"""Refits of a clusterer with other seeds, and the labels that they give."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import _num_samples

from contrastive_clustering._data.sources import take_rows
from contrastive_clustering._evaluation.fit_metadata import take_metadata
from contrastive_clustering._utils.arrays import shape_of
from contrastive_clustering._utils.labels import check_labels
from contrastive_clustering._utils.messages import reason_of, show


def seeded_clone(estimator: Any, seed: int, *, only_missing: bool = False) -> Any:
    """Return a clone with every `random_state` set, nested ones included."""
    copy = clone(estimator)
    params = copy.get_params(deep=True)
    copy.set_params(
        **{
            name: int(seed)
            for name, value in params.items()
            if name.rpartition("__")[2] == "random_state"
            and (value is None or not only_missing)
        }
    )
    # A checkpoint folder belongs to a single fit, but several follow.
    copy.set_params(
        **{
            name: None
            for name in params
            if name.rpartition("__")[2] == "checkpoint_dir"
        }
    )
    return copy


def fit_reference(
    estimator: Any, X: Any, metadata: dict[str, Any] | None = None
) -> np.ndarray:
    """Fit in place to all samples, and return their labels, or raise an error about X.

    Other packages do not name X in their errors about its values.
    """
    with _errors_about_fit(f"estimator={show(estimator)} could not be fitted to X"):
        labels = fit_labels(estimator, X, metadata=metadata)
    return _read_labels(labels, estimator, _num_samples(X))


def fit_subset(
    estimator: Any,
    X: Any,
    rows: np.ndarray,
    metadata: dict[str, Any] | None,
    sample_fraction: float,
) -> np.ndarray:
    """Fit in place to some samples, and return their labels.

    Errors name the parameter that made the subset too small: other packages only know
    the number of samples in the subset, which the caller has never passed.

    Parameters
    ----------
    estimator : clusterer
        Estimator to fit.

    X : array-like of shape (n_samples, ...)
        All samples.

    rows : ndarray of shape (n_rows,)
        Indices of the samples to fit.

    metadata : dict or None
        Keyword arguments of `fit` with one row for each sample of X.

    sample_fraction : float
        The fraction by which the subset was drawn, for error messages.

    Returns
    -------
    labels : ndarray of shape (n_rows,)
        Labels of the fitted samples.
    """
    with _errors_about_fit(
        f"estimator={show(estimator)} could be fitted to all {_num_samples(X)} samples "
        f"of X, but not to a subset of {len(rows)} (sample_fraction={sample_fraction})",
        remedy="If the subset is too small, raise sample_fraction.",
    ):
        labels = fit_labels(estimator, X, rows, metadata)
    return _read_labels(labels, estimator, len(rows))


@contextmanager
def _errors_about_fit(failure: str, remedy: str = "") -> Iterator[None]:
    """Prefix errors with a statement of which fit failed, and append a remedy."""
    try:
        yield
    except InvalidParameterError:  # about a parameter, which it names
        raise
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        reason = reason_of(error)
        if remedy:
            reason = f"{reason.removesuffix('.')}. {remedy}"
        raise kind(f"{failure}: {reason}") from error


def _read_labels(labels: Any, estimator: Any, n_samples: int) -> np.ndarray:
    """Return labels of the expected shape, or raise an error about the estimator."""
    found = shape_of(labels)
    if found != (n_samples,):
        raise ValueError(
            f"estimator={show(estimator)} returned labels of shape {found} for "
            f"{n_samples} samples. Pass a clusterer that returns one label for each "
            "sample, in the shape (n_samples,)."
        )
    (read,) = check_labels(**{f"labels of estimator={show(estimator)}": labels})
    return read


def fit_labels(
    estimator: Any,
    X: Any,
    rows: np.ndarray | None = None,
    metadata: dict[str, Any] | None = None,
) -> Any:
    """Fit in place to all samples or to some rows, and return their labels.

    Parameters
    ----------
    estimator : clusterer
        Estimator to fit.

    X : array-like of shape (n_samples, ...)
        Samples.

    rows : ndarray of shape (n_rows,) or None, default=None
        Indices of the samples to fit; None fits all.

    metadata : dict or None, default=None
        Keyword arguments of `fit` with one row for each sample of X.

    Returns
    -------
    labels : array-like
        Labels of the fitted samples, as the estimator returns them.
    """
    samples, keywords = X, metadata or {}
    if rows is not None:
        samples = take_rows(X, rows)
        keywords = {key: take_metadata(each, rows) for key, each in keywords.items()}
    if hasattr(estimator, "fit_predict"):
        return estimator.fit_predict(samples, **keywords)
    fitted = estimator.fit(samples, **keywords)
    if hasattr(fitted, "labels_"):
        return fitted.labels_
    if hasattr(fitted, "predict"):
        return fitted.predict(samples)
    raise TypeError(
        f"estimator={show(estimator)} does not return labels: it lacks fit_predict, "
        "predict and labels_. Pass a clusterer."
    )
