import numpy as np
import pytest

from contrastive_clustering._display.label_columns import MAX_COLUMNS, group_columns

RNG = np.random.default_rng(0)


def test_few_labels_have_a_column_each():
    counts = RNG.integers(5, size=(3, MAX_COLUMNS))
    gathered, names = group_columns(counts, np.arange(MAX_COLUMNS) / 2)
    np.testing.assert_array_equal(gathered, counts)
    assert names[:3] == ["0.0", "0.5", "1.0"]


@pytest.mark.parametrize("dtype", ["i8", "f8", "O", "M8[D]"])
def test_many_numbers_are_grouped_into_ranges_of_equal_size(dtype):
    classes = np.sort(RNG.choice(10_000, 500, replace=False)).astype("i8").astype(dtype)
    counts = RNG.integers(5, size=(3, 500))
    gathered, names = group_columns(counts, classes)
    assert gathered.shape == (3, 10)
    np.testing.assert_array_equal(gathered.sum(axis=1), counts.sum(axis=1))
    sizes = gathered.sum(axis=0)
    np.testing.assert_allclose(sizes, counts.sum() / 10, atol=10)
    assert len(set(names)) == 10
    assert all(" to " in name for name in names)
    if dtype == "i8":  # each label is counted in its range
        low, high = (int(float(side)) for side in names[3].split(" to "))
        inside = (classes >= low) & (classes <= high)
        np.testing.assert_array_equal(gathered[:, 3], counts[:, inside].sum(axis=1))


def test_a_frequent_number_keeps_its_own_range():
    counts = np.ones((1, 100), int)
    counts[0, 50] = 10_000
    gathered, names = group_columns(counts, np.arange(100))
    assert "50" in names[gathered.argmax()].split(" to ")
    assert gathered.sum() == counts.sum()


def test_nan_has_its_own_column():
    classes = np.append(np.arange(100.0), np.nan)
    gathered, names = group_columns(np.ones((1, 101), int), classes)
    assert names[-1] == "nan"
    np.testing.assert_array_equal(gathered, [[10] * 10 + [1]])


def test_rare_names_share_the_last_column():
    classes = np.array([f"site {n:03}" for n in range(100)])
    counts = np.tile(np.arange(100), (2, 1))
    gathered, names = group_columns(counts, classes)
    assert gathered.shape == (2, MAX_COLUMNS)
    assert names == [*classes[61:], "61 others"]
    np.testing.assert_array_equal(gathered[0, :-1], np.arange(61, 100))
    np.testing.assert_array_equal(gathered[:, -1], sum(range(61)))


def test_fewer_columns_can_be_asked_for():
    counts = RNG.integers(1, 5, size=(3, 8))
    gathered, names = group_columns(counts, np.array(list("abcdefgh")), 5)
    assert gathered.shape == (3, 5)
    assert names[-1] == "4 others"
    np.testing.assert_array_equal(gathered.sum(axis=1), counts.sum(axis=1))


@pytest.mark.parametrize(
    ("classes", "first"),
    [
        (np.arange(20230000, 20230100), "20230000 to 20230009"),
        (100 + np.arange(100) / 1e4, "100 to 100.0009"),
    ],
)
def test_ranges_of_close_numbers_have_different_names(classes, first):
    _, names = group_columns(np.ones((1, 100), int), classes)
    assert names[0] == first
    assert len(set(names)) == 10
