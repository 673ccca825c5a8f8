"""From samples to pictures: of images, of volumes, of tables, of any channels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from contrastive_clustering._data.scaling import Scaler

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Features of a table are drawn as standard scores up to here; beyond, colors saturate.
LARGEST_SCORE = 3.0

# Height of a table's strip as a part of its width.
STRIP_HEIGHT = 0.3

# Pixels between the channels of a picture that shows each by itself.
CHANNEL_GAP = 1

# Inches that a color bar below pictures takes, with its label.
COLORBAR_WIDTH, COLORBAR_HEIGHT = 4.5, 1.0

# Space about a picture, as a part of its width.
PADDING = 0.04


Row = tuple[Sequence[np.ndarray | None], "ImageStyle"]


@dataclass(frozen=True)
class ImageStyle:
    """How the values of pictures become colors.

    Attributes
    ----------
    low, high : float
        The values at the ends of the color map.

    cmap : str
        matplotlib's name of the color map.

    label : str or None
        What a color bar says of the values; None where none is needed.
    """

    low: float
    high: float
    cmap: str
    label: str | None = None

    @classmethod
    def of(cls, scaler: Scaler) -> "ImageStyle":
        """Return the style for samples that a scaler was fitted to.

        Images are gray over the range of the training set. Features of tables are
        standard scores: white is the training set's mean, blue less, red more.
        """
        if scaler.layout.is_table:
            label = "features, left to right, as standard scores"
            return cls(-LARGEST_SCORE, LARGEST_SCORE, "RdBu_r", label)
        return cls(scaler.low, scaler.high, "gray")

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of ``Axes.imshow``; color pictures do not heed them."""
        return {"cmap": self.cmap, "vmin": self.low, "vmax": self.high}

    @property
    def mappable(self) -> Any:
        """What a color bar is made of."""
        normalize = import_module("matplotlib").colors.Normalize(self.low, self.high)
        return import_module("matplotlib.cm").ScalarMappable(normalize, self.cmap)


def to_images(samples: ArrayLike, scaler: Scaler) -> np.ndarray:
    """Return a picture of each sample.

    One channel is gray, three are red, green and blue, and of any other number each is
    shown by itself, side by side. Of a volume the middle slice across its first axis
    is shown, the axial one. A table's row is a strip of its features.

    Parameters
    ----------
    samples : array-like of shape (n_samples, ...)
        Samples in the user's shape and units.

    scaler : Scaler
        The scaler of the training set.

    Returns
    -------
    pictures : ndarray of shape (n_samples, height, width) or \
            (n_samples, height, width, 3)
        Gray pictures in the user's units, clipped to the training set's range; color
        pictures from 0 to 1 over that range; tables as standard scores.
    """
    values = np.asarray(samples, dtype=np.float64)
    layout = scaler.layout
    if layout.is_table:
        scores = ((values - scaler.mean) / scaler.std).clip(
            -LARGEST_SCORE, LARGEST_SCORE
        )
        height = max(1, round(STRIP_HEIGHT * scores.shape[1]))
        return np.repeat(scores[:, None], height, axis=1)
    images = layout.to_network(torch.from_numpy(values)).numpy()
    if images.ndim == 5:  # (n, C, D, H, W) -> (n, C, H, W)
        images = images[:, :, images.shape[2] // 2]
    images = images.clip(scaler.low, scaler.high)
    n_channels = images.shape[1]
    if n_channels == 1:
        return images[:, 0]
    if n_channels == 3:
        return np.moveaxis((images - scaler.low) / (scaler.high - scaler.low), 1, -1)
    return mosaic(images)


def mosaic(tiles: np.ndarray) -> np.ndarray:
    """Set the tiles of each sample side by side, row by row.

    Parameters
    ----------
    tiles : ndarray of shape (n_samples, n_tiles, height, width)
        What to show of each sample.

    Returns
    -------
    pictures : ndarray of shape (n_samples, total_height, total_width)
        A picture of each; NaN, which is drawn white, between the tiles and where there
        is none.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._display.drawing.image_grid import mosaic
    >>> mosaic(np.arange(8.0).reshape(1, 2, 2, 2))[0]
    array([[ 0.,  1., nan,  4.,  5.],
           [ 2.,  3., nan,  6.,  7.]])
    """
    n_samples, n_tiles, height, width = tiles.shape
    n_columns = math.ceil(math.sqrt(n_tiles))
    n_rows = math.ceil(n_tiles / n_columns)
    down, right = height + CHANNEL_GAP, width + CHANNEL_GAP
    pictures = np.full((n_samples, n_rows * down, n_columns * right), np.nan)
    for place in range(n_tiles):
        top, left = place // n_columns * down, place % n_columns * right
        pictures[:, top : top + height, left : left + width] = tiles[:, place]
    return pictures[:, :-CHANNEL_GAP, :-CHANNEL_GAP]


def draw_images(ax: "Axes", rows: Sequence[Row], lefts: Sequence[float]) -> None:
    """Draw rows of pictures of one shape on bare axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw. One unit of it is the width of a picture, and `y` runs down. A
        tick stands at the middle of each row, for its name.

    rows : sequence of (sequence of (ndarray or None), ImageStyle)
        The pictures of each row, and how to draw them; None leaves a place empty.

    lefts : sequence of float
        The left edge of each column.
    """
    shown = [picture for row, _ in rows for picture in row if picture is not None]
    height = float(shown[0].shape[0] / shown[0].shape[1])
    for number, (row, style) in enumerate(rows):
        top, bottom = number + PADDING, number + 1 - PADDING
        for left, picture in zip(lefts, row, strict=True):
            if picture is not None:
                sides = (left + PADDING, left + 1 - PADDING)
                extent = (*sides, bottom * height, top * height)
                ax.imshow(picture, extent=extent, **style.options)
    ax.set_xlim(0, max(lefts) + 1)
    ax.set_ylim(len(rows) * height, 0)
    # Where the shape of the axes leaves space it is to the right and below: a layout
    # that measures the labels on the left then finds them where they will be.
    ax.set_aspect("equal", anchor="NW")
    ax.set_frame_on(False)
    ax.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    ax.set_xticks([])
    ax.set_yticks([(number + 0.5) * height for number in range(len(rows))])


def figure_size(width: float, height: float, style: ImageStyle) -> tuple[float, float]:
    """Return how large a figure of pictures has to be, in inches.

    Parameters
    ----------
    width, height : float
        What the pictures and their names need.

    style : ImageStyle
        Their style: of tables there is a color bar below.

    Returns
    -------
    figsize : tuple of float
        Width and height.
    """
    if style.label is None:
        return width, height
    return max(width, COLORBAR_WIDTH), height + COLORBAR_HEIGHT


def add_colorbar(ax: "Axes", style: ImageStyle) -> None:
    """Say what colors mean where pictures are of tables."""
    if style.label is not None:
        ax.figure.colorbar(
            style.mappable, ax=ax, location="bottom", label=style.label, shrink=0.6
        )
