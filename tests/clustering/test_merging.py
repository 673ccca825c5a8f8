import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from contrastive_clustering._clustering import merging as _merging
from contrastive_clustering._clustering.merging import (
    merge_clusters,
    neighbor_graph,
    normalized_cut,
)
from contrastive_clustering._utils.grouping import Grouping


def slow_merge(labels, weights, n_clusters):
    """Compute average linkage on a graph directly from the groups of samples."""
    groups = [list(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    fine = [[label] for label in np.unique(labels)]
    while len(groups) > n_clusters:
        pairs = [
            (weights[np.ix_(groups[i], groups[j])].mean(), -i, -j)
            for i in range(len(groups))
            for j in range(i + 1, len(groups))
        ]
        _, i, j = max(pairs)
        groups[-i] += groups.pop(-j)
        fine[-i] += fine.pop(-j)
    return {frozenset(int(label) for label in group) for group in fine}


@settings(max_examples=40)
@given(
    n_fine=st.integers(1, 7),
    n_clusters=st.integers(1, 7),
    seed=st.integers(0, 2**32 - 1),
)
def test_merging_is_average_linkage(n_fine, n_clusters, seed):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(n_fine), rng.integers(0, n_fine, 12)])
    weights = rng.random((len(labels), len(labels)))
    weights += weights.T
    merged = merge_clusters(labels, csr_array(weights), n_clusters)
    assert sorted(set(merged)) == list(range(min(n_fine, n_clusters)))
    found = {
        frozenset(np.flatnonzero(merged == group).tolist()) for group in set(merged)
    }
    assert found == slow_merge(labels, weights, n_clusters)


def test_fine_clusters_without_members_do_not_count():
    labels = np.array([0, 0, 2, 2, 3])
    merged = merge_clusters(labels, csr_array(np.ones((5, 5))), 3)
    assert sorted(merged[[0, 2, 3]]) == [0, 1, 2]


def test_links_between_merged_clusters_are_summed():
    links = np.zeros((5, 5))
    links[0, 1], links[2, 3] = 10, 9  # merged first
    links[1, 3] = 4  # then a mean of 1 between the four pairs of both
    links[4, :2] = 0.9  # and of 0.9 between the two pairs of these
    merged = merge_clusters(np.arange(5), csr_array(links + links.T), 2)
    assert merged.tolist() == [0, 0, 0, 0, 1]


@settings(max_examples=40)
@given(
    n_clusters=st.integers(1, 5),
    linked=st.sampled_from([0.02, 0.3]),  # with few links, some clusters have none
    seed=st.integers(0, 2**32 - 1),
)
def test_normalized_cut_is_the_mean_fraction_of_leaving_links(n_clusters, linked, seed):
    rng = np.random.default_rng(seed)
    labels = 2 * rng.integers(0, n_clusters, 15)  # some numbers are not used
    weights = rng.random((15, 15)) * (rng.random((15, 15)) < linked)
    weights += weights.T
    parts = []
    for label in set(labels.tolist()):
        inside = leaving = 0.0
        for i in np.flatnonzero(labels == label):
            for j in range(15):
                if labels[j] == label:
                    inside += weights[i, j]
                else:
                    leaving += weights[i, j]
        parts.append(leaving / (inside + leaving) if inside + leaving > 0 else 0.0)
    cut = normalized_cut(labels, csr_array(weights))
    np.testing.assert_allclose(cut, np.mean(parts), atol=1e-12)


def slow_grouped_links(X, n_neighbors, codes):
    """Link each sample to the nearest sample of each of the nearest other groups."""
    weights = np.zeros((len(X), len(X)))
    for i, own in enumerate(codes):
        nearest = []
        for group in set(codes.tolist()) - {own}:
            members = np.flatnonzero(codes == group)
            distances = [np.linalg.norm(X[i] - X[j]) for j in members]
            nearest.append((min(distances), members[np.argmin(distances)]))
        for _, j in sorted(nearest)[:n_neighbors]:
            weights[i, j] = 1 / np.sum(codes == own)
    return (weights + weights.T) / 2


@pytest.mark.parametrize("n_neighbors", [1, 3, 50])
@pytest.mark.parametrize("kind", ["mixed", "one holds most", "two"])
def test_neighbors_are_in_other_groups(kind, n_neighbors, monkeypatch):
    rng = np.random.default_rng(0)
    codes = {
        "mixed": rng.integers(0, 12, 70),
        "one holds most": np.append(np.zeros(60, dtype=int), np.arange(1, 11)),
        "two": np.arange(70) % 2,
    }[kind]
    rng.shuffle(codes)
    X = rng.normal(size=(70, 4))
    groups = Grouping.read(codes, 70)
    expected = slow_grouped_links(X, n_neighbors, codes)
    graph = neighbor_graph(X, n_neighbors, groups)
    np.testing.assert_allclose(graph.toarray(), expected, rtol=1e-10)
    # The same, one row of distances after another.
    monkeypatch.setattr(_merging, "DISTANCES_MEMORY", 1e-6)
    with pytest.warns(UserWarning, match="Could not adhere to working_memory"):
        graph = neighbor_graph(X, n_neighbors, groups)
    np.testing.assert_allclose(graph.toarray(), expected, rtol=1e-10)


def test_a_single_sample_has_no_neighbors():
    assert neighbor_graph(np.ones((1, 2)), 15).toarray().tolist() == [[0.0]]


def test_equally_near_samples_give_one_link():
    X = np.array([[0.0], [1.0], [1.0], [1.0], [5.0]])
    groups = Grouping.read([0, 1, 1, 1, 2], 5)
    graph = neighbor_graph(X, 1, groups).toarray()
    assert np.count_nonzero(graph[0]) == 3  # one of its own, three of the copies
    np.testing.assert_allclose(graph.sum(), 3)  # 1 for each group


def test_groups_of_one_sample_each_give_the_usual_graph():
    X = np.random.default_rng(0).normal(size=(60, 3))
    groups = Grouping.read(np.arange(60)[::-1], 60)
    np.testing.assert_array_equal(
        neighbor_graph(X, 7, groups).toarray(), neighbor_graph(X, 7).toarray()
    )


@settings(max_examples=40)
@given(
    n_fine=st.integers(1, 7),
    n_clusters=st.integers(1, 7),
    seed=st.integers(0, 2**32 - 1),
)
def test_weighted_merging_divides_links_by_weights(n_fine, n_clusters, seed):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(n_fine), rng.integers(0, n_fine, 12)])
    weights = rng.uniform(0.01, 0.5, len(labels))
    links = rng.random((len(labels), len(labels)))
    links += links.T
    parts = [[label] for label in range(n_fine)]
    while len(parts) > n_clusters:

        def density(pair):
            rows, columns = (np.isin(labels, parts[i]) for i in pair)
            total = links[np.ix_(rows, columns)].sum()
            return total / (weights[rows].sum() * weights[columns].sum())

        first, second = max(itertools.combinations(range(len(parts)), 2), key=density)
        parts[first] += parts.pop(second)
    merged = merge_clusters(labels, csr_array(links), n_clusters, weights)
    found = {
        frozenset(np.flatnonzero(merged == group).tolist()) for group in set(merged)
    }
    assert found == {frozenset(part) for part in parts}
