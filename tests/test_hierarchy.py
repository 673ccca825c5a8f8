import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.cluster.hierarchy import dendrogram, is_monotonic, is_valid_linkage

from contrastive_clustering._hierarchy import (
    center_similarity,
    cut_linkage,
    link_centers,
    merge_labels,
)

# Few distinct values, so that centres coincide and lie at the mean often.
tables = st.tuples(st.integers(1, 9), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.integers(-2, 2))
)


def slow_similarity(centers, counts):
    mean = sum(n * c for n, c in zip(counts, centers, strict=True)) / sum(counts)
    k = len(centers)
    return [
        [
            np.dot(centers[i] - mean, centers[j] - mean)
            / np.sqrt(np.sum((centers[i] - mean) ** 2))
            / np.sqrt(np.sum((centers[j] - mean) ** 2))
            for j in range(k)
        ]
        for i in range(k)
    ]


def slow_average_linkage(distance):
    """Heights of the merges, with all pairs looked at afresh each time."""
    groups, heights = [[i] for i in range(len(distance))], []
    while len(groups) > 1:
        height, a, b = min(
            (np.mean([distance[i][j] for i in groups[a] for j in groups[b]]), a, b)
            for a in range(len(groups))
            for b in range(a + 1, len(groups))
        )
        heights.append(height)
        groups[a] += groups.pop(b)
    return heights


def test_similarity_is_the_cosine_about_the_weighted_mean():
    rng = np.random.default_rng(0)
    centers, counts = rng.normal(3, 1, size=(6, 5)), rng.integers(1, 50, 6)
    expected = slow_similarity(centers, counts)
    np.testing.assert_allclose(center_similarity(centers, counts), expected)


def test_linkage_merges_by_average_distance():
    rng = np.random.default_rng(1)
    centers, counts = rng.normal(size=(8, 4)), rng.integers(1, 50, 8)
    distance = 1 - center_similarity(centers, counts)
    tree = link_centers(centers, counts)
    np.testing.assert_allclose(tree[:, 2], slow_average_linkage(distance))


def test_shift_and_scale_of_the_latents_do_not_matter():
    centers = np.random.default_rng(2).normal(size=(7, 3))
    tree = link_centers(centers, np.arange(1, 8))
    moved = link_centers(1e150 * (centers + 100), np.arange(1, 8))
    np.testing.assert_allclose(moved, tree, atol=1e-9)


def test_the_origin_depends_on_the_members_not_on_how_they_are_divided():
    a, b, c = np.array([0.0, 4.0]), np.array([3.0, -1.0]), np.array([-3.0, -1.0])
    whole = center_similarity([a, b, c], [10, 20, 30])
    divided = center_similarity([a, a, b, c], [5, 5, 20, 30])
    np.testing.assert_allclose(divided[1:, 1:], whole)


@given(tables)
def test_any_centres_give_a_finite_valid_tree(centers):
    similarity = center_similarity(centers)
    assert np.all(np.abs(similarity) <= 1)
    np.testing.assert_array_equal(similarity, similarity.T)
    np.testing.assert_array_equal(np.diag(similarity), 1)
    tree = link_centers(centers)
    assert tree.shape == (len(centers) - 1, 4)
    assert tree.dtype == np.float64
    if len(centers) > 1:
        assert is_valid_linkage(tree)
        assert is_monotonic(tree)
        leaves = dendrogram(tree, no_plot=True)["leaves"]
        assert sorted(leaves) == list(range(len(centers)))


def test_centres_that_coincide_merge_first():
    centers = np.array([[1.0, 2.0], [5.0, -3.0], [1.0, 2.0], [-4.0, 0.0]], np.float32)
    tree = link_centers(centers)
    assert tree[0, :2].tolist() == [0, 2]
    assert tree[0, 2] == pytest.approx(0, abs=1e-12)


def test_all_centres_alike_or_at_the_mean():
    # float32 thirds are not exact: their offsets are rounding error, no direction
    alike = np.full((4, 3), 1 / 3, dtype=np.float32)
    np.testing.assert_array_equal(center_similarity(alike, [1, 2, 3, 4]), 1)
    np.testing.assert_array_equal(link_centers(np.zeros((3, 2)))[:, 2], 0)
    middle = center_similarity([[-1.0], [0.0], [1.0]])
    np.testing.assert_array_equal(middle, [[1, 0, -1], [0, 1, 0], [-1, 0, 1]])


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
    ("centers", "counts", "message"),
    [
        ([[np.nan, 1.0], [0.0, 1.0]], None, "centers contains NaN"),
        ([1.0, 2.0], None, "Expected 2D array"),
        ([[1.0], [2.0]], [1, 2, 3], r"counts has shape \(3,\).*2 centers"),
        ([[1.0], [2.0]], [[1, 2]], r"counts has shape \(1, 2\)"),
        ([[1.0], [2.0]], [-1, 2], "counts=.*none below zero"),
        ([[1.0], [2.0]], [0, 0], "counts=.*at least one above"),
        ([[1.0], [2.0]], [np.inf, 1], "counts contains infinity"),
    ],
)
def test_bad_centers(centers, counts, message):
    with pytest.raises(ValueError, match=message):
        link_centers(centers, counts)


def test_bad_cuts():
    tree = link_centers([[0.0, 1.0], [1.0, 0.0], [5.0, 5.0]])
    for n in (0, 4, -1):
        with pytest.raises(ValueError, match=f"n={n} .* of 3.*from 1 to 3"):
            cut_linkage(tree, n)
    with pytest.raises(TypeError, match="n must be an instance of"):
        cut_linkage(tree, 2.0)
    with pytest.raises(ValueError, match=r"linkage has shape \(2, 3\)"):
        cut_linkage(tree[:, :3], 2)
    with pytest.raises(ValueError, match="linkage is no tree"):
        cut_linkage(tree[::-1], 2)


def test_bad_labels():
    tree = link_centers([[0.0, 1.0], [1.0, 0.0], [5.0, 5.0]])
    with pytest.raises(ValueError, match=r"labels run from 0 to 3.*strata 0 to 2"):
        merge_labels([0, 3], tree, 2)
    with pytest.raises(ValueError, match="labels run from -2"):
        merge_labels([-2, 1], tree, 2)
    with pytest.raises(ValueError, match="dtype float64"):
        merge_labels([0.5], tree, 2)
