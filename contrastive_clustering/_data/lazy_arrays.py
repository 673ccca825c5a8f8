"""Samples that are read piece by piece: files of arrays, and PyTorch's data sets.

Each is given the few abilities of an array that the package needs: ``shape``,
``dtype``, ``len``, and reading by a slice, by one place or by an array of places.
"""

import shutil
import tempfile
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import scipy.sparse
import torch
from sklearn.utils import _safe_indexing
from torch.utils.data import Dataset, IterableDataset

from contrastive_clustering._utils.arrays import check_squares, to_array

Places = int | slice | np.ndarray


class LazyArray(ABC):
    """Samples along the first axis of what looks like an array.

    What is read is checked for finite numbers then, as all of it at once would have to
    be read beforehand.

    Parameters
    ----------
    shape : tuple of int
        Shape, samples first.

    dtype : numpy.dtype
        Type of the values.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.shape = shape
        self.dtype = dtype
        self.ndim = len(shape)
        self.size = int(np.prod(shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, places: Places) -> np.ndarray:
        if isinstance(places, slice):
            places = np.arange(*places.indices(len(self)))
        samples = self._read(np.atleast_1d(places))
        if samples.dtype.kind == "f" and samples.size:
            if not np.isfinite(samples).all():
                raise ValueError("X contains NaN or infinity. Leave such samples out.")
            check_squares(samples, "X")
        return samples if isinstance(places, np.ndarray) else samples[0]

    def __array__(
        self, dtype: np.dtype | None = None, copy: bool | None = None
    ) -> np.ndarray:
        if copy is False:
            raise ValueError("X is read piece by piece; an array of it is a copy.")
        return self[:].astype(self.dtype if dtype is None else dtype, copy=False)

    @abstractmethod
    def _read(self, places: np.ndarray) -> np.ndarray:
        """Return the samples at places, in their order."""


class SlicedArray(LazyArray):
    """An array that is read by slices: of HDF5, of Zarr, of Dask.

    Parameters
    ----------
    array : object
        Has a shape and a dtype, and is read by a slice, and by a list of increasing
        places, along its first axis.
    """

    def __init__(self, array: Any) -> None:
        super().__init__(tuple(map(int, array.shape)), np.dtype(array.dtype))
        self.array = array

    def _read(self, places: np.ndarray) -> np.ndarray:
        if len(places) and (np.diff(places) == 1).all():
            return np.asarray(self.array[places[0] : places[-1] + 1])
        # Files take increasing places only, and none twice.
        increasing, order = np.unique(places, return_inverse=True)
        rest = (slice(None),) * (self.ndim - 1)
        return np.asarray(self.array[(increasing.tolist(), *rest)])[order]


class DatasetArray(LazyArray):
    """A data set of PyTorch that knows its length.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        Returns a sample, or a tuple whose first entry is one, for each number.
    """

    def __init__(self, dataset: Dataset[Any]) -> None:
        if not hasattr(dataset, "__len__"):
            raise TypeError(
                f"X is a {type(dataset).__name__} without a length. Give it a __len__, "
                "or make it an IterableDataset."
            )
        n_samples = len(dataset)
        self.dataset = dataset
        first = self._sample(0) if n_samples else np.empty(0)
        super().__init__((n_samples, *first.shape), first.dtype)

    def _read(self, places: np.ndarray) -> np.ndarray:
        samples = np.empty((len(places), *self.shape[1:]), self.dtype)
        for row, place in zip(samples, places.tolist(), strict=True):
            _put(row, self._sample(place), f"X[{place}]")
        return samples

    def _sample(self, place: int) -> np.ndarray:
        try:
            item = self.dataset[place]
        except IndexError as error:
            raise ValueError(
                f"X is a {type(self.dataset).__name__} that has no sample X[{place}]. "
                "Correct its __len__ or its __getitem__."
            ) from error
        return _sample_of(item, f"X[{place}]")


def _sample_of(item: Any, name: str) -> np.ndarray:
    """Return the sample of what a data set gives, without its target."""
    sample = item[0] if isinstance(item, (tuple, list)) and len(item) else item
    return np.asarray(to_array(sample, name))


def _put(row: np.ndarray, sample: np.ndarray, name: str) -> None:
    if sample.shape != row.shape or sample.dtype != row.dtype:
        raise ValueError(
            f"{name} is {sample.dtype} of shape {sample.shape}, but the first sample "
            f"is {row.dtype} of shape {row.shape}. Bring all samples to one shape and "
            "type."
        )
    row[...] = sample


# Samples are written to a file in steps of so many bytes. So many bytes are left free
# for everything else, or this part of the disk if that is less.
BYTES_TOGETHER, BYTES_LEFT_FREE, PART_LEFT_FREE = 2**24, 2**28, 0.05


def spool(dataset: IterableDataset[Any]) -> np.ndarray:
    """Write the samples of a data set that can only be iterated into a file.

    Parameters
    ----------
    dataset : torch.utils.data.IterableDataset
        Yields samples, or tuples whose first entry is one. It has to come to an end,
        after as many samples as its length says if it has one.

    Returns
    -------
    samples : ndarray of shape (n_samples, ...)
        A read-only memory map of a file without a name, in the system's folder for
        temporary files, that goes when the array does.

    Raises
    ------
    ValueError
        If there is no sample, if samples differ in shape or type, if there are more or
        fewer than the length says, or if the disk has no room for them.
    """
    kind = type(dataset).__name__
    n_expected = _length_of(dataset)
    # Unbuffered: closing a file would try once more to write what a full disk refused.
    with tempfile.TemporaryFile(buffering=0) as file:
        first: np.ndarray | None = None
        waiting = bytearray()
        n_samples = 0
        for item in dataset:
            sample = _sample_of(item, f"Sample {n_samples} of X")
            if n_samples == n_expected:
                raise ValueError(
                    f"X, of type {kind}, has the length {n_expected} but yields more "
                    "samples. Let __iter__ end after as many as __len__ says."
                )
            if first is None:
                _check_first(sample, kind)
                first = np.empty_like(sample, order="C")
            _put(first, sample, f"Sample {n_samples} of X")
            waiting += first.tobytes()
            n_samples += 1
            if len(waiting) >= BYTES_TOGETHER:
                _append(file, waiting, kind, n_samples)
                waiting.clear()
        if first is None:
            raise ValueError(
                f"X, of type {kind}, yielded no sample. An iterator that is used up "
                "has to start again in __iter__."
            )
        if n_expected is not None and n_samples < n_expected:
            raise ValueError(
                f"X, of type {kind}, has the length {n_expected} but yielded only "
                f"{n_samples} samples. Correct __len__ or __iter__."
            )
        _append(file, waiting, kind, n_samples)
        return np.memmap(
            file, dtype=first.dtype, mode="r", shape=(n_samples, *first.shape)
        )


def _length_of(dataset: IterableDataset[Any]) -> int | None:
    """Return how many samples a data set says that it has, or None."""
    try:
        return len(dataset)  # type: ignore[arg-type]
    except TypeError:  # it has no length, or says so when it is asked
        return None


def _check_first(sample: np.ndarray, kind: str) -> None:
    """Raise if no number of such samples could be trained on."""
    if sample.dtype.kind == "c":
        raise ValueError(f"X, of type {kind}: Complex data not supported")
    if sample.dtype.kind not in "biuf" or not sample.size or not sample.ndim:
        raise ValueError(
            f"X, of type {kind}, yields samples of {sample.dtype} and shape "
            f"{sample.shape}. They have to be arrays of numbers, of one axis or more."
        )


def _append(file: Any, content: bytearray, kind: str, n_samples: int) -> None:
    """Write to the end of a file, or raise if its disk has no room for it."""
    reason = "too little is left free"
    disk = shutil.disk_usage(tempfile.gettempdir())
    left_free = min(BYTES_LEFT_FREE, PART_LEFT_FREE * disk.total)
    if disk.free >= len(content) + left_free:
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[file.write(rest) :]
            return
        except OSError as error:
            reason = error.strerror or "it cannot be written to"
        finally:
            rest.release()
    raise ValueError(
        f"X, of type {kind}, does not fit on the disk of temporary files, "
        f"{tempfile.gettempdir()!r} ({reason}): {n_samples} samples were read, which "
        f"take {(file.tell() + len(content)) / 2**20:.0f} MiB, and it has not ended. "
        "Let it end, for example by itertools.islice; set the environment variable "
        "TMPDIR to a folder on a larger disk; or pass an array."
    )


def open_samples(X: Any) -> Any:
    """Return what is read piece by piece as something like an array, all else as it is.

    Parameters
    ----------
    X : object
        What a caller passed.

    Returns
    -------
    X : LazyArray, ndarray or object
        A memory map where X was an :class:`IterableDataset`.

    Raises
    ------
    TypeError, ValueError
        If a data set has neither a length nor samples of one shape and type.
    """
    if isinstance(X, LazyArray):
        return X
    if isinstance(X, IterableDataset):
        return spool(X)
    if isinstance(X, Dataset):
        return DatasetArray(X)
    return SlicedArray(X) if _is_sliced(X) else X


def take_rows(X: Any, rows: np.ndarray) -> Any:
    """Return some samples of an array, a table or what is read piece by piece."""
    return X[rows] if isinstance(X, LazyArray) else _safe_indexing(X, rows)


def _is_sliced(X: Any) -> bool:
    """Return whether X can be read by slices, and is no array, table or tensor."""
    return (
        all(hasattr(X, name) for name in ("shape", "dtype", "__getitem__"))
        and not isinstance(X, (np.ndarray, torch.Tensor))
        and not scipy.sparse.issparse(X)
        and isinstance(X.shape, tuple)
        and len(X.shape) >= 2
        and isinstance(X.dtype, np.dtype)
    )
