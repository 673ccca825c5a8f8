"""Merge clusters along a neighbor graph, and evaluate the resulting cut."""

from functools import partial

import numpy as np
from scipy.sparse import csr_array
from sklearn.metrics import pairwise_distances_chunked
from sklearn.neighbors import kneighbors_graph

from contrastive_clustering._utils.grouping import Grouping

# Memory for distances that are computed at once, in MiB.
DISTANCES_MEMORY = 64


def neighbor_graph(
    X: np.ndarray, n_neighbors: int, groups: Grouping | None = None
) -> csr_array:
    """Return the symmetric graph of nearest neighbors.

    With groups, a sample is linked to the nearest sample of each of the `n_neighbors`
    nearest other groups. Otherwise, the neighbors of a sample would be the other
    samples of its group, or all samples of one large group. The links of a sample are
    weighted such that those of each group have the same sum.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples.

    n_neighbors : int
        Number of neighbors of each sample; at most the number of other groups.

    groups : Grouping, default=None
        Groups of the samples; None if they are independent.

    Returns
    -------
    graph : sparse array of shape (n_samples, n_samples)
        Link weights: the mean of both directions, each of them 1 times the weight of
        the sample that it starts from, or 0.
    """
    n_neighbors = min(n_neighbors, (len(X) if groups is None else groups.n_groups) - 1)
    if n_neighbors == 0:
        return csr_array((len(X), len(X)))
    if groups is None:
        graph = csr_array(kneighbors_graph(X, n_neighbors))
    else:
        neighbors = neighbors_in_other_groups(X, n_neighbors, groups)
        rows = np.repeat(np.arange(len(X)), n_neighbors)
        links = np.repeat(groups.weights(), n_neighbors)
        graph = csr_array((links, (rows, neighbors.ravel())), shape=(len(X), len(X)))
    return csr_array((graph + graph.T) / 2)


def neighbors_in_other_groups(
    X: np.ndarray, n_neighbors: int, groups: Grouping
) -> np.ndarray:
    """Return the nearest sample of each of the nearest other groups.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples.

    n_neighbors : int
        Number of neighbors of each sample; less than the number of groups.

    groups : Grouping
        Groups of the samples.

    Returns
    -------
    neighbors : ndarray of shape (n_samples, n_neighbors)
        Indices of the neighbors of each sample, in arbitrary order.
    """
    # Samples of a group become adjacent columns of the distances.
    order = np.argsort(groups.codes, kind="stable")
    codes = groups.codes[order]
    nearest = pairwise_distances_chunked(
        X[order],
        reduce_func=partial(_reduce_to_groups, codes=codes, n_neighbors=n_neighbors),
        working_memory=DISTANCES_MEMORY,
    )
    neighbors = np.empty((len(X), n_neighbors), dtype=np.intp)
    neighbors[order] = order[np.concatenate(list(nearest))]
    return neighbors


def _reduce_to_groups(
    distances: np.ndarray, start: int, codes: np.ndarray, n_neighbors: int
) -> np.ndarray:
    """Return the columns of the nearest samples of the nearest other groups.

    Codes are sorted; the rows of `distances` are those from `start` on.
    """
    rows = np.arange(len(distances))
    own = codes[start : start + len(distances)]
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    by_group = np.minimum.reduceat(distances, starts, axis=1)  # (n_rows, n_groups)
    by_group[rows, own] = np.inf
    others = np.argpartition(by_group, n_neighbors - 1, axis=1)[:, :n_neighbors]
    is_other = np.zeros(by_group.shape, dtype=bool)
    np.put_along_axis(is_other, others, values=True, axis=1)
    # NaN equals no distance, so that only the chosen groups are searched.
    by_group[~is_other] = np.nan
    hit, columns = np.nonzero(distances == by_group[:, codes])
    # Equally near samples of a group are adjacent; the first of them is kept.
    is_first = np.diff(hit * len(starts) + codes[columns], prepend=-1) > 0
    return np.asarray(columns[is_first].reshape(len(distances), n_neighbors))


def merge_clusters(
    labels: np.ndarray,
    graph: csr_array,
    n_clusters: int,
    weights: np.ndarray | None = None,
) -> np.ndarray:
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

    weights : ndarray of shape (n_samples,), default=None
        Weights of the samples, by which the size of a cluster is computed; None counts
        the samples.

    Returns
    -------
    merged : ndarray of shape (n_fine,)
        Merged cluster of each fine cluster, numbered from 0.
    """
    links = _links(labels, graph)  # (n_fine, n_fine)
    n_fine = len(links)
    sizes = np.bincount(labels, weights).astype(np.float64)
    merged = np.arange(n_fine)
    alive = sizes > 0
    while alive.sum() > n_clusters:
        n_pairs = np.outer(sizes, sizes)
        density = links / np.where(n_pairs > 0, n_pairs, 1.0)
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
