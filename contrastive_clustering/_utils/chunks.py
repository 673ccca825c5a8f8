"""Process samples in chunks, so that copies of them need little memory."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

# Number of values processed at a time: 16 MiB of float64.
CHUNK_VALUES = 2**21


def chunk_slices(n_samples: int, values_of_each: int) -> Iterator[slice]:
    """Yield slices of one sample or more with about `CHUNK_VALUES` values each."""
    rows = max(1, CHUNK_VALUES // max(1, values_of_each))
    for start in range(0, n_samples, rows):
        yield slice(start, min(start + rows, n_samples))


def iterate_chunks(X: Any) -> Iterator[np.ndarray]:
    """Yield slices of an array, or of what is read like one, from first to last."""
    for part in chunk_slices(len(X), math.prod(X.shape[1:])):
        yield X[part]
