"""Preparing latents for a clusterer: whitening, unit length, one scale."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer

# Whitening keeps the directions that hold this part of the variance. The rest is
# mostly noise, which whitening would blow up to the size of all else: measured in the
# docs, "Defaults".
WHITENED_VARIANCE = 0.95


@dataclass(frozen=True)
class RootMeanSquare:
    """Divide by one number, so that regularizations mean the same in every space."""

    size: float

    def __call__(self, latents: np.ndarray) -> np.ndarray:
        return latents / self.size


def fit_latent_space(latents: np.ndarray, *, whiten: bool, normalize: bool) -> Pipeline:
    """Learn how latents are prepared for the clusterer.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, latent_dim)
        Latents of the training set.

    whiten : bool
        Whether to project onto the principal directions that hold 95 % of the
        variance, each brought to unit variance.

    normalize : bool
        Whether to bring each sample to unit length afterwards.

    Returns
    -------
    space : sklearn.pipeline.Pipeline
        The fitted transformer.
    """
    steps: list[Any] = []
    if whiten:
        steps.append(PCA(WHITENED_VARIANCE, whiten=True, svd_solver="full"))
    if normalize:
        steps.append(Normalizer())
    prepared = make_pipeline(*steps).fit_transform(latents) if steps else latents
    size = float(np.sqrt(np.mean(np.var(prepared, axis=0, dtype=np.float64))))
    steps.append(FunctionTransformer(RootMeanSquare(size if size > 0 else 1.0)))
    return make_pipeline(*steps).fit(latents)
