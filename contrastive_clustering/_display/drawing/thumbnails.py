"""Numbered thumbnails at places of a map, none of which covers another."""

import math
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from contrastive_clustering._display.drawing.image_grid import ImageStyle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Sizes in points. A thumbnail is no wider than it may be, and all of them together
# leave most of the map to its points.
WIDEST, NARROWEST = 30.0, 10.0
COVERED = 0.05
FONT_SIZE = 7.0
NUMBER_SIZE = (19.0, 11.0)  # room for three digits
FRAME = 3.0

POINTS_PER_INCH = 72

MAX_STEPS = 300


def draw_thumbnails(
    ax: "Axes",
    places: np.ndarray,
    numbers: np.ndarray,
    colors: Sequence[Any] | np.ndarray,
    *,
    pictures: np.ndarray | None = None,
    style: ImageStyle | None = None,
) -> None:
    """Draw numbers in frames, above pictures where there are, at places of a map.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The map, with its points and its legend, which settle its size and its limits.

    places : ndarray of shape (n, 2)
        The places. A frame that had to be moved is joined to its place by a line.

    numbers : ndarray of shape (n,)
        The numbers.

    colors : ndarray of shape (n, 4) or list of str
        Colors of the frames.

    pictures : ndarray of shape (n, height, width) or (n, height, width, 3), \
            default=None
        The pictures; None draws numbers only.

    style : ImageStyle, default=None
        How pictures are drawn; needed if there are any.
    """
    if not len(places):
        return
    root: Any = ax.get_figure(root=True)
    if root.get_layout_engine() is not None:
        root.get_layout_engine().execute(root)
    box = ax.get_window_extent()
    scale = POINTS_PER_INCH / ax.figure.dpi
    size = np.array([box.width, box.height]) * scale
    width, height = 0.0, 0.0
    if pictures is not None:
        shape = pictures.shape[1:3]
        width = math.sqrt(COVERED * size.prod() / len(places))
        width = min(max(width, NARROWEST), WIDEST)
        height = width * shape[0] / shape[1]
    frame = (max(width, NUMBER_SIZE[0]) + FRAME, height + NUMBER_SIZE[1] + FRAME)
    ax.autoscale_view()
    on_axes = ax.transAxes.inverted().transform(ax.transData.transform(places))
    moved = spread_apart(on_axes * size, frame, size) / size
    distances = np.linalg.norm(moved - on_axes, axis=1)
    offsetbox = import_module("matplotlib.offsetbox")
    font = {"fontsize": FONT_SIZE, "weight": "bold"}
    for place, number in enumerate(numbers):
        parts = [offsetbox.TextArea(str(number), textprops=font)]
        if pictures is not None and style is not None:
            parts.append(_picture(pictures[place], width, style))
        ax.add_artist(
            offsetbox.AnnotationBbox(
                offsetbox.VPacker(children=parts, align="center", pad=0, sep=1),
                places[place],
                xybox=moved[place],
                boxcoords="axes fraction",
                pad=0.1,
                bboxprops={
                    "edgecolor": colors[place],
                    "linewidth": 1.2,
                    "boxstyle": "round,pad=0.1",
                },
                arrowprops={"arrowstyle": "-", "linewidth": 0.8},
                # Long lines run below the frames that they cross.
                zorder=5 - distances[place],
            )
        )


def _picture(picture: np.ndarray, width: float, style: ImageStyle) -> Any:
    normalize = import_module("matplotlib").colors.Normalize(style.low, style.high)
    return import_module("matplotlib.offsetbox").OffsetImage(
        picture, zoom=width / picture.shape[1], cmap=style.cmap, norm=normalize
    )


def spread_apart(
    places: np.ndarray, frame: tuple[float, float], bounds: np.ndarray
) -> np.ndarray:
    """Move boxes that overlap apart, within bounds, by about as little as possible.

    Parameters
    ----------
    places : ndarray of shape (n_boxes, 2)
        Centers of the boxes.

    frame : tuple of float
        Width and height of a box.

    bounds : ndarray of shape (2,)
        Width and height of the space that boxes have, from 0.

    Returns
    -------
    places : ndarray of shape (n_boxes, 2)
        Centers of boxes that do not overlap, if there is room enough.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._display.drawing.thumbnails import spread_apart
    >>> places = np.array([[4.0, 5.0], [5.0, 5.0], [9.0, 5.0]])
    >>> spread_apart(places, (2.0, 2.0), np.array([10.0, 10.0]))
    array([[3.5, 5. ],
           [5.5, 5. ],
           [9. , 5. ]])
    """
    sides = np.asarray(frame)
    low = np.minimum(sides / 2, bounds / 2)
    places = places.clip(low, bounds - low)
    for _ in range(MAX_STEPS):
        overlaps = sides - np.abs(places[:, None] - places)
        pairs = np.argwhere(np.triu((overlaps > 1e-6 * sides).all(axis=-1), k=1))
        if not len(pairs):
            break
        for first, second in pairs:
            away = places[second] - places[first]
            overlap = sides - np.abs(away)
            if (overlap <= 0).any():  # a step before has parted them
                continue
            axis = int((overlap / sides).argmin())
            step = overlap[axis] / 2 * (1 if away[axis] >= 0 else -1)
            places[first, axis] -= step
            places[second, axis] += step
        places = places.clip(low, bounds - low)
    return places
