from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.metrics.cluster import pair_confusion_matrix

from contrastive_clustering._evaluation.group_agreement import (
    group_adjusted_rand,
    normalized_mutual_info,
)
from contrastive_clustering._utils.grouping import Grouping

samples = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 3)),
    min_size=2,
    max_size=10,
).filter(lambda rows: len({group for *_, group in rows}) > 1)


def read(rows):
    y, strata, groups = np.array(rows).T
    return y, strata, Grouping.read(groups, len(y))


def adjust(both, same_class, same_stratum, total):
    """The index in the form of Hubert and Arabie."""
    expected = same_class * same_stratum / total
    largest = (same_class + same_stratum) / 2
    if largest - expected < 1e-12:
        return 1.0
    return (both - expected) / (largest - expected)


def slow_rand(y, strata, codes, weights):
    """Compare all pairs of samples of different groups."""
    sums = np.zeros(4)
    for i, j in product(range(len(y)), repeat=2):
        if codes[i] != codes[j]:
            same = y[i] == y[j], strata[i] == strata[j]
            sums += weights[i] * weights[j] * np.array([all(same), *same, True])
    return adjust(*sums)


@settings(max_examples=25)
@given(samples)
def test_information_is_that_of_copies(rows):
    """Each sample is repeated such that all groups have the same number of samples."""
    y, strata, grouping = read(rows)
    sizes = np.bincount(grouping.codes)
    times = np.lcm.reduce(sizes) // sizes[grouping.codes]
    found = normalized_mutual_info(y, strata, grouping.weights())
    expected = normalized_mutual_info_score(
        np.repeat(y, times), np.repeat(strata, times)
    )
    assert found == pytest.approx(expected, abs=1e-10)


@settings(max_examples=25)
@given(samples)
def test_rand_index_matches_the_pairs_of_samples(rows):
    y, strata, grouping = read(rows)
    weights = grouping.weights()
    found = group_adjusted_rand(y, strata, weights, grouping.codes)
    expected = slow_rand(y, strata, grouping.codes, weights)
    assert found == pytest.approx(expected, abs=1e-10)


@settings(max_examples=25)
@given(samples)
def test_rand_index_is_that_of_the_mean_over_all_choices_of_one_sample(rows):
    y, strata, grouping = read(rows)
    members = [np.flatnonzero(grouping.codes == g) for g in range(grouping.n_groups)]
    choices = np.array(list(product(*members)))
    (_, only_class), (only_stratum, both) = np.mean(
        [pair_confusion_matrix(strata[c], y[c]) for c in choices], axis=0
    )
    total = grouping.n_groups * (grouping.n_groups - 1)
    expected = adjust(both, both + only_class, both + only_stratum, total)
    found = group_adjusted_rand(y, strata, grouping.weights(), grouping.codes)
    assert found == pytest.approx(expected, abs=1e-10)


@settings(max_examples=25)
@given(samples)
def test_groups_of_one_sample_give_the_plain_values(rows):
    y, strata, _ = np.array(rows).T
    ones = np.ones(len(y))
    found = group_adjusted_rand(y, strata, ones, np.arange(len(y)))
    assert found == pytest.approx(adjusted_rand_score(y, strata), abs=1e-10)
    information = normalized_mutual_info(y, strata, ones)
    plain = normalized_mutual_info_score(y, strata)
    assert information == pytest.approx(plain, abs=1e-10)
    assert normalized_mutual_info(y, strata) == plain


@settings(max_examples=25)
@given(samples, st.integers(0, 99))
def test_a_group_that_is_drawn_twice_is_two_groups(rows, seed):
    y, strata, grouping = read(rows)
    n_groups = grouping.n_groups
    drawn = np.random.default_rng(seed).integers(n_groups, size=n_groups)
    times = np.bincount(drawn, minlength=n_groups)
    members = [np.flatnonzero(grouping.codes == g) for g in drawn]
    picked = np.concatenate(members)
    codes = np.repeat(np.arange(n_groups), list(map(len, members)))
    weights = grouping.weights() * times[grouping.codes]
    found = group_adjusted_rand(y, strata, weights, grouping.codes)
    expected = slow_rand(
        y[picked], strata[picked], codes, Grouping(codes, n_groups).weights()
    )
    assert found == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("seed", range(20))
def test_partitions_without_pairs_agree_in_spite_of_rounding(seed):
    """Groups of three and more samples have weights that are rounded."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(40), rng.integers(1, 9, size=40))
    strata = rng.permutation(len(groups))
    weights = Grouping(groups, 40).weights()
    assert group_adjusted_rand(groups, strata, weights, groups) == 1


def test_copies_within_groups_do_not_change_anything():
    """Copies of one image are pairs that always agree, which must not count."""
    rng = np.random.default_rng(0)
    y, strata = rng.integers(0, 3, size=(2, 60))
    copies = np.repeat(np.arange(60), rng.integers(1, 9, size=60))
    weights = Grouping(copies, 60).weights()
    found = group_adjusted_rand(y[copies], strata[copies], weights, copies)
    assert found == pytest.approx(adjusted_rand_score(y, strata), abs=1e-10)
    found = normalized_mutual_info(y[copies], strata[copies], weights)
    assert found == pytest.approx(normalized_mutual_info_score(y, strata), abs=1e-10)
    assert adjusted_rand_score(y[copies], strata[copies]) > 0.01


def test_information_of_one_part_is_one():
    ones, weights = np.zeros(3, dtype=int), np.array([0.5, 0.5, 1])
    assert normalized_mutual_info(ones, ones, weights) == 1
