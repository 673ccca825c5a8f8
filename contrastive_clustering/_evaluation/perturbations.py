"""Small changes of samples, as between two scans of the same patient."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import ndimage
from sklearn.preprocessing import StandardScaler

from contrastive_clustering._data.layout import SampleLayout
from contrastive_clustering._utils.bad_samples import NOT_FINITE, not_finite
from contrastive_clustering._utils.chunks import chunk_slices
from contrastive_clustering._utils.messages import show

# Takes samples of shape (n, ...) and returns changed samples of the same shape.
Perturbation = Callable[[np.ndarray], Any]

# Standard deviation of noise and change of brightness, in standard deviations of the
# samples; factor of the contrast.
NOISE, BRIGHTNESS, CONTRAST = 0.1, 0.1, 1.1

# Width of the blur and length of the shift along each axis, in pixels.
BLUR, SHIFT = 0.5, 0.5

# Angle of the rotation, and factor of the magnification.
DEGREES, MAGNIFICATION = 2.0, 1.03


def default_perturbations(
    samples: np.ndarray, layout: SampleLayout, rng: np.random.RandomState
) -> dict[str, Perturbation]:
    """Return hardly visible changes of images and volumes, and noise for tables.

    Changed values stay in the range of the samples. Pixels outside an image repeat its
    border.

    Parameters
    ----------
    samples : ndarray of shape (n_samples, ...)
        Samples, which define the scale of the changes: the standard deviation of each
        channel or feature, and the mean of each channel.

    layout : SampleLayout
        Their layout.

    rng : RandomState instance
        Source of the noise.

    Returns
    -------
    perturbations : dict of str to callable
        The changes by name.
    """
    shape = layout.image_shape or layout.sample_shape
    channel = 0 if layout.is_table else layout.channel_axis
    spatial = [1 + axis for axis in range(len(shape)) if axis != channel]
    images = samples.reshape(-1, *shape)
    mean, std = moments(images, None if channel is None else 1 + channel)
    low, high = images.min(), images.max()

    def on_images(change: Perturbation) -> Perturbation:
        def changed(part: np.ndarray) -> np.ndarray:
            values = change(part.reshape(-1, *shape).astype(np.float64))
            return np.asarray(np.clip(values, low, high)).reshape(part.shape)

        return changed

    changes: dict[str, Perturbation] = {
        "noise": lambda part: part + NOISE * std * rng.standard_normal(part.shape)
    }
    if not layout.is_table:
        width = [BLUR if axis in spatial else 0 for axis in range(images.ndim)]
        changes |= {
            "blur": lambda part: ndimage.gaussian_filter(part, width, mode="nearest"),
            "brightness": lambda part: part + BRIGHTNESS * std,
            "contrast": lambda part: mean + CONTRAST * (part - mean),
            "shift": lambda part: _move(part, spatial, shift=SHIFT),
            "rotation": lambda part: _move(part, spatial, degrees=DEGREES),
            "magnification": lambda part: _move(part, spatial, scale=MAGNIFICATION),
        }
    return {name: on_images(change) for name, change in changes.items()}


def moments(
    samples: np.ndarray, axis: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return means and standard deviations, computed in chunks that need little memory.

    Parameters
    ----------
    samples : ndarray of shape (n_samples, ...)
        Numbers.

    axis : int, default=None
        The axis of channels or features, each of which has its own statistics; None
        computes those of all values.

    Returns
    -------
    mean, std : ndarray
        They can be broadcast against the samples.
    """
    scaler = StandardScaler()
    for part in chunk_slices(len(samples), samples[0].size):
        values = samples[part]
        values = values[..., None] if axis is None else np.moveaxis(values, axis, -1)
        scaler.partial_fit(values.reshape(-1, values.shape[-1]).astype(np.float64))
    shape = [1] * samples.ndim
    if axis is not None:
        shape[axis] = -1
    return scaler.mean_.reshape(shape), np.sqrt(scaler.var_).reshape(shape)


def _move(
    images: np.ndarray,
    spatial: list[int],
    *,
    degrees: float = 0.0,
    scale: float = 1.0,
    shift: float = 0.0,
) -> np.ndarray:
    """Turn images in the plane of their last two axes, magnify and shift them."""
    last = list(range(images.ndim - len(spatial), images.ndim))
    planes = np.moveaxis(images, spatial, last)
    sides = np.array(planes.shape[last[0] :])
    angle = np.radians(degrees)
    matrix = np.eye(len(sides))
    matrix[-2:, -2:] = [
        [np.cos(angle), -np.sin(angle)],
        [np.sin(angle), np.cos(angle)],
    ]
    matrix /= scale
    offset = (sides - 1) / 2 - matrix @ ((sides - 1) / 2) + shift
    moved = np.empty_like(planes)
    # With the other axes, it would interpolate between samples and channels.
    for index in np.ndindex(planes.shape[: last[0]]):
        ndimage.affine_transform(
            planes[index], matrix, offset, output=moved[index], order=1, mode="nearest"
        )
    return np.moveaxis(moved, last, spatial)


def perturb(samples: np.ndarray, name: str, perturbation: Perturbation) -> np.ndarray:
    """Return changed samples with the shape and dtype of the samples.

    Parameters
    ----------
    samples : ndarray of shape (n, ...)
        Samples; a copy is changed.

    name : str
        Name of the change, for error messages.

    perturbation : callable
        The change.

    Returns
    -------
    changed : ndarray of shape (n, ...)
        Values are rounded and limited to the range of the dtype if it holds integers.

    Raises
    ------
    ValueError
        If the change does not return finite numbers in the shape of the samples.
    """
    changed = np.asarray(perturbation(samples.copy()))
    where = f"perturbations[{show(name)}]"
    if changed.shape != samples.shape or changed.dtype.kind not in "buif":
        raise ValueError(
            f"{where} returned an array of shape {changed.shape} and dtype "
            f"{changed.dtype} for samples of shape {samples.shape}. It must return "
            "numbers in the shape of the samples."
        )
    wrong = not_finite(changed)
    if len(wrong):
        raise ValueError(
            f"{where} returned {NOT_FINITE} for {len(wrong)} of {len(samples)} "
            "samples. It must return finite values."
        )
    if samples.dtype.kind == "b":
        return np.asarray(changed >= 0.5)
    if samples.dtype.kind in "iu":
        limits = np.iinfo(samples.dtype)
        changed = np.clip(np.rint(changed), limits.min, limits.max)
    return changed.astype(samples.dtype)


def check_perturbations(perturbations: Any) -> dict[str, Perturbation]:
    """Return the changes that a user passed.

    Raises
    ------
    TypeError
        If they are not a mapping of at least one name to a callable.
    """
    remedy = "Pass a dict of names to callables that return changed samples."
    if not isinstance(perturbations, Mapping) or not perturbations:
        raise TypeError(
            f"perturbations={show(perturbations)} does not name changes. {remedy}"
        )
    for name, change in perturbations.items():
        is_function = callable(change) and not isinstance(change, type)
        if not isinstance(name, str) or not is_function:
            raise TypeError(
                f"perturbations[{show(name)}]={show(change)} is not valid. {remedy}"
            )
    return dict(perturbations)
