"""Contingency tables and recall of labels whose samples may have weights."""

import numpy as np

# Sums of weights that differ by less than this fraction are equal but for rounding.
ROUNDING = 1e-10


def contingency_table(
    rows: np.ndarray, columns: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return the number, or the weight, of the samples with each pair of labels.

    Parameters
    ----------
    rows, columns : ndarray of shape (n_samples,)
        Labels.

    weights : ndarray of shape (n_samples,), default=None
        Weights of the samples; None counts them.

    Returns
    -------
    table : ndarray of shape (n_distinct_rows, n_distinct_columns)
        Integers if `weights` is None, in the sorted order of the labels.
    """
    row_names, row_codes = np.unique(rows, return_inverse=True)
    column_names, column_codes = np.unique(columns, return_inverse=True)
    shape = len(row_names), len(column_names)
    cells = np.ravel_multi_index((row_codes, column_codes), shape)
    return np.bincount(cells, weights, minlength=np.prod(shape)).reshape(shape)


def count(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return contingency tables of a batch of codes, such as resamples of labels.

    Parameters
    ----------
    rows, columns : ndarray of shape (n_batch, n_samples) or (n_samples,)
        Codes from 0. If neither is a batch, ``n_batch`` is 1.

    shape : tuple of int
        Numbers of codes of rows and of columns.

    Returns
    -------
    counts : ndarray of shape (n_batch, n_rows, n_columns)
        Number of samples with each pair of codes.
    """
    cells, n_cells = np.atleast_2d(rows) * shape[1] + columns, shape[0] * shape[1]
    cells = cells + n_cells * np.arange(len(cells))[:, None]
    counts = np.bincount(cells.ravel(), minlength=len(cells) * n_cells)
    return counts.reshape(len(cells), *shape)


def first_of_largest(sums: np.ndarray) -> np.ndarray:
    """Return the index of the first of the largest entries along the first axis.

    Entries that differ only by rounding, such as 0.3 and 0.1 + 0.2, are equal.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._utils.weighted_tables import first_of_largest
    >>> sums = np.array([0.3, 0.1 + 0.2])
    >>> int(sums.argmax()), int(first_of_largest(sums))
    (1, 0)
    """
    return np.asarray(are_largest(sums).argmax(axis=0))


def are_largest(sums: np.ndarray) -> np.ndarray:
    """Return which entries along the first axis equal the largest but for rounding."""
    return np.asarray(sums >= sums.max(axis=0) * (1 - ROUNDING))


def accuracy(
    y_true: np.ndarray, y_pred: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Return the fraction of samples, or of their weight, with the correct class."""
    return float(np.average(y_true == y_pred, weights=weights))


def mean_recall(
    y_true: np.ndarray, y_pred: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Return the balanced accuracy, even if some predicted classes are never true.

    Parameters
    ----------
    y_true, y_pred : ndarray of shape (n_samples,)
        True and predicted classes. scikit-learn's balanced accuracy warns if only the
        latter contains some class.

    weights : ndarray of shape (n_samples,), default=None
        Weights of the samples; None weighs them equally.

    Returns
    -------
    recall : float
        Mean recall of the true classes. Classes without weight do not count.
    """
    weights = np.ones(len(y_true)) if weights is None else weights
    _, codes = np.unique(y_true, return_inverse=True)
    totals = np.bincount(codes, weights)
    hits = np.bincount(codes, weights * (y_pred == y_true))
    return float(np.mean(hits[totals > 0] / totals[totals > 0]))
