"""Convert the scaler of a fit and the appearance of its images to trees and back."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from contrastive_clustering._data.appearance import (
    Appearance,
    count_measures,
    map_sides,
)
from contrastive_clustering._data.layout import SampleLayout, read_layout
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._io.leaves import to_dtype
from contrastive_clustering._io.schema import (
    Array,
    Fields,
    Integer,
    Items,
    Maybe,
    Node,
    Real,
    Scope,
    Text,
)
from contrastive_clustering._saving.fitted_space import Tree

# Channels and three spatial axes. Computing the product of a long list takes hours.
MAX_AXES = 4


class _Layout(Node):
    """A layout of samples, as `read_layout` returns it."""

    _fields = Fields(
        {
            "sample_shape": Items(Integer(1), least=1, most=MAX_AXES),
            "image_shape": Maybe(Items(Integer(1), least=2, most=MAX_AXES)),
            "channel_axis": Maybe(Integer(0, 3)),
        }
    )

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        self._fields.check(tree, where, scope)
        layout = _layout_from_tree(tree)
        n_values = math.prod(layout.sample_shape)
        Integer(1).check(n_values, f"the number of values of {where}", scope)
        axis = layout.channel_axis
        expected = read_layout(
            (1, *layout.sample_shape),
            image_shape=layout.image_shape,
            channel_axis=None if axis is None else axis + 1,
        )
        if layout != expected:
            raise ValueError(f"{where} is not a layout of samples of that shape")
        scope.bind("n_features", n_values, where)
        scope.bind("n_statistics", layout.network_shape[0], where)


APPEARANCE = Fields(
    {
        "offset": Real(),
        "scale": Real(0.0, open=True),
        "average": Array(("n_cells",), dtypes=("f8",)),
        "center": Array(("n_measures",), dtypes=("f8",)),
        "precision": Array(("n_measures", "n_measures"), dtypes=("f8",)),
        "usual": Array((2, "n_measures"), dtypes=("f8",)),
        "limit": Real(0.0),
        "spreads": Array((2,), dtypes=("f8",), low=0.0),
    }
)


def _appearance_fits(tree: Mapping[str, Any]) -> bool:
    if tree["appearance"] is None:
        return True
    layout = _layout_from_tree(tree["layout"])
    return (
        not layout.is_table
        and len(tree["appearance"]["average"]) == math.prod(map_sides(layout))
        and len(tree["appearance"]["center"]) == count_measures(layout)
    )


SCALER = Fields(
    {
        "layout": _Layout(),
        # One per channel or, for tables, one per feature.
        "mean": Array(("n_statistics",), dtypes=("f8",)),
        "std": Array(
            ("n_statistics",), dtypes=("f8",), low=float(np.finfo(np.float64).tiny)
        ),
        "low": Real(),
        "high": Real(),
        "dtype": Text(10),
        "appearance": Maybe(APPEARANCE),
    },
    relations=(
        (lambda tree: tree["low"] <= tree["high"], "low is above high"),
        (_appearance_fits, "appearance does not match the layout of samples"),
    ),
)


def _layout_from_tree(tree: Tree) -> SampleLayout:
    shape = tree["image_shape"]
    return SampleLayout(
        tuple(tree["sample_shape"]),
        None if shape is None else tuple(shape),
        tree["channel_axis"],
    )


def scaler_to_tree(scaler: Scaler) -> Tree:
    """Return a tree for a scaler, which fits `SCALER`."""
    layout = scaler.layout
    shape, axis = layout.image_shape, layout.channel_axis
    return {
        "layout": {
            "sample_shape": [int(side) for side in layout.sample_shape],
            "image_shape": None if shape is None else [int(side) for side in shape],
            "channel_axis": None if axis is None else int(axis),
        },
        "mean": scaler.mean.ravel(),
        "std": scaler.std.ravel(),
        "low": float(scaler.low),
        "high": float(scaler.high),
        "dtype": scaler.dtype.str,
        "appearance": None
        if scaler.appearance is None
        else vars(scaler.appearance).copy(),
    }


def scaler_from_tree(tree: Tree) -> Scaler:
    """Return the scaler that a checked tree describes."""
    layout = _layout_from_tree(tree["layout"])
    shape = (-1, *[1] * (len(layout.network_shape) - 1))
    return Scaler(
        mean=tree["mean"].reshape(shape),
        std=tree["std"].reshape(shape),
        low=tree["low"],
        high=tree["high"],
        dtype=to_dtype(tree["dtype"]),
        layout=layout,
        appearance=None
        if tree["appearance"] is None
        else Appearance(**tree["appearance"]),
    )
