"""Images averaged down to a few pixels a side."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F

from contrastive_clustering._data.layout import SampleLayout


def pooled_sides(layout: SampleLayout, most: Mapping[int, int]) -> tuple[int, ...]:
    """Return the sides of averaged images.

    Parameters
    ----------
    layout : SampleLayout
        How images are read.

    most : dict of int to int
        The most pixels a side, for images (2) and for volumes (3).

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
    """Average images over cells as equal as possible.

    Parameters
    ----------
    batch : torch.Tensor of shape (n, n_channels, ...)
        Images or volumes, channels first.

    layout, most
        See :func:`pooled_sides`.

    Returns
    -------
    pooled : torch.Tensor of shape (n, n_channels, ...)
        The averages.
    """
    sides: Any = pooled_sides(layout, most)
    if len(sides) == 2:
        return F.adaptive_avg_pool2d(batch, sides)
    return F.adaptive_avg_pool3d(batch, sides)
