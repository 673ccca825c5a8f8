"""Average pooling of images to a few pixels per side."""

from typing import Any

import torch
import torch.nn.functional as F

from contrastive_clustering._data.layout import SampleLayout


def pooled_sides(layout: SampleLayout, max_side: int) -> tuple[int, ...]:
    """Return the sides of pooled images.

    Parameters
    ----------
    layout : SampleLayout
        Layout of the images.

    max_side : int
        Maximum number of pixels per side.

    Returns
    -------
    sides : tuple of int
        Number of pixels along each spatial axis.
    """
    return tuple(min(max_side, side) for side in layout.network_shape[1:])


def pool(batch: torch.Tensor, layout: SampleLayout, max_side: int) -> torch.Tensor:
    """Average images over cells of equal size, as far as possible.

    Parameters
    ----------
    batch : torch.Tensor of shape (n, n_channels, ...)
        Images or volumes with channels first.

    layout, max_side
        See :func:`pooled_sides`.

    Returns
    -------
    pooled : torch.Tensor of shape (n, n_channels, ...)
        Averages over the cells.
    """
    function: Any = getattr(F, f"adaptive_avg_pool{layout.n_spatial_axes}d")
    pooled: torch.Tensor = function(batch, pooled_sides(layout, max_side))
    return pooled
