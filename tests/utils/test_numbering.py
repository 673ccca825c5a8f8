import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import HDBSCAN, AgglomerativeClustering

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._utils.numbering import (
    match,
    noise_mask,
    order_strata,
    renumber,
)
from contrastive_clustering.metrics import match_clusters

labels_of_some = st.lists(st.integers(-1, 4), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([0, -1]), [False, True]),
        (np.array([-1.0, 0.5]), [True, False]),
        (np.array([-1, "a"], dtype=object), [True, False]),
        (np.array(["-1", "b"]), [False, False]),
        (np.array([True, False]), [False, False]),
    ],
)
def test_noise_is_minus_one_but_not_its_text(labels, expected):
    assert noise_mask(labels).tolist() == expected


def test_strata_are_numbered_by_size():
    labels = np.array([2, 0, 0, 1, 1, 1, -1])
    order = order_strata(labels, 3)
    assert order.tolist() == [1, 0, 2]
    assert renumber(labels, order).tolist() == [2, 1, 1, 0, 0, 0, -1]


def test_the_first_of_equal_size_comes_first():
    assert order_strata(np.array([1, 0, 2, 2, 0, 1]), 3).tolist() == [1, 0, 2]


def test_strata_are_numbered_by_weight():
    labels = np.array([0, 0, 0, 0, 1, 1, 2, -1])
    weights = np.array([0.25, 0.25, 0.25, 0.25, 1.0, 1.0, 0.5, 9.0])
    assert order_strata(labels, 3, weights=weights).tolist() == [1, 0, 2]


def test_equal_sums_of_weights_are_ties():
    # Ten tenths are less than 1 by a rounding error.
    labels = np.append(np.ones(10, dtype=int), 0)
    weights = np.append(np.full(10, 0.1), 1.0)
    assert weights[:10].cumsum()[-1] < 1
    assert order_strata(labels, 2, weights=weights).tolist() == [1, 0]


def test_weights_determine_the_overlap():
    labels, earlier = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 0])
    assert match(labels, earlier) == {0: 0, 1: 1}
    weights = np.array([0.1, 0.1, 1.0, 0.1, 1.0])
    assert match(labels, earlier, weights) == {0: 1, 1: 0}
    assert order_strata(labels, 2, earlier, weights).tolist() == [1, 0]
    equal = np.full(5, 1 / 3)
    assert match(labels, earlier, equal) == {0: 0, 1: 1}


def test_equal_overlaps_are_ties_in_spite_of_rounding():
    """Otherwise, the overlap of 2 would exceed that of 1 and ten tenths."""
    labels = np.array([*[0] * 10, 0, 1, 1])
    earlier = np.array([*[0] * 10, 1, 0, 1])
    weights = np.array([*[0.1] * 10, 1, 1, 1])
    assert match(labels, earlier) == match(labels, earlier, weights) == {0: 0, 1: 1}


def test_strata_without_common_samples_do_not_match():
    # The first stratum has samples of both earlier ones, the second of one of them.
    labels, earlier = np.array([0, 0, 0, 0, 1]), np.array([5, 5, 5, 6, 5])
    assert match(labels, earlier) == match(labels, earlier, np.ones(5)) == {0: 5}


def test_earlier_numbers_are_kept():
    earlier = np.array([2, 2, 2, 0, 0, 1])
    labels = np.array([0, 0, 0, 1, 1, 2])
    order = order_strata(labels, 3, earlier)
    np.testing.assert_array_equal(renumber(labels, order), earlier)


def test_fewer_strata_are_numbered_consecutively():
    earlier = np.array([0, 0, 3, 3, 3, 1, 2])
    labels = np.array([1, 1, 0, 0, 0, 2, 2])
    found = renumber(labels, order_strata(labels, 3, earlier))
    assert found.tolist() == [0, 0, 2, 2, 2, 1, 1]


def test_new_strata_get_free_numbers():
    earlier = np.array([1, 1, 1, 0, 0, 0])
    labels = np.array([0, 0, 1, 2, 2, 2])
    found = renumber(labels, order_strata(labels, 3, earlier))
    assert found.tolist() == [1, 1, 2, 0, 0, 0]


@given(labels_of_some, st.randoms())
def test_the_order_does_not_depend_on_the_previous_numbers(labels, random):
    labels = np.array(labels)
    shuffled = list(range(5))
    random.shuffle(shuffled)
    other = np.append(shuffled, -1)[labels]
    np.testing.assert_array_equal(
        renumber(labels, order_strata(labels, 5))[labels >= 0],
        renumber(other, order_strata(other, 5))[labels >= 0],
    )


@given(st.data())
def test_the_matching_is_optimal(data):
    n = data.draw(st.integers(1, 8))
    few = st.lists(st.integers(-1, 2), min_size=n, max_size=n)
    labels, earlier = np.array(data.draw(few)), np.array(data.draw(few))
    matches = match(labels, earlier)
    assert len(set(matches.values())) == len(matches)
    found = sum(np.sum((labels == a) & (earlier == b)) for a, b in matches.items())
    best = max(
        sum(np.sum((labels == a) & (earlier == b)) for a, b in enumerate(permutation))
        for permutation in itertools.permutations(range(3))
    )
    assert found == best


@pytest.mark.parametrize("n_clusters", [1, 3, 7])
def test_orders_contain_each_stratum_once(n_clusters):
    rng = np.random.default_rng(0)
    labels = rng.integers(-1, n_clusters, 50)
    earlier = rng.integers(-1, 5, 50)
    order = order_strata(labels, n_clusters, earlier)
    assert sorted(order) == list(range(n_clusters))


def parameters(**others):
    return {
        "n_clusters": 6,
        "clusterer": "kmeans",
        "latent_dim": 8,
        "max_epochs": 3,
        "refinement_epochs": 1,
        "random_state": 0,
        **others,
    }


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"refinement_epochs": 0},
        {"clusterer": "gaussian_mixture", "refinement_epochs": 0},
        {"clusterer": AgglomerativeClustering(), "refinement_epochs": 0},
        {"clusterer": HDBSCAN(min_cluster_size=8, copy=True), "refinement_epochs": 0},
        {"refinement": "prototypes"},
    ],
    ids=str,
)
def test_fits_number_strata_by_size(digits, others, tmp_path):
    X = digits[0][:300]
    clusterer = ContrastiveAutoencoderClusterer(**parameters(**others)).fit(X)
    sizes = np.bincount(clusterer.labels_[clusterer.labels_ >= 0])
    assert (np.diff(sizes) <= 0).all()
    # All attributes of strata have the same order.
    Z = clusterer.transform(X)
    for stratum, center in enumerate(clusterer.cluster_centers_):
        mean = Z[clusterer.labels_ == stratum].mean(axis=0)
        np.testing.assert_allclose(center, mean, rtol=1e-4, atol=1e-5)
    predicted = clusterer.predict(X)
    proba = clusterer.predict_proba(X)
    kept = predicted >= 0
    np.testing.assert_array_equal(proba[kept].argmax(axis=1), predicted[kept])
    clusterer.save(tmp_path / "model")
    loaded = ContrastiveAutoencoderClusterer.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(X), predicted)
    np.testing.assert_array_equal(loaded.predict_proba(X), proba)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_continued_training_keeps_the_numbers(digits, method):
    X = digits[0][:400]
    clusterer = ContrastiveAutoencoderClusterer(**parameters(), warm_start=True)
    before = clusterer.fit(X).labels_
    after = getattr(clusterer, method)(X).labels_
    kept = np.mean(before == after)
    assert kept > 0.6
    # No other numbering lets more samples keep theirs.
    assert kept == np.mean(before == match_clusters(before, after))


def test_other_samples_keep_their_numbers(digits):
    X = digits[0]
    clusterer = ContrastiveAutoencoderClusterer(**parameters()).fit(X[:400])
    before = clusterer.predict(X[400:800])
    after = clusterer.partial_fit(X[400:800]).labels_
    kept = np.mean(before == after)
    assert kept == np.mean(before == match_clusters(before, after))
