import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs

from contrastive_clustering._clustering.members import (
    count_fine_clusters,
    kmeans_members,
    merged_members,
)
from contrastive_clustering._clustering.merging import (
    merge_clusters,
    neighbor_graph,
    normalized_cut,
)
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.memoize import Memoized

X = make_blobs(120, 2, centers=9, cluster_std=1.5, random_state=0)[0]


def seeds(n):
    rng = np.random.RandomState(0)
    return [rng.randint(2**31 - 1) for _ in range(n)]


def test_the_more_compact_half_of_the_kmeans_members_votes():
    found = kmeans_members(Memoized(X), 5, 6, np.random.RandomState(0))
    every = [KMeans(6, n_init=1, random_state=seed).fit(X) for seed in seeds(5)]
    inertias = sorted(member.inertia_ for member in every)
    assert [member.fine.inertia_ for member in found] == inertias[:3]
    for member in found:
        np.testing.assert_array_equal(member.merged, np.arange(6))
        assert not member.by_direction


def test_a_group_weighs_as_one_in_kmeans_members():
    groups = Grouping.read(np.repeat(np.arange(40), 3), 120)
    (found,) = kmeans_members(Memoized(X), 1, 3, np.random.RandomState(0), groups)
    expected = KMeans(3, n_init=1, random_state=seeds(1)[0]).fit(
        X, sample_weight=np.full(120, 1 / 3)
    )
    np.testing.assert_allclose(found.fine.inertia_, expected.inertia_, rtol=1e-10)


def test_fewer_distinct_samples_than_clusters():
    few = np.repeat(X[:2], 5, axis=0)
    (found,) = kmeans_members(Memoized(few), 1, 3, np.random.RandomState(0))
    assert len(found.fine.cluster_centers_) == len(found.merged) == 2


def test_the_better_separated_half_of_the_merged_members_votes():
    graph = neighbor_graph(X, 5)
    counts = np.array([8, 12, 16, 20])
    found = merged_members(
        Memoized(X), graph, counts, 3, np.random.RandomState(0), by_direction=True
    )
    cuts = [normalized_cut(m.merged[m.fine.labels_], graph) for m in found]
    assert len(found) == 2
    assert cuts == sorted(cuts)
    assert all(member.by_direction for member in found)
    assert all(set(member.merged) == {0, 1, 2} for member in found)


def test_members_have_seeds_of_their_own():
    graph, counts = neighbor_graph(X, 5), np.full(6, 10)
    found = merged_members(
        Memoized(X), graph, counts, 3, np.random.RandomState(0), by_direction=False
    )
    used = [member.fine.random_state for member in found]
    assert len(set(used)) == 3
    assert set(used) < set(seeds(6))


def test_a_group_weighs_as_one_in_merged_members():
    groups = Grouping.read(np.minimum(np.arange(120), 40), 120)  # one holds most
    graph = neighbor_graph(X, 5, groups)
    rng, counts = np.random.RandomState(0), np.array([8, 12, 16, 20])
    found = merged_members(
        Memoized(X), graph, counts, 3, rng, by_direction=False, groups=groups
    )
    weights = np.append(np.ones(40), np.full(80, 1 / 80))
    changed = []
    for member in found:
        labels = member.fine.labels_
        expected = merge_clusters(labels, graph, 3, weights)
        np.testing.assert_array_equal(member.merged, expected)
        changed.append((merge_clusters(labels, graph, 3) != expected).any())
    assert any(changed)


def test_merged_members_of_few_distinct_samples():
    few = np.repeat(X[:4], 5, axis=0)
    (found,) = merged_members(
        Memoized(few),
        neighbor_graph(few, 6),
        np.array([10]),
        2,
        np.random.RandomState(0),
        by_direction=False,
    )
    assert len(found.fine.cluster_centers_) == len(found.merged) == 4


@pytest.mark.parametrize(
    ("n_clusters", "n_samples", "expected"),
    [
        (2, 10_000, [20, 30, 40, 50]),
        (10, 10_000, [20, 33, 47, 60]),
        (100, 10_000, [200, 333, 467, 600]),
        (10, 204, [20, 33, 40, 40]),  # at least 5 samples each
        (10, 30, [10, 10, 10, 10]),
    ],
)
def test_numbers_of_fine_clusters(n_clusters, n_samples, expected):
    counts = count_fine_clusters(n_clusters, 4, n_samples)
    assert counts.tolist() == expected
    assert counts.dtype.kind == "i"
