import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contrastive_clustering._utils.grouping import (
    Grouping,
    read_groups,
    read_units,
    sample_weights,
)
from contrastive_clustering._utils.identifiers import MISSING

GROUPS = Grouping(np.array([0, 0, 1, 1, 1, 2]), 3)

samples = st.lists(
    st.tuples(st.integers(0, 4), st.integers(-1, 3)), min_size=1, max_size=30
)


def make_grouping(groups):
    known, codes = np.unique(groups, return_inverse=True)
    return Grouping(codes, len(known))


@given(samples)
def test_majority_agrees_with_counting(pairs):
    groups, codes = np.array(pairs).T
    majority = make_grouping(groups).majority(codes)
    for i, group in enumerate(np.unique(groups)):
        members = codes[(groups == group) & (codes != MISSING)]
        counts = Counter(members.tolist())  # the first of equally frequent ones
        expected = counts.most_common(1)[0][0] if counts else MISSING
        assert majority[i] == expected


@given(samples, st.permutations(range(4)))
def test_majority_does_not_depend_on_the_numbers_of_codes(pairs, numbers):
    groups, codes = np.array(pairs).T
    grouping, numbers = make_grouping(groups), np.array([*numbers, MISSING])
    expected = numbers[grouping.majority(codes)]
    np.testing.assert_array_equal(grouping.majority(numbers[codes]), expected)


@given(samples)
def test_mean_agrees_with_numpy(pairs):
    groups, values = np.array(pairs).T
    values = np.where(values < 0, np.nan, values * 0.1)
    means = make_grouping(groups).mean(values)
    for i, group in enumerate(np.unique(groups)):
        members = values[(groups == group) & ~np.isnan(values)]
        if len(members):
            assert means[i] == pytest.approx(members.mean(), rel=1e-12, abs=1e-12)
        else:
            assert np.isnan(means[i])


def test_equal_values_stay_ties_in_groups_of_any_size():
    sizes = np.arange(1, 30)
    grouping = Grouping(np.repeat(np.arange(29), sizes), 29)
    values = np.full(sizes.sum(), 0.1)
    assert len(np.unique(grouping.mean(values))) == 1


@pytest.mark.parametrize(
    ("values", "groups"),
    [
        ([1, 1, 2, 2, 1, 1, 2, 1, 1, 1, 1, 2], [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2]),
        ([0.1, 0.2, 0.15, 0.2, 0.1, 0.15], [0, 0, 1, 2, 2, 2]),
        ([0.1, 0.7, 0.3, 0.3, 0.7, 0.1], [0, 0, 0, 1, 1, 1]),
    ],
)
def test_equal_means_are_ties_whatever_the_order_of_the_values(values, groups):
    means = make_grouping(groups).mean(np.array(values, dtype=float))
    assert len(np.unique(means)) == len({*np.round(means, 9)}) < len(means)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("size", [20, 300])
def test_means_of_the_same_values_in_another_order_are_ties(size, sign):
    rng = np.random.default_rng(0)
    values = sign * rng.random(size)
    values[0] = 0
    orders = [rng.permutation(size) for _ in range(20)]
    grouping = Grouping(np.repeat(np.arange(20), size), 20)
    sums = {np.cumsum(values[order])[-1] for order in orders}
    assert len(sums) > 1  # by rounding errors
    means = grouping.mean(np.concatenate([values[order] for order in orders]))
    assert len(np.unique(means)) == 1


def test_means_of_close_numbers_are_not_tied():
    values = 1e9 + np.array([0.0, 1e-5, 2e-5, 3e-5, 4e-5])
    means = make_grouping([0, 1, 1, 2, 2]).mean(values)
    assert len(np.unique(means)) == 3
    large = 2.0**53 - np.arange(4)
    assert make_grouping(range(4)).mean(large).tolist() == large.tolist()


def test_large_numbers_do_not_overflow():
    assert np.isfinite(GROUPS.mean(np.full(6, 1.7e308))).all()
    values = np.array([1.7e308, 1.6e308, 0, 0, 0, 0])
    assert GROUPS.mean(values)[0] == pytest.approx(1.65e308)


def test_missing_identifiers_are_groups_of_their_own():
    for identifiers in (
        pd.Series(["a", None, "b", "a", None]),
        pd.Series([3, np.nan, 1, 3, np.nan]),
        pd.Series([3, None, 1, 3, None], dtype="Int64"),
    ):
        grouping = Grouping.read(identifiers, 5)
        assert grouping.codes.tolist() == [0, 2, 1, 0, 3]
        assert grouping.n_groups == 4


def test_take_leaves_out_groups_without_samples():
    taken = GROUPS.take(np.array([1, 5]))
    assert taken.codes.tolist() == [0, 1]
    assert taken.n_groups == 2


def test_varies_finds_samples_that_differ_from_the_first():
    values = np.array([1.0, 1.0, np.nan, 2.0, 3.0, np.nan])
    assert GROUPS.varies(values).tolist() == [4]


def test_groups_of_similar_size_share_a_block():
    sizes = [1, 2, 3, 4, 5, 8, 9, 16, 17]
    grouping = Grouping(np.repeat(np.arange(9), sizes), 9)
    assert grouping.size_blocks().tolist() == [0, 1, 2, 2, 3, 3, 4, 4, 5]


def test_five_groups_of_equal_size_are_a_block():
    sizes = np.repeat([3, 4, 5, 6, 7, 8], [5, 6, 2, 4, 9, 4])
    grouping = Grouping(np.repeat(np.arange(30), sizes), 30)
    # Four groups of 8 samples are too few, and share the block of those of 7.
    expected = np.repeat([0, 1, 2, 3], [5, 6, 6, 13])
    assert grouping.size_blocks().tolist() == expected.tolist()


def test_sizes_with_few_groups_form_a_block_of_five():
    sizes = np.repeat([5, 6, 7], [5, 3, 3])
    grouping = Grouping(np.repeat(np.arange(11), sizes), 11)
    assert grouping.size_blocks().tolist() == [0] * 5 + [1] * 6


def test_one_group_is_refused():
    with pytest.raises(ValueError, match="groups has one group only"):
        Grouping.read([7, 7, 7], 3)


def test_weights_sum_to_one_in_each_group():
    sums = np.bincount(GROUPS.codes, weights=GROUPS.weights())
    np.testing.assert_allclose(sums, 1)


def test_samples_have_weights_only_if_some_share_a_group():
    assert sample_weights(None) is None
    assert sample_weights(Grouping(np.array([1, 0, 2]), 3)) is None
    weights = sample_weights(GROUPS)
    np.testing.assert_allclose(weights, [1 / 2, 1 / 2, 1 / 3, 1 / 3, 1 / 3, 1])


def test_representatives_are_nearest_to_the_mean_of_their_group():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 5, 40)
    rows = rng.normal(size=(40, 3))
    found = make_grouping(codes).representatives(rows)
    assert list(found) == sorted(found)
    for group in range(5):
        members = np.flatnonzero(codes == group)
        distances = np.linalg.norm(rows[members] - rows[members].mean(axis=0), axis=1)
        assert members[distances.argmin()] in found
    assert len(found) == 5


def test_the_first_of_two_samples_represents_its_group():
    """Both are equally far from their mean, except for rounding errors."""
    rows = 1.37 * np.random.default_rng(0).normal(size=(400, 16))
    found = Grouping(np.arange(400) // 2, 200).representatives(rows)
    np.testing.assert_array_equal(found, np.arange(0, 400, 2))


def test_the_first_of_equal_samples_represents_its_group():
    grouping = Grouping(np.array([0, 1, 0, 1]), 2)
    assert grouping.representatives(np.ones((4, 2))).tolist() == [0, 1]


def test_groups_of_one_sample_each_are_no_groups():
    assert read_groups(None, 3) is None
    assert read_groups(["a", "b", None], 3) is None
    assert read_groups(GROUPS, 6) is GROUPS
    assert read_groups(["a", "b", "a"], 3).codes.tolist() == [0, 1, 0]


def test_samples_are_units_without_groups():
    assert read_units(None, 3).codes.tolist() == [0, 1, 2]
    assert read_units(["x", "y", "x"], 3).codes.tolist() == [0, 1, 0]


@pytest.mark.parametrize("text", ["nan", "None", "<NA>", "unknown", "?"])
def test_texts_that_say_that_groups_are_unknown_are_named(text):
    with pytest.warns(UserWarning, match=rf"^groups has .*{re.escape(repr(text))}, wh"):
        grouping = Grouping.read(["a", text, "b", text], 4)
    assert grouping.n_groups == 3
    # One sample is a group of its own in any case, and "NA" may be initials.
    Grouping.read(["a", text, "b", "b", "NA", "NA"], 6)
