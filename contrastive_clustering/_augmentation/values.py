"""Random transformations of values, with independent parameters for each sample.

A batch is a standardized float32 tensor (zero mean and unit variance over the training
set) of shape ``(n, n_channels, height, width)``, ``(n, n_channels, depth, height,
width)`` or ``(n, n_features)``. All random numbers come from the given generator, and
all computations run on the device of the batch.
"""

import math

import torch

from contrastive_clustering._augmentation.draws import (
    Changes,
    note,
    per_sample,
    uniform,
)
from contrastive_clustering._utils.device import is_asynchronous
from contrastive_clustering._utils.optional import import_kornia_filters

# Smallest width of a random blur as a fraction of the largest, close to no blur.
SHARPEST = 0.1

# For narrower blurs, the weight of the next pixel underflows in float32.
MIN_BLUR = 0.05

# Smallest and largest side of the erased rectangle as fractions of the image's side.
ERASED = (2 / 7, 1 / 2)


def random_intensity(
    batch: torch.Tensor,
    generator: torch.Generator,
    *,
    strength: float,
    changes: Changes | None = None,
) -> torch.Tensor:
    """Change the contrast and brightness of each sample at random.

    Parameters
    ----------
    batch : torch.Tensor of shape (n, ...)
        Standardized samples.

    generator : torch.Generator
        Source of all random numbers, on the device of `batch`.

    strength : float
        Contrast factors are drawn log-uniformly from ``exp(+-strength)``, brightness
        shifts uniformly from ``+-strength`` standard deviations.

    changes : list, default=None
        Receives the logarithm of the contrast and the brightness of each sample, from
        -1 to 1 times the largest, if they vary.

    Returns
    -------
    changed : torch.Tensor
        Tensor with the shape and dtype of `batch`.
    """
    gain, offset = (uniform(len(batch), -1, 1, generator) for _ in range(2))
    note(changes, (strength, gain), (strength, offset))
    contrast, brightness = torch.exp(strength * gain), strength * offset
    return batch * per_sample(contrast, batch) + per_sample(brightness, batch)


def random_saturation(
    batch: torch.Tensor,
    generator: torch.Generator,
    *,
    strength: float,
    changes: Changes | None = None,
) -> torch.Tensor:
    """Move each sample's channels toward or away from their mean."""
    draws = uniform(len(batch), -1, 1, generator)
    note(changes, (strength if batch.shape[1] > 1 else 0.0, draws))
    factor = torch.exp(strength * draws)
    gray = batch.mean(dim=1, keepdim=True)
    return gray + per_sample(factor, batch) * (batch - gray)


def random_noise(
    batch: torch.Tensor, generator: torch.Generator, *, strength: float
) -> torch.Tensor:
    """Add Gaussian noise with a random strength of up to `strength` to each sample.

    With 0, no random numbers are drawn.
    """
    if strength == 0:
        return batch
    noise = torch.randn(
        batch.shape, generator=generator, device=batch.device, dtype=torch.float32
    )
    amount = strength * uniform(len(batch), 0, 1, generator)
    return batch + per_sample(amount, batch) * noise


def random_blur(
    batch: torch.Tensor, generator: torch.Generator, *, sigma: float
) -> torch.Tensor:
    """Blur each image by a Gaussian with a random width of up to `sigma` pixels.

    Volumes are blurred slice by slice. Kornia is required.
    """
    if sigma < MIN_BLUR:
        return batch
    filters = import_kornia_filters()
    blurred: torch.Tensor
    reach = math.ceil(2 * sigma)  # two widths on each side
    if reach >= min(batch.shape[-2:]):
        raise ValueError(
            f"blur={sigma} extends over {reach} pixels on each side, but the shape of "
            f"the images is {tuple(batch.shape[-2:])}. Lower blur."
        )
    widths = sigma * uniform(len(batch), SHARPEST, 1, generator)
    images = batch.flatten(1, -3)  # (n, n_channels [* depth], height, width)
    size = 2 * reach + 1
    if is_asynchronous(batch.device):
        # The same without a check of the widths, which would wait for the device.
        kernels = filters.get_gaussian_kernel1d(size, widths[:, None])
        blurred = filters.filter2d_separable(images, kernels, kernels, "reflect")
    else:
        sigmas = widths[:, None].expand(-1, 2)
        blurred = filters.gaussian_blur2d(images, size, sigmas)
    return blurred.reshape(batch.shape)


def random_dropout(
    batch: torch.Tensor, generator: torch.Generator, *, probability: float
) -> torch.Tensor:
    """Replace each value by zero, the training mean, with the given probability."""
    draws = torch.rand(
        batch.shape, generator=generator, device=batch.device, dtype=torch.float32
    )
    return batch.masked_fill(draws < probability, 0.0)


def random_erasing(
    batch: torch.Tensor, generator: torch.Generator, *, probability: float
) -> torch.Tensor:
    """Replace a rectangle of each image by the median, with the given probability.

    If most pixels of an image belong to a uniform background, the median is the value
    of the background, so that the rectangle erases parts of the strokes. In volumes, a
    box is replaced.

    Parameters
    ----------
    batch : torch.Tensor of shape (n, n_channels, [depth,] height, width)
        Images or volumes.

    generator : torch.Generator
        Source of all random numbers, on the device of `batch`.

    probability : float
        Probability that a rectangle of an image is erased; with 0, no random numbers
        are drawn.

    Returns
    -------
    erased : torch.Tensor
        Tensor with the shape and dtype of `batch`.

    References
    ----------
    Zhong, Zheng, Kang, Li, Yang, "Random Erasing Data Augmentation", AAAI 2020.
    """
    if probability == 0:  # the default for gray images, at no cost
        return batch
    erased = per_sample(uniform(len(batch), 0, 1, generator) < probability, batch)
    for axis in range(2, batch.ndim):
        side = batch.shape[axis]
        length = side * uniform(len(batch), *ERASED, generator)
        start = (side - length) * uniform(len(batch), 0, 1, generator)
        centers = torch.arange(side, device=batch.device, dtype=torch.float32) + 0.5
        centers = centers.reshape(-1, *[1] * (batch.ndim - 1 - axis))
        first, last = per_sample(start, batch), per_sample(start + length, batch)
        erased = erased & (first <= centers) & (centers < last)
    values = batch.flatten(2)  # (n, n_channels, n_pixels)
    if is_asynchronous(batch.device):
        # The median on a GPU raises an error if deterministic algorithms are required.
        medians = values.sort(dim=2).values[..., (values.shape[2] - 1) // 2]
    else:
        medians = values.median(dim=2).values
    return torch.where(
        erased, medians.reshape(*batch.shape[:2], *[1] * (batch.ndim - 2)), batch
    )
