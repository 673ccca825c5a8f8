"""Samples that are read piece by piece: files of arrays, and PyTorch's data sets.

Each is given the few abilities of an array that the package needs: ``shape``,
``dtype``, ``len``, and reading by a slice, by one place or by an array of places.
"""

from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing
from torch.utils.data import Dataset, IterableDataset

from contrastive_clustering._data.lazy_array import LazyArray
from contrastive_clustering._data.sliced_array import SlicedArray, is_sliced
from contrastive_clustering._data.torch_datasets import DatasetArray, spool
from contrastive_clustering._data.unsupported_inputs import reject_unsupported_input


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
    reject_unsupported_input(X, "X")
    if isinstance(X, IterableDataset):
        return spool(X)
    if isinstance(X, Dataset):
        return DatasetArray(X)
    return SlicedArray(X) if is_sliced(X) else X


def take_rows(X: Any, rows: np.ndarray) -> Any:
    """Return some samples of an array, a table or what is read piece by piece."""
    return X[rows] if isinstance(X, LazyArray) else _safe_indexing(X, rows)
