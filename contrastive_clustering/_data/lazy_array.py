"""Samples that are read when they are needed, and checked then."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from contrastive_clustering._utils.arrays import (
    check_squares,
    without_extended_precision,
)
from contrastive_clustering._utils.bad_samples import (
    VALUES_TOGETHER,
    error_of_values,
    not_finite,
    search,
)
from contrastive_clustering._utils.messages import describe_error

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
        self.dtype = without_extended_precision(np.empty(0, dtype)).dtype
        self.ndim = len(shape)
        self.size = int(np.prod(shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, places: Places) -> np.ndarray:
        if isinstance(places, slice):
            places = np.arange(*places.indices(len(self)))
        indices = np.atleast_1d(places)
        samples = self._read(indices)
        self._check_values(samples, indices)
        samples = without_extended_precision(samples)
        return samples if isinstance(places, np.ndarray) else samples[0]

    def _check_values(self, samples: np.ndarray, indices: np.ndarray) -> None:
        """Raise a ValueError if some of the samples that were read cannot be used."""
        if not samples.size:
            return
        wrong = not_finite(samples)
        if len(wrong):
            n_together = max(1, VALUES_TOGETHER // math.prod(self.shape[1:]))
            found, n_seen = search(
                int(indices[wrong[0]]), len(self), self._find_not_finite, n_together
            )
            raise error_of_values(found, n_seen, "X")
        check_squares(samples, "X", indices)

    def _find_not_finite(self, indices: np.ndarray) -> list[int]:
        wrong: list[int] = indices[not_finite(self._read(indices))].tolist()
        return wrong

    def __array__(
        self, dtype: np.dtype | None = None, copy: bool | None = None
    ) -> np.ndarray:
        if copy is False:
            raise ValueError("X is read piece by piece; an array of it is a copy.")
        return self[:].astype(self.dtype if dtype is None else dtype, copy=False)

    @abstractmethod
    def _read(self, places: np.ndarray) -> np.ndarray:
        """Return the samples at places, in their order."""


@contextmanager
def errors_of_reading(name: str, source: Any) -> Iterator[None]:
    """Say which sample could not be read where a file or a user's own code fails.

    Parameters
    ----------
    name : str
        What a message calls the samples.

    source : object
        What they are read from.

    Raises
    ------
    OSError
        If that was raised, with its number.

    ValueError
        Of any other error; it is the cause. Want of memory is left as it is.
    """
    try:
        yield
    except MemoryError:
        raise
    # What files and a user's own data set raise has no common type.
    except Exception as error:
        message = (
            f"{name} of the {type(source).__name__} passed as X could not be read "
            f"({describe_error(error)}). Repair it or leave it out; files have to be "
            "open until fit or predict returns."
        )
        if isinstance(error, OSError):
            # With a number the system's own subclass is raised.
            number = () if error.errno is None else (error.errno,)
            raise OSError(*number, message) from error
        raise ValueError(message) from error
