"""Values on a common scale, by statistics learnt in fit, and back."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from contrastive_clustering._data.appearance import Appearance
from contrastive_clustering._data.validation import SampleLayout, Samples

# Statistics are gathered chunk by chunk in float64: 16 MiB at a time.
CHUNK_VALUES = 2**21

# Values this many standard deviations from the mean are as far as any: further out,
# squares in the network would overflow. No training set of fewer than 10^12 samples
# has any.
FARTHEST = 1e6


# float32 holds whole numbers up to here exactly, values up to here squared to finite
# ones, and an error of this part of a feature's standard deviation shows nowhere.
LARGEST_EXACT = 2**24
LARGEST_FLOAT32 = 1e38
LARGEST_ERROR = 1e-5


def iterate_chunks(X: Samples) -> Iterator[np.ndarray]:
    """Yield X in slices of whole samples of about `CHUNK_VALUES` values."""
    rows = max(1, CHUNK_VALUES // max(1, X[0].size))
    for start in range(0, len(X), rows):
        yield X[start : start + rows]


@dataclass(frozen=True)
class Scaler:
    """Zero mean and unit variance, a feature (tables) or a channel (images) at a time.

    Parameters
    ----------
    mean, std : ndarray of shape (n_features,) or (n_channels, 1, ...)
        Statistics of the training set, float64; `std` is 1 for constant ones.

    low, high : float
        Least and greatest value of the training set.

    dtype : numpy.dtype
        Type of the training set's values, in this machine's byte order.

    layout : SampleLayout
        How samples are read.

    appearance : Appearance, default=None
        What the images of the training set look like; None for tables and for few
        images.
    """

    mean: np.ndarray
    std: np.ndarray
    low: float
    high: float
    dtype: np.dtype
    layout: SampleLayout
    appearance: Appearance | None = None

    @classmethod
    def fit(cls, X: Samples, layout: SampleLayout) -> "Scaler":
        """Learn the statistics of X in one pass over its chunks.

        Parameters
        ----------
        X : ndarray of shape (n_samples, ...)
            The training set.

        layout : SampleLayout
            How to read its samples.

        Returns
        -------
        scaler : Scaler
            The statistics.

        Raises
        ------
        ValueError
            If all samples are the same, or if values are too large to be squared.
        """
        count, mean, scatter = 0, np.zeros(1), np.zeros(1)
        low, high, all_alike = np.inf, -np.inf, True
        for chunk in iterate_chunks(X):
            all_alike = all_alike and bool((chunk == X[0]).all())
            low, high = min(low, float(chunk.min())), max(high, float(chunk.max()))
            values = layout.to_network(torch.from_numpy(chunk.astype(np.float64)))
            # (n, n_channels, ...) -> (n_channels, n * ...), one row a statistic
            rows = values.movedim(1, 0).flatten(1).numpy()
            chunk_mean = rows.mean(axis=1)
            chunk_scatter = np.square(rows - chunk_mean[:, None]).sum(axis=1)
            # Chan, Golub, LeVeque (1979): merge two sets' means and scatters.
            total = count + rows.shape[1]
            shift = chunk_mean - mean
            scatter = scatter + chunk_scatter
            scatter = scatter + shift**2 * count * rows.shape[1] / total
            mean = mean + shift * rows.shape[1] / total
            count = total
        if all_alike:
            raise ValueError(
                f"All {len(X)} samples of X are the same (constant): there is nothing "
                "to cluster. Check how X was loaded."
            )
        std = np.sqrt(scatter / count)
        if not np.isfinite(std).all():
            raise ValueError(
                f"X holds values up to {max(abs(low), abs(high)):.3g}, whose squares "
                "overflow. Scale X down."
            )
        # A feature whose spread is rounding error of its mean counts as constant.
        std[std <= 10 * np.finfo(np.float64).eps * np.abs(mean)] = 1.0
        offset = float(mean.mean())
        scale = math.sqrt(np.mean(std**2 + (mean - offset) ** 2))
        broadcast = (-1, *[1] * (len(layout.network_shape) - 1))
        return cls(
            mean=mean.reshape(broadcast),
            std=std.reshape(broadcast),
            low=low,
            high=high,
            dtype=X.dtype.newbyteorder("="),
            layout=layout,
            appearance=Appearance.fit(X, layout, offset, scale),
        )

    def scale(self, samples: np.ndarray) -> torch.Tensor:
        """Bring a batch of the user's samples to the common scale, channels first.

        Values far outside of the training set's, by a million standard deviations, are
        brought that near.

        The arithmetic is float64, so that a large offset does not swallow the values.
        """
        values = torch.from_numpy(samples.astype(np.float64))
        values = self.layout.to_network(values)
        scaled = (values - torch.from_numpy(self.mean)) / torch.from_numpy(self.std)
        return scaled.clip(-FARTHEST, FARTHEST).float()

    def unscale(self, batch: torch.Tensor) -> np.ndarray:
        """Bring a batch on the common scale back to the user's units and shape.

        Images are clipped to the range of the training set: a pixel slightly below
        black would else become white on the way back to an unsigned integer. The
        result is float64 if the training set's dtype has more digits than float32.
        """
        values = batch.double() * torch.from_numpy(self.std)
        values = self.layout.from_network(values + torch.from_numpy(self.mean))
        if not self.layout.is_table:
            values = values.clip(self.low, self.high)
        return values.numpy().astype(self.decoded_dtype, copy=False)

    @property
    def decoded_dtype(self) -> np.dtype:
        """The dtype of decoded samples: float32, or float64 for more digits."""
        is_wide = np.promote_types(np.float32, self.dtype).itemsize > 4
        return np.dtype(np.float64 if is_wide else np.float32)

    @property
    def fits_float32(self) -> bool:
        """Whether samples as float32 have all the digits that the network can see."""
        if np.promote_types(np.float32, self.dtype).itemsize <= 4:
            return True
        largest = max(abs(self.low), abs(self.high))
        if self.dtype.kind in "iu" and largest <= LARGEST_EXACT:
            return True
        error = float(np.finfo(np.float32).eps) * largest
        is_exact = error < LARGEST_ERROR * self.std.min()
        return bool(is_exact) and largest < LARGEST_FLOAT32
