"""The consensus of several partitions of the same samples."""

import numpy as np
from sklearn.cluster import KMeans

# k-means on the members' partitions weights each cluster by its size to the power of
# minus this number. Without weights, a large cluster that few members divide costs more
# than two small ones that most members separate, and these are joined: see the docs,
# "Defaults".
SIZE_POWER = 0.25


def agree(
    votes: list[np.ndarray],
    n_clusters: int,
    seed: int,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Return the consensus of partitions by k-means on their indicator vectors.

    Parameters
    ----------
    votes : list of ndarray of shape (n_samples,)
        Partitions, each with clusters from 0 to ``n_clusters - 1``.

    n_clusters : int
        Number of clusters.

    seed : int
        Seed of k-means.

    weights : ndarray of shape (n_samples,), default=None
        Weights of the samples; None counts them.

    Returns
    -------
    agreed : ndarray of shape (n_samples,)
        Clusters of the consensus.
    """
    indicators = np.hstack(
        [np.eye(n_clusters, dtype=np.float32)[vote] for vote in votes]
    )  # (n_samples, n_members * n_clusters)
    sizes = np.average(indicators, axis=0, weights=weights)
    indicators /= np.where(sizes > 0, sizes, 1.0) ** SIZE_POWER
    return np.asarray(
        KMeans(n_clusters, n_init=10, random_state=seed).fit_predict(
            indicators, sample_weight=weights
        )
    )


def shares_of(
    vote: np.ndarray,
    agreed: np.ndarray,
    n_clusters: int,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Return the distribution of a member's clusters over the consensus clusters.

    Parameters
    ----------
    vote : ndarray of shape (n_samples,)
        Clusters of the member.

    agreed : ndarray of shape (n_samples,)
        Clusters of the consensus.

    n_clusters : int
        Number of clusters of either.

    weights : ndarray of shape (n_samples,), default=None
        Weights of the samples; None counts them.

    Returns
    -------
    shares : ndarray of shape (n_clusters, n_clusters)
        Rows that sum to one, or to zero for a cluster without samples.
    """
    counts = np.zeros((n_clusters, n_clusters))
    np.add.at(counts, (vote, agreed), 1.0 if weights is None else weights)
    sizes = counts.sum(axis=1, keepdims=True)
    return np.asarray(counts / np.where(sizes > 0, sizes, 1.0))
