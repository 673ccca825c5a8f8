"""Fit any clusterer to samples, such that a group of samples weighs as one."""

import inspect
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.messages import reason_of, show


def fit_clusterer(
    clusterer: Any, samples: np.ndarray, groups: Grouping | None
) -> tuple[Any, np.ndarray | None]:
    """Fit a clusterer to samples, or to one sample of each group.

    With groups, a clusterer that takes `groups` or else `sample_weight` is fitted to
    all samples. It receives the groups, or weights that sum to one in each group. In a
    pipeline, this concerns the last step. Any other clusterer is fitted to the sample
    of each group that is nearest to the mean of the group.

    Parameters
    ----------
    clusterer : scikit-learn clusterer
        The clusterer to fit.

    samples : ndarray of shape (n_samples, n_features)
        Samples, which are not modified.

    groups : Grouping or None
        Groups of the samples; None if they are independent.

    Returns
    -------
    found : array-like of shape (n_seen,)
        Labels that the clusterer returned.

    rows : ndarray of shape (n_seen,) or None
        Indices of the samples that the clusterer was fitted to; None stands for all.

    Raises
    ------
    ValueError
        If the clusterer fails.
    """
    rows, params = None, {}
    if groups is not None:
        found = _grouped_params(clusterer, groups)
        if found is None:
            rows = groups.representatives(samples)
            samples = samples[rows]
        else:
            params = found
    try:
        # The clusterer may modify its input.
        return clusterer.fit_predict(samples.copy("K"), **params), rows
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"clusterer={show(clusterer)} cannot cluster latents of shape "
            f"{samples.shape}: {reason_of(error).rstrip('.')}. Change its parameters "
            "or use another clusterer."
        ) from error


def _grouped_params(clusterer: Any, groups: Grouping) -> dict[str, np.ndarray] | None:
    """Return the parameters of `fit_predict` by which a group weighs as one, if any."""
    last, prefix = clusterer, ""
    while isinstance(last, Pipeline):
        name, last = last.steps[-1]
        prefix += f"{name}__"
    for name, values in (("groups", groups.codes), ("sample_weight", groups.weights())):
        if _takes(last, name):
            return {prefix + name: values}
    return None


def _takes(clusterer: Any, name: str) -> bool:
    """Return whether `fit_predict` takes a parameter or passes it to `fit`."""
    if not hasattr(clusterer, "fit_predict"):
        return False
    parameters = inspect.signature(clusterer.fit_predict).parameters
    if name in parameters:
        return True
    passes_on = any(p.kind == p.VAR_KEYWORD for p in parameters.values())
    fit = getattr(clusterer, "fit", None)
    return passes_on and fit is not None and name in inspect.signature(fit).parameters
