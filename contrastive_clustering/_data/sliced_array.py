"""Arrays that are read by slices, such as those of HDF5, Zarr, Dask and NIfTI."""

import operator
from typing import Any

import numpy as np
import scipy.sparse
import torch

from contrastive_clustering._data.lazy_array import LazyArray, explain_read_errors
from contrastive_clustering._utils.arrays import in_memory, read_masked


class SlicedArray(LazyArray):
    """Array that is read by slices, such as one of HDF5, Zarr, Dask or NIfTI.

    Parameters
    ----------
    array : object
        Object with a shape and a dtype that supports slices along its first axis. Lists
        of increasing indices are used if they are supported.

    name : str, default="X"
        Name of the parameter that the caller passed, for error messages.

    Raises
    ------
    TypeError, ValueError, OSError
        If the array cannot be read, for example because its file is closed.
    """

    def __init__(self, array: Any, name: str = "X") -> None:
        self.name = name
        self.array = array
        self.by_list = True
        shape, dtype = _shape_of(array, name)
        if shape[0]:
            # The dtype of the stored data may differ from that of the result.
            dtype = self._slice(0, 1).dtype
        super().__init__(shape, dtype, name)

    def _read(self, indices: np.ndarray) -> np.ndarray:
        if not len(indices):
            return np.empty((0, *self.shape[1:]), self.dtype)
        if (np.diff(indices) == 1).all():
            return self._checked_slice(indices[0], indices[-1] + 1)
        # Files only accept strictly increasing indices.
        increasing, order = np.unique(indices, return_inverse=True)
        samples = self._by_list(increasing) if self.by_list else None
        if samples is None:
            self.by_list = False
            runs = np.split(increasing, np.flatnonzero(np.diff(increasing) > 1) + 1)
            samples = np.concatenate(
                [self._checked_slice(run[0], run[-1] + 1) for run in runs]
            )
        return samples[order]

    def _by_list(self, increasing: np.ndarray) -> np.ndarray | None:
        """Return the samples at some indices; None if lists are not supported."""
        rest = (slice(None),) * (self.ndim - 1)
        # Arrays may reject a list with any of these errors. If there is another reason,
        # reading the same samples by slices raises the error again.
        try:
            part = in_memory(self.array[(increasing.tolist(), *rest)])
            samples = np.asarray(read_masked(part, self.name))
        except (TypeError, ValueError, IndexError, NotImplementedError, AttributeError):
            return None
        is_whole = samples.shape == (len(increasing), *self.shape[1:])
        return samples if is_whole else None

    def _checked_slice(self, start: int, stop: int) -> np.ndarray:
        samples = self._slice(int(start), int(stop))
        if samples.shape != (stop - start, *self.shape[1:]):
            raise ValueError(
                f"{self.name}[{start}:{stop}] has shape {samples.shape}, but "
                f"{self.name} has shape {self.shape}. Pass an array that supports "
                "slices along its first axis."
            )
        return samples

    def _slice(self, start: int, stop: int) -> np.ndarray:
        with explain_read_errors(f"{self.name}[{start}:{stop}]", self.array):
            part = in_memory(self.array[start:stop])
        return np.asarray(read_masked(part, self.name))


def _shape_of(array: Any, name: str) -> tuple[tuple[int, ...], np.dtype]:
    """Return the shape and the dtype of an array, or raise an error if unknown."""
    kind = type(array).__name__
    try:
        return tuple(map(operator.index, array.shape)), np.dtype(array.dtype)
    except (TypeError, OverflowError):
        remedy = "Pass an array with a known shape."
        if hasattr(array, "compute_chunk_sizes"):
            remedy = "Call its compute_chunk_sizes() first."
        elif hasattr(array, "to_dask_array"):
            remedy = "Pass the result of its to_dask_array(lengths=True)."
        raise ValueError(
            f"{name}, of type {kind}, has an unknown number of samples. {remedy}"
        ) from None


def is_sliced(X: Any) -> bool:
    """Return whether X supports slices but is not an array, table or tensor."""
    if isinstance(X, (np.ndarray, torch.Tensor)) or scipy.sparse.issparse(X):
        return False
    return (
        all(hasattr(X, name) for name in ("shape", "dtype", "__getitem__"))
        and isinstance(X.shape, tuple)
        and len(X.shape) >= 2
        and isinstance(X.dtype, np.dtype)
    )
