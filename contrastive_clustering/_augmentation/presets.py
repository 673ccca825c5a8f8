"""Presets of views: for gray and color images, for volumes and for tables.

A batch is a float32 tensor on the common scale (zero mean and unit variance over
the training set): ``(n, n_channels, height, width)``, ``(n, n_channels, depth,
height, width)`` or ``(n, n_features)``. The presets draw all their numbers from the
generator that they are given, on the device that holds the batch.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from contrastive_clustering._augmentation.functional import (
    random_affine,
    random_blur,
    random_dropout,
    random_erasing,
    random_flip,
    random_intensity,
    random_noise,
    random_pose,
    random_saturation,
)
from contrastive_clustering._utils.library_settings import no_autocast
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.param_validation import Number, check_parameters

# What the presets' parameters may be. The upper limits lie far beyond any use and keep
# the views finite.
CONSTRAINTS: dict[str, list[Any]] = {
    "degrees": [Number(0, 360, closed="both")],
    "translate": [Number(0, 1, closed="both")],
    "scale": [Number(1, 100, closed="both")],
    "shear": [Number(0, 90, closed="left")],
    "intensity": [Number(0, 10, closed="both")],
    "erase": [Number(0, 1, closed="both")],
    "saturation": [Number(0, 10, closed="both")],
    "blur": [Number(0, 100, closed="both")],
    "noise": [Number(0, 1e6, closed="both")],
    "dropout": [Number(0, 1, closed="both")],
}


class Augmentation(ABC):
    """What random views of a batch are drawn by.

    Attributes
    ----------
    restores : bool
        Whether the decoder is to draw the sample itself and not its view, where views
        differ by more than a latent should tell.
    """

    restores: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return one random view of `batch`."""

    def pair(
        self, batch: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the two views of `batch` that the network learns to tell from others.

        Parameters
        ----------
        batch : torch.Tensor of shape (n, ...)
            Samples on the common scale.

        generator : torch.Generator
            Source of all numbers, on the device of `batch`.

        Returns
        -------
        first, second : torch.Tensor
            Tensors of the shape and dtype of `batch`.

        Raises
        ------
        TypeError, ValueError
            If `batch` or `generator` is not what views can be made of.
        """
        return self._draw_pair(batch, generator)

    def _draw_pair(
        self, batch: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return two views of a batch, by default of the same kind."""
        return self(batch, generator), self(batch, generator)


class Preset(Augmentation):
    """What all presets check: their parameters, and what they are called with."""

    least_axes = 4
    most_axes = 5

    def __post_init__(self) -> None:
        check_parameters(
            {name: CONSTRAINTS[name] for name in vars(self)},
            vars(self),
            caller=type(self).__name__,
        )

    def __call__(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return one random view of `batch`.

        Raises
        ------
        TypeError, ValueError
            If `batch` or `generator` is not what views can be made of.
        """
        self._check(batch, generator)
        with no_autocast():
            return self._draw(batch, generator)

    @abstractmethod
    def _draw(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return one random view of a batch that has been checked."""

    def _check(self, batch: torch.Tensor, generator: torch.Generator) -> None:
        if (
            not isinstance(batch, torch.Tensor)
            or batch.layout != torch.strided
            or batch.dtype not in (torch.float32, torch.float64)
        ):
            got = batch.dtype if isinstance(batch, torch.Tensor) else type(batch)
            raise TypeError(f"batch is no dense tensor of float32, but of {got}.")
        if not self.least_axes <= batch.ndim <= self.most_axes or batch.numel() == 0:
            n_axes = range(self.least_axes, self.most_axes + 1)
            raise ValueError(
                f"batch has shape {tuple(batch.shape)}; {type(self).__name__} takes "
                f"{' or '.join(map(str, n_axes))} axes, none of them empty."
            )
        if (
            not isinstance(generator, torch.Generator)
            or generator.device.type != batch.device.type
        ):
            raise TypeError(
                f"generator={show(generator)} is no torch.Generator on {batch.device}, "
                "the device of batch."
            )


@dataclass(frozen=True)
class GrayImageAugmentation(Preset):
    """Views of gray medical images.

    Small rotations, shifts, scalings, shears and changes of contrast and brightness:
    what differs between two pictures of one patient. No flips, which would move the
    heart to the other side, and nothing that would paint out a finding, unless `erase`
    asks for it.

    Parameters
    ----------
    degrees : float, default=15
        Largest rotation, in degrees, either way.

    translate : float, default=0.05
        Largest shift, as a part of the side, either way.

    scale : float, default=1.2
        Largest magnification; the largest reduction is its inverse.

    shear : float, default=10
        Largest shear, in degrees, either way.

    intensity : float, default=0.4
        Strength of the changes of contrast and brightness, in standard deviations.

    erase : float, default=0.0
        How likely a rectangle of the image is to be painted in its median, from 0 to 1.
        For strokes on an empty background, such as handwriting: an 8 is an 8 without
        part of a loop. Its sides are 2/7 to 1/2 of the image's.

    Notes
    -----
    With ``augmentation="auto"`` the clusterer takes ``translate=0.1, erase=0.8`` for
    gray images more than three quarters of whose pixels have one and the same value.
    """

    degrees: float = 15.0
    translate: float = 0.05
    scale: float = 1.2
    shear: float = 10.0
    intensity: float = 0.4
    erase: float = 0.0

    def _draw(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        batch = random_affine(
            batch,
            generator,
            degrees=self.degrees,
            translate=self.translate,
            scale=self.scale,
            shear=self.shear,
        )
        batch = random_intensity(batch, generator, strength=self.intensity)
        return random_erasing(batch, generator, probability=self.erase)


@dataclass(frozen=True)
class RGBImageAugmentation(Preset):
    """Views of RGB (and other many-channel) images and volumes.

    Affine movements, mirroring, changes of contrast, brightness and saturation, and,
    if asked for, a random blur: what differs between two pictures of, say, one cell
    under a microscope, where there is no up, no left and no fixed stain or focus. Of
    most views a part is erased.

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
        Largest width of the blur, in pixels; 0 for none. More needs Kornia.

    erase : float, default=0.8
        How likely a rectangle of the image (a box of the volume), of sides of 2/7 to
        1/2 of its own, is to be painted in the median of each channel, from 0 to 1. A
        part of a cell tells what the whole is. Pass 0 where what matters is small.
    """

    degrees: float = 180.0
    translate: float = 0.1
    scale: float = 1.2
    intensity: float = 0.1
    saturation: float = 0.1
    blur: float = 0.0
    erase: float = 0.8

    def _draw(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        batch = random_affine(
            batch,
            generator,
            degrees=self.degrees,
            translate=self.translate,
            scale=self.scale,
        )
        batch = random_flip(batch, generator)
        batch = random_saturation(batch, generator, strength=self.saturation)
        batch = random_blur(batch, generator, sigma=self.blur)
        batch = random_intensity(batch, generator, strength=self.intensity)
        return random_erasing(batch, generator, probability=self.erase)


@dataclass(frozen=True)
class VolumeAugmentation(Preset):
    """Views of volumes, such as organs cut out of a scan.

    Rotations in space, mirroring, shifts and changes of contrast and brightness: how
    an organ lies, and on which side of the body, is no finding, but how large it is,
    which a scan tells in millimeters. So sizes and shapes stay as they are.

    Of each pair of views that the network learns to match, one shows the volume as it
    lies, as all are shown once training is over: the other alone is turned, mirrored
    and shifted. Latents that do not tell how a volume lies cannot be decoded to a view
    of it. So the decoder learns to draw the volume as it is, whatever view the encoder
    was given.

    Parameters
    ----------
    degrees : float, default=180
        Largest rotation, in degrees, about an axis of any direction.

    translate : float, default=0.1
        Largest shift, as a part of the side, either way.

    intensity : float, default=0.4
        Strength of the changes of contrast and brightness, in standard deviations.
    """

    degrees: float = 180.0
    translate: float = 0.1
    intensity: float = 0.4

    restores = True
    least_axes = 5

    def _draw_pair(
        self, batch: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a view of each volume as it lies, and one of it turned."""
        turned = self(batch, generator)
        return random_intensity(batch, generator, strength=self.intensity), turned

    def _draw(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        batch = random_pose(
            batch, generator, degrees=self.degrees, translate=self.translate
        )
        return random_intensity(batch, generator, strength=self.intensity)


@dataclass(frozen=True)
class TableAugmentation(Preset):
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

    def _draw(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        batch = random_noise(batch, generator, strength=self.noise)
        return random_dropout(batch, generator, probability=self.dropout)
