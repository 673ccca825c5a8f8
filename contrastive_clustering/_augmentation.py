"""Random views of a batch, drawn on the device that holds it.

A batch is a float32 tensor on the common scale (zero mean and unit variance over
the training set): ``(n, n_channels, height, width)``, ``(n, n_channels, depth,
height, width)`` or ``(n, n_features)``. The presets draw all their numbers from the
generator that they are given; other callables get seeded global generators.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from sklearn.utils._param_validation import validate_parameter_constraints

from contrastive_clustering._constraints import Number
from contrastive_clustering._random import derive_seed, seeded_global_generators

Augmentation = Callable[[torch.Tensor, torch.Generator], torch.Tensor]

# Least width of a random blur, as a part of the largest: next to none.
SHARPEST = 0.1

# What the presets' parameters may be. The upper limits lie far beyond any use and keep
# the views finite.
CONSTRAINTS: dict[str, list[Any]] = {
    "degrees": [Number(0, 360, closed="both")],
    "translate": [Number(0, 1, closed="both")],
    "scale": [Number(1, 100, closed="both")],
    "shear": [Number(0, 90, closed="left")],
    "intensity": [Number(0, 10, closed="both")],
    "saturation": [Number(0, 10, closed="both")],
    "blur": [Number(0, 100, closed="both")],
    "noise": [Number(0, 1e6, closed="both")],
    "dropout": [Number(0, 1, closed="both")],
}


def _uniform(
    n_samples: int, low: float, high: float, generator: torch.Generator
) -> torch.Tensor:
    """Draw one number a sample, uniformly from ``[low, high)``."""
    draws = torch.rand(n_samples, generator=generator, device=generator.device)
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
        # The centres of the pixels.
        places = (2 * torch.arange(side, device=theta.device) + 1) / side - 1
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
    noise = torch.randn(batch.shape, generator=generator, device=batch.device)
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
    grey = batch.mean(dim=1, keepdim=True)
    return grey + _per_sample(factor, batch) * (batch - grey)


def random_blur(
    batch: torch.Tensor, generator: torch.Generator, *, sigma: float
) -> torch.Tensor:
    """Blur each image by a Gaussian of a random width, up to `sigma` pixels.

    Volumes are blurred slice by slice.
    """
    # Kornia takes a second to import, which only those who blur should wait for.
    from kornia.filters import gaussian_blur2d

    reach = math.ceil(2 * sigma)  # two widths to each side
    if reach >= min(batch.shape[-2:]):
        raise ValueError(
            f"blur={sigma} reaches {reach} pixels to each side, but images have sides "
            f"of {tuple(batch.shape[-2:])}. Lower blur."
        )
    widths = sigma * _uniform(len(batch), SHARPEST, 1, generator)
    images = batch.flatten(1, -3)  # (n, n_channels [* depth], height, width)
    size = 2 * reach + 1
    blurred = gaussian_blur2d(images, size, widths[:, None].expand(-1, 2))
    return blurred.reshape(batch.shape)


def random_dropout(
    batch: torch.Tensor, generator: torch.Generator, *, probability: float
) -> torch.Tensor:
    """Set each value, with the given probability, to zero, the training mean."""
    draws = torch.rand(batch.shape, generator=generator, device=batch.device)
    return batch.masked_fill(draws < probability, 0.0)


class _Checked:
    """Checks of a preset's parameters and of what it is called with."""

    least_axes = 4
    most_axes = 5

    def __post_init__(self) -> None:
        validate_parameter_constraints(
            {name: CONSTRAINTS[name] for name in vars(self)},
            vars(self),
            caller_name=type(self).__name__,
        )

    def _check(self, batch: torch.Tensor, generator: torch.Generator) -> None:
        if (
            not isinstance(batch, torch.Tensor)
            or batch.layout != torch.strided
            or batch.dtype not in (torch.float32, torch.float64)
        ):
            got = batch.dtype if isinstance(batch, torch.Tensor) else type(batch)
            raise TypeError(f"batch is no dense tensor of float32, but of {got}.")
        if not self.least_axes <= batch.ndim <= self.most_axes or batch.numel() == 0:
            raise ValueError(
                f"batch has shape {tuple(batch.shape)}; {type(self).__name__} takes "
                f"{self.least_axes} to {self.most_axes} axes, none of them empty."
            )
        if (
            not isinstance(generator, torch.Generator)
            or generator.device.type != batch.device.type
        ):
            raise TypeError(
                f"generator={generator!r} is no torch.Generator on {batch.device}, "
                "the device of batch."
            )


@dataclass(frozen=True)
class GreyImageAugmentation(_Checked):
    """Views of grey medical images and volumes.

    Small rotations, shifts, scalings, shears and changes of contrast and brightness:
    what differs between two pictures of one patient. No flips, which would move the
    heart to the other side, and nothing that would paint out a finding.

    Parameters
    ----------
    degrees : float, default=15
        Largest rotation, in degrees, either way.

    translate : float, default=0.1
        Largest shift, as a part of the side, either way.

    scale : float, default=1.2
        Largest magnification; the largest reduction is its inverse.

    shear : float, default=10
        Largest shear, in degrees, either way.

    intensity : float, default=0.4
        Strength of the changes of contrast and brightness, in standard deviations.
    """

    degrees: float = 15.0
    translate: float = 0.1
    scale: float = 1.2
    shear: float = 10.0
    intensity: float = 0.4

    def __call__(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return one random view of `batch`.

        Raises
        ------
        TypeError, ValueError
            If `batch` or `generator` is not what views can be made of.
        """
        self._check(batch, generator)
        batch = random_affine(
            batch,
            generator,
            degrees=self.degrees,
            translate=self.translate,
            scale=self.scale,
            shear=self.shear,
        )
        return random_intensity(batch, generator, strength=self.intensity)


@dataclass(frozen=True)
class RGBImageAugmentation(_Checked):
    """Views of RGB (and other many-channel) images and volumes.

    Affine movements, mirroring, changes of contrast, brightness and saturation, and
    a random blur: what differs between two pictures of, say, one cell under a
    microscope, where there is no up, no left and no fixed stain or focus.

    Parameters
    ----------
    degrees : float, default=180
        Largest rotation, in degrees, either way.

    translate : float, default=0.1
        Largest shift, as a part of the side, either way.

    scale : float, default=1.2
        Largest magnification; the largest reduction is its inverse.

    intensity : float, default=0.1
        Strength of the changes of contrast and brightness, in standard deviations.

    saturation : float, default=0.1
        Strength of the change of saturation, as a logarithm.

    blur : float, default=0.0
        Largest width of the blur, in pixels; 0 for none.
    """

    degrees: float = 180.0
    translate: float = 0.1
    scale: float = 1.2
    intensity: float = 0.1
    saturation: float = 0.1
    blur: float = 0.0

    def __call__(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return one random view of `batch`.

        Raises
        ------
        TypeError, ValueError
            If `batch` or `generator` is not what views can be made of.
        """
        self._check(batch, generator)
        batch = random_affine(
            batch,
            generator,
            degrees=self.degrees,
            translate=self.translate,
            scale=self.scale,
        )
        batch = random_flip(batch, generator)
        batch = random_saturation(batch, generator, strength=self.saturation)
        if self.blur > 0:
            batch = random_blur(batch, generator, sigma=self.blur)
        return random_intensity(batch, generator, strength=self.intensity)


@dataclass(frozen=True)
class TableAugmentation(_Checked):
    """Views of tables: noise on every value, and some values replaced by the mean.

    Parameters
    ----------
    noise : float, default=0.1
        Largest standard deviation of the noise, in standard deviations of a feature.

    dropout : float, default=0.1
        Probability that a value is replaced by its feature's mean.
    """

    noise: float = 0.1
    dropout: float = 0.1

    least_axes = 2

    def __call__(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return one random view of `batch`.

        Raises
        ------
        TypeError, ValueError
            If `batch` or `generator` is not what views can be made of.
        """
        self._check(batch, generator)
        batch = random_noise(batch, generator, strength=self.noise)
        return random_dropout(batch, generator, probability=self.dropout)


Preset = GreyImageAugmentation | RGBImageAugmentation | TableAugmentation

PRESETS: dict[str, type[Preset]] = {
    "grey": GreyImageAugmentation,
    "rgb": RGBImageAugmentation,
    "table": TableAugmentation,
}


@dataclass(frozen=True)
class CallableAugmentation:
    """Any callable on a batch, made repeatable.

    Parameters
    ----------
    function : callable
        Takes a batch on the common scale and returns a random view of it, of the same
        shape; for example a module of Kornia. It may draw from the global generators
        of PyTorch, NumPy and Python.
    """

    function: Callable[[torch.Tensor], torch.Tensor]

    def __call__(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return one random view of `batch`.

        Raises
        ------
        ValueError
            If the callable returns anything but a tensor of the shape of `batch`.
        """
        draw = torch.randint(2**62, (), generator=generator, device=generator.device)
        with seeded_global_generators(derive_seed(int(draw)), batch.device):
            view = self.function(batch)
        if not isinstance(view, torch.Tensor) or view.shape != batch.shape:
            got = tuple(view.shape) if isinstance(view, torch.Tensor) else type(view)
            raise ValueError(
                f"augmentation={self.function!r} returned {got} for a batch of shape "
                f"{tuple(batch.shape)}. It must return a tensor of the batch's shape."
            )
        return view


def resolve_augmentation(
    augmentation: str | Preset | Callable[[torch.Tensor], torch.Tensor] | None,
    kind: str,
) -> Augmentation | None:
    """Return the augmentation that a parameter stands for.

    Parameters
    ----------
    augmentation : {"auto", "grey", "rgb", "table"}, preset, callable or None
        The parameter; "auto" is the preset for `kind`.

    kind : {"table", "grey", "rgb"}
        What the samples are.

    Returns
    -------
    augmentation : callable or None
        Takes a batch and a generator.

    Raises
    ------
    ValueError
        If a preset is asked for that does not suit the samples, or if a class is
        passed in place of an instance.
    """
    if augmentation is None:
        return None
    if isinstance(augmentation, type):
        raise ValueError(
            f"augmentation={augmentation!r} is a class. Pass an instance of it."
        )
    if not isinstance(augmentation, str | Preset):
        return CallableAugmentation(augmentation)
    preset = augmentation
    if isinstance(preset, str):
        preset = PRESETS[kind if preset == "auto" else preset]()
    # The one for tables knows no neighbours, which images can do without, if so wished.
    is_for_tables = isinstance(preset, TableAugmentation)
    if not is_for_tables if kind == "table" else augmentation == "table":
        samples = "rows of a table" if kind == "table" else "images"
        raise ValueError(
            f"augmentation={augmentation!r} does not suit samples that are {samples}. "
            'Use augmentation="auto", or set image_shape if the rows are flattened '
            "images."
        )
    return preset
