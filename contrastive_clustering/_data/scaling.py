"""Standardize samples by statistics of the training set, and invert it."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from contrastive_clustering._data.appearance import Appearance
from contrastive_clustering._data.layout import SampleLayout
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._utils.chunks import iterate_chunks

# Values are clipped at this many standard deviations from the mean, because squares in
# the network would overflow otherwise. Training sets of fewer than 10^12 samples have
# no such values.
FARTHEST = 1e6

# Integers are exact, but float64 loses their digits if their spread is below this many
# rounding errors of their mean. In floats, such a small spread is rounding noise.
ROUNDINGS, ROUNDINGS_OF_LARGE = 10, 1e6
MAX_EXACT = 2.0**53

# Squares of smaller standard deviations lose digits or are zero.
LEAST_STD = float(np.sqrt(np.finfo(np.float64).tiny))


@dataclass(frozen=True)
class Scaler:
    """Standardization to zero mean and unit variance per feature or channel.

    Parameters
    ----------
    mean, std : ndarray of shape (n_features,) or (n_channels, 1, ...)
        Statistics of the training set as float64; `std` is 1 for constant features.

    low, high : float
        Minimum and maximum of the training set.

    dtype : numpy.dtype
        Type of the training set's values, in native byte order.

    layout : SampleLayout
        Layout of the samples.

    appearance : Appearance, default=None
        Appearance of the training images; None for tables and for few images.
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
        """Compute the statistics of X in one pass over its chunks.

        Parameters
        ----------
        X : ndarray of shape (n_samples, ...)
            The training set.

        layout : SampleLayout
            Layout of the samples.

        Returns
        -------
        scaler : Scaler
            The fitted scaler.

        Raises
        ------
        ValueError
            If all samples are the same, if squares of values overflow or those of all
            features underflow, or if integers differ by less than float64 resolves.
        """
        count, mean, scatter = 0, np.zeros(1), np.zeros(1)
        low, high = np.inf, -np.inf
        first = None
        varies = np.zeros(layout.sample_shape, dtype=bool)
        for chunk in iterate_chunks(X):
            # Reading X[0] for each chunk would double the time for large volumes.
            first = chunk[0].copy() if first is None else first
            varies |= (chunk != first).any(axis=0)
            low, high = min(low, float(chunk.min())), max(high, float(chunk.max()))
            values = layout.to_network(torch.from_numpy(chunk.astype(np.float64)))
            # (n, n_channels, ...) -> (n_channels, n * ...), one row per statistic
            rows = values.movedim(1, 0).flatten(1).numpy()
            chunk_mean = rows.mean(axis=1)
            chunk_scatter = np.square(rows - chunk_mean[:, None]).sum(axis=1)
            # Merge the means and scatters of two sets: Chan, Golub, LeVeque (1979).
            total = count + rows.shape[1]
            shift = chunk_mean - mean
            scatter = scatter + chunk_scatter
            scatter = scatter + shift**2 * count * rows.shape[1] / total
            mean = mean + shift * rows.shape[1] / total
            count = total
        if not varies.any():
            raise ValueError(
                f"All {len(X)} samples of X are identical, so there is "
                "nothing to cluster. Check how X was loaded."
            )
        std = np.sqrt(scatter / count)
        if not np.isfinite(std).all():
            raise ValueError(
                f"X has values as large as {max(abs(low), abs(high)):.3g}, whose "
                "squares overflow. Scale X down."
            )
        rounding = np.finfo(np.float64).eps * np.abs(mean)
        if X.dtype.kind in "iu":
            _check_digits(std, mean, rounding, varies, layout)
        if std.max() < LEAST_STD:
            raise ValueError(
                f"X has standard deviations of at most {std.max():.3g}, whose squares "
                "underflow. Scale X up."
            )
        # A feature whose spread is only rounding error is considered constant.
        std[std <= ROUNDINGS * rounding] = 1.0
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

    def widen(self, X: Samples) -> "Scaler":
        """Return a scaler of the same statistics, whose range includes that of X."""
        low, high = self.low, self.high
        for chunk in iterate_chunks(X):
            low, high = min(low, float(chunk.min())), max(high, float(chunk.max()))
        return replace(self, low=low, high=high)

    @property
    def restored_dtype(self) -> np.dtype:
        """float32, or float64 if float32 cannot represent all values of `dtype`."""
        return np.result_type(self.dtype, np.float32)

    def scale(self, samples: np.ndarray) -> torch.Tensor:
        """Standardize a batch of samples and convert it to channels first.

        Values are clipped at a million standard deviations of the training set. The
        arithmetic is float64, so that a large offset does not reduce the precision.
        """
        values = torch.from_numpy(samples.astype(np.float64))
        values = self.layout.to_network(values)
        # They are copied, as those of an unpickled scaler may be read-only memory maps.
        scaled = (values - torch.tensor(self.mean)) / torch.tensor(self.std)
        return scaled.clip(-FARTHEST, FARTHEST).float()

    def unscale(self, batch: torch.Tensor) -> np.ndarray:
        """Convert a standardized batch back to the user's units and shape.

        Images are clipped to the range of the training set. Otherwise, a pixel slightly
        below black would wrap to white in an unsigned integer dtype. The result has the
        dtype `restored_dtype`.
        """
        values = batch.double() * torch.tensor(self.std)
        values = self.layout.from_network(values + torch.tensor(self.mean))
        if not self.layout.is_table:
            values = values.clip(self.low, self.high)
        return values.numpy().astype(self.restored_dtype, copy=False)


def _check_digits(
    std: np.ndarray,
    mean: np.ndarray,
    rounding: np.ndarray,
    varies: np.ndarray,
    layout: SampleLayout,
) -> None:
    """Raise a ValueError if integers differ by less than float64 resolves."""
    varying = layout.to_network(torch.from_numpy(varies)[None])
    varying = varying.reshape(len(mean), -1)
    least = np.where(
        np.abs(mean) > MAX_EXACT,
        ROUNDINGS_OF_LARGE * rounding,
        ROUNDINGS * rounding,
    )
    lost = np.flatnonzero(varying.any(dim=1).numpy() & (std <= least))
    if len(lost):
        part = "Feature" if layout.is_table else "Channel"
        raise ValueError(
            f"{part} {lost[0]} of X ({len(lost)} of {len(std)} are affected) has large "
            "integers that differ by less than the resolution of float64. Subtract a "
            "constant from it, such as its minimum."
        )
