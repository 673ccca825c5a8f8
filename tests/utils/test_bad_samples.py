"""Messages name samples by their indices and do not contain their values."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from torch.utils.data import Dataset, IterableDataset

from contrastive_clustering import (
    ConsensusClustering,
    ContrastiveAutoencoderClusterer,
)
from contrastive_clustering._utils import bad_samples as _bad_samples
from contrastive_clustering._utils.bad_samples import check_finite, name_samples, search


class Listed(Dataset):
    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index]


class Streamed(IterableDataset):
    def __init__(self, images):
        self.images = images

    def __iter__(self):
        return iter(self.images)


class Sliced:
    """An array in a file that supports only slices."""

    def __init__(self, images):
        self.images = images
        self.shape, self.dtype = images.shape, images.dtype

    def __getitem__(self, index):
        if not isinstance(index, slice):
            raise TypeError("it is read by slices")
        return self.images[index]


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(400, 8, 8))


@pytest.fixture(scope="module")
def fitted():
    images = np.random.default_rng(1).normal(size=(400, 8, 8))
    return ContrastiveAutoencoderClusterer(
        2, clusterer="kmeans", latent_dim=2, max_epochs=0, refinement_epochs=0
    ).fit(images)


WAYS = [np.asarray, list, np.ndarray.tolist, Listed, Streamed, Sliced]


@pytest.mark.parametrize("value", [np.nan, -np.inf])
@pytest.mark.parametrize("way", WAYS)
def test_values_that_are_not_finite_are_named(way, value, images, fitted):
    for index in (123, 124, 300, 399):
        images[index, 3, 3] = value
    message = r"X\[123\], X\[124\], X\[300\] and 1 more \(4 of 400 samples\)"
    for method in (ContrastiveAutoencoderClusterer(2).fit, fitted.predict):
        with pytest.raises(ValueError, match=message) as refused:
            method(way(images))
        assert "HistGradientBoosting" not in str(refused.value)
    images[123:, 3, 3] = 0.0
    images[123, 3, 3] = value
    with pytest.raises(ValueError, match=r"in X\[123\] \(1 of 400 samples\)"):
        fitted.transform(way(images))


@pytest.mark.parametrize("way", [list, Listed, Streamed])
def test_shapes_that_differ_are_named(way, images, fitted):
    samples = list(images)
    samples[123] = samples[123][:, :7]
    for method in (ContrastiveAutoencoderClusterer(2).fit, fitted.predict):
        with pytest.raises(ValueError, match=r"123\b.*\(8, 7\)"):
            method(way(samples))


def test_each_entry_of_another_shape_is_counted(images, fitted):
    samples = list(images)
    for index in (0, 5, 9, 200):
        samples[index] = np.zeros((9, 9))
    counted = r"X\[0\], X\[5\], X\[9\] and 1 more \(4 of 400 samples\)"
    with pytest.raises(ValueError, match=rf"396 have shape \(8, 8\).*{counted}"):
        fitted.predict(samples)
    samples[0] = images[0]
    with pytest.raises(ValueError, match=r"X\[5\], X\[9\] and X\[200\] \(3 of 400"):
        fitted.predict(Listed(samples))


class Files(Listed):
    """Reads samples from files, some of which are unreadable."""

    def __init__(self, images, errors):
        super().__init__(images)
        self.errors = errors

    def __getitem__(self, index):
        if index in self.errors:
            raise self.errors[index]
        return super().__getitem__(index)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (FileNotFoundError(2, "No such file", "scan.dcm"), FileNotFoundError),
        (PermissionError(13, "Permission denied"), PermissionError),
        (OSError("cannot identify image file"), OSError),
        (EOFError("ran out of input"), ValueError),
        (KeyError("image"), ValueError),
        (ZeroDivisionError(), ValueError),
    ],
)
def test_unreadable_files_are_named(error, kind, images, fitted):
    X = Files(images, {123: error})
    for method in (ContrastiveAutoencoderClusterer(2).fit, fitted.predict):
        with pytest.raises(kind, match=r"X\[123\].*could not be read") as refused:
            method(X)
        assert refused.value.__cause__ is error
        assert type(error).__name__ in str(refused.value)
    X = Files(images, {123: error, 200: error})
    with pytest.raises(kind, match=r"X\[123\] and X\[200\] \(2 of 400 samples\)"):
        fitted.predict(X)


def test_failing_iterables_name_the_sample(images, fitted):
    def samples():
        yield from images[:123]
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match=r"Sample 123 .*Input/output error"):
        fitted.predict(Streamed(samples()))


def test_searches_end_at_the_time_limit(monkeypatch):
    seconds = iter(range(100))
    monkeypatch.setattr(_bad_samples, "monotonic", lambda: next(seconds))
    found, n_seen = search(50, 1000, lambda indices: indices.tolist(), 2)
    assert found == [*range(20), 50]
    assert n_seen == 51
    assert name_samples(found, n_seen).endswith("and 18 more (21 of 51 samples)")


@pytest.mark.parametrize(("row", "column"), [(0, 3), (4, 0)])
def test_missing_values_of_a_table_are_named_by_row_and_column(row, column):
    table = np.zeros((6, 5))
    table[row, [column, 4]] = np.nan
    table[5, 1] = np.nan
    where = rf"X\[{row}\] and X\[5\] \(2 of 6 samples\), first in column {column}\. "
    with pytest.raises(ValueError, match=where + "Drop .*SimpleImputer in a Pipeline"):
        check_finite(table, "X")


@pytest.mark.parametrize(
    "clusterer", [ConsensusClustering(2), ContrastiveAutoencoderClusterer(2)]
)
@pytest.mark.parametrize("library", [pd, pl])
def test_missing_values_of_a_data_frame_are_named_by_the_name_of_the_column(
    library, clusterer
):
    frame = library.DataFrame({"age": [1.0] * 6, "volume": [1.0, float("nan")] * 3})
    where = r"^X contains NaN .* \(3 of 6 samples\), first in column 1, 'volume'\. "
    with pytest.raises(ValueError, match=where):
        clusterer.fit(frame)


def test_columns_with_numbers_for_names_are_named_once():
    frame = pd.DataFrame([[1.0, np.nan]] * 6)
    with pytest.raises(ValueError, match=r"first in column 1\. Drop"):
        ConsensusClustering(2).fit(frame)


@pytest.mark.parametrize("array", [np.full((2, 3), np.inf), np.full((2, 3, 3), np.nan)])
def test_infinity_and_pixels_are_not_said_to_be_missing_columns(array):
    with pytest.raises(ValueError, match=r"impute the values\.$"):
        check_finite(array, "X")
