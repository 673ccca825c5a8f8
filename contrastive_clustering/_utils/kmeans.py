"""K-means as a step of other methods."""

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning


def fit_kmeans(
    X: np.ndarray,
    n_clusters: int,
    *,
    n_init: int,
    seed: int,
    weights: np.ndarray | None = None,
) -> KMeans:
    """Return fitted k-means, without a warning if some clusters are the same.

    The warning names `n_clusters`, which here is not the parameter of the user. Samples
    that hardly differ count as the same, even if they are not equal.
    """
    kmeans = KMeans(n_clusters, n_init=n_init, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return kmeans.fit(X, sample_weight=weights)
