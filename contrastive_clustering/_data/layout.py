"""Interpretation of samples as rows, images or volumes.

Only this module handles the axes of the user's array. All other code uses batches with
channels first, of shape ``(n, n_channels, height, width)``, ``(n, n_channels, depth,
height, width)`` or, for tables, ``(n, n_features)``.
"""

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Literal, NamedTuple

import torch

from contrastive_clustering._utils.messages import show


class SampleKind(NamedTuple):
    """Names of samples with some number of spatial axes.

    Attributes
    ----------
    noun, element : str
        Names of one sample and of one of its values.

    gray, multichannel : str
        Augmentation presets for samples with one channel and with several.
    """

    noun: str
    element: str
    gray: str
    multichannel: str


# Supported samples by their number of spatial axes; tables have none.
SAMPLE_KINDS = {
    0: SampleKind("row", "feature", "table", "table"),
    2: SampleKind("image", "pixel", "gray", "rgb"),
    3: SampleKind("volume", "voxel", "volume", "volume"),
}

MAX_AXES = 1 + max(SAMPLE_KINDS)

MIN_SIDE = 8

# Sizes of a last axis that are interpreted as channels (gray, RGB, RGBA) if
# `channel_axis` is "auto".
CHANNEL_COUNTS = (1, 3, 4)

ChannelAxis = int | Literal["auto"] | None


@dataclass(frozen=True)
class SampleLayout:
    """Layout of the samples of an array.

    Parameters
    ----------
    sample_shape : tuple of int
        Shape of one sample in the user's array.

    image_shape : tuple of int or None
        Shape of one sample as an image or a volume. It differs from `sample_shape` if
        images are flattened, and is None for tables.

    channel_axis : int or None
        Channel axis within `image_shape`; None if there is none.
    """

    sample_shape: tuple[int, ...]
    image_shape: tuple[int, ...] | None = None
    channel_axis: int | None = None

    @property
    def is_table(self) -> bool:
        """Whether samples are rows of features without spatial structure."""
        return self.image_shape is None

    @property
    def is_flat(self) -> bool:
        """Whether samples are rows of the array, as in tables and flattened images."""
        return len(self.sample_shape) == 1

    @property
    def network_shape(self) -> tuple[int, ...]:
        """Shape of one sample with channels first, as used by the network."""
        if self.image_shape is None:
            return self.sample_shape
        if self.channel_axis is None:
            return (1, *self.image_shape)
        sides = list(self.image_shape)
        n_channels = sides.pop(self.channel_axis)
        return (n_channels, *sides)

    @property
    def n_spatial_axes(self) -> int:
        """Number of spatial axes; 0 for tables."""
        return len(self.network_shape) - 1

    @property
    def kind(self) -> SampleKind:
        """Names of such samples."""
        return SAMPLE_KINDS[self.n_spatial_axes]

    @property
    def preset(self) -> str:
        """Name of the augmentation preset for these samples."""
        is_gray = self.network_shape[0] == 1
        return self.kind.gray if is_gray else self.kind.multichannel

    def to_network(self, batch: torch.Tensor) -> torch.Tensor:
        """Convert a batch from the user's layout to channels first."""
        if self.image_shape is None:
            return batch
        batch = batch.reshape(-1, *self.image_shape)
        if self.channel_axis is None:
            return batch.unsqueeze(1)
        return batch.movedim(1 + self.channel_axis, 1)

    def from_network(self, batch: torch.Tensor) -> torch.Tensor:
        """Convert a batch from channels first to the user's layout."""
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
    """Determine the layout of samples from the shape of an array.

    Without `image_shape`, two axes are a table, ``(n, n_features)``, and three axes are
    gray images, ``(n, height, width)``. Four axes are images with channels, ``(n,
    height, width, n_channels)``, if the last axis has 1, 3 or 4 entries, and volumes,
    ``(n, depth, height, width)``, otherwise. Five axes are volumes with channels, which
    are the last axis if that has 1, 3 or 4 entries. `channel_axis` overrides these
    rules.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array, with samples first.

    image_shape : tuple of int, default=None
        Shape of one image or volume, for arrays with flattened samples.

    channel_axis : int, None or "auto", default="auto"
        Channel axis of the array before flattening, where axis 0 holds the samples.
        None if there is none; "auto" applies the rules above.

    Returns
    -------
    layout : SampleLayout
        Layout of the samples.

    Raises
    ------
    ValueError
        If the shape does not match the parameters, if the channel axis is ambiguous, or
        if a side has fewer than 8 pixels.

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
        if len(image) > MAX_AXES:
            raise ValueError(
                f"image_shape has {len(image)} entries, but at most {MAX_AXES} are "
                "possible, those of a volume with channels. Set image_shape to the "
                "shape of one image, as in image_shape=(28, 28)."
            )
        if not all(isinstance(side, Integral) and side > 0 for side in image):
            raise ValueError(
                f"image_shape={show(image_shape)} must consist of positive integers, "
                "as in image_shape=(28, 28)."
            )
        image = tuple(map(int, image))
        if sample_shape not in (image, (math.prod(image),)):
            raise ValueError(
                f"image_shape={image} requires X of shape {('n', *image)} or "
                f"('n', {math.prod(image)}), but X has shape {tuple(shape)}. Set "
                "image_shape to the shape of one image."
            )
    axis = _channel_axis_of(image, channel_axis)
    layout = SampleLayout(sample_shape, image, axis)
    sides = layout.network_shape[1:]
    if len(sides) not in SAMPLE_KINDS or not sides:
        supported = " and ".join(
            f"{kind.noun}s have {n_axes}"
            for n_axes, kind in SAMPLE_KINDS.items()
            if n_axes
        )
        raise ValueError(
            f"Samples of shape {image} with channel_axis={show(channel_axis)} have "
            f"{len(sides)} spatial axes; {supported}. Set image_shape or channel_axis."
        )
    if min(sides) < MIN_SIDE:
        raise ValueError(
            f"Samples of shape {image} were interpreted as {_describe(layout)} and "
            f"sides {sides}, but each side needs at least {MIN_SIDE} pixels. "
            "Enlarge or pad the images, or change channel_axis (it is "
            f"{show(channel_axis)}) if another axis holds the channels."
        )
    return layout


def _channel_axis_of(image: tuple[int, ...], channel_axis: ChannelAxis) -> int | None:
    """Return the channel axis of `image`, as given or by the rules."""
    if channel_axis is None:
        return None
    if channel_axis != "auto":
        n_axes = len(image) + 1
        axis = channel_axis + n_axes if channel_axis < 0 else channel_axis
        if not 1 <= axis < n_axes:
            raise ValueError(
                f"channel_axis={channel_axis} is not an axis of a sample: X has "
                f"{n_axes} axes, and axis 0 holds the samples. Set it to another axis."
            )
        return axis - 1
    if len(image) <= 2:
        return None
    if image[-1] in CHANNEL_COUNTS:
        return len(image) - 1
    if len(image) == 3:
        return None
    raise ValueError(
        f"Samples of shape {image} have {len(image)} axes, and it is unclear which of "
        "them holds the channels. Set channel_axis, for example to -1 or 1."
    )


def _describe(layout: SampleLayout) -> str:
    n_channels = layout.network_shape[0]
    plural = "s" if n_channels > 1 else ""
    return f"{layout.kind.noun}s with {n_channels} channel{plural}"
