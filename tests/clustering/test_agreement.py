import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from contrastive_clustering._clustering.agreement import agree, shares_of


@pytest.mark.parametrize("weighted", [False, True])
def test_the_consensus_is_kmeans_on_indicators_divided_by_powers_of_sizes(weighted):
    rng = np.random.default_rng(0)
    votes = [rng.choice(5, 80, p=[0.5, 0.3, 0.1, 0.1, 0]) for _ in range(6)]
    weights = rng.uniform(0.1, 2, 80) if weighted else np.ones(80)
    columns = []
    for vote in votes:
        for cluster in range(5):
            size = weights[vote == cluster].sum() / weights.sum()
            columns.append((vote == cluster) / (size**0.25 or 1))
    expected = KMeans(5, n_init=10, random_state=7).fit_predict(
        np.stack(columns, axis=1), sample_weight=weights
    )
    agreed = agree(votes, 5, seed=7, weights=weights if weighted else None)
    assert adjusted_rand_score(expected, agreed) == 1


def test_splits_of_a_large_cluster_do_not_outvote_small_ones():
    # Nine of ten members separate two small clusters; one splits the large one.
    large, small = 400, 20
    labels = np.repeat([0, 1, 2], [large, small, small])
    other = np.repeat([0, 1, 2], [large // 2, large // 2, 2 * small])
    agreed = agree([labels] * 9 + [other], 3, seed=0)
    assert adjusted_rand_score(labels, agreed) == 1


def test_weights_count_samples_that_often():
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 5, 60)
    votes = [rng.integers(0, 4, 60) for _ in range(3)]
    repeated = [np.repeat(vote, counts) for vote in votes]
    np.testing.assert_allclose(
        shares_of(votes[0], votes[1], 4, counts / 7),
        shares_of(repeated[0], repeated[1], 4),
        atol=1e-12,
    )
    # The consensus is unique here, as all members but one are the same.
    votes = [votes[0]] * 5 + [votes[1]]
    weighted = agree(votes, 4, seed=0, weights=counts / 7)
    plain = agree([np.repeat(vote, counts) for vote in votes], 4, seed=0)
    assert adjusted_rand_score(np.repeat(weighted, counts), plain) == 1


def test_shares_of_light_clusters_sum_to_one():
    vote, agreed = np.array([0, 0, 1]), np.array([0, 1, 1])
    shares = shares_of(vote, agreed, 3, np.array([0.1, 0.3, 0.02]))
    np.testing.assert_allclose(shares, [[0.25, 0.75, 0], [0, 1, 0], [0, 0, 0]])
