"""Array interface for files of arrays and for PyTorch datasets.

It provides the few features of arrays that the package needs: ``shape``, ``dtype``,
``len``, and indexing by a slice, an integer or an array of integers.
"""

from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing
from torch.utils.data import Dataset, IterableDataset

from contrastive_clustering._data.lazy_array import LazyArray
from contrastive_clustering._data.sliced_array import SlicedArray, is_sliced
from contrastive_clustering._data.torch_datasets import DatasetArray, spool
from contrastive_clustering._data.unsupported_inputs import reject_unsupported_input
from contrastive_clustering._utils.arrays import from_tensor


def open_samples(X: Any, name: str) -> Any:
    """Return tensors and what is read on demand as arrays, and others unchanged.

    Parameters
    ----------
    X : object
        The caller's input.

    name : str
        Name of the parameter, for error messages, also of samples that are read later.

    Returns
    -------
    X : LazyArray, ndarray or object
        A memory map if X is an :class:`IterableDataset`.

    Raises
    ------
    TypeError, ValueError
        If a dataset has no length, or samples of different shapes or types; or if a
        tensor is sparse or has no values.
    """
    if isinstance(X, LazyArray):
        return X
    X = from_tensor(X, name)
    reject_unsupported_input(X, name)
    if isinstance(X, IterableDataset):
        return spool(X, name)
    if isinstance(X, Dataset):
        return DatasetArray(X, name)
    return SlicedArray(X, name) if is_sliced(X) else X


def take_rows(X: Any, rows: np.ndarray) -> Any:
    """Return some samples of an array, a table or what is read piece by piece."""
    return X[rows] if isinstance(X, LazyArray) else _safe_indexing(X, rows)
