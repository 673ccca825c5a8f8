"""Random changes of a batch, each sample by its own amount, on the batch's device.

A batch is a float32 tensor on the common scale (zero mean and unit variance over
the training set): ``(n, n_channels, height, width)``, ``(n, n_channels, depth,
height, width)`` or ``(n, n_features)``. All numbers come from the generator given.
"""

import math

import torch
import torch.nn.functional as F

from contrastive_clustering._utils.device import is_asynchronous
from contrastive_clustering._utils.optional import import_kornia_filters

# Least width of a random blur, as a part of the largest: next to none.
SHARPEST = 0.1

# A blur of fewer pixels gives the next pixel no weight that float32 can hold.
LEAST_BLUR = 0.05

# Shortest and longest side of what is erased, as parts of the image's.
ERASED = (2 / 7, 1 / 2)


def _uniform(
    n_samples: int, low: float, high: float, generator: torch.Generator
) -> torch.Tensor:
    """Draw one number a sample, uniformly from ``[low, high)``."""
    draws = torch.rand(
        n_samples,
        generator=generator,
        device=generator.device,
        dtype=torch.float32,
    )
    return low + (high - low) * draws


def _per_sample(values: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
    """Reshape (n,) to (n, 1, ..., 1), so that it broadcasts over `batch`."""
    return values.reshape(-1, *[1] * (batch.ndim - 1))


def random_affine(
    batch: torch.Tensor,
    generator: torch.Generator,
    *,
    degrees: float,
    translate: float,
    scale: float,
    shear: float = 0.0,
) -> torch.Tensor:
    """Rotate, shear, shift and scale each image or volume by its own random amount.

    What moves in from outside repeats the border. Volumes are rotated and sheared in
    the plane of their last two axes, the axial slices, and shifted and scaled along
    all three.

    Parameters
    ----------
    batch : torch.Tensor of shape (n, n_channels, [depth,] height, width)
        Images or volumes.

    generator : torch.Generator
        Source of all numbers, on the device of `batch`.

    degrees : float
        Rotation angles are drawn uniformly from ``[-degrees, degrees]``.

    translate : float
        Shifts are drawn uniformly from ``[-translate, translate]`` times the side.

    scale : float
        Magnifications are drawn log-uniformly from ``[1 / scale, scale]``.

    shear : float, default=0.0
        Shears of the rows are drawn uniformly from ``[-shear, shear]`` degrees.

    Returns
    -------
    moved : torch.Tensor
        A tensor of the shape and dtype of `batch`.
    """
    n_samples, n_axes = len(batch), batch.ndim - 2
    height, width = batch.shape[-2:]
    angle = math.radians(degrees) * _uniform(n_samples, -1, 1, generator)
    zoom = torch.exp(math.log(scale) * _uniform(n_samples, -1, 1, generator))
    slant = torch.tan(math.radians(shear) * _uniform(n_samples, -1, 1, generator))
    cosine, sine = torch.cos(angle) / zoom, torch.sin(angle) / zoom

    # For each output place in [-1, 1], theta gives the place to read from: coordinates
    # come as (x, y[, z]), that is width first. The aspect ratio keeps a rotation a
    # rotation where the sides differ.
    theta = batch.new_zeros(n_samples, n_axes, n_axes + 1)
    theta[:, 0, 0] = cosine
    theta[:, 0, 1] = (cosine * slant - sine) * height / width
    theta[:, 1, 0] = sine * width / height
    theta[:, 1, 1] = sine * slant + cosine
    if n_axes == 3:
        theta[:, 2, 2] = 1 / zoom
    for axis in range(n_axes):
        # [-1, 1] is two half sides long, so a shift of one side is 2.
        theta[:, axis, -1] = 2 * translate * _uniform(n_samples, -1, 1, generator)
    grid = _affine_grid(theta, batch.shape[2:])
    return F.grid_sample(batch, grid, padding_mode="border", align_corners=False)


def random_pose(
    batch: torch.Tensor,
    generator: torch.Generator,
    *,
    degrees: float,
    translate: float,
) -> torch.Tensor:
    """Mirror, turn and shift volumes in space, each by its own random amount.

    Every second of them, on average, is mirrored along its last axis; each is turned
    about an axis of its own through its middle. What moves in from outside repeats the
    border. Sizes and shapes stay as they are.

    Parameters
    ----------
    batch : torch.Tensor of shape (n, n_channels, depth, height, width)
        Volumes, whose voxels are taken for cubes.

    generator : torch.Generator
        Source of all numbers, on the device of `batch`.

    degrees : float
        Angles are drawn uniformly from ``[0, degrees]``, the axes of rotation
        uniformly from all directions.

    translate : float
        Shifts are drawn uniformly from ``[-translate, translate]`` times the side.

    Returns
    -------
    moved : torch.Tensor
        A tensor of the shape and dtype of `batch`.

    Notes
    -----
    By Rodrigues' formula the rotation by an angle t about a unit vector a is
    I + sin(t) A + (1 - cos(t)) A A, where A v is the cross product of a and v.
    """
    n_samples = len(batch)
    axes = torch.randn(
        n_samples,
        3,
        generator=generator,
        device=generator.device,
        dtype=torch.float32,
    )
    angles = math.radians(degrees) * _uniform(n_samples, 0, 1, generator)
    mirrored = _uniform(n_samples, 0, 1, generator) < 0.5
    shifts = [2 * translate * _uniform(n_samples, -1, 1, generator) for _ in range(3)]

    identity = torch.eye(3, device=batch.device, dtype=torch.float32)
    axes = F.normalize(axes, dim=1)[:, None]
    cross = torch.linalg.cross(axes, identity[None], dim=2).mT
    angles = _per_sample(angles, cross)
    turns = identity + torch.sin(angles) * cross
    turns = turns + (1 - torch.cos(angles)) * (cross @ cross)
    # As in random_affine, coordinates are (x, y, z), and [-1, 1] is a whole side.
    # Made on the host: a tensor of numbers made on a GPU waits for it.
    sides = torch.tensor(batch.shape[:1:-1], device="cpu")
    sides = sides.to(batch.device, non_blocking=True)
    turns = turns * sides / sides[:, None]
    turns[:, 0] *= torch.where(mirrored, -1.0, 1.0)[:, None]
    theta = torch.cat([turns, torch.stack(shifts, dim=1)[:, :, None]], dim=2)
    grid = _affine_grid(theta.to(batch.dtype), batch.shape[2:])
    return F.grid_sample(batch, grid, padding_mode="border", align_corners=False)


def _affine_grid(theta: torch.Tensor, sides: torch.Size) -> torch.Tensor:
    """Do what torch's affine_grid does, several times as fast on a CPU.

    A place's coordinates are a sum of a part for each axis, and only the last addition
    is one of all places.
    """
    n_samples, n_axes, _ = theta.shape
    grid = theta[:, :, -1].reshape(n_samples, *[1] * n_axes, n_axes)
    # The last side belongs to the first coordinate; smallest parts first.
    for coordinate, side in reversed(list(enumerate(reversed(sides)))):
        shape = [1] * (n_axes + 2)
        shape[n_axes - coordinate] = side
        # The centers of the pixels.
        places = torch.arange(side, device=theta.device, dtype=torch.float32)
        places = (2 * places + 1) / side - 1
        step = theta[:, :, coordinate].reshape(n_samples, *[1] * n_axes, n_axes)
        grid = grid + places.reshape(shape).to(theta.dtype) * step
    return grid


def random_intensity(
    batch: torch.Tensor, generator: torch.Generator, *, strength: float
) -> torch.Tensor:
    """Change contrast and brightness of each sample by its own random amount.

    Parameters
    ----------
    batch : torch.Tensor of shape (n, ...)
        Samples on the common scale.

    generator : torch.Generator
        Source of all numbers, on the device of `batch`.

    strength : float
        Contrast factors are drawn log-uniformly from ``exp(+-strength)``, shifts of
        the brightness uniformly from ``+-strength`` standard deviations.

    Returns
    -------
    changed : torch.Tensor
        A tensor of the shape and dtype of `batch`.
    """
    contrast = torch.exp(strength * _uniform(len(batch), -1, 1, generator))
    brightness = strength * _uniform(len(batch), -1, 1, generator)
    return batch * _per_sample(contrast, batch) + _per_sample(brightness, batch)


def random_noise(
    batch: torch.Tensor, generator: torch.Generator, *, strength: float
) -> torch.Tensor:
    """Add Gaussian noise of a random strength, up to `strength`, to each sample."""
    noise = torch.randn(
        batch.shape, generator=generator, device=batch.device, dtype=torch.float32
    )
    amount = strength * _uniform(len(batch), 0, 1, generator)
    return batch + _per_sample(amount, batch) * noise


def random_flip(batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirror each sample left to right with probability one half."""
    mirrored = _uniform(len(batch), 0, 1, generator) < 0.5
    return torch.where(_per_sample(mirrored, batch), batch.flip(-1), batch)


def random_saturation(
    batch: torch.Tensor, generator: torch.Generator, *, strength: float
) -> torch.Tensor:
    """Bring each sample's channels nearer to, or farther from, their mean."""
    factor = torch.exp(strength * _uniform(len(batch), -1, 1, generator))
    gray = batch.mean(dim=1, keepdim=True)
    return gray + _per_sample(factor, batch) * (batch - gray)


def random_blur(
    batch: torch.Tensor, generator: torch.Generator, *, sigma: float
) -> torch.Tensor:
    """Blur each image by a Gaussian of a random width, up to `sigma` pixels.

    Volumes are blurred slice by slice. This needs Kornia.
    """
    if sigma < LEAST_BLUR:
        return batch
    filters = import_kornia_filters()
    blurred: torch.Tensor
    reach = math.ceil(2 * sigma)  # two widths to each side
    if reach >= min(batch.shape[-2:]):
        raise ValueError(
            f"blur={sigma} reaches {reach} pixels to each side, but images have sides "
            f"of {tuple(batch.shape[-2:])}. Lower blur."
        )
    widths = sigma * _uniform(len(batch), SHARPEST, 1, generator)
    images = batch.flatten(1, -3)  # (n, n_channels [* depth], height, width)
    size = 2 * reach + 1
    if is_asynchronous(batch.device):
        # The same but for a look at the widths, which would wait for the device.
        kernels = filters.get_gaussian_kernel1d(size, widths[:, None])
        blurred = filters.filter2d_separable(images, kernels, kernels, "reflect")
    else:
        sigmas = widths[:, None].expand(-1, 2)
        blurred = filters.gaussian_blur2d(images, size, sigmas)
    return blurred.reshape(batch.shape)


def random_dropout(
    batch: torch.Tensor, generator: torch.Generator, *, probability: float
) -> torch.Tensor:
    """Set each value, with the given probability, to zero, the training mean."""
    draws = torch.rand(
        batch.shape, generator=generator, device=batch.device, dtype=torch.float32
    )
    return batch.masked_fill(draws < probability, 0.0)


def random_erasing(
    batch: torch.Tensor, generator: torch.Generator, *, probability: float
) -> torch.Tensor:
    """Paint a rectangle of each image, with the given probability, in its median.

    In an image most of whose pixels show an empty background the median is that
    background, so that strokes end where the rectangle begins. Of a volume a box is
    painted.

    Parameters
    ----------
    batch : torch.Tensor of shape (n, n_channels, [depth,] height, width)
        Images or volumes.

    generator : torch.Generator
        Source of all numbers, on the device of `batch`.

    probability : float
        How likely each image is to lose a rectangle; with 0 nothing is drawn.

    Returns
    -------
    erased : torch.Tensor
        A tensor of the shape and dtype of `batch`.

    References
    ----------
    Zhong, Zheng, Kang, Li, Yang, "Random Erasing Data Augmentation", AAAI 2020.
    """
    if probability == 0:  # most views of gray images: neither drawn for nor paid for
        return batch
    erased = _per_sample(_uniform(len(batch), 0, 1, generator) < probability, batch)
    for axis in range(2, batch.ndim):
        side = batch.shape[axis]
        length = side * _uniform(len(batch), *ERASED, generator)
        start = (side - length) * _uniform(len(batch), 0, 1, generator)
        centers = torch.arange(side, device=batch.device, dtype=torch.float32) + 0.5
        centers = centers.reshape(-1, *[1] * (batch.ndim - 1 - axis))
        first, last = _per_sample(start, batch), _per_sample(start + length, batch)
        erased = erased & (first <= centers) & (centers < last)
    values = batch.flatten(2)  # (n, n_channels, n_pixels)
    if is_asynchronous(batch.device):
        # A GPU's own median is refused where deterministic algorithms are asked for.
        medians = values.sort(dim=2).values[..., (values.shape[2] - 1) // 2]
    else:
        medians = values.median(dim=2).values
    return torch.where(
        erased, medians.reshape(*batch.shape[:2], *[1] * (batch.ndim - 2)), batch
    )
