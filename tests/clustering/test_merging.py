import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from contrastive_clustering._clustering.merging import merge_clusters, normalized_cut


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


@settings(deadline=None, max_examples=40)
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


@settings(deadline=None, max_examples=40)
@given(n_clusters=st.integers(1, 5), seed=st.integers(0, 2**32 - 1))
def test_normalized_cut_is_the_mean_fraction_of_leaving_links(n_clusters, seed):
    rng = np.random.default_rng(seed)
    labels = 2 * rng.integers(0, n_clusters, 15)  # some numbers are not used
    weights = rng.random((15, 15)) * (rng.random((15, 15)) < 0.3)
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
