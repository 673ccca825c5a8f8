"""Resample images with Pillow and volumes with SimpleITK, without aliasing."""

import numpy as np

from contrastive_clustering._images.geometry import Plan
from contrastive_clustering._utils.optional import import_pillow, import_simpleitk


def resample(values: np.ndarray, plan: Plan) -> np.ndarray:
    """Resample, then pad or crop around the center.

    Padding takes the smallest value of the image.

    Parameters
    ----------
    values : ndarray of shape (height, width), (height, width, 3) or (depth, height, \
width)
        An image or a volume, uint8 or float32.

    plan : Plan
        Sides and offset.

    Returns
    -------
    values : ndarray
        Values of the same dtype.
    """
    n_axes = len(plan.resized)
    if values.shape[:n_axes] != plan.resized:
        if n_axes == 3:
            values = _resize_volume(values, plan.resized)
        else:
            values = _resize_image(values, plan.resized)
    return values if plan.size == plan.resized else _place(values, plan)


def _place(values: np.ndarray, plan: Plan) -> np.ndarray:
    """Return the values at their offset in an output of the final size."""
    n_axes = len(plan.size)
    output = np.full((*plan.size, *values.shape[n_axes:]), values.min(), values.dtype)
    into, out_of = [], []
    for side, whole, start in zip(plan.resized, plan.size, plan.offset, strict=True):
        length = min(side, whole)
        into.append(slice(max(start, 0), max(start, 0) + length))
        out_of.append(slice(max(-start, 0), max(-start, 0) + length))
    output[tuple(into)] = values[tuple(out_of)]
    return output


def _resize_image(values: np.ndarray, sides: tuple[int, ...]) -> np.ndarray:
    """Resize by Pillow's triangular filter, whose width grows with the reduction.

    It cannot overshoot, so that values stay within their range.
    """
    pillow = import_pillow()
    if values.ndim == 3 and values.dtype != np.uint8:  # Pillow has no deep colors
        channels = [_resize_image(values[..., i], sides) for i in range(3)]
        return np.stack(channels, axis=-1)
    image = pillow.fromarray(np.ascontiguousarray(values))
    resized = image.resize((sides[1], sides[0]), pillow.Resampling.BILINEAR)
    return np.asarray(resized)


def _resize_volume(values: np.ndarray, sides: tuple[int, ...]) -> np.ndarray:
    """Smooth along the axes that shrink, then interpolate linearly.

    Both steps keep values within their range. The standard deviation of the Gaussian is
    that of :func:`skimage.transform.resize`.
    """
    sitk = import_simpleitk()
    image = sitk.GetImageFromArray(values.astype(np.float32, copy=False))
    steps = [
        old / new for old, new in zip(values.shape[::-1], sides[::-1], strict=True)
    ]
    sigmas = [max(0.0, (step - 1) / 2) for step in steps]
    if any(sigmas):
        smoothing = sitk.DiscreteGaussianImageFilter()
        smoothing.SetVariance([sigma**2 for sigma in sigmas])
        smoothing.SetMaximumKernelWidth(int(8 * max(sigmas)) + 9)
        smoothing.SetMaximumError(0.01)
        image = smoothing.Execute(image)
    grid = sitk.ResampleImageFilter()
    grid.SetSize([int(side) for side in sides[::-1]])
    grid.SetOutputSpacing(steps)
    # Both grids cover the same volume, whose corner lies half a voxel before the first.
    grid.SetOutputOrigin([(step - 1) / 2 for step in steps])
    grid.SetInterpolator(sitk.sitkLinear)
    resized = sitk.GetArrayFromImage(grid.Execute(image))
    if values.dtype == np.uint8:
        resized = np.rint(resized).clip(0, 255)
    return np.asarray(resized.astype(values.dtype, copy=False))
