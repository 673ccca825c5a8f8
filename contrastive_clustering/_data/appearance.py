"""Statistics of the appearance of training images, to detect unusual images."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from contrastive_clustering._data.layout import SampleLayout
from contrastive_clustering._data.pooling import pool, pooled_sides
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._utils.chunks import chunk_slices
from contrastive_clustering._utils.seeding import draw_rows

# Maximum number of training images to measure, drawn at random. Evenly spaced ones
# would be of one kind only if kinds alternate, such as two views of each patient.
MAX_LEARNED = 10_000

# With fewer images, rare images cannot be distinguished from wrong units, as measured
# in the docs, "How often are images in other units detected?".
MIN_LEARNED = 50

# An image is unusual if its distance exceeds that of all but this fraction of the
# training images, times a margin. Both values are measured on the same page.
RARE = 0.005
MARGIN = 1.15

# Maximum number of channels that are measured individually. If there are more, only the
# mean and standard deviation of the whole image are measured.
MAX_CHANNELS = 4

# Number of cells of the coarse map: 8 along each side of an image, 4 of a volume.
MAP_CELLS = 64

# Minimum standard deviation assumed for a measure. With a black background, for
# example, all training images have the same minimum value.
MIN_SPREAD = 0.1

# Offset relative to the training set's standard deviation. It keeps logarithms and
# quotients of constant images finite.
SMALL = 1e-3

# Upper limit for correlations, as Fisher's transform of 1 is infinite.
HIGHEST_CORRELATION = 0.98


def map_sides(layout: SampleLayout) -> tuple[int, ...]:
    """Return the number of cells along each side of the coarse map of an image."""
    return pooled_sides(layout, _max_side(layout))


def _max_side(layout: SampleLayout) -> int:
    side: float = MAP_CELLS ** (1 / layout.n_spatial_axes)
    return round(side)


def count_measures(layout: SampleLayout) -> int:
    """Return the number of measures of an image."""
    n_channels = layout.network_shape[0]
    return 2 * (n_channels if n_channels <= MAX_CHANNELS else 1) + 4


class Measures(NamedTuple):
    """Measures of images relative to the training set.

    Attributes
    ----------
    values : ndarray of shape (n_images, n_measures)
        Measures from which distances are computed.

    spreads : ndarray of shape (n_images,)
        Standard deviations of the images, relative to that of the training set.
    """

    values: np.ndarray
    spreads: np.ndarray


@dataclass(frozen=True)
class Appearance:
    """Variation of training images in location, scale, range and polarity.

    The measures of an image are the mean and the standard deviation of each channel,
    the minimum, the maximum, the skewness, and the correlation of its coarse map of
    local means with that of the average training image, which distinguishes an image
    from its negative. The Mahalanobis distance from the training images shows how
    unusual an image is.

    Attributes
    ----------
    offset, scale : float
        Mean and standard deviation of all values, to which measures are relative.

    average : ndarray of shape (n_cells,)
        Coarse map of the average training image, with zero mean.

    center : ndarray of shape (n_measures,)
        Means of the measures over the training images.

    precision : ndarray of shape (n_measures, n_measures)
        Inverse covariance of the measures.

    usual : ndarray of shape (2, n_measures)
        1st and 99th percentiles of the measures.

    limit : float
        Distance above which an image is unusual.

    spreads : ndarray of shape (2,)
        Smallest and largest standard deviation of the training images that are not
        constant, relative to `scale`.

    References
    ----------
    Mahalanobis, "On the generalized distance in statistics", 1936.
    """

    offset: float
    scale: float
    average: np.ndarray
    center: np.ndarray
    precision: np.ndarray
    usual: np.ndarray
    limit: float
    spreads: np.ndarray

    @classmethod
    def fit(
        cls, X: Samples, layout: SampleLayout, offset: float, scale: float
    ) -> "Appearance | None":
        """Measure the images of a training set.

        Parameters
        ----------
        X : ndarray or LazyArray of shape (n_samples, ...)
            The training set, with at least two different samples.

        layout : SampleLayout
            Layout of the samples.

        offset, scale : float
            Mean and standard deviation of all values.

        Returns
        -------
        appearance : Appearance or None
            The statistics; None for tables and for fewer than 50 images.
        """
        if layout.is_table or len(X) < MIN_LEARNED:
            return None
        rows = draw_rows(len(X), MAX_LEARNED, np.random.RandomState(0))
        # Small arrays that are created between the large ones of each chunk would keep
        # gigabytes of freed memory from being used again.
        raw = _RawMeasures(
            np.empty((len(rows), count_measures(layout) - 1)),
            np.empty((len(rows), math.prod(map_sides(layout)))),
            np.empty(len(rows)),
        )
        for part in chunk_slices(len(rows), math.prod(layout.sample_shape)):
            measured = _measure_raw(X[rows[part]], layout, offset, scale)
            for whole, values in zip(raw, measured, strict=True):
                whole[part] = values
        average = raw.cells.mean(axis=0)
        values = _compare(raw, average)
        center = values.mean(axis=0)
        covariance = np.cov(values, rowvar=False)
        precision = np.linalg.inv(covariance + MIN_SPREAD**2 * np.eye(len(center)))
        distances = _leave_one_out(_distances(values - center, precision))
        varying = raw.spreads[raw.spreads > SMALL]
        if not len(varying):  # all images are constant
            varying = np.ones(1)
        return cls(
            offset=offset,
            scale=scale,
            average=average,
            center=center,
            precision=precision,
            usual=np.quantile(values, (0.01, 0.99), axis=0),
            limit=MARGIN * float(np.quantile(distances, 1 - RARE)),
            # Constant images differ only in their values.
            spreads=np.array([varying.min(), varying.max()]),
        )

    def measure(self, images: np.ndarray, layout: SampleLayout) -> Measures:
        """Measure images.

        Parameters
        ----------
        images : ndarray of shape (n_images, ...)
            Images of the layout seen in fit.

        layout : SampleLayout
            Layout of the images.

        Returns
        -------
        measures : Measures
            Measures of the images.
        """
        raw = _measure_raw(images, layout, self.offset, self.scale)
        return Measures(_compare(raw, self.average), raw.spreads)

    def distances(self, values: np.ndarray) -> np.ndarray:
        """Return the distances of measures from those of the training images.

        Parameters
        ----------
        values : ndarray of shape (n_images, n_measures)
            Measures.

        Returns
        -------
        distances : ndarray of shape (n_images,)
            Mahalanobis distances.
        """
        return _distances(values - self.center, self.precision)

    @property
    def names(self) -> list[str]:
        """Names of the measures."""
        n_channels = (len(self.center) - 4) // 2
        where = (
            [""]
            if n_channels == 1
            else [f" of channel {channel}" for channel in range(n_channels)]
        )
        return [
            *(f"mean{channel}" for channel in where),
            *(f"standard deviation{channel}" for channel in where),
            "minimum",
            "maximum",
            "skewness",
            "correlation with the average image of fit",
        ]

    def to_units(self, values: np.ndarray) -> np.ndarray:
        """Convert measures to the units of the training images.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_measures)
            Measures.

        Returns
        -------
        values : ndarray of shape (n_rows, n_measures)
            Measures in interpretable units.
        """
        n_channels = (len(self.center) - 4) // 2
        means, spreads, extremes, skewness, correlation = np.split(
            values, np.cumsum([n_channels, n_channels, 2, 1]), axis=1
        )
        return np.concatenate(
            [
                means * self.scale + self.offset,
                (np.exp(spreads) - SMALL) * self.scale,
                extremes * self.scale + self.offset,
                np.sinh(skewness),
                np.tanh(correlation),
            ],
            axis=1,
        )


class _RawMeasures(NamedTuple):
    """Measures of images, except their correlations with the average image."""

    values: np.ndarray  # (n, n_measures - 1)
    cells: np.ndarray  # (n, n_cells), coarse maps with zero mean
    spreads: np.ndarray  # (n,)


def _measure_raw(
    images: np.ndarray, layout: SampleLayout, offset: float, scale: float
) -> _RawMeasures:
    batch = layout.to_network(torch.from_numpy(images.astype(np.float64)))
    batch = (batch - offset) / scale
    # (n, n_channels, ...) -> (n, n_channels, n_pixels) and (n, n_values)
    channels, values = batch.flatten(2), batch.flatten(1)
    if channels.shape[1] > MAX_CHANNELS:
        channels = values[:, None]
    centered = values - values.mean(dim=1, keepdim=True)
    squares = centered.square()
    lowest, highest = values.amin(dim=1), values.amax(dim=1)
    # The mean of equal values is rounded, so their deviations may be above zero.
    spreads = torch.where(lowest == highest, 0.0, squares.mean(dim=1).sqrt())
    # Skewness is unbounded, for example for one bright pixel on a dark background.
    cubes = squares.mul_(centered)
    skewness = torch.asinh(cubes.mean(dim=1) / (spreads + SMALL) ** 3)
    # The standard deviation of a single channel is known already.
    of_channels = spreads[:, None]
    if channels.shape[1] > 1:
        of_channels = channels.std(dim=2, correction=0)
    measured = [
        channels.mean(dim=2),
        torch.log(of_channels + SMALL),
        lowest[:, None],
        highest[:, None],
        skewness[:, None],
    ]
    cells = pool(batch.mean(dim=1, keepdim=True), layout, _max_side(layout)).flatten(1)
    cells = cells - cells.mean(dim=1, keepdim=True)
    return _RawMeasures(
        torch.cat(measured, dim=1).numpy(), cells.numpy(), spreads.numpy()
    )


def _compare(raw: _RawMeasures, average: np.ndarray) -> np.ndarray:
    """Return all measures; the last is the correlation with the average image."""
    lengths = np.linalg.norm(raw.cells, axis=1) * np.linalg.norm(average)
    correlation = raw.cells @ average / (lengths + SMALL**2)
    correlation = correlation.clip(-HIGHEST_CORRELATION, HIGHEST_CORRELATION)
    return np.column_stack([raw.values, np.arctanh(correlation)])


def _distances(deviations: np.ndarray, precision: np.ndarray) -> np.ndarray:
    squares = np.einsum("nd,de,ne->n", deviations, precision, deviations)
    return np.asarray(np.sqrt(squares.clip(min=0.0)))


def _leave_one_out(distances: np.ndarray) -> np.ndarray:
    """Return the distances of training images from the statistics of the others.

    In small training sets, an unusual image increases the covariance that it is
    compared with (Penny, "Appropriate critical values when testing for a single
    multivariate outlier by using the Mahalanobis distance", 1996).
    """
    n = len(distances)
    remaining = (1 - n * distances**2 / (n - 1) ** 2).clip(min=0.01)
    return distances * n / (n - 1) * np.sqrt((n - 2) / (n - 1) / remaining)
