"""Arrays that can be read by slices alone, and files that cannot be read."""

import h5py
import numpy as np
import pytest

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._data.sliced_array import SlicedArray


class SlicesOnly:
    """Read by slices alone, and of another type than what lies on the disk (NIfTI)."""

    def __init__(self, values, refuse=ValueError, wrong=False):
        self.values, self.refuse, self.wrong = values, refuse, wrong
        self.shape, self.dtype = values.shape, np.dtype("i2")

    def __getitem__(self, places):
        if isinstance(places, slice):
            return self.values[places] * 0.5
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
def test_an_array_may_be_read_by_slices_alone(tiny_images, fast, refuse, wrong):
    values = np.round(100 * tiny_images)
    X = SlicesOnly(values, refuse, wrong)
    read = SlicedArray(X)
    assert read.dtype == np.float64
    places = np.array([7, 3, 4, 9, 3])
    np.testing.assert_array_equal(read[places], values[places] / 2)
    found = ContrastiveAutoencoderClusterer(**fast).fit(X)
    expected = ContrastiveAutoencoderClusterer(**fast).fit(values / 2)
    np.testing.assert_array_equal(found.labels_, expected.labels_)
    np.testing.assert_array_equal(found.predict(X), expected.predict(values / 2))


def test_a_slice_of_another_shape_is_an_error(tiny_images):
    class Transposed(SlicesOnly):
        def __getitem__(self, places):
            return super().__getitem__(places)[..., :5]

    with pytest.raises(ValueError, match=r"X\[0:3\] has shape \(3, 8, 5\)"):
        SlicedArray(Transposed(tiny_images))[np.arange(3)]


def test_a_closed_file_is_said(tiny_images, fast, tmp_path):
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    with h5py.File(tmp_path / "images.h5", "w") as file:
        X = file.create_dataset("images", data=tiny_images)
        clusterer.predict(X)
    for method in (clusterer.predict, ContrastiveAutoencoderClusterer(**fast).fit):
        with pytest.raises(
            ValueError, match=r"X is a Dataset that cannot be read.*open"
        ):
            method(X)


def test_a_file_that_breaks_off_is_said(tiny_images, fast):
    class Truncated(SlicesOnly):
        def __getitem__(self, places):
            if places.stop > 20:
                raise EOFError("compressed file ended")
            return super().__getitem__(places)

    with pytest.raises(ValueError, match=r"X\[0:\d+\] of the Truncated.*EOFError"):
        ContrastiveAutoencoderClusterer(**fast).fit(Truncated(tiny_images))


class Masking:
    """An array that masks what it reads, as variables of netCDF do."""

    shape, dtype = (10, 3), np.dtype(">f8")

    def __init__(self, masked):
        self.values = np.ma.masked_array(np.arange(30.0).reshape(10, 3).astype(">f8"))
        if masked:
            self.values[4, 1] = np.ma.masked

    def __getitem__(self, places):
        return self.values[places]


class Delayed(Masking):
    """One that is read later, as those of Dask."""

    def __getitem__(self, places):
        part = super().__getitem__(places)
        return type("Part", (), {"compute": lambda _: part})()


@pytest.mark.parametrize("kind", [Masking, Delayed])
def test_masked_values_are_not_uncovered(kind):
    samples = SlicedArray(kind(masked=True))
    np.testing.assert_array_equal(samples[np.array([0, 2])], [[0, 1, 2], [6, 7, 8]])
    for places in (slice(None), np.array([1, 4])):
        with pytest.raises(ValueError, match="X has masked values"):
            samples[places]
    assert SlicedArray(kind(masked=False))[:].shape == (10, 3)


class Extended(Masking):
    dtype = np.dtype("g")

    def __getitem__(self, places):
        return super().__getitem__(places).astype("g")


def test_extended_precision_is_read_as_float64():
    samples = SlicedArray(Extended(masked=False))
    assert samples.dtype == samples[:2].dtype == np.float64
