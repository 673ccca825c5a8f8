import h5py
import numpy as np
import pytest

from contrastive_clustering._data.duplicates import number_distinct
from contrastive_clustering._data.sliced_array import SlicedArray


@pytest.mark.parametrize("dtype", ["u1", "f8", "?", ">i4"])
def test_copies_share_a_number(dtype, tmp_path):
    rng = np.random.default_rng(0)
    images = (rng.integers(0, 2, size=(20, 9, 9))).astype(dtype)
    rows = rng.integers(0, 20, size=300)
    codes = number_distinct(images[rows])
    assert len(codes) == 300
    assert codes.max() + 1 == len(np.unique(rows))
    assert len({*zip(rows.tolist(), codes.tolist(), strict=True)}) == codes.max() + 1
    with h5py.File(tmp_path / "images.h5", "w") as file:
        file["images"] = images[rows]
        found = number_distinct(SlicedArray(file["images"]))
    np.testing.assert_array_equal(found, codes)


def test_negative_zeros_are_zeros():
    images = np.zeros((4, 8, 8), np.float32)
    images[1, 2] = -0.0
    images[3, 2] = -1.0
    assert len(np.unique(number_distinct(images))) == 2


def test_small_values_are_distinct():
    images = np.full((3, 8, 8), 1e-30, np.float32)
    images[2, 0] = 2e-30
    assert number_distinct(images).tolist() in ([0, 0, 1], [1, 1, 0])
