"""Refits of a clusterer with other seeds, and the labels that they give."""

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

from contrastive_clustering._data.sources import take_rows
from contrastive_clustering._evaluation.fit_metadata import take_metadata
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
    try:
        return fit_labels(estimator, X, metadata=metadata)
    except InvalidParameterError:  # about a parameter, which it names
        raise
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"estimator={show(estimator)} could not be fitted to X: {reason_of(error)}"
        ) from error


def fit_labels(
    estimator: Any,
    X: Any,
    rows: np.ndarray | None = None,
    metadata: dict[str, Any] | None = None,
) -> np.ndarray:
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
    labels : ndarray of shape (n_rows,) or (n_samples,)
        Labels of the fitted samples.
    """
    samples, keywords = X, metadata or {}
    if rows is not None:
        samples = take_rows(X, rows)
        keywords = {key: take_metadata(each, rows) for key, each in keywords.items()}
    if hasattr(estimator, "fit_predict"):
        return np.asarray(estimator.fit_predict(samples, **keywords))
    fitted = estimator.fit(samples, **keywords)
    if hasattr(fitted, "labels_"):
        return np.asarray(fitted.labels_)
    if hasattr(fitted, "predict"):
        return np.asarray(fitted.predict(samples))
    raise TypeError(
        f"estimator={show(estimator)} does not return labels: it lacks fit_predict, "
        "predict and labels_. Pass a clusterer."
    )
