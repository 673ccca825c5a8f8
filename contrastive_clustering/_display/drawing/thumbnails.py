"""Numbered thumbnails on a map that do not overlap."""

import math
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from contrastive_clustering._display.drawing.image_grid import (
    ImageStyle,
    interpolation_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Sizes in points. All thumbnails together cover only this fraction of the map.
MAX_WIDTH, MIN_WIDTH = 30.0, 10.0
COVERED = 0.05
FONT_SIZE = 7.0
NUMBER_SIZE = (19.0, 11.0)  # room for three digits
FRAME = 3.0

POINTS_PER_INCH = 72

MAX_STEPS = 300


def draw_thumbnails(
    ax: "Axes",
    positions: np.ndarray,
    numbers: np.ndarray,
    colors: Sequence[Any] | np.ndarray,
    *,
    images: np.ndarray | None = None,
    style: ImageStyle | None = None,
) -> None:
    """Draw framed numbers, with optional images below them, on a map.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The map with its points and legend, which determine its size and limits.

    positions : ndarray of shape (n, 2)
        The positions. A line connects each moved frame with its position.

    numbers : ndarray of shape (n,)
        The numbers.

    colors : ndarray of shape (n, 4) or list of str
        Colors of the frames.

    images : ndarray of shape (n, height, width) or (n, height, width, 3), \
            default=None
        The images; None draws only numbers.

    style : ImageStyle, default=None
        How images are displayed; required with `images`.
    """
    if not len(positions):
        return
    root: Any = ax.get_figure(root=True)
    if root.get_layout_engine() is not None:
        root.get_layout_engine().execute(root)
    box = ax.get_window_extent()
    scale = POINTS_PER_INCH / ax.figure.dpi
    size = np.array([box.width, box.height]) * scale
    width, height = 0.0, 0.0
    if images is not None:
        shape = images.shape[1:3]
        width = math.sqrt(COVERED * size.prod() / len(positions))
        width = min(max(width, MIN_WIDTH), MAX_WIDTH)
        height = width * shape[0] / shape[1]
    frame = (max(width, NUMBER_SIZE[0]) + FRAME, height + NUMBER_SIZE[1] + FRAME)
    ax.autoscale_view()
    on_axes = ax.transAxes.inverted().transform(ax.transData.transform(positions))
    moved = spread_apart(on_axes * size, frame, size) / size
    distances = np.linalg.norm(moved - on_axes, axis=1)
    offsetbox = import_module("matplotlib.offsetbox")
    font = {"fontsize": FONT_SIZE, "weight": "bold"}
    for index, number in enumerate(numbers):
        parts = [offsetbox.TextArea(str(number), textprops=font)]
        if images is not None and style is not None:
            parts.append(_offset_image(images[index], width, style))
        ax.add_artist(
            offsetbox.AnnotationBbox(
                offsetbox.VPacker(children=parts, align="center", pad=0, sep=1),
                positions[index],
                xybox=moved[index],
                boxcoords="axes fraction",
                pad=0.1,
                bboxprops={
                    "edgecolor": colors[index],
                    "linewidth": 1.2,
                    "boxstyle": "round,pad=0.1",
                },
                arrowprops={"arrowstyle": "-", "linewidth": 0.8},
                # Frames with longer lines are drawn below the others.
                zorder=5 - distances[index],
            )
        )


def _offset_image(image: np.ndarray, width: float, style: ImageStyle) -> Any:
    return import_module("matplotlib.offsetbox").OffsetImage(
        image,
        zoom=width / image.shape[1],
        cmap=style.cmap,
        norm=style.mappable.norm,
        interpolation=interpolation_of(image),
    )


def spread_apart(
    positions: np.ndarray, frame: tuple[float, float], bounds: np.ndarray
) -> np.ndarray:
    """Move overlapping boxes apart within bounds, approximately as little as possible.

    Parameters
    ----------
    positions : ndarray of shape (n_boxes, 2)
        Centers of the boxes.

    frame : tuple of float
        Width and height of a box.

    bounds : ndarray of shape (2,)
        Width and height of the available space.

    Returns
    -------
    positions : ndarray of shape (n_boxes, 2)
        Centers of boxes that do not overlap if there is enough space.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._display.drawing.thumbnails import spread_apart
    >>> positions = np.array([[4.0, 5.0], [5.0, 5.0], [9.0, 5.0]])
    >>> spread_apart(positions, (2.0, 2.0), np.array([10.0, 10.0]))
    array([[3.5, 5. ],
           [5.5, 5. ],
           [9. , 5. ]])
    """
    sides = np.asarray(frame)
    low = np.minimum(sides / 2, bounds / 2)
    positions = positions.clip(low, bounds - low)
    for _ in range(MAX_STEPS):
        overlaps = sides - np.abs(positions[:, None] - positions)
        pairs = np.argwhere(np.triu((overlaps > 1e-6 * sides).all(axis=-1), k=1))
        if not len(pairs):
            break
        for first, second in pairs:
            away = positions[second] - positions[first]
            overlap = sides - np.abs(away)
            if (overlap <= 0).any():  # separated by an earlier step
                continue
            axis = int((overlap / sides).argmin())
            step = overlap[axis] / 2 * (1 if away[axis] >= 0 else -1)
            positions[first, axis] -= step
            positions[second, axis] += step
        positions = positions.clip(low, bounds - low)
    return positions
