import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.cluster.hierarchy import dendrogram, is_monotonic, is_valid_linkage

from contrastive_clustering._clustering.hierarchy import (
    cut_linkage,
    link_centers,
    merge_labels,
)

# Few distinct values, so that centers coincide and lie at the mean often.
tables = st.tuples(st.integers(1, 9), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.integers(-2, 2))
)


def slow_ward_linkage(centers):
    """Return the heights of the merges from the sums of squares of all pairs."""

    def squares(group):
        points = centers[group]
        return np.sum((points - points.mean(axis=0)) ** 2)

    groups, heights = [[i] for i in range(len(centers))], []
    while len(groups) > 1:
        rise, a, b = min(
            (squares(one + other) - squares(one) - squares(other), a, b)
            for a, one in enumerate(groups)
            for b, other in enumerate(groups)
            if a < b
        )
        heights.append(np.sqrt(2 * rise))
        groups[a] += groups.pop(b)
    return heights


def test_linkage_minimizes_the_increase_of_the_sum_of_squares():
    centers = np.random.default_rng(1).normal(size=(8, 4))
    tree = link_centers(centers)
    np.testing.assert_allclose(tree[:, 2], slow_ward_linkage(centers))


def test_two_centers_merge_at_their_distance():
    tree = link_centers([[1.0, 1.0], [4.0, 5.0]])
    np.testing.assert_allclose(tree, [[0, 1, 5, 2]])


def test_shift_and_scale_of_the_latents_do_not_matter():
    centers = np.random.default_rng(2).normal(size=(7, 3))
    tree, moved = link_centers(centers), link_centers(10 * (centers + 100))
    np.testing.assert_array_equal(moved[:, [0, 1, 3]], tree[:, [0, 1, 3]])
    np.testing.assert_allclose(moved[:, 2], 10 * tree[:, 2])


@given(tables)
def test_any_centers_give_a_finite_valid_tree(centers):
    tree = link_centers(centers)
    assert tree.shape == (len(centers) - 1, 4)
    assert tree.dtype == np.float64
    if len(centers) > 1:
        assert is_valid_linkage(tree)
        assert is_monotonic(tree)
        leaves = dendrogram(tree, no_plot=True)["leaves"]
        assert sorted(leaves) == list(range(len(centers)))


def test_centers_that_coincide_merge_first():
    centers = np.array([[1.0, 2.0], [5.0, -3.0], [1.0, 2.0], [-4.0, 0.0]], np.float32)
    tree = link_centers(centers)
    assert tree[0, :2].tolist() == [0, 2]
    assert tree[0, 2] == pytest.approx(0, abs=1e-12)


def test_equal_centers():
    np.testing.assert_array_equal(link_centers(np.zeros((3, 2)))[:, 2], 0)


@given(tables)
def test_cuts_are_nested_and_numbered_in_order(centers):
    tree, k = link_centers(centers), len(centers)
    np.testing.assert_array_equal(cut_linkage(tree, k), np.arange(k))
    np.testing.assert_array_equal(cut_linkage(tree, 1), 0)
    for n in range(1, k + 1):
        coarse = cut_linkage(tree, n)
        _, firsts = np.unique(coarse, return_index=True)
        assert len(firsts) == n
        assert coarse[np.sort(firsts)].tolist() == list(range(n))
        if n < k:
            finer = cut_linkage(tree, n + 1)
            assert len(set(zip(finer, coarse, strict=True))) == n + 1


def test_merging_keeps_noise():
    tree = link_centers([[-1.0, -9.0], [0.0, 5.0], [1.0, 5.0]])
    labels = np.array([0, 1, 2, -1, 2])
    assert merge_labels(labels, tree, 3).tolist() == labels.tolist()
    assert merge_labels(labels, tree, 2).tolist() == [0, 1, 1, -1, 1]
    assert merge_labels(labels, tree, 1).tolist() == [0, 0, 0, -1, 0]
    assert merge_labels([0, -1], np.empty((0, 4)), 1).tolist() == [0, -1]


@pytest.mark.parametrize(
    ("centers", "message"),
    [
        ([[np.nan, 1.0], [0.0, 1.0]], "centers contains NaN"),
        ([1.0, 2.0], "Expected 2D array"),
    ],
)
def test_bad_centers(centers, message):
    with pytest.raises(ValueError, match=message):
        link_centers(centers)


def test_bad_cuts():
    tree = link_centers([[0.0, 1.0], [1.0, 0.0], [5.0, 5.0]])
    for n in (0, 4, -1):
        with pytest.raises(ValueError, match=f"^n_clusters={n} .* of 3.*from 1 to 3"):
            cut_linkage(tree, n)
    for n in (2.0, True, np.True_, "2", None):
        with pytest.raises(
            TypeError, match=r"^n_clusters must be an instance of int, n"
        ):
            cut_linkage(tree, n)
    with pytest.raises(ValueError, match=r"linkage has shape \(2, 3\)"):
        cut_linkage(tree[:, :3], 2)
    with pytest.raises(ValueError, match="linkage is not a tree"):
        cut_linkage(tree[::-1], 2)


def test_bad_labels():
    tree = link_centers([[0.0, 1.0], [1.0, 0.0], [5.0, 5.0]])
    with pytest.raises(ValueError, match=r"labels ranges from 0 to 3.*strata 0 to 2"):
        merge_labels([0, 3], tree, 2)
    with pytest.raises(ValueError, match="labels ranges from -2"):
        merge_labels([-2, 1], tree, 2)
    with pytest.raises(ValueError, match="dtype float64"):
        merge_labels([0.5], tree, 2)
