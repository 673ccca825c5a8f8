"""Read PyTorch datasets by index, or spool iterable datasets to a file."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from numbers import Number
from typing import Any

import numpy as np
from torch.utils.data import Dataset, IterableDataset

from contrastive_clustering._data.lazy_array import LazyArray, explain_read_errors
from contrastive_clustering._data.unsupported_inputs import reject_unsupported_sample
from contrastive_clustering._utils.arrays import (
    shape_of,
    to_array,
    without_extended_precision,
)
from contrastive_clustering._utils.bad_samples import name_samples, search

# Marks the end of an iteration, as datasets cannot yield it.
END = object()


class DatasetArray(LazyArray):
    """PyTorch dataset with a length.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        Returns a sample, or a tuple that begins with one, for each index. A sample may
        be a nested list of numbers.

    name : str, default="X"
        Name of the parameter that the caller passed, for error messages.
    """

    def __init__(self, dataset: Dataset[Any], name: str = "X") -> None:
        if not hasattr(dataset, "__len__"):
            raise TypeError(
                f"{name} is a {type(dataset).__name__} without a length. Define "
                "__len__, or make it an IterableDataset."
            )
        n_samples = len(dataset)
        self.name = name
        self.dataset = dataset
        first = self._sample(0) if n_samples else np.empty(0)
        super().__init__((n_samples, *first.shape), first.dtype, name)

    def _read(self, indices: np.ndarray) -> np.ndarray:
        samples = np.empty((len(indices), *self.shape[1:]), self.dtype)
        for row, index in zip(samples, indices.tolist(), strict=True):
            self._put(row, index)
        return samples

    def _put(self, row: np.ndarray, index: int) -> None:
        try:
            sample = self._sample(index)
        except (ValueError, OSError) as error:
            others = self._others(index, self._is_unreadable)
            if not others:
                raise
            cause = error.__cause__ or error
            if isinstance(error, OSError):
                number = () if error.errno is None else (error.errno,)
                raise OSError(*number, f"{error.strerror or error} {others}") from cause
            raise type(error)(f"{error} {others}") from cause
        if not _fits(sample, row):
            others = self._others(index, self._is_unlike)
            raise _unlike(sample, row, f"{self.name}[{index}]", others)
        row[...] = sample

    def _others(self, index: int, is_wrong: Callable[[int], bool]) -> str:
        """Return a sentence on all samples with the same defect, or an empty string."""
        found, n_seen = search(
            index, len(self), lambda each: list(filter(is_wrong, each.tolist())), 1
        )
        if len(found) == 1:
            return ""
        return f"The same applies to {name_samples(found, n_seen, self.name)}."

    def _is_unreadable(self, index: int) -> bool:
        try:
            self._sample(index)
        except (TypeError, ValueError, OSError):
            return True
        return False

    def _is_unlike(self, index: int) -> bool:
        try:
            sample = self._sample(index)
        except (TypeError, ValueError, OSError):
            return False
        return sample.shape != self.shape[1:] or sample.dtype != self.dtype

    def _sample(self, index: int) -> np.ndarray:
        name = f"{self.name}[{index}]"
        try:
            with explain_read_errors(name, self.dataset):
                item = self.dataset[index]
        except ValueError as error:
            if not isinstance(error.__cause__, IndexError):
                raise
            raise ValueError(
                f"{self.name} is a {type(self.dataset).__name__} without a sample "
                f"{name}. Correct its __len__ or its __getitem__."
            ) from error.__cause__
        return _sample_of(item, name)


def _sample_of(item: Any, name: str) -> np.ndarray:
    """Return the sample of an item of a dataset, without its target."""
    is_pair = isinstance(item, (tuple, list)) and len(item) > 0 and not _is_nested(item)
    sample = item[0] if is_pair else item
    reject_unsupported_sample(sample, name)
    array = without_extended_precision(np.asarray(to_array(sample, name)))
    if is_pair and isinstance(item, tuple) and len(item) > 1:
        _reject_batch(array, item[1], name)
    return array


def _is_nested(item: Any) -> bool:
    """Return whether an item is itself a sample, as a nested list of numbers."""
    if not isinstance(item, list):
        return False
    # The list of a sample and its target has entries of different shapes or kinds.
    shapes = {
        shape_of(entry) if isinstance(entry, list | Number | np.generic) else None
        for entry in item
    }
    return len(shapes) == 1 and None not in shapes


def _reject_batch(array: np.ndarray, target: Any, name: str) -> None:
    """Raise a ValueError if a sample has one target per row, like a batch."""
    # A single target does not make a batch: a gray image with channels first has one.
    n_samples = len(array) if array.ndim > 1 else 1
    if n_samples > 1 and shape_of(target) in {(n_samples,), (n_samples, 1)}:
        raise ValueError(
            f"{name} has shape {array.shape} and {len(array)} targets, like a batch of "
            "samples. Let the data set return samples without a batch axis. If it is a "
            "single sample, let the data set return it without its target."
        )


def _fits(sample: np.ndarray, row: np.ndarray) -> bool:
    return sample.shape == row.shape and sample.dtype == row.dtype


def _unlike(
    sample: np.ndarray, row: np.ndarray, name: str, others: str = ""
) -> ValueError:
    """Return the error for a sample whose shape or type differs from the first."""
    remedy = "Convert all samples to one shape and type."
    if sample.shape[1:] == row.shape[1:] and len(sample.shape) == len(row.shape) > 1:
        remedy += " If these are batches, let the data set return samples."
    return ValueError(
        f"{name} is {sample.dtype} of shape {sample.shape}, but the first sample "
        f"is {row.dtype} of shape {row.shape}. {others}{' ' * bool(others)}{remedy}"
    )


# Number of bytes that are written at a time, and free space that is kept on the disk: a
# number of bytes or, if that is less, a fraction of the disk.
BYTES_TOGETHER, BYTES_LEFT_FREE, PART_LEFT_FREE = 2**24, 2**28, 0.05


def spool(dataset: IterableDataset[Any], name: str = "X") -> np.ndarray:
    """Write the samples of an iterable dataset to a temporary file.

    Parameters
    ----------
    dataset : torch.utils.data.IterableDataset
        Yields samples, or tuples that begin with one. It must be finite and, if it has
        a length, yield that number of samples.

    name : str, default="X"
        Name of the parameter that the caller passed, for error messages.

    Returns
    -------
    samples : ndarray of shape (n_samples, ...)
        Read-only memory map of an unnamed file in the system's folder for temporary
        files, which is deleted with the array.

    Raises
    ------
    ValueError
        If there are no samples, if samples differ in shape or type, if their number
        differs from the length, or if they do not fit on the disk.
    """
    what = f"{name}, of type {type(dataset).__name__},"
    n_expected = _length_of(dataset)
    # Unbuffered, because closing the file would retry a failed write to a full disk.
    with tempfile.TemporaryFile(buffering=0) as file:
        first: np.ndarray | None = None
        waiting = bytearray()
        n_samples = 0
        for item, of_item in _iterate(dataset, name):
            sample = _sample_of(item, of_item)
            if n_samples == n_expected:
                raise ValueError(
                    f"{what} has length {n_expected} but yields more samples. "
                    "Correct __len__ or __iter__."
                )
            if first is None:
                _check_first(sample, what)
                first = np.empty_like(sample, order="C")
            if not _fits(sample, first):
                raise _unlike(sample, first, of_item)
            first[...] = sample
            waiting += first.tobytes()
            n_samples += 1
            if len(waiting) >= BYTES_TOGETHER:
                _append(file, waiting, what, n_samples)
                waiting.clear()
        if first is None:
            raise ValueError(
                f"{what} yielded no sample. If its iterator is exhausted, "
                "let __iter__ return a new one."
            )
        if n_expected is not None and n_samples < n_expected:
            raise ValueError(
                f"{what} has length {n_expected} but yielded only {n_samples} "
                "samples. Correct __len__ or __iter__."
            )
        _append(file, waiting, what, n_samples)
        return np.memmap(
            file, dtype=first.dtype, mode="r", shape=(n_samples, *first.shape)
        )


def _iterate(dataset: IterableDataset[Any], name: str) -> Iterator[tuple[Any, str]]:
    """Yield the items of a dataset with their names, and name the one that fails."""
    with explain_read_errors(f"Sample 0 of {name}", dataset):
        items = iter(dataset)
    for index in count():
        of_item = f"Sample {index} of {name}"
        with explain_read_errors(of_item, dataset):
            item = next(items, END)
        if item is END:
            return
        yield item, of_item


def _length_of(dataset: IterableDataset[Any]) -> int | None:
    """Return the length of a dataset, or None if it has none."""
    try:
        return len(dataset)  # type: ignore[arg-type]
    except TypeError:  # no __len__, or one that raises
        return None


def _check_first(sample: np.ndarray, what: str) -> None:
    """Raise an error if samples of this kind cannot be used for training."""
    if sample.dtype.kind == "c":
        raise ValueError(
            f"{what} yields samples of {sample.dtype}. Complex data not supported. Let "
            "it yield real numbers, such as their absolute values."
        )
    if sample.dtype.kind not in "biuf" or not sample.size or not sample.ndim:
        raise ValueError(
            f"{what} yields samples of {sample.dtype} and shape {sample.shape}. "
            "Samples must be arrays of numbers with at least one axis."
        )


def _append(file: Any, content: bytearray, what: str, n_samples: int) -> None:
    """Append to a file, or raise an error if its disk is full."""
    reason = "too little free space"
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
        f"{what} does not fit on the disk for temporary files, "
        f"{tempfile.gettempdir()!r} ({reason}): {n_samples} samples were read "
        f"({(file.tell() + len(content)) / 2**20:.0f} MiB), and the set has not ended. "
        "Make it finite, for example with itertools.islice; set the environment "
        "variable TMPDIR to a folder on a larger disk; or pass an array."
    )
