"""Prepare latents for a clusterer by whitening, normalization and scaling."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer

# Fraction of the variance that whitening keeps. The remaining directions are mostly
# noise, which whitening would amplify to the size of the signal: docs, "Defaults".
WHITENED_VARIANCE = 0.95


@dataclass(frozen=True)
class RootMeanSquare:
    """Divide by a number, so that regularization has the same effect in each space."""

    size: float

    def __call__(self, latents: np.ndarray) -> np.ndarray:
        return latents / self.size


def fit_latent_space(latents: np.ndarray, *, whiten: bool, normalize: bool) -> Pipeline:
    """Fit the transformer that prepares latents for the clusterer.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, latent_dim)
        Latents of the training set.

    whiten : bool
        Whether to project to the principal components that explain 95 % of the
        variance, each scaled to unit variance.

    normalize : bool
        Whether to scale each sample to unit length afterwards.

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
