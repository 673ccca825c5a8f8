import numpy as np
import pytest

from contrastive_clustering._evaluation.group_parts import GroupParts
from contrastive_clustering._utils.grouping import Grouping

# Groups 0 and 1 have both levels, 2 to 5 have one.
GROUPS = np.array([0, 0, 0, 1, 1, 2, 2, 3, 4, 5])
LEVELS = np.array([0, 1, 1, 0, 1, 2, 2, 0, 1, 1])


@pytest.fixture
def parts():
    return GroupParts.of(Grouping(GROUPS, 6), LEVELS)


def test_a_group_has_a_part_for_each_of_its_levels(parts):
    assert parts.groups.tolist() == [0, 0, 1, 1, 2, 3, 4, 5]
    assert parts.levels.tolist() == [0, 1, 0, 1, 2, 0, 1, 1]
    assert parts.grouping.codes.tolist() == [0, 1, 1, 2, 3, 4, 4, 5, 6, 7]
    assert parts.grouping.n_groups == 8


def test_each_sample_of_a_part_is_drawn_equally_often(parts):
    rng = np.random.default_rng(0)
    drawn = np.stack([parts.draw(rng) for _ in range(2000)])
    np.testing.assert_array_equal(parts.grouping.codes[drawn], [np.arange(8)] * 2000)
    # The interval holds 99.9 % of binomial counts.
    assert abs((drawn[:, 1] == 1).mean() - 0.5) < 3.3 * np.sqrt(0.25 / 2000)


def test_levels_move_with_their_group_and_within_it(parts):
    permuted = np.tile(parts.levels, (4000, 1))
    parts.permuter(np.random.default_rng(0))(permuted)
    # Groups with two levels keep one of each, in either order.
    np.testing.assert_array_equal(np.sort(permuted[:, 0:2]), [[0, 1]] * 4000)
    np.testing.assert_array_equal(np.sort(permuted[:, 2:4]), [[0, 1]] * 4000)
    assert len(np.unique(permuted[:, :4], axis=0)) == 4
    # Groups with a single level exchange levels: 4! / 2! different orders.
    singles, counts = np.unique(permuted[:, 4:], axis=0, return_counts=True)
    np.testing.assert_array_equal(np.sort(singles), [[0, 1, 1, 2]] * 12)
    assert abs(counts - 4000 / 12).max() < 4 * np.sqrt(4000 / 12)


def test_levels_of_different_groups_are_exchanged():
    groups, levels = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 2, 0, 1])
    parts = GroupParts.of(Grouping(groups, 3), levels)
    permuted = np.tile(parts.levels, (300, 1))
    parts.permuter(np.random.default_rng(0))(permuted)
    pairs = np.sort(permuted.reshape(300, 3, 2))
    has_two = (pairs == [0, 2]).all(axis=2)
    assert has_two.sum(axis=1).tolist() == [1] * 300
    assert has_two.any(axis=0).all()
