"""Arrays that support only slices, and files that cannot be read."""

import h5py
import numpy as np
import pytest
import scipy.sparse
import torch

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._data.sliced_array import SlicedArray, is_sliced


class SlicesOnly:
    """Supports only slices, and differs in dtype from the stored data (NIfTI)."""

    def __init__(self, values, refuse=ValueError, wrong=False):
        self.values, self.refuse, self.wrong = values, refuse, wrong
        self.shape, self.dtype = values.shape, np.dtype("i2")

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self.values[index] * 0.5
        if self.wrong:  # as if a list stood for one axis after the other
            return self.values[0]
        raise self.refuse("no lists")


@pytest.mark.parametrize(
    ("refuse", "wrong"),
    [
        (ValueError, False),
        (TypeError, False),
        (NotImplementedError, False),
        (None, True),
    ],
)
def test_arrays_that_support_only_slices(tiny_images, fast, refuse, wrong):
    values = np.round(100 * tiny_images)
    X = SlicesOnly(values, refuse, wrong)
    read = SlicedArray(X)
    assert read.dtype == np.float64
    indices = np.array([7, 3, 4, 9, 3])
    np.testing.assert_array_equal(read[indices], values[indices] / 2)
    found = ContrastiveAutoencoderClusterer(**fast).fit(X)
    expected = ContrastiveAutoencoderClusterer(**fast).fit(values / 2)
    np.testing.assert_array_equal(found.labels_, expected.labels_)
    np.testing.assert_array_equal(found.predict(X), expected.predict(values / 2))


def test_a_slice_of_another_shape_is_an_error(tiny_images):
    class Transposed(SlicesOnly):
        def __getitem__(self, index):
            return super().__getitem__(index)[..., :5]

    with pytest.raises(ValueError, match=r"X\[0:3\] has shape \(3, 8, 5\)"):
        SlicedArray(Transposed(tiny_images))[np.arange(3)]


def test_closed_files_are_named(tiny_images, fast, tmp_path):
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    with h5py.File(tmp_path / "images.h5", "w") as file:
        X = file.create_dataset("images", data=tiny_images)
        clusterer.predict(X)
    for method in (clusterer.predict, ContrastiveAutoencoderClusterer(**fast).fit):
        with pytest.raises(
            ValueError, match=r"X is a Dataset that cannot be read.*open"
        ):
            method(X)


def test_truncated_files_are_named(tiny_images, fast):
    class Truncated(SlicesOnly):
        def __getitem__(self, index):
            if index.stop > 20:
                raise EOFError("compressed file ended")
            return super().__getitem__(index)

    with pytest.raises(
        ValueError, match=r"X\[0:\d+\] could not be read from the Truncated.*EOFError"
    ):
        ContrastiveAutoencoderClusterer(**fast).fit(Truncated(tiny_images))


class Masking:
    """An array that returns masked arrays, like variables of netCDF."""

    shape, dtype = (10, 3), np.dtype(">f8")

    def __init__(self, masked):
        self.values = np.ma.masked_array(np.arange(30.0).reshape(10, 3).astype(">f8"))
        if masked:
            self.values[4, 1] = np.ma.masked

    def __getitem__(self, index):
        return self.values[index]


class Delayed(Masking):
    """An array that is computed later, like those of Dask."""

    def __getitem__(self, index):
        part = super().__getitem__(index)
        return type("Part", (), {"compute": lambda _: part})()


@pytest.mark.parametrize("kind", [Masking, Delayed])
def test_masked_values_are_rejected(kind):
    samples = SlicedArray(kind(masked=True))
    np.testing.assert_array_equal(samples[np.array([0, 2])], [[0, 1, 2], [6, 7, 8]])
    for indices in (slice(None), np.array([1, 4])):
        with pytest.raises(ValueError, match="X has masked values"):
            samples[indices]
    assert SlicedArray(kind(masked=False))[:].shape == (10, 3)


class Extended(Masking):
    dtype = np.dtype("g")

    def __getitem__(self, index):
        return super().__getitem__(index).astype("g")


def test_extended_precision_is_read_as_float64():
    samples = SlicedArray(Extended(masked=False))
    assert samples.dtype == samples[:2].dtype == np.float64


class Counting:
    """Records the indices that are asked for."""

    def __init__(self, values, *, lists=True):
        self.values, self.lists, self.asked = values, lists, []
        self.shape, self.dtype = values.shape, values.dtype

    def __getitem__(self, index):
        self.asked.append(index)
        if not (self.lists or isinstance(index, slice)):
            raise TypeError("no lists")
        return self.values[index]


LIST = ([3, 4, 7, 9], slice(None), slice(None))
RUNS = [slice(3, 5), slice(7, 8), slice(9, 10)]


@pytest.mark.parametrize(
    ("lists", "first", "second"), [(True, [LIST], [LIST]), (False, [LIST, *RUNS], RUNS)]
)
def test_samples_are_read_with_few_accesses(lists, first, second):
    X = Counting(np.arange(60.0).reshape(10, 3, 2), lists=lists)
    samples = SlicedArray(X)
    indices = np.array([7, 3, 4, 9, 3])
    for expected in (first, second):
        X.asked.clear()
        np.testing.assert_array_equal(samples[indices], X.values[indices])
        assert X.asked == expected
    X.asked.clear()
    np.testing.assert_array_equal(samples[np.arange(2, 9)], X.values[2:9])
    assert X.asked == [slice(2, 9)]


@pytest.mark.parametrize("n_samples", [0, 4])
def test_no_samples_may_be_read(n_samples):
    samples = SlicedArray(Counting(np.ones((n_samples, 3, 2), np.float32)))
    nothing = samples[np.arange(0)]
    assert nothing.shape == (0, 3, 2)
    assert nothing.dtype == np.float32


def test_arrays_in_memory_are_not_sliced(tmp_path):
    values = np.ones((4, 3))
    for X in (values, torch.ones(4, 3), scipy.sparse.csr_array(values), [[1.0]]):
        assert not is_sliced(X)
    with h5py.File(tmp_path / "images.h5", "w") as file:
        assert is_sliced(file.create_dataset("images", data=values))
        assert not is_sliced(file.create_dataset("vector", data=values[0]))
