from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from contrastive_clustering._data.partners import GroupPartners
from contrastive_clustering._utils.grouping import Grouping


@given(st.lists(st.integers(0, 5), min_size=2, max_size=40), st.integers(0, 2**31))
def test_partners_are_others_of_the_same_group(groups, seed):
    known, codes = np.unique(groups, return_inverse=True)
    indices = np.random.default_rng(seed).permutation(len(codes))
    partners = GroupPartners(Grouping(codes, len(known))).draw(indices, seed)
    np.testing.assert_array_equal(codes[partners], codes[indices])
    alone = np.bincount(codes)[codes[indices]] == 1
    np.testing.assert_array_equal(partners == indices, alone)


def test_each_other_member_is_drawn_equally_often():
    codes = np.array([0, 1, 0, 1, 0, 0])
    partners = GroupPartners(Grouping(codes, 2))
    drawn = [int(partners.draw(np.array([2]), seed)[0]) for seed in range(3000)]
    counts = Counter(drawn)
    assert set(counts) == {0, 4, 5}
    assert min(counts.values()) > 900


def test_draws_depend_on_the_seed_only():
    partners = GroupPartners(Grouping(np.arange(60) // 10, 6))
    indices = np.arange(60)
    first, again, other = (partners.draw(indices, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
