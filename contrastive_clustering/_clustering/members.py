"""Members of a consensus: partitions of the same samples that vote on clusters."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from sklearn.cluster import KMeans

from contrastive_clustering._clustering.merging import merge_clusters, normalized_cut
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.kmeans import fit_kmeans
from contrastive_clustering._utils.memoize import Memoized

# Range of the number of fine clusters that members start from, per final cluster and in
# total, respectively; the larger applies: docs, "Defaults".
FINE_PER_CLUSTER = (2, 6)
MIN_FINE_CLUSTERS = (20, 50)

# Minimum average number of samples per fine cluster, or of groups of samples.
SAMPLES_PER_FINE = 5

# Fraction of the members of a kind that vote. Fine clusters can be merged in several
# ways, and a cut through a dense region may win by chance: docs, "Defaults".
VOTING = 0.5


@dataclass(frozen=True)
class Member:
    """A voting partition: fine clusters and the merged cluster of each."""

    fine: KMeans
    merged: np.ndarray
    by_direction: bool


def merged_members(
    work: Memoized,
    graph: csr_array,
    counts: np.ndarray,
    n_clusters: int,
    rng: np.random.RandomState,
    *,
    by_direction: bool,
    groups: Grouping | None = None,
) -> list[Member]:
    """Return the better-separated half of some merged fine partitions.

    Parameters
    ----------
    work : Memoized
        The samples.

    graph : sparse array of shape (n_samples, n_samples)
        Their neighbor graph, along which fine clusters are merged.

    counts : ndarray of shape (n_members,)
        Number of fine clusters of each partition.

    n_clusters : int
        Number of clusters after merging.

    rng : numpy.random.RandomState
        Source of the seeds.

    by_direction : bool
        Whether the samples are directions.

    groups : Grouping, default=None
        Groups of the samples, each of which weighs as one; None if they are
        independent.

    Returns
    -------
    members : list of Member
        Half of the partitions, smallest normalized cut first.
    """
    weights = None if groups is None else groups.weights()
    n_distinct = work.compute(_count_distinct)
    members, cuts = [], []
    for n_fine in counts.clip(max=n_distinct):
        fine = work.compute(_fine_clusters, int(n_fine), rng.randint(2**31 - 1), groups)
        merged = merge_clusters(fine.labels_, graph, n_clusters, weights)
        members.append(Member(fine, merged, by_direction))
        cuts.append(normalized_cut(merged[fine.labels_], graph))
    return _best(members, cuts)


def kmeans_members(
    work: Memoized,
    n_members: int,
    n_clusters: int,
    rng: np.random.RandomState,
    groups: Grouping | None = None,
) -> list[Member]:
    """Return the more compact half of some k-means partitions.

    Parameters
    ----------
    work : Memoized
        The samples.

    n_members : int
        Number of partitions to compute.

    n_clusters : int
        Number of clusters of each.

    rng : numpy.random.RandomState
        Source of the seeds.

    groups : Grouping, default=None
        As for `merged_members`.

    Returns
    -------
    members : list of Member
        Half of the partitions, smallest inertia first.
    """
    if n_members == 0:
        return []
    n_found = min(n_clusters, work.compute(_count_distinct))
    members = []
    for _ in range(n_members):
        found = work.compute(_fine_clusters, n_found, rng.randint(2**31 - 1), groups)
        members.append(Member(found, np.arange(n_found), by_direction=False))
    return _best(members, [member.fine.inertia_ for member in members])


def count_fine_clusters(n_clusters: int, n_members: int, n_samples: int) -> np.ndarray:
    """Return the number of fine clusters of each member.

    Parameters
    ----------
    n_clusters : int
        Number of clusters after merging.

    n_members : int
        Number of members.

    n_samples : int
        Number of samples, or of groups of them.

    Returns
    -------
    counts : ndarray of shape (n_members,)
        Numbers in ascending order.

    Examples
    --------
    >>> from contrastive_clustering._clustering.members import count_fine_clusters
    >>> count_fine_clusters(10, 4, 1_000)
    array([20, 33, 47, 60])
    """
    low, high = (
        max(per_cluster * n_clusters, fewest)
        for per_cluster, fewest in zip(FINE_PER_CLUSTER, MIN_FINE_CLUSTERS, strict=True)
    )
    counts = np.linspace(low, high, n_members).round().astype(np.intp)
    most = max(n_clusters, n_samples // SAMPLES_PER_FINE)
    return np.asarray(counts.clip(max=most))


def _best(members: list[Member], losses: list[float]) -> list[Member]:
    best = np.argsort(losses, kind="stable")[: math.ceil(VOTING * len(losses))]
    return [members[i] for i in best]


def _count_distinct(X: np.ndarray) -> int:
    return len(np.unique(X, axis=0))


def _fine_clusters(
    X: np.ndarray, n_fine: int, seed: int, groups: Grouping | None
) -> KMeans:
    weights = None if groups is None else groups.weights()
    return fit_kmeans(X, n_fine, n_init=1, seed=seed, weights=weights)
