"""Erasure of nuisance variables from latents by one affine map."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

# Directions whose variance is below this fraction of the largest count as constant.
MIN_VARIANCE = 1e-10

# Number of latents that are converted to float64 at a time.
BLOCK = 2**14


class LatentErasure(nn.Module):
    r"""An affine map of latents after which no linear model can predict the nuisance.

    The map is :math:`r(h) = h - A (h - m)` with the mean latent :math:`m`. It depends
    only on the latents and is the same for all samples, so the nuisance of a new sample
    need not be known.

    Parameters
    ----------
    matrix : torch.Tensor of shape (latent_dim, latent_dim)
        The matrix :math:`A`.

    mean : torch.Tensor of shape (latent_dim,)
        The mean :math:`m`, which the map does not change.
    """

    matrix: torch.Tensor
    mean: torch.Tensor

    def __init__(self, matrix: torch.Tensor, mean: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("matrix", matrix)
        self.register_buffer("mean", mean)

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """Return the latents without the nuisance, of shape (n, latent_dim)."""
        return latent - F.linear(latent - self.mean, self.matrix)

    @classmethod
    def fit(
        cls,
        latents: np.ndarray,
        indicators: np.ndarray,
        weights: np.ndarray | None = None,
    ) -> "LatentErasure":
        r"""Return the map that erases nuisance variables with the least change.

        With the covariances :math:`\Sigma_{hh}` of the latents and :math:`\Sigma_{hs}`
        of latents and indicators, the whitening :math:`W = \Sigma_{hh}^{-1/2}` and the
        orthogonal projection :math:`P` on the columns of :math:`W \Sigma_{hs}`, it is

        .. math:: A = W^{+} P W

        Afterwards, the covariance of latents and indicators is zero, which is
        equivalent to: no linear model predicts the nuisance better than a constant.
        Among all such affine maps, this one changes latents least in mean square.

        Parameters
        ----------
        latents : ndarray of shape (n_samples, latent_dim)
            Latents of the training set.

        indicators : ndarray of shape (n_samples, n_levels)
            Indicators of the levels of all nuisance variables.

        weights : ndarray of shape (n_samples,), default=None
            Weights of the samples; None weights all equally.

        Returns
        -------
        erasure : LatentErasure
            The map, float32, on the CPU.

        References
        ----------
        Belrose, Schneider-Joseph, Ravfogel, Cotterell, Raff, Biderman, "LEACE: Perfect
        linear concept erasure in closed form", arXiv:2306.03819, theorem 4.3.
        """
        n_samples, dim = latents.shape
        share = np.full(n_samples, 1.0) if weights is None else weights
        share = share / share.sum()
        levels = indicators - share @ indicators
        mean, covariance = np.zeros(dim), np.zeros((dim, dim))
        cross_covariance = np.zeros((dim, levels.shape[1]))
        parts = [slice(i, i + BLOCK) for i in range(0, n_samples, BLOCK)]
        for part in parts:
            mean += share[part] @ latents[part]
        for part in parts:
            centered = latents[part] - mean
            scaled = centered * share[part, None]
            covariance += scaled.T @ centered
            cross_covariance += scaled.T @ levels[part]
        whitening, coloring = _whiten(covariance)
        # Directions of whitened latents that differ between levels.
        shifts, sizes, _ = np.linalg.svd(whitening @ cross_covariance)
        # Whitened covariances have no unit, so their rounding errors are absolute.
        kept = shifts[:, : len(sizes)][:, sizes > np.sqrt(MIN_VARIANCE)]
        matrix = coloring @ kept @ kept.T @ whitening
        return cls(_to_tensor(matrix), _to_tensor(mean))


def _whiten(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the symmetric inverse root of a covariance, and its pseudoinverse."""
    variances, directions = np.linalg.eigh(covariance)
    kept = variances > MIN_VARIANCE * variances.max()
    directions, deviations = directions[:, kept], np.sqrt(variances[kept])
    return (
        (directions / deviations) @ directions.T,
        (directions * deviations) @ directions.T,
    )


def _to_tensor(values: Any) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32))
