"""Prepare latents for a clusterer by whitening, normalization and scaling."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer

from contrastive_clustering._utils.grouping import Grouping

# Fraction of the variance that whitening keeps. The remaining directions are mostly
# noise, which whitening would amplify to the size of the signal: docs, "Defaults".
WHITENED_VARIANCE = 0.95


@dataclass(frozen=True)
class RootMeanSquare:
    """Divide by a number, so that regularization has the same effect in each space."""

    size: float

    def __call__(self, latents: np.ndarray) -> np.ndarray:
        return latents / self.size


def fit_latent_space(
    latents: np.ndarray,
    *,
    whiten: bool,
    normalize: bool,
    groups: Grouping | None = None,
) -> Pipeline:
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

    groups : Grouping, default=None
        Groups of the samples. Principal components are then those of one sample of each
        group, the nearest to the mean of the group, and the scale gives each group the
        same weight.

    Returns
    -------
    space : sklearn.pipeline.Pipeline
        The fitted transformer.
    """
    steps: list[Any] = []
    if whiten:
        # The PCA does not scale directions up if their standard deviation is below the
        # resolution of the dtype at 1, which is 1e-7 for float32.
        latents = latents.astype(np.float64)
        steps.append(PCA(WHITENED_VARIANCE, whiten=True, svd_solver="full"))
    if normalize:
        steps.append(Normalizer())
    learned = latents
    if groups is None:
        prepared = make_pipeline(*steps).fit_transform(latents) if steps else latents
        variances = np.var(prepared, axis=0, dtype=np.float64)
    else:
        learned = latents[groups.representatives(latents)]
        prepared = latents
        if steps:
            prepared = make_pipeline(*steps).fit(learned).transform(latents)
        weights = groups.weights()
        mean = np.average(prepared, axis=0, weights=weights)
        variances = np.average(np.square(prepared - mean), axis=0, weights=weights)
    size = float(np.sqrt(np.mean(variances)))
    steps.append(FunctionTransformer(RootMeanSquare(size if size > 0 else 1.0)))
    return make_pipeline(*steps).fit(learned)
