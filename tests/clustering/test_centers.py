import numpy as np

from contrastive_clustering._clustering.centers import find_centers, find_spread


def test_weights_count_members_that_often():
    rng = np.random.default_rng(0)
    labels = np.append(rng.integers(0, 3, 57), [0, 1, 2])
    rows, counts = rng.normal(size=(60, 4)), rng.integers(1, 6, 60)
    labels[5:9] = -1
    centers = find_centers(rows, labels, 3, counts / 7)
    repeated, strata = np.repeat(rows, counts, axis=0), np.repeat(labels, counts)
    expected = [repeated[strata == k].mean(axis=0) for k in range(3)]
    np.testing.assert_allclose(centers, expected, rtol=1e-10)
    np.testing.assert_array_equal(
        find_centers(repeated, strata, 3),
        np.stack([repeated[strata == k].mean(axis=0) for k in range(3)]),
    )
    distances = (repeated - np.stack(expected)[strata])[strata >= 0]
    spread = find_spread(rows, labels, centers, counts / 7)
    np.testing.assert_allclose(spread, np.mean(distances**2), rtol=1e-10)
    assert find_spread(repeated, strata, centers) == np.mean(
        (repeated - centers[strata])[strata >= 0] ** 2
    )


def test_centers_keep_the_dtype_and_the_spread_is_positive():
    rows = np.ones((3, 2), dtype=np.float32)
    centers = find_centers(rows, np.zeros(3, dtype=int), 1, np.array([0.5, 0.5, 1]))
    assert centers.dtype == np.float32
    assert 0 < find_spread(rows, np.zeros(3, dtype=int), centers) < 1e-30


def test_centers_of_many_float32_rows_are_exact():
    rows = np.full((2**20, 2), 5.1, dtype=np.float32)
    labels = np.zeros(len(rows), dtype=np.int8)
    for weights in (None, np.full(len(rows), 0.1, dtype=np.float32)):
        centers = find_centers(rows, labels, 1, weights)
        np.testing.assert_allclose(centers, rows[:1], rtol=1e-7)
