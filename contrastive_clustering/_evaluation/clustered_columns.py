"""Recognition of columns that were clustered, which cannot be tested across strata."""

from collections.abc import Hashable, Iterator, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from contrastive_clustering._evaluation.table_columns import (
    Column,
    is_numeric,
    read_table,
    to_series,
)
from contrastive_clustering._utils.arrays import from_tensor, to_array
from contrastive_clustering._utils.identifiers import check_is_column
from contrastive_clustering._utils.messages import show

# A column whose correlation with a feature differs from 1 or -1 by less is the feature.
ROUNDING = 1e-9

# Two samples always lie on a line.
FEWEST_SAMPLES = 3


def find_clustered(
    columns: Sequence[Column], clustered: Any, n_samples: int
) -> set[Hashable]:
    """Return the names of the columns that were clustered.

    Parameters
    ----------
    columns : sequence of Column
        The variables of all samples.

    clustered : str, sequence of names, data frame or array-like of shape \
(n_samples, ...)
        Names of columns, or the features from which the strata were made.

    n_samples : int
        Number of samples.

    Returns
    -------
    names : set of hashable
        Names that `clustered` lists, and columns that equal one of these columns, or a
        feature of `clustered`, up to a linear transform (numbers) or up to other names
        of the levels (categories).

    Raises
    ------
    TypeError
        If the features are sparse or have no order, such as a set.

    ValueError
        If a name is unknown; or if the features have another number of samples, are
        ragged or have masked values.
    """
    clustered = from_tensor(clustered, "clustered")
    if isinstance(clustered, str):
        clustered = [clustered]
    elif isinstance(clustered, Iterator):  # could be read only once
        clustered = list(clustered)
    names = set[Hashable]()
    if _are_names(clustered):
        names = set(clustered)
        features = _get_features(columns, clustered)
    else:
        features = _read_features(clustered, n_samples)
    return names | {
        column.name
        for column in columns
        if any(_equals(column, feature) for feature in features)
    }


def _are_names(clustered: Any) -> bool:
    if hasattr(clustered, "columns") or isinstance(clustered, dict):
        return False
    if hasattr(clustered, "ndim"):
        return bool(clustered.ndim == 1 and np.asarray(clustered).dtype.kind in "OUST")
    return np.iterable(clustered) and all(
        isinstance(each, str | int | tuple) for each in clustered
    )


def _get_features(columns: Sequence[Column], names: Sequence[Hashable]) -> list[Any]:
    """Return the columns of these names as series."""
    pandas: Any = import_module("pandas")
    by_name = {column.name: column for column in columns}
    for name in names:
        if name not in by_name:
            raise ValueError(
                f"clustered names {show(name)}, which is not a column of metadata. "
                "Pass names of columns, or the array of clustered features."
            )
    named = [by_name[name] for name in names]
    return [pandas.Series(each.values).where(each.known) for each in named]


def _read_features(clustered: ArrayLike, n_samples: int) -> list[Any]:
    """Return the features as series."""
    if hasattr(clustered, "columns") or isinstance(clustered, dict):
        return list(read_table(clustered, n_samples, "clustered").values())
    check_is_column(clustered, "clustered")
    features = np.asarray(to_array(clustered, "clustered"))
    if features.ndim == 0 or len(features) != n_samples:
        raise ValueError(
            f"clustered has the shape {features.shape}, but strata has {n_samples} "
            "labels. Pass one row for each sample, or names of columns."
        )
    features = features.reshape(n_samples, -1)
    return [to_series(feature, "clustered", n_samples) for feature in features.T]


def _equals(column: Column, feature: Any) -> bool:
    known = column.known & feature.notna().to_numpy()
    if known.sum() < FEWEST_SAMPLES:
        return False
    values, others = column.values[known], feature[known]
    if column.kind == "categorical":
        pandas: Any = import_module("pandas")
        codes, levels = pandas.factorize(values)
        return 1 < len(levels) < len(values) and np.array_equal(
            codes, others.factorize()[0]
        )
    if not is_numeric(others, "a column of clustered"):
        return False
    return _are_collinear(values, others.to_numpy(dtype=float))


def _are_collinear(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether one array is a linear transform of the other; `a` is finite."""
    if not np.isfinite(b).all():
        return False
    # Scaling avoids sums and products that overflow or vanish.
    a, b = _scale(a), _scale(b)
    a, b = _scale(a - a.mean()), _scale(b - b.mean())
    return bool((a @ b) ** 2 > (1 - ROUNDING) * (a @ a) * (b @ b))


def _scale(values: np.ndarray) -> np.ndarray:
    """Return values in the range from -1 to 1, zeros unchanged."""
    largest = np.abs(values).max()
    return values / largest if largest > 0 else values
