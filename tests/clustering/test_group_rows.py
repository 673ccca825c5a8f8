import numpy as np
import pytest

from contrastive_clustering._clustering.group_rows import (
    draw_from_groups,
    draw_sorted_rows,
)
from contrastive_clustering._utils.grouping import Grouping

GROUPS = Grouping.read(["a"] * 40 + ["b"] * 3 + ["c", "d"], 45)


@pytest.mark.parametrize(
    ("n", "expected"),
    [(4, [1, 1, 1, 1]), (7, [3, 2, 1, 1]), (9, [4, 3, 1, 1]), (99, [40, 3, 1, 1])],
)
def test_each_group_gives_a_sample_before_any_gives_another(n, expected):
    for seed in range(5):
        rows = draw_from_groups(GROUPS, n, np.random.RandomState(seed))
        assert len(np.unique(rows)) == len(rows) == min(n, 45)
        counts = np.bincount(GROUPS.codes[rows], minlength=4)
        if n == 7:  # either of two groups gives the last one
            assert counts[:2].tolist() in ([3, 2], [2, 3])
        else:
            assert counts.tolist() == expected


def test_samples_and_groups_are_drawn_at_random():
    drawn = [
        draw_from_groups(GROUPS, 2, np.random.RandomState(seed)) for seed in range(400)
    ]
    groups = np.bincount(GROUPS.codes[np.concatenate(drawn)])
    np.testing.assert_allclose(groups / 400, 0.5, atol=0.1)
    assert len(np.unique(np.concatenate(drawn))) == 45


def test_rows_are_sorted_with_and_without_groups():
    for groups in (None, GROUPS):
        for n in (2, len(GROUPS.codes), 100):
            rng = np.random.RandomState(0)
            rows = draw_sorted_rows(len(GROUPS.codes), n, rng, groups)
            assert len(rows) == min(n, len(GROUPS.codes))
            assert (np.diff(rows) > 0).all()
    rows = draw_sorted_rows(len(GROUPS.codes), 2, np.random.RandomState(0), GROUPS)
    assert len(np.unique(GROUPS.codes[rows])) == 2
