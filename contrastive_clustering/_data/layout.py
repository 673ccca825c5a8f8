"""How samples are read: as rows, images or volumes.

This is the one place that knows the user's axes. Everything behind it sees batches
with the channels first, ``(n, n_channels, height, width)``, ``(n, n_channels, depth,
height, width)`` or, for tables, ``(n, n_features)``.
"""

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Literal

import torch

from contrastive_clustering._utils.messages import show

MOST_AXES = 4


SMALLEST_SIDE = 8

# Sizes of a last axis that are read as channels (gray, RGB, RGBA) unless
# `channel_axis` says otherwise.
CHANNEL_COUNTS = (1, 3, 4)

ChannelAxis = int | Literal["auto"] | None


@dataclass(frozen=True)
class SampleLayout:
    """How the samples of an array are read.

    Parameters
    ----------
    sample_shape : tuple of int
        Shape of one sample in the user's array.

    image_shape : tuple of int or None
        Shape of one sample as an image or a volume; differs from `sample_shape`
        where the user's images are flattened. None for a table.

    channel_axis : int or None
        The axis of `image_shape` that holds the channels; None where there is none.
    """

    sample_shape: tuple[int, ...]
    image_shape: tuple[int, ...] | None = None
    channel_axis: int | None = None

    @property
    def is_table(self) -> bool:
        """Whether samples are rows of features without neighbors."""
        return self.image_shape is None

    @property
    def is_flat(self) -> bool:
        """Whether samples are rows of the user's array: tables, flattened images."""
        return len(self.sample_shape) == 1

    @property
    def network_shape(self) -> tuple[int, ...]:
        """Shape of one sample with the channels first, as the network wants it."""
        if self.image_shape is None:
            return self.sample_shape
        if self.channel_axis is None:
            return (1, *self.image_shape)
        sides = list(self.image_shape)
        n_channels = sides.pop(self.channel_axis)
        return (n_channels, *sides)

    @property
    def kind(self) -> Literal["table", "volume", "gray", "rgb"]:
        """Which preset of augmentations suits these samples."""
        if self.is_table:
            return "table"
        if len(self.network_shape) == 4:
            return "volume"
        return "gray" if self.network_shape[0] == 1 else "rgb"

    def to_network(self, batch: torch.Tensor) -> torch.Tensor:
        """Move a batch of the user's samples to channels first."""
        if self.image_shape is None:
            return batch
        batch = batch.reshape(-1, *self.image_shape)
        if self.channel_axis is None:
            return batch.unsqueeze(1)
        return batch.movedim(1 + self.channel_axis, 1)

    def from_network(self, batch: torch.Tensor) -> torch.Tensor:
        """Move a batch with channels first to the user's shape."""
        if self.image_shape is None:
            return batch
        if self.channel_axis is None:
            batch = batch.squeeze(1)
        else:
            batch = batch.movedim(1, 1 + self.channel_axis)
        return batch.reshape(-1, *self.sample_shape)


def read_layout(
    shape: tuple[int, ...],
    *,
    image_shape: tuple[int, ...] | None = None,
    channel_axis: ChannelAxis = "auto",
) -> SampleLayout:
    """Decide how the samples of an array of the given shape are read.

    Without `image_shape` two axes are a table, ``(n, n_features)``, and three are
    gray images, ``(n, height, width)``. Four axes are images with channels, ``(n,
    height, width, n_channels)``, if the last has 1, 3 or 4 entries, and else volumes,
    ``(n, depth, height, width)``. Five axes are volumes with channels, which stand
    last if that axis has 1, 3 or 4 entries. `channel_axis` overrules this.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array, samples first.

    image_shape : tuple of int, default=None
        Shape of one image or volume, for arrays that hold them flattened.

    channel_axis : int, None or "auto", default="auto"
        The axis of the array that holds the channels, counted in the array as it is
        before flattening, with the samples as axis 0; None if there is none; "auto"
        to go by the rule above.

    Returns
    -------
    layout : SampleLayout
        How to read the samples.

    Raises
    ------
    ValueError
        If the array does not have the shape that the parameters promise, if it is
        unclear which axis holds the channels, or if a side is below 8 pixels.

    Examples
    --------
    >>> from contrastive_clustering._data.layout import read_layout
    >>> read_layout((100, 32, 32, 3)).network_shape
    (3, 32, 32)
    >>> read_layout((100, 28, 28, 28)).network_shape
    (1, 28, 28, 28)
    >>> read_layout((100, 3, 32, 32), channel_axis=1).network_shape
    (3, 32, 32)
    >>> read_layout((100, 784), image_shape=(28, 28)).network_shape
    (1, 28, 28)
    """
    sample_shape = tuple(shape[1:])
    if image_shape is None:
        if len(sample_shape) == 1:
            return SampleLayout(sample_shape)
        image = sample_shape
    else:
        image = tuple(image_shape)
        if len(image) > MOST_AXES:
            raise ValueError(
                f"image_shape has {len(image)} entries, but volumes with channels have "
                f"{MOST_AXES} axes and images fewer. Set image_shape to the shape of "
                "one image, as in image_shape=(28, 28)."
            )
        if not all(isinstance(side, Integral) and side > 0 for side in image):
            raise ValueError(
                f"image_shape={show(image_shape)} must hold whole, positive numbers, "
                "as in image_shape=(28, 28)."
            )
        image = tuple(map(int, image))
        if sample_shape not in (image, (math.prod(image),)):
            raise ValueError(
                f"image_shape={image} asks for X of shape {('n', *image)} or "
                f"('n', {math.prod(image)}), but X has shape {tuple(shape)}. Set "
                "image_shape to the shape of one image."
            )
    axis = _channel_axis_of(image, channel_axis)
    layout = SampleLayout(sample_shape, image, axis)
    sides = layout.network_shape[1:]
    if len(sides) not in (2, 3):
        raise ValueError(
            f"Samples of shape {image} with channel_axis={show(channel_axis)} have "
            f"{len(sides)} spatial axes; images have 2 and volumes 3. Set image_shape "
            "or channel_axis."
        )
    if min(sides) < SMALLEST_SIDE:
        raise ValueError(
            f"Samples of shape {image} were read as {_describe(layout)} with sides "
            f"{sides}, but each side needs at least {SMALLEST_SIDE} pixels. Enlarge or "
            f"pad the images, or set channel_axis (it is {show(channel_axis)}) if "
            "another axis holds the channels."
        )
    return layout


def _channel_axis_of(image: tuple[int, ...], channel_axis: ChannelAxis) -> int | None:
    """Return the axis of `image` that holds the channels, by rule or as asked."""
    if channel_axis is None:
        return None
    if channel_axis != "auto":
        n_axes = len(image) + 1
        axis = channel_axis + n_axes if channel_axis < 0 else channel_axis
        if not 1 <= axis < n_axes:
            raise ValueError(
                f"channel_axis={channel_axis} is not an axis of a sample: X has "
                f"{n_axes} axes, of which axis 0 holds the samples."
            )
        return axis - 1
    if len(image) <= 2:
        return None
    if image[-1] in CHANNEL_COUNTS:
        return len(image) - 1
    if len(image) == 3:
        return None
    raise ValueError(
        f"Samples of shape {image} have {len(image)} axes and it is unclear which "
        "holds the channels: set channel_axis (for example channel_axis=-1 or 1)."
    )


def _describe(layout: SampleLayout) -> str:
    n_channels, *sides = layout.network_shape
    noun = "images" if len(sides) == 2 else "volumes"
    return f"{noun} of {n_channels} channel{'s' if n_channels > 1 else ''}"
