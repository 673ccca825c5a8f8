"""Augmentation presets for gray and color images, volumes and tables.

A batch is a standardized float32 tensor (zero mean and unit variance over the training
set) of shape ``(n, n_channels, height, width)``, ``(n, n_channels, depth, height,
width)`` or ``(n, n_features)``. The presets draw all random numbers from the given
generator, on the device of the batch.
"""

from dataclasses import dataclass

import torch

from contrastive_clustering._augmentation.base import Preset
from contrastive_clustering._augmentation.draws import Changes
from contrastive_clustering._augmentation.geometry import (
    random_affine,
    random_flip,
    random_pose,
)
from contrastive_clustering._augmentation.values import (
    random_blur,
    random_dropout,
    random_erasing,
    random_intensity,
    random_noise,
    random_saturation,
)


@dataclass(frozen=True, kw_only=True)
class GrayImageAugmentation(Preset):
    """Augmentation of gray medical images.

    Views differ by small rotations, shifts, scalings and shears and by contrast and
    brightness, like two images of the same patient. There are no flips, which would
    move the heart to the other side, and findings are not erased unless `erase` is set.

    Parameters
    ----------
    degrees : float, default=15
        Largest rotation in degrees, in either direction.

    translate : float, default=0.05
        Largest shift in either direction, as a fraction of the side.

    scale : float, default=1.2
        Largest magnification; the largest reduction is its inverse.

    shear : float, default=10
        Largest shear in degrees, in either direction.

    intensity : float, default=0.4
        Strength of contrast and brightness changes, in standard deviations.

    noise : float, default=0.0
        Largest standard deviation of the noise that is added, relative to that of the
        training images. With 0.1, strata depend less on noise that is hardly visible.

    erase : float, default=0.0
        Probability that a rectangle of the image is replaced by the median. Its sides
        are 2/7 to 1/2 of the image's sides. Useful for strokes on a uniform background,
        such as handwriting: an 8 remains an 8 without part of a loop.

    Notes
    -----
    With ``augmentation="auto"``, the clusterer uses ``translate=0.1, erase=0.8`` for
    gray images if more than three quarters of the pixels have the same value.
    """

    degrees: float = 15.0
    translate: float = 0.05
    scale: float = 1.2
    shear: float = 10.0
    intensity: float = 0.4
    noise: float = 0.0
    erase: float = 0.0

    def _draw(
        self,
        batch: torch.Tensor,
        generator: torch.Generator,
        changes: Changes | None = None,
    ) -> torch.Tensor:
        batch = random_affine(
            batch,
            generator,
            degrees=self.degrees,
            translate=self.translate,
            scale=self.scale,
            shear=self.shear,
            changes=changes,
        )
        batch = random_intensity(
            batch, generator, strength=self.intensity, changes=changes
        )
        batch = random_erasing(batch, generator, probability=self.erase)
        return random_noise(batch, generator, strength=self.noise)


@dataclass(frozen=True, kw_only=True)
class RGBImageAugmentation(Preset):
    """Augmentation of RGB and other multichannel images and volumes.

    Views differ by affine transformations, mirroring, contrast, brightness, saturation
    and, optionally, a random blur. Two microscope images of the same cell differ
    similarly, as they have no preferred orientation and no fixed stain or focus. A part
    of most views is erased.

    Parameters
    ----------
    degrees : float, default=180
        Largest rotation in degrees, in either direction.

    translate : float, default=0.1
        Largest shift in either direction, as a fraction of the side.

    scale : float, default=1.2
        Largest magnification; the largest reduction is its inverse.

    intensity : float, default=0.1
        Strength of contrast and brightness changes, in standard deviations.

    saturation : float, default=0.1
        Strength of saturation changes, on a logarithmic scale.

    blur : float, default=0.0
        Largest width of the blur in pixels. Values above 0 require Kornia.

    noise : float, default=0.0
        Largest standard deviation of the noise that is added, relative to that of the
        training images. With 0.1, strata depend less on noise that is hardly visible.

    erase : float, default=0.8
        Probability that a rectangle of the image (a box of the volume) is replaced by
        the median of each channel. Its sides are 2/7 to 1/2 of the image's sides. A
        cell is recognizable from a part of it. Pass 0 if small details matter.
    """

    degrees: float = 180.0
    translate: float = 0.1
    scale: float = 1.2
    intensity: float = 0.1
    saturation: float = 0.1
    blur: float = 0.0
    noise: float = 0.0
    erase: float = 0.8

    def _draw(
        self,
        batch: torch.Tensor,
        generator: torch.Generator,
        changes: Changes | None = None,
    ) -> torch.Tensor:
        batch = random_affine(
            batch,
            generator,
            degrees=self.degrees,
            translate=self.translate,
            scale=self.scale,
            changes=changes,
        )
        batch = random_flip(batch, generator)
        batch = random_saturation(
            batch, generator, strength=self.saturation, changes=changes
        )
        batch = random_blur(batch, generator, sigma=self.blur)
        batch = random_intensity(
            batch, generator, strength=self.intensity, changes=changes
        )
        batch = random_erasing(batch, generator, probability=self.erase)
        return random_noise(batch, generator, strength=self.noise)


@dataclass(frozen=True, kw_only=True)
class VolumeAugmentation(Preset):
    """Augmentation of volumes, such as organs segmented from a scan.

    Views differ by rotations in space, mirroring, shifts, contrast and brightness. The
    orientation of an organ and its side of the body are not findings, but its size is,
    and scans show it in millimeters. Sizes and shapes are therefore preserved.

    In each pair of views, one keeps the original orientation, in which volumes are
    encoded after training; only the other is rotated, mirrored and shifted. Latents
    that do not encode the orientation cannot be decoded to a rotated view. The decoder
    therefore learns to reconstruct the original volume from either view.

    Parameters
    ----------
    degrees : float, default=180
        Largest rotation in degrees, about an axis of any direction.

    translate : float, default=0.1
        Largest shift in either direction, as a fraction of the side.

    intensity : float, default=0.4
        Strength of contrast and brightness changes, in standard deviations.
    """

    degrees: float = 180.0
    translate: float = 0.1
    intensity: float = 0.4

    restores = True
    least_axes = 5

    def _draw_pair(
        self, batch: torch.Tensor, generator: torch.Generator, *changes: Changes
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a view in the original orientation and a rotated view."""
        turned = self(batch, generator, *changes[1:])
        upright = random_intensity(
            batch,
            generator,
            strength=self.intensity,
            changes=changes[0] if changes else None,
        )
        if changes:
            # The first view is not shifted; intensities are noted last.
            of_first, of_second = changes
            shifts = of_second[: len(of_second) - len(of_first)]
            of_first[:0] = [torch.zeros_like(shift) for shift in shifts]
        return upright, turned

    def _draw(
        self,
        batch: torch.Tensor,
        generator: torch.Generator,
        changes: Changes | None = None,
    ) -> torch.Tensor:
        batch = random_pose(
            batch,
            generator,
            degrees=self.degrees,
            translate=self.translate,
            changes=changes,
        )
        return random_intensity(
            batch, generator, strength=self.intensity, changes=changes
        )


@dataclass(frozen=True, kw_only=True)
class TableAugmentation(Preset):
    """Augmentation of tables: noise on all values, and some replaced by the mean.

    Parameters
    ----------
    noise : float, default=0.1
        Largest standard deviation of the noise, relative to that of the feature.

    dropout : float, default=0.3
        Probability that a value is replaced by its feature's mean.
    """

    noise: float = 0.1
    dropout: float = 0.3

    least_axes = 2

    def _draw(
        self,
        batch: torch.Tensor,
        generator: torch.Generator,
        changes: Changes | None = None,  # noqa: ARG002
    ) -> torch.Tensor:
        batch = random_noise(batch, generator, strength=self.noise)
        return random_dropout(batch, generator, probability=self.dropout)


# A preset is registered here: it can be chosen by its name, and saved files may hold
# objects of its class.
PRESETS: dict[str, type[Preset]] = {
    "gray": GrayImageAugmentation,
    "rgb": RGBImageAugmentation,
    "volume": VolumeAugmentation,
    "table": TableAugmentation,
}
