"""What images of the training set look like, and how far others are from that."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from contrastive_clustering._data.layout import SampleLayout
from contrastive_clustering._data.pooling import pool, pooled_sides
from contrastive_clustering._data.validation import Samples

# Training images that are looked at, evenly spread over the training set.
MOST_LEARNED = 10_000

# From fewer images, rare ones among them cannot be told from wrong units: measured in
# the docs, "How often are images in other units detected?".
FEWEST_LEARNED = 50

# An image is odd if it is further out than all but this part of the training images,
# with some room: also measured there.
RARE = 0.005
ROOM = 1.15

# Channels whose mean and standard deviation are measured one by one. Of more, only
# those of the whole image are.
MOST_CHANNELS = 4

# Cells along each side of the coarse map, by the number of spatial axes.
MAP_SIDES = {2: 8, 3: 4}

# The least standard deviation that a measure is taken to have: a black background, for
# example, has the same least value in every training image.
LEAST_SPREAD = 0.1

# Relative to the training set's standard deviation: keeps the logarithms and quotients
# of constant images finite.
SMALL = 1e-3

# Fisher's transform of a correlation of one is infinite.
HIGHEST_CORRELATION = 0.98

CHUNK_VALUES = 2**21


def map_sides(layout: SampleLayout) -> tuple[int, ...]:
    """Return the numbers of cells along the sides of an image's coarse map."""
    return pooled_sides(layout, MAP_SIDES)


def count_measures(layout: SampleLayout) -> int:
    """Return the number of measures of an image."""
    n_channels = layout.network_shape[0]
    return 2 * (n_channels if n_channels <= MOST_CHANNELS else 1) + 4


class Measures(NamedTuple):
    """Measures of images relative to the training set.

    Attributes
    ----------
    values : ndarray of shape (n_images, n_measures)
        What distances are computed from.

    spreads : ndarray of shape (n_images,)
        Standard deviations of the images, in those of the training set.
    """

    values: np.ndarray
    spreads: np.ndarray


@dataclass(frozen=True)
class Appearance:
    """How training images vary in location, scale, range and polarity.

    Each image is described by the mean and the standard deviation of each channel, by
    its least and greatest value, its skewness, and the correlation between its coarse
    map of local means and that of the average training image, which tells an image
    from its negative. The further these are from those of the training images, by
    Mahalanobis distance, the odder an image is.

    Attributes
    ----------
    offset, scale : float
        Mean and standard deviation of all values; measures are relative to them.

    average : ndarray of shape (n_cells,)
        Coarse map of the average training image, of mean zero.

    center : ndarray of shape (n_measures,)
        Means of the training images' measures.

    precision : ndarray of shape (n_measures, n_measures)
        Inverse of their covariance.

    usual : ndarray of shape (2, n_measures)
        Their percentiles 1 and 99.

    limit : float
        The distance beyond which an image is odd.

    spreads : ndarray of shape (2,)
        Least and greatest standard deviation of a training image that is not constant,
        relative to `scale`.

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
        """Learn what the images of a training set look like.

        Parameters
        ----------
        X : ndarray or LazyArray of shape (n_samples, ...)
            The training set, whose samples are not all the same.

        layout : SampleLayout
            How to read its samples.

        offset, scale : float
            Mean and standard deviation of its values.

        Returns
        -------
        appearance : Appearance or None
            None for tables and for fewer than 50 images.
        """
        if layout.is_table or len(X) < FEWEST_LEARNED:
            return None
        rows = np.arange(0, len(X), math.ceil(len(X) / MOST_LEARNED))
        size = max(1, CHUNK_VALUES // math.prod(layout.sample_shape))
        parts = [
            _look_at(X[rows[start : start + size]], layout, offset, scale)
            for start in range(0, len(rows), size)
        ]
        looks = _Looks(*map(np.concatenate, zip(*parts, strict=True)))
        average = looks.cells.mean(axis=0)
        values = _compare(looks, average)
        center = values.mean(axis=0)
        covariance = np.cov(values, rowvar=False)
        precision = np.linalg.inv(covariance + LEAST_SPREAD**2 * np.eye(len(center)))
        distances = _leave_one_out(_distances(values - center, precision))
        varying = looks.spreads[looks.spreads > SMALL]
        if not len(varying):  # images of one value each
            varying = np.ones(1)
        return cls(
            offset=offset,
            scale=scale,
            average=average,
            center=center,
            precision=precision,
            usual=np.quantile(values, (0.01, 0.99), axis=0),
            limit=ROOM * float(np.quantile(distances, 1 - RARE)),
            # Where all images are constant, they differ by their values alone.
            spreads=np.array(
                [varying.min(), varying.max()] if len(varying) else [1, 1]
            ),
        )

    def measure(self, images: np.ndarray, layout: SampleLayout) -> Measures:
        """Describe images.

        Parameters
        ----------
        images : ndarray of shape (n_images, ...)
            Images of the layout seen in fit.

        layout : SampleLayout
            How to read them.

        Returns
        -------
        measures : Measures
            The images' measures.
        """
        looks = _look_at(images, layout, self.offset, self.scale)
        return Measures(_compare(looks, self.average), looks.spreads)

    def distances(self, values: np.ndarray) -> np.ndarray:
        """Return how far measures are from those of the training images.

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
            "least value",
            "greatest value",
            "skewness",
            "correlation with the average image of fit",
        ]

    def in_units(self, values: np.ndarray) -> np.ndarray:
        """Bring measures to the units of the training images.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_measures)
            Measures.

        Returns
        -------
        values : ndarray of shape (n_rows, n_measures)
            The same as a reader understands them.
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


class _Looks(NamedTuple):
    """Measures of images, and what their correlations are computed from."""

    values: np.ndarray  # (n, n_measures - 1)
    cells: np.ndarray  # (n, n_cells), coarse maps, each of mean zero
    spreads: np.ndarray  # (n,)


def _look_at(
    images: np.ndarray, layout: SampleLayout, offset: float, scale: float
) -> _Looks:
    batch = layout.to_network(torch.from_numpy(images.astype(np.float64)))
    batch = (batch - offset) / scale
    # (n, n_channels, ...) -> (n, n_channels, n_pixels) and (n, n_values)
    channels, values = batch.flatten(2), batch.flatten(1)
    if channels.shape[1] > MOST_CHANNELS:
        channels = values[:, None]
    centered = values - values.mean(dim=1, keepdim=True)
    spreads = centered.square().mean(dim=1).sqrt()
    # Skewness has no bounds: that of one bright pixel in the dark is large.
    skewness = torch.asinh((centered**3).mean(dim=1) / (spreads + SMALL) ** 3)
    measured = [
        channels.mean(dim=2),
        torch.log(channels.std(dim=2, correction=0) + SMALL),
        values.amin(dim=1)[:, None],
        values.amax(dim=1)[:, None],
        skewness[:, None],
    ]
    cells = pool(batch.mean(dim=1, keepdim=True), layout, MAP_SIDES).flatten(1)
    cells = cells - cells.mean(dim=1, keepdim=True)
    return _Looks(torch.cat(measured, dim=1).numpy(), cells.numpy(), spreads.numpy())


def _compare(looks: _Looks, average: np.ndarray) -> np.ndarray:
    """Return all measures; the last is the correlation with the average image."""
    lengths = np.linalg.norm(looks.cells, axis=1) * np.linalg.norm(average)
    correlation = looks.cells @ average / (lengths + SMALL**2)
    correlation = correlation.clip(-HIGHEST_CORRELATION, HIGHEST_CORRELATION)
    return np.column_stack([looks.values, np.arctanh(correlation)])


def _distances(deviations: np.ndarray, precision: np.ndarray) -> np.ndarray:
    squares = np.einsum("nd,de,ne->n", deviations, precision, deviations)
    return np.asarray(np.sqrt(squares.clip(min=0.0)))


def _leave_one_out(distances: np.ndarray) -> np.ndarray:
    """Return the distances of training images to the statistics of the others.

    With few images an odd one widens the covariance that it is compared with
    (Penny, "Appropriate critical values when testing for a single multivariate outlier
    by using the Mahalanobis distance", 1996).
    """
    n = len(distances)
    remaining = (1 - n * distances**2 / (n - 1) ** 2).clip(min=0.01)
    return distances * n / (n - 1) * np.sqrt((n - 2) / (n - 1) / remaining)
