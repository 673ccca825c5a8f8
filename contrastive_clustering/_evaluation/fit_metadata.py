"""Groups and nuisance variables for the `fit` of an estimator that takes them."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from contrastive_clustering._utils.arrays import from_tensor
from contrastive_clustering._utils.messages import show


def fit_metadata(estimator: Any, groups: Any, nuisance: Any) -> dict[str, Any]:
    """Return the keyword arguments that pass metadata to the `fit` of an estimator.

    Parameters
    ----------
    estimator : estimator
        A clusterer or a :class:`~sklearn.pipeline.Pipeline`. Each step of a pipeline
        whose `fit` takes the metadata receives it, by the name ``step__groups``.

    groups : array-like of shape (n_samples,) or None
        Groups of the samples. They are left out if nothing takes them.

    nuisance : array-like, data frame, mapping or None
        Nuisance variables of the samples.

    Returns
    -------
    metadata : dict
        Keyword arguments of `fit` and `fit_predict`.

    Raises
    ------
    TypeError
        If there are nuisance variables, but nothing takes them.
    """
    metadata: dict[str, Any] = {}
    for name, values in (("groups", groups), ("nuisance", nuisance)):
        if values is None:
            continue
        keywords = fit_keywords(estimator, name)
        if name == "nuisance" and not keywords:
            raise TypeError(
                f"estimator={show(estimator)} cannot account for nuisance: its fit "
                "has no parameter nuisance. Pass a clusterer that has one, such as "
                "ContrastiveAutoencoderClusterer, or leave nuisance out."
            )
        metadata |= dict.fromkeys(keywords, values)
    return metadata


def fit_keywords(estimator: Any, name: str) -> list[str]:
    """Return the keyword arguments by which an estimator takes a kind of metadata.

    Parameters
    ----------
    estimator : estimator
        A clusterer, a transformer or a pipeline; "passthrough" or None as its step.

    name : str
        Name of the parameter of `fit`.

    Returns
    -------
    keywords : list of str
        Empty if nothing takes it.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.pipeline import make_pipeline
    >>> from contrastive_clustering._evaluation.fit_metadata import fit_keywords
    >>> fit_keywords(KMeans(), "sample_weight")
    ['sample_weight']
    >>> fit_keywords(make_pipeline("passthrough", KMeans()), "sample_weight")
    ['kmeans__sample_weight']
    """
    if isinstance(estimator, Pipeline):
        return [
            f"{step}__{keyword}"
            for step, part in estimator.steps
            for keyword in fit_keywords(part, name)
        ]
    takes = hasattr(estimator, "fit") and name in signature(estimator.fit).parameters
    return [name] if takes else []


def take_metadata(metadata: Any, rows: np.ndarray) -> Any:
    """Return the metadata of some samples.

    Parameters
    ----------
    metadata : array-like, data frame or mapping of names to columns
        One row for each sample.

    rows : ndarray of shape (n_rows,)
        Indices of the samples.

    Returns
    -------
    metadata : array-like, data frame or dict
        One row for each index.
    """
    if isinstance(metadata, Mapping):
        return {name: take_metadata(column, rows) for name, column in metadata.items()}
    return _safe_indexing(from_tensor(metadata, "metadata"), rows)
