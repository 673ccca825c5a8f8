import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contrastive_clustering._numbering import match, order_strata, renumber

labels_of_some = st.lists(st.integers(-1, 4), min_size=1, max_size=12)


def test_strata_are_numbered_by_size():
    labels = np.array([2, 0, 0, 1, 1, 1, -1])
    order = order_strata(labels, 3)
    assert order.tolist() == [1, 0, 2]
    assert renumber(labels, order).tolist() == [2, 1, 1, 0, 0, 0, -1]


def test_the_first_of_equal_size_comes_first():
    assert order_strata(np.array([1, 0, 2, 2, 0, 1]), 3).tolist() == [1, 0, 2]


def test_earlier_numbers_are_kept():
    earlier = np.array([2, 2, 2, 0, 0, 1])
    labels = np.array([0, 0, 0, 1, 1, 2])
    order = order_strata(labels, 3, earlier)
    np.testing.assert_array_equal(renumber(labels, order), earlier)


def test_fewer_strata_have_no_gap():
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
def test_the_order_does_not_depend_on_the_numbers_before(labels, random):
    labels = np.array(labels)
    shuffled = list(range(5))
    random.shuffle(shuffled)
    other = np.append(shuffled, -1)[labels]
    np.testing.assert_array_equal(
        renumber(labels, order_strata(labels, 5))[labels >= 0],
        renumber(other, order_strata(other, 5))[labels >= 0],
    )


@given(st.data())
def test_the_matching_is_the_best_of_all(data):
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
def test_an_order_holds_each_stratum_once(n_clusters):
    rng = np.random.default_rng(0)
    labels = rng.integers(-1, n_clusters, 50)
    earlier = rng.integers(-1, 5, 50)
    order = order_strata(labels, n_clusters, earlier)
    assert sorted(order) == list(range(n_clusters))
