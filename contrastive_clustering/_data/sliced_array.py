"""Arrays that are read by slices: of HDF5, of Zarr, of Dask, of NIfTI."""

import operator
from typing import Any

import numpy as np
import scipy.sparse
import torch

from contrastive_clustering._data.lazy_array import LazyArray, errors_of_reading
from contrastive_clustering._utils.arrays import read_masked
from contrastive_clustering._utils.messages import describe_error


class SlicedArray(LazyArray):
    """An array that is read by slices: of HDF5, of Zarr, of Dask, of NIfTI.

    Parameters
    ----------
    array : object
        Has a shape and a dtype, and is read by a slice along its first axis. Where it
        can also be read by a list of increasing indices, it is.

    Raises
    ------
    TypeError, ValueError, OSError
        If it cannot be read, as a closed file.
    """

    def __init__(self, array: Any) -> None:
        self.array = array
        self.by_list = True
        shape, dtype = _shape_of(array)
        if shape[0]:
            # Types on the disk may be others than those of what is read.
            dtype = self._slice(0, 1).dtype
        super().__init__(shape, dtype)

    def _read(self, places: np.ndarray) -> np.ndarray:
        if not len(places):
            return np.empty((0, *self.shape[1:]), self.dtype)
        if (np.diff(places) == 1).all():
            return self._checked_slice(places[0], places[-1] + 1)
        # Files take increasing places only, and none twice.
        increasing, order = np.unique(places, return_inverse=True)
        samples = self._by_list(increasing) if self.by_list else None
        if samples is None:
            self.by_list = False
            runs = np.split(increasing, np.flatnonzero(np.diff(increasing) > 1) + 1)
            samples = np.concatenate(
                [self._checked_slice(run[0], run[-1] + 1) for run in runs]
            )
        return samples[order]

    def _by_list(self, increasing: np.ndarray) -> np.ndarray | None:
        """Return the samples at some indices; None if no list can be passed."""
        rest = (slice(None),) * (self.ndim - 1)
        # An array may refuse a list by any of these. An error for another reason is not
        # lost: the same samples are then read by slices, which raise it again.
        try:
            part = _computed(self.array[(increasing.tolist(), *rest)])
            samples = np.asarray(read_masked(part, "X"))
        except (TypeError, ValueError, IndexError, NotImplementedError, AttributeError):
            return None
        is_whole = samples.shape == (len(increasing), *self.shape[1:])
        return samples if is_whole else None

    def _checked_slice(self, start: int, stop: int) -> np.ndarray:
        samples = self._slice(int(start), int(stop))
        if samples.shape != (stop - start, *self.shape[1:]):
            raise ValueError(
                f"X[{start}:{stop}] has shape {samples.shape}, but X has shape "
                f"{self.shape}. Pass an array that is read by slices along its first "
                "axis."
            )
        return samples

    def _slice(self, start: int, stop: int) -> np.ndarray:
        with errors_of_reading(f"X[{start}:{stop}]", self.array):
            part = _computed(self.array[start:stop])
        return np.asarray(read_masked(part, "X"))


def _computed(part: Any) -> Any:
    """Return what was read; of Dask, whose array would lose its mask, computed."""
    return part.compute() if hasattr(part, "compute") else part


def _shape_of(array: Any) -> tuple[tuple[int, ...], np.dtype]:
    """Return the shape and the type of an array, or raise if one is not known."""
    kind = type(array).__name__
    try:
        return tuple(map(operator.index, array.shape)), np.dtype(array.dtype)
    except (TypeError, OverflowError):
        remedy = "Pass one whose shape is known."
        if hasattr(array, "compute_chunk_sizes"):
            remedy = "Call its compute_chunk_sizes() before."
        elif hasattr(array, "to_dask_array"):
            remedy = "Pass what its to_dask_array(lengths=True) returns."
        raise ValueError(
            f"X, of type {kind}, has an unknown number of samples. {remedy}"
        ) from None


def is_sliced(X: Any) -> bool:
    """Return whether X can be read by slices, and is no array, table or tensor."""
    if isinstance(X, (np.ndarray, torch.Tensor)) or scipy.sparse.issparse(X):
        return False
    # The shape of a closed file may raise anything; the reason is in the message, and
    # the error is its cause.
    try:
        return (
            all(hasattr(X, name) for name in ("shape", "dtype", "__getitem__"))
            and isinstance(X.shape, tuple)
            and len(X.shape) >= 2
            and isinstance(X.dtype, np.dtype)
        )
    except Exception as error:
        raise ValueError(
            f"X is a {type(X).__name__} that cannot be read "
            f"({describe_error(error)}). Pass an array; a file has to be open until "
            "fit or predict returns."
        ) from error
