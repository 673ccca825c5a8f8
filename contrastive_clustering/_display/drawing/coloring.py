"""Coloring of the points of a map by strata, labels or values."""

import math
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from contrastive_clustering._display.drawing.palette import (
    NOISE_COLOR,
    group_color,
    group_marker,
)
from contrastive_clustering._display.drawing.style import literal
from contrastive_clustering._display.fitted import (
    check_classes,
    check_column,
    number_classes,
)
from contrastive_clustering._utils.arrays import name_of
from contrastive_clustering._utils.numbering import NOISE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Values have a perceptually uniform scale.
CMAP = "viridis"

MAX_LEGEND_ROWS = 25


def read_color(
    color: Any, y: Any, n_samples: int, rows: np.ndarray, strata: np.ndarray
) -> tuple[str, np.ndarray, str]:
    """Return the kind of coloring, the value of each point and their label.

    Parameters
    ----------
    color : array-like of shape (n_samples,) or None
        The numbers as passed by the user.

    y : array-like of shape (n_samples,) or None
        The labels as passed by the user.

    n_samples : int
        Number of samples passed by the user.

    rows : ndarray of shape (n_drawn,)
        Indices of the samples to plot.

    strata : ndarray of shape (n_drawn,)
        Their strata.

    Returns
    -------
    coloring : {"stratum", "label", "value"}
        Kind of coloring.

    values : ndarray of shape (n_drawn,)
        Value of each point.

    label : str
        Title of the legend or label of the color bar: the name of the series that was
        passed, or else the kind.

    Raises
    ------
    TypeError, ValueError
        If there is not one valid value for each sample.
    """
    if color is None and y is None:
        return "stratum", strata, "stratum"
    if color is None:
        classes, codes = check_classes(y, n_samples)
        return "label", classes[codes][rows], name_of(y, "label")
    if y is not None:
        raise ValueError("y and color are given, but a point has one color. Pass one.")
    values = check_column(color, n_samples, "color")
    if values.dtype.kind not in "biuf":
        raise TypeError(
            f"color has dtype {values.dtype}, but a continuous scale needs numbers. "
            "Pass classes as y."
        )
    return "value", values[rows].astype(np.float64), name_of(color, "value")


def draw_values(
    ax: "Axes", positions: np.ndarray, values: np.ndarray, size: float, label: str
) -> None:
    """Draw points colored by numbers, with a color bar; NaN is gray.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The map.

    positions : ndarray of shape (n_samples, 2)
        Position of each point.

    values : ndarray of shape (n_samples,)
        Value of each point.

    size : float
        Area of a point, in square points.

    label : str
        Label of the color bar.
    """
    cmap = import_module("matplotlib").colormaps[CMAP]
    points = ax.scatter(
        positions[:, 0],
        positions[:, 1],
        c=values,
        s=size,
        cmap=cmap.with_extremes(bad=NOISE_COLOR),
        plotnonfinite=True,
        linewidths=0,
    )
    ax.figure.colorbar(points, ax=ax, label=literal(label))


def draw_groups(
    ax: "Axes",
    positions: np.ndarray,
    values: np.ndarray,
    size: float,
    *,
    label: str,
    are_strata: bool = False,
) -> None:
    """Draw points colored by groups, with a legend.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The map.

    positions : ndarray of shape (n_samples, 2)
        Position of each point.

    values : ndarray of shape (n_samples,)
        Group of each point.

    size : float
        Area of a point, in square points.

    label : str
        Title of the legend.

    are_strata : bool, default=False
        Whether the groups are strata, whose numbers determine their colors. Labels are
        numbered in their order.
    """
    names, codes = number_classes(values)
    if are_strata:
        codes = values
    for code in np.unique(codes):
        rows = codes == code
        ax.scatter(
            positions[rows, 0],
            positions[rows, 1],
            s=size,
            color=group_color(code),
            marker=group_marker(code),
            linewidths=0,
            alpha=0.8,
            label="noise" if code == NOISE else literal(values[rows][0]),
        )
    ax.legend(
        title=literal(label),
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        ncols=math.ceil(len(names) / MAX_LEGEND_ROWS),
        fontsize="small",
        markerscale=1.6,
        borderaxespad=0.3,
        handletextpad=0.1,
        frameon=False,
    )
