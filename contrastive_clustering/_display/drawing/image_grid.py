"""Images of samples, and grids of images on axes."""

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

# Features of tables are shown as standard scores; colors saturate at this magnitude.
MAX_SCORE = 3.0

# Height of the strip that shows a table row, as a fraction of its width.
STRIP_HEIGHT = 0.3

# Pixels between the channels of images that show each channel separately.
CHANNEL_GAP = 1

# Size of a color bar below images with its label, in inches.
COLORBAR_WIDTH, COLORBAR_HEIGHT = 4.5, 1.0

# Larger images are smoothed, as their pixels would be of uneven size on the screen.
MAX_PIXELATED = 48

# Margin around an image, as a fraction of its width.
PADDING = 0.04


Row = tuple[Sequence[np.ndarray | None], "ImageStyle"]


@dataclass(frozen=True)
class ImageStyle:
    """How the values of images are mapped to colors.

    Attributes
    ----------
    low, high : float
        The values at the ends of the color map.

    cmap : str
        Name of the color map in matplotlib.

    label : str or None
        Label of the color bar; None if there is none.
    """

    low: float
    high: float
    cmap: str
    label: str | None = None

    @classmethod
    def of(cls, scaler: Scaler) -> "ImageStyle":
        """Return the style for the samples of a scaler.

        Images are shown in gray over the range of the training set. Features of tables
        are standard scores: white is the mean of the training set, blue is below and
        red above.
        """
        if scaler.layout.is_table:
            label = "features, left to right, as standard scores"
            return cls(-MAX_SCORE, MAX_SCORE, "RdBu_r", label)
        return cls(scaler.low, scaler.high, "gray")

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of ``Axes.imshow``, which ignores them for color images."""
        return {"cmap": self.cmap, "vmin": self.low, "vmax": self.high}

    @property
    def mappable(self) -> Any:
        """The mappable of a color bar."""
        normalize = import_module("matplotlib").colors.Normalize(self.low, self.high)
        return import_module("matplotlib.cm").ScalarMappable(normalize, self.cmap)


def to_images(samples: ArrayLike, scaler: Scaler) -> np.ndarray:
    """Return an image of each sample.

    One channel is shown in gray, and three channels as red, green and blue; for other
    numbers the channels are shown side by side. Volumes are shown by the middle slice
    along their first axis, the axial one. Table rows are shown as strips of features.

    Parameters
    ----------
    samples : array-like of shape (n_samples, ...)
        Samples in the user's shape and units.

    scaler : Scaler
        The scaler of the training set.

    Returns
    -------
    images : ndarray of shape (n_samples, height, width) or \
            (n_samples, height, width, 3)
        Gray images in the user's units, clipped to the range of the training set; color
        images scaled from that range to [0, 1]; tables as standard scores.
    """
    values = np.asarray(samples, dtype=np.float64)
    layout = scaler.layout
    if layout.is_table:
        scores = ((values - scaler.mean) / scaler.std).clip(-MAX_SCORE, MAX_SCORE)
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
    """Arrange the tiles of each sample in a grid, row by row.

    Parameters
    ----------
    tiles : ndarray of shape (n_samples, n_tiles, height, width)
        The tiles of each sample.

    Returns
    -------
    images : ndarray of shape (n_samples, total_height, total_width)
        An image of each sample; NaN, which is shown in white, between tiles and in
        empty cells.

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
    images = np.full((n_samples, n_rows * down, n_columns * right), np.nan)
    for tile in range(n_tiles):
        top, left = tile // n_columns * down, tile % n_columns * right
        images[:, top : top + height, left : left + width] = tiles[:, tile]
    return images[:, :-CHANNEL_GAP, :-CHANNEL_GAP]


def draw_images(ax: "Axes", rows: Sequence[Row], lefts: Sequence[float]) -> None:
    """Plot rows of images of the same shape on axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes to plot on. Their unit becomes the width of an image, and `y` points down.
        A tick is set at the middle of each row for its label.

    rows : sequence of (sequence of (ndarray or None), ImageStyle)
        The images of each row and their style; None leaves a cell empty.

    lefts : sequence of float
        The left edge of each column.
    """
    shown = [image for row, _ in rows for image in row if image is not None]
    height = float(shown[0].shape[0] / shown[0].shape[1])
    for number, (row, style) in enumerate(rows):
        top, bottom = number + PADDING, number + 1 - PADDING
        for left, image in zip(lefts, row, strict=True):
            if image is not None:
                sides = (left + PADDING, left + 1 - PADDING)
                extent = (*sides, bottom * height, top * height)
                ax.imshow(
                    image,
                    extent=extent,
                    interpolation=interpolation_of(image),
                    **style.options,
                )
    ax.set_xlim(0, max(lefts) + 1)
    ax.set_ylim(len(rows) * height, 0)
    # Unused space is to the right and below, so that a constrained layout measures the
    # labels on the left at their final position.
    ax.set_aspect("equal", anchor="NW")
    ax.set_frame_on(False)
    ax.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    ax.set_xticks([])
    ax.set_yticks([(number + 0.5) * height for number in range(len(rows))])


def interpolation_of(image: np.ndarray) -> str:
    """Return how to interpolate an image: small ones keep sharp pixels.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, 3)
        The image.

    Returns
    -------
    interpolation : str
        Value of the parameter of ``Axes.imshow``.
    """
    return "nearest" if max(image.shape[:2]) <= MAX_PIXELATED else "auto"


def figure_size(width: float, height: float, style: ImageStyle) -> tuple[float, float]:
    """Return the size of a figure of images, in inches.

    Parameters
    ----------
    width, height : float
        Size of the images with their labels.

    style : ImageStyle
        Style of the images; tables have a color bar below.

    Returns
    -------
    figsize : tuple of float
        Width and height.
    """
    if style.label is None:
        return width, height
    return max(width, COLORBAR_WIDTH), height + COLORBAR_HEIGHT


def add_colorbar(ax: "Axes", style: ImageStyle) -> None:
    """Add a color bar if the images show tables."""
    if style.label is not None:
        ax.figure.colorbar(
            style.mappable, ax=ax, location="bottom", label=style.label, shrink=0.6
        )
