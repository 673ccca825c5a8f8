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


def open_samples(X: Any, name: str = "X") -> Any:
    """Wrap inputs that are read on demand as arrays, and return others unchanged.

    Parameters
    ----------
    X : object
        The caller's input.

    name : str, default="X"
        Name of the parameter, for error messages.

    Returns
    -------
    X : LazyArray, ndarray or object
        A memory map if X is an :class:`IterableDataset`.

    Raises
    ------
    TypeError, ValueError
        If a dataset has no length, or samples of different shapes or types.
    """
    if isinstance(X, LazyArray):
        return X
    reject_unsupported_input(X, name)
    if isinstance(X, IterableDataset):
        return spool(X)
    if isinstance(X, Dataset):
        return DatasetArray(X)
    return SlicedArray(X) if is_sliced(X) else X


def take_rows(X: Any, rows: np.ndarray) -> Any:
    """Return some samples of an array, a table or what is read piece by piece."""
    return X[rows] if isinstance(X, LazyArray) else _safe_indexing(X, rows)
