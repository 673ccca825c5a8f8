"""Arrays whose samples are read and checked on demand."""

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
    error_of_values,
    not_finite,
    search,
)
from contrastive_clustering._utils.chunks import CHUNK_VALUES
from contrastive_clustering._utils.messages import describe_error

Index = int | slice | np.ndarray


class LazyArray(ABC):
    """Array-like object whose samples, along the first axis, are read on demand.

    Samples are checked for finite values when they are read, because checking them
    beforehand would require reading all of them.

    Parameters
    ----------
    shape : tuple of int
        Shape, with samples first.

    dtype : numpy.dtype
        Type of the values.

    name : str, default="X"
        Name of the parameter that the caller passed, for error messages.
    """

    def __init__(
        self, shape: tuple[int, ...], dtype: np.dtype, name: str = "X"
    ) -> None:
        self.name = name
        self.shape = shape
        self.dtype = without_extended_precision(np.empty(0, dtype)).dtype
        self.ndim = len(shape)
        self.size = math.prod(shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Index) -> np.ndarray:
        if isinstance(index, slice):
            index = np.arange(*index.indices(len(self)))
        indices = np.atleast_1d(index)
        samples = self._read(indices)
        self._check_values(samples, indices)
        samples = without_extended_precision(samples)
        return samples if isinstance(index, np.ndarray) else samples[0]

    def _check_values(self, samples: np.ndarray, indices: np.ndarray) -> None:
        """Raise a ValueError if some of the samples cannot be used."""
        if not samples.size:
            return
        wrong = not_finite(samples)
        if len(wrong):
            n_together = max(1, CHUNK_VALUES // math.prod(self.shape[1:]))
            found, n_seen = search(
                int(indices[wrong[0]]), len(self), self._find_not_finite, n_together
            )
            raise error_of_values(found, n_seen, self.name)
        check_squares(samples, self.name, indices)

    def _find_not_finite(self, indices: np.ndarray) -> list[int]:
        wrong: list[int] = indices[not_finite(self._read(indices))].tolist()
        return wrong

    def __array__(
        self, dtype: np.dtype | None = None, copy: bool | None = None
    ) -> np.ndarray:
        if copy is False:
            raise ValueError(
                f"{self.name} is read on demand; converting it to an array requires a "
                "copy."
            )
        return self[:].astype(self.dtype if dtype is None else dtype, copy=False)

    @abstractmethod
    def _read(self, indices: np.ndarray) -> np.ndarray:
        """Return the samples at the indices, in the given order."""


@contextmanager
def explain_read_errors(name: str, source: Any) -> Iterator[None]:
    """Add the name of the sample to errors of files or of custom code.

    Parameters
    ----------
    name : str
        Name of the samples for the message, with that of the parameter.

    source : object
        Object that the samples are read from.

    Raises
    ------
    OSError
        If an OSError was raised, with the same error number.

    ValueError
        For any other error, which is the cause. A MemoryError is raised unchanged.
    """
    try:
        yield
    except MemoryError:
        raise
    # Files and custom data sets may raise any error.
    except Exception as error:
        message = (
            f"{name} could not be read from the {type(source).__name__} "
            f"({describe_error(error)}). Repair or remove it; files must stay open "
            "until fit or predict returns."
        )
        if isinstance(error, OSError):
            # The error number selects the subclass of OSError.
            number = () if error.errno is None else (error.errno,)
            raise OSError(*number, message) from error
        raise ValueError(message) from error
