from fractions import Fraction

import numpy as np
import pytest

from contrastive_clustering._constraints import LARGEST_COUNT, Count, Number


@pytest.mark.parametrize("value", [1, 5, np.int8(1), np.uint64(7), LARGEST_COUNT])
def test_whole_numbers_count(value):
    assert Count(1).is_satisfied_by(value)


@pytest.mark.parametrize("value", [0, True, np.True_, 1.0, "1", None, 2**31, 10**400])
def test_others_do_not_count(value):
    assert not Count(1).is_satisfied_by(value)


@pytest.mark.parametrize("value", [0, 0.5, np.float32(0.5), np.int64(0)])
def test_numbers_within_the_limits(value):
    assert Number(0, 1, closed="left").is_satisfied_by(value)


@pytest.mark.parametrize(
    "value", [1, -0.1, True, Fraction(1, 2), 10**400, -(10**400), np.nan, "0", None, 0j]
)
def test_others_are_no_numbers_within_the_limits(value):
    assert not Number(0, 1, closed="left").is_satisfied_by(value)


@pytest.mark.parametrize("value", [np.inf, np.nan, 10**400])
def test_numbers_without_a_limit_are_finite(value):
    assert not Number(0, None, closed="left").is_satisfied_by(value)
