import numpy as np
import pytest

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._evaluation.doubts import (
    doubts_of_copies,
    doubts_of_reconstruction,
    doubts_of_sizes,
)
from contrastive_clustering._utils.grouping import Grouping


def draw(n):
    return np.random.default_rng(0).normal(size=(n, 8, 8))


def test_copies_and_their_stratum_are_reported():
    X = draw(500)
    X[300:] = X[7]
    (doubt,) = doubts_of_copies(X, np.where(np.arange(500) < 300, 0, 1))
    assert doubt.startswith("200 of 500 samples of X are exact copies of others; X[7]")
    assert "X[7] occurs 201 times." in doubt
    assert "Stratum 1 holds only copies of one sample." in doubt


def test_many_pairs_of_copies_are_reported():
    X = draw(100)
    X[50:] = X[:50]
    (doubt,) = doubts_of_copies(X, np.zeros(100, int))
    assert "50 of 100" in doubt
    assert "Stratum" not in doubt


def test_each_copy_in_a_large_set_is_found():
    X = np.repeat(draw(10_000), 2, axis=0)
    (doubt,) = doubts_of_copies(X, np.zeros(20_000, int))
    assert doubt.startswith("10000 of 20000 samples of X are exact copies")


@pytest.mark.parametrize("n_copies", [0, 4, 20])
def test_few_copies_are_not_reported(n_copies):
    X = draw(1000)
    X[:n_copies] = X[-1]
    assert doubts_of_copies(X, np.zeros(1000, int)) == []


def test_copies_of_short_rows_are_not_reported():
    assert doubts_of_copies(np.ones((50, 63)), np.zeros(50, int)) == []


def test_a_subset_reports_indices_of_the_whole_set():
    X = draw(30)
    X[10:] = X[10]
    (doubt,) = doubts_of_copies(X, np.zeros(30, int), np.arange(30) * 3)
    assert "X[30] occurs 20 times" in doubt
    assert doubt.startswith("19 of the 30 samples used are exact copies of others amo")


def test_single_members_are_reported():
    labels = np.array([0] * 20 + [1, 2, 3, -1])
    (doubt,) = doubts_of_sizes(labels, 4)
    assert doubt.startswith("3 of 4 strata have a single member")
    assert doubts_of_sizes(np.array([0] * 20 + [1] * 5), 2) == []


@pytest.mark.parametrize(("error", "n_doubts"), [(0.3, 0), (1.7, 1), (np.nan, 0)])
def test_reconstructions_worse_than_the_mean_are_reported(error, n_doubts):
    assert len(doubts_of_reconstruction(error)) == n_doubts


def test_fit_warns_of_copies(digits, fast):
    X = digits[0][:60].copy()
    X[40:] = X[0]
    with pytest.warns(UserWarning, match=r"20 of 60 .* X\[0\] occurs 21 times"):
        ContrastiveAutoencoderClusterer(**fast).fit(X)


def test_copies_within_groups_are_no_reason_to_doubt():
    images = np.random.default_rng(0).normal(size=(10, 8, 8))
    copies = np.repeat(images, 8, axis=0)
    labels = np.zeros(80, dtype=int)
    assert doubts_of_copies(copies, labels)
    own = Grouping(np.repeat(np.arange(10), 8), 10)
    assert doubts_of_copies(copies, labels, groups=own) == []
    others = Grouping(np.tile(np.arange(8), 10), 8)
    (doubt,) = doubts_of_copies(copies, labels, groups=others)
    assert doubt.startswith("70 of 80 samples of X are exact copies of others; X[")
    assert "occurs 8 times." in doubt


def test_copies_in_several_groups_are_counted_once_in_each():
    X = draw(100)
    X[::5] = X[0]  # in each of ten groups twice
    groups = Grouping(np.arange(100) // 10, 10)
    (doubt,) = doubts_of_copies(X, np.zeros(100, int), groups=groups)
    assert doubt.startswith(
        "9 of 90 samples of X, not counting copies within a group, are exact copies of "
        "others; X[0] occurs in 10 groups."
    )


def test_strata_of_a_single_group_are_reported():
    labels = np.repeat([0, 1, 2, 3], 10)
    assert doubts_of_sizes(labels, 4) == []
    groups = Grouping(np.repeat([0, 1, 2, 3, 0, 1, 2, 3], 5), 4)
    assert doubts_of_sizes(np.repeat([0, 1], 20), 2, groups) == []
    (doubt,) = doubts_of_sizes(labels, 4, Grouping(np.repeat(np.arange(8), 5) // 2, 4))
    assert "4 of 4 strata have a single group" in doubt
