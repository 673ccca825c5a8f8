"""Average pooling of images to a few pixels per side."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F

from contrastive_clustering._data.layout import SampleLayout


def pooled_sides(layout: SampleLayout, most: Mapping[int, int]) -> tuple[int, ...]:
    """Return the sides of pooled images.

    Parameters
    ----------
    layout : SampleLayout
        Layout of the images.

    most : dict of int to int
        Maximum number of pixels per side, for images (2) and for volumes (3).

    Returns
    -------
    sides : tuple of int
        Number of pixels along each spatial axis.
    """
    sides = layout.network_shape[1:]
    return tuple(min(most[len(sides)], side) for side in sides)


def pool(
    batch: torch.Tensor, layout: SampleLayout, most: Mapping[int, int]
) -> torch.Tensor:
    """Average images over cells of equal size, as far as possible.

    Parameters
    ----------
    batch : torch.Tensor of shape (n, n_channels, ...)
        Images or volumes with channels first.

    layout, most
        See :func:`pooled_sides`.

    Returns
    -------
    pooled : torch.Tensor of shape (n, n_channels, ...)
        Averages over the cells.
    """
    sides: Any = pooled_sides(layout, most)
    if len(sides) == 2:
        return F.adaptive_avg_pool2d(batch, sides)
    return F.adaptive_avg_pool3d(batch, sides)
