"""Samples are read and checked on demand, and errors name their indices."""

import numpy as np
import pytest

from contrastive_clustering._data.lazy_array import LazyArray, explain_read_errors


class Kept(LazyArray):
    def __init__(self, values):
        super().__init__(values.shape, values.dtype)
        self.values = values

    def _read(self, indices):
        return self.values[indices]


def test_indexing_matches_an_array():
    values = np.arange(40.0).reshape(10, 4)
    lazy = Kept(values)
    assert (len(lazy), lazy.ndim, lazy.size) == (10, 2, 40)
    for indices in (3, slice(2, 9, 3), np.array([7, 1, 7])):
        np.testing.assert_array_equal(lazy[indices], values[indices])
    np.testing.assert_array_equal(np.asarray(lazy), values)
    with pytest.raises(ValueError, match="requires a copy"):
        np.array(lazy, copy=False)


def test_only_read_samples_are_checked_but_all_invalid_ones_are_named():
    values = np.zeros((10, 4))
    values[[2, 8], 1] = np.nan
    lazy = Kept(values)
    np.testing.assert_array_equal(lazy[np.array([9, 0])], 0.0)
    with pytest.raises(ValueError, match=r"X\[2\] and X\[8\] \(2 of 10 samples\)"):
        lazy[np.array([9, 8])]


def test_large_values_are_named_by_their_index():
    values = np.zeros((10, 4))
    values[8, 1] = -1e200
    with pytest.raises(ValueError, match=r"as large as 1e\+200, in X\[8\]"):
        Kept(values)[np.array([9, 8])]


def test_memory_errors_are_raised_unchanged():
    with pytest.raises(MemoryError), explain_read_errors("X[3]", object()):
        raise MemoryError
