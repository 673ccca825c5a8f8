"""Separation of strata among the samples themselves, independent of the network."""

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score
from sklearn.utils.extmath import randomized_svd

from contrastive_clustering._data.pooling import pool
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._evaluation.group_silhouette import (
    group_silhouette,
    is_defined,
)
from contrastive_clustering._utils.chunks import iterate_chunks
from contrastive_clustering._utils.grouping import Grouping

# Measured in the docs, "Which score ranks the candidates of a search?".
MAX_COMPONENTS = 50

# Larger images are averaged down to 32 pixels a side, and volumes to 16. The leading
# principal components are coarse anyway.
MAX_SIDE_OF_ONE_AXIS = 64


def sample_silhouette(
    X: Samples,
    labels: np.ndarray,
    scaler: Scaler,
    groups: Grouping | None = None,
) -> float:
    """Return the mean silhouette of strata in the sample space.

    The silhouette uses the 50 leading principal components of the standardized samples,
    scaled to unit length. They do not depend on the network, so that values of
    different networks and numbers of strata can be compared.

    Parameters
    ----------
    X : ndarray or LazyArray of shape (n_samples, ...)
        Samples.

    labels : ndarray of shape (n_samples,)
        Strata.

    scaler : Scaler
        Standardizes the samples.

    groups : Grouping or None, default=None
        The group of each sample. A group weighs as one in the principal components and
        in the silhouette, which compares samples of different groups only.

    Returns
    -------
    silhouette : float
        In ``[-1, 1]``; -1 if there is a single stratum, or if no stratum has two
        samples or, with groups, two groups.

    References
    ----------
    Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of
    cluster analysis", 1987.
    """
    if groups is not None and groups.is_trivial:
        groups = None
    if not is_defined(labels, groups):
        return -1.0
    values = np.concatenate([_shrink(chunk, scaler) for chunk in iterate_chunks(X)])
    leading = _leading_components(values, groups)
    lengths = np.linalg.norm(leading, axis=1, keepdims=True)
    directions = leading / np.maximum(lengths, np.finfo(np.float64).tiny)
    if groups is not None:
        return group_silhouette(directions, labels, groups)
    return float(silhouette_score(directions, labels))


def _leading_components(values: np.ndarray, groups: Grouping | None) -> np.ndarray:
    """Return the leading principal components, in which a group weighs as one."""
    n_components = min(MAX_COMPONENTS, len(values) - 1, values.shape[1])
    # A fixed seed gives bitwise equal components in each call.
    if groups is None:
        components = PCA(n_components, svd_solver="randomized", random_state=0)
        return np.asarray(components.fit_transform(values))
    # scikit-learn's PCA takes no weights, but its randomized solver is this one.
    weights = groups.weights()
    centered = values - np.average(values, axis=0, weights=weights)
    weighted = centered * np.sqrt(weights)[:, None]
    *_, axes = randomized_svd(weighted, n_components, random_state=0)
    return np.asarray(centered @ axes.T)


def _shrink(samples: np.ndarray, scaler: Scaler) -> np.ndarray:
    """Return standardized samples, pooled and flattened to one row each."""
    batch = scaler.scale(samples)
    if not scaler.layout.is_table:
        max_side = MAX_SIDE_OF_ONE_AXIS >> (scaler.layout.n_spatial_axes - 1)
        batch = pool(batch, scaler.layout, max_side)
    return np.asarray(torch.flatten(batch, 1).double().numpy())
