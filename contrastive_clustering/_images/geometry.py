"""Sides to resample to, and where the result lies in the output."""

import math
from typing import NamedTuple

from contrastive_clustering._images.loaded import Fit


class Plan(NamedTuple):
    """How an image or a volume is brought to its size.

    Attributes
    ----------
    resized : tuple of int
        Sides after resampling.

    size : tuple of int
        Sides of the output.

    offset : tuple of int
        Index of the first resampled pixel in the output along each axis; negative if
        it is cropped.

    spacing : tuple of float or None
        Distance between the pixels of the output in millimeters, if known.
    """

    resized: tuple[int, ...]
    size: tuple[int, ...]
    offset: tuple[int, ...]
    spacing: tuple[float, ...] | None


def plan_size(
    shape: tuple[int, ...],
    known_spacing: tuple[float, ...] | None,
    *,
    size: tuple[int, ...] | None,
    spacing: tuple[float, ...] | None,
    fit: Fit,
) -> Plan:
    """Return the sides to resample to, and how these are padded or cropped.

    The aspect ratio is the physical one if the distances between pixels are known. With
    `spacing`, the scale is given, and `size` only pads or crops.

    Parameters
    ----------
    shape : tuple of int
        Sides in pixels.

    known_spacing : tuple of float or None
        Distances between pixels in millimeters.

    size : tuple of int or None
        Sides of the output; None for those after resampling.

    spacing : tuple of float or None
        Wanted distances, which need `known_spacing`.

    fit : {"letterbox", "crop", "stretch"}
        "letterbox" fits the whole image into `size`, "crop" fills all of `size`, and
        "stretch" changes the aspect ratio.

    Returns
    -------
    plan : Plan
        The plan.

    Examples
    --------
    >>> from contrastive_clustering._images.geometry import plan_size
    >>> plan = plan_size((100, 50), None, size=(32, 32), spacing=None, fit="letterbox")
    >>> plan.resized, plan.offset
    ((32, 16), (0, 8))
    """
    extents = [
        side * step
        for side, step in zip(shape, known_spacing or (1.0,) * len(shape), strict=True)
    ]
    if spacing is not None:
        steps = list(spacing)
    elif size is None:
        return Plan(shape, shape, (0,) * len(shape), known_spacing)
    else:
        steps = [extent / side for extent, side in zip(extents, size, strict=True)]
        if fit != "stretch":
            steps = [max(steps) if fit == "letterbox" else min(steps)] * len(shape)
    resized = tuple(
        max(1, math.floor(extent / step + 0.5))
        for extent, step in zip(extents, steps, strict=True)
    )
    final = resized if size is None else size
    offset = tuple(
        (whole - side) // 2 for whole, side in zip(final, resized, strict=True)
    )
    reached = tuple(
        extent / side for extent, side in zip(extents, resized, strict=True)
    )
    return Plan(resized, final, offset, None if known_spacing is None else reached)
