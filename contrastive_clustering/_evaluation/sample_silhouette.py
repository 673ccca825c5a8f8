"""Separation of strata among the samples themselves, independent of the network."""

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score

from contrastive_clustering._data.pooling import pool
from contrastive_clustering._data.scaling import Scaler, iterate_chunks
from contrastive_clustering._data.validation import Samples

# Measured in the docs, "Which score ranks the candidates of a search?".
MAX_COMPONENTS = 50

# Larger images are averaged down to 32 pixels a side, and volumes to 16. The leading
# principal components are coarse anyway.
MAX_SIDE_OF_ONE_AXIS = 64


def sample_silhouette(X: Samples, labels: np.ndarray, scaler: Scaler) -> float:
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

    Returns
    -------
    silhouette : float
        In ``[-1, 1]``; -1 if there is a single stratum, or one for each sample.

    References
    ----------
    Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of
    cluster analysis", 1987.
    """
    if not 2 <= len(np.unique(labels)) < len(labels):
        return -1.0
    values = np.concatenate([_shrink(chunk, scaler) for chunk in iterate_chunks(X)])
    n_components = min(MAX_COMPONENTS, len(values) - 1, values.shape[1])
    # A fixed seed gives bitwise equal components in each call.
    components = PCA(n_components, svd_solver="randomized", random_state=0)
    leading = components.fit_transform(values)
    lengths = np.linalg.norm(leading, axis=1, keepdims=True)
    directions = leading / np.maximum(lengths, np.finfo(np.float64).tiny)
    return float(silhouette_score(directions, labels))


def _shrink(samples: np.ndarray, scaler: Scaler) -> np.ndarray:
    """Return standardized samples, pooled and flattened to one row each."""
    batch = scaler.scale(samples)
    if not scaler.layout.is_table:
        max_side = MAX_SIDE_OF_ONE_AXIS >> (scaler.layout.n_spatial_axes - 1)
        batch = pool(batch, scaler.layout, max_side)
    return np.asarray(torch.flatten(batch, 1).double().numpy())
