"""Merge clusters along a neighbor graph, and evaluate the resulting cut."""

import numpy as np
from scipy.sparse import csr_array
from sklearn.neighbors import kneighbors_graph


def neighbor_graph(X: np.ndarray, n_neighbors: int) -> csr_array:
    n_neighbors = min(n_neighbors, len(X) - 1)
    if n_neighbors == 0:
        return csr_array((len(X), len(X)))
    graph = csr_array(kneighbors_graph(X, n_neighbors))
    return csr_array((graph + graph.T) / 2)


def merge_clusters(labels: np.ndarray, graph: csr_array, n_clusters: int) -> np.ndarray:
    """Merge clusters along a graph until `n_clusters` are left.

    In each step, the two clusters with the largest average link weight between their
    samples are merged (average linkage on the graph).

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Fine clusters, numbered consecutively from 0.

    graph : sparse array of shape (n_samples, n_samples)
        Symmetric link weights.

    n_clusters : int
        Number of clusters to keep.

    Returns
    -------
    merged : ndarray of shape (n_fine,)
        Merged cluster of each fine cluster, numbered from 0.
    """
    links = _links(labels, graph)  # (n_fine, n_fine)
    n_fine = len(links)
    sizes = np.bincount(labels, minlength=n_fine).astype(np.float64)
    merged = np.arange(n_fine)
    alive = sizes > 0
    while alive.sum() > n_clusters:
        density = links / np.outer(sizes, sizes).clip(min=1)
        density[~alive] = density[:, ~alive] = -np.inf
        np.fill_diagonal(density, -np.inf)
        kept, gone = sorted(np.unravel_index(density.argmax(), density.shape))
        links[kept] += links[gone]
        links[:, kept] += links[:, gone]
        sizes[kept] += sizes[gone]
        alive[gone] = False
        merged[merged == gone] = kept
    # Consecutive numbers; fine clusters that k-means left empty go to the first.
    numbers = np.searchsorted(np.flatnonzero(alive), merged)
    return np.asarray(numbers * alive[merged])


def normalized_cut(labels: np.ndarray, graph: csr_array) -> float:
    """Return the fraction of a cluster's link weight that leaves it, averaged.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Cluster labels, numbered from 0.

    graph : sparse array of shape (n_samples, n_samples)
        Symmetric link weights.

    Returns
    -------
    cut : float
        From 0, no links between clusters, to 1. Clusters without links count as 0.
    """
    _, labels = np.unique(labels, return_inverse=True)
    links = _links(labels, graph)
    leaving, of_all = links.sum(axis=1) - links.diagonal(), links.sum(axis=1)
    return float(np.mean(leaving / np.where(of_all > 0, of_all, 1.0)))


def _links(labels: np.ndarray, graph: csr_array) -> np.ndarray:
    """Return the total weight between pairs of clusters, (n_clusters, n_clusters)."""
    member = csr_array((np.ones(len(labels)), (np.arange(len(labels)), labels)))
    return np.asarray((member.T @ graph @ member).toarray())
