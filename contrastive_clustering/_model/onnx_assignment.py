"""Assignment of latents to strata as PyTorch modules, which can be exported.

They compute the same as ``PrototypeClustering`` and ``LatentClustering``, also in
float64.
"""

import math
from typing import Any

import numpy as np
import torch
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer
from torch import nn

from contrastive_clustering._clustering.latent_clustering import LatentClustering
from contrastive_clustering._refinement.prototypes import PrototypeClustering

Assigned = tuple[torch.Tensor, torch.Tensor]


class PrototypeAssignment(nn.Module):
    """Assign latents to prototypes by the cosine of their directions."""

    prototypes: torch.Tensor
    origin: torch.Tensor

    def __init__(self, clustering: PrototypeClustering) -> None:
        super().__init__()
        self.temperature = clustering.temperature
        self.register_buffer("prototypes", torch.tensor(clustering.prototypes))
        self.register_buffer("origin", torch.tensor(clustering.origin))

    def forward(self, latents: torch.Tensor) -> Assigned:
        """Return soft assignments, of shape (n, n_clusters), and strata, (n,)."""
        n_clusters, n_prototypes, latent_dim = self.prototypes.shape
        directions = _unit(latents - self.origin)
        cosines = directions @ self.prototypes.reshape(-1, latent_dim).T
        # (n, n_clusters * n_prototypes) -> (n, n_clusters, n_prototypes)
        cosines = cosines.reshape(-1, n_clusters, n_prototypes)
        logits = torch.logsumexp(cosines / self.temperature, dim=2)
        return logits.softmax(dim=1), logits.argmax(dim=1)


class KMeansAssignment(nn.Module):
    """Assign latents to the nearest center, softly by equal, isotropic Gaussians."""

    centers: torch.Tensor

    def __init__(self, clustering: LatentClustering) -> None:
        super().__init__()
        self.space = _space(clustering)
        self.spread = clustering.spread
        centers = clustering.clusterer.cluster_centers_[clustering.raw_labels]
        self.register_buffer("centers", torch.tensor(centers, dtype=torch.float64))

    def forward(self, latents: torch.Tensor) -> Assigned:
        """Return soft assignments, of shape (n, n_clusters), and strata, (n,)."""
        logits = _round_logits(self.space(latents), self.centers, self.spread)
        return logits.softmax(dim=1), logits.argmax(dim=1)


class MixtureAssignment(nn.Module):
    """Assign latents by the posterior of a mixture of Gaussians.

    Latents of a component without training samples are assigned as by k-means.
    """

    means: torch.Tensor
    factors: torch.Tensor
    offsets: torch.Tensor
    kept: torch.Tensor
    strata: torch.Tensor
    centers: torch.Tensor

    def __init__(self, clustering: LatentClustering) -> None:
        super().__init__()
        self.space = _space(clustering)
        self.spread = clustering.spread
        mixture, kept = clustering.clusterer, clustering.raw_labels
        n_components, n_features = mixture.means_.shape
        # Factors of the precisions, (n_components, n_features, n_features).
        factors = _full_factors(mixture)
        determinants = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
        offsets = (
            np.log(mixture.weights_)
            + determinants
            - n_features / 2 * math.log(2 * math.pi)
        )
        strata = np.full(n_components, -1)
        strata[kept] = np.arange(len(kept))
        arrays = {
            # Means multiplied by the factors, (n_components, n_features).
            "means": np.einsum("kd,kde->ke", mixture.means_, factors),
            "factors": factors.transpose(1, 0, 2).reshape(n_features, -1),
            "offsets": offsets,
            "kept": np.asarray(kept, dtype=np.int64),
            "strata": strata,
            "centers": np.asarray(clustering.centers, dtype=np.float64),
        }
        for name, array in arrays.items():
            self.register_buffer(name, torch.tensor(array))

    def forward(self, latents: torch.Tensor) -> Assigned:
        """Return soft assignments, of shape (n, n_clusters), and strata, (n,)."""
        prepared = self.space(latents)
        # (n, n_components * n_features) -> (n, n_components, n_features)
        whitened = (prepared @ self.factors).reshape(-1, *self.means.shape) - self.means
        logits = self.offsets - whitened.square().sum(dim=2) / 2
        round_proba = _round_logits(prepared, self.centers, self.spread).softmax(dim=1)
        strata = self.strata[logits.argmax(dim=1)]
        labels = torch.where(strata < 0, round_proba.argmax(dim=1), strata)
        proba = logits.softmax(dim=1)[:, self.kept]
        total = proba.sum(dim=1, keepdim=True)
        is_lost = total <= float(np.finfo(np.float32).tiny)
        proba = torch.where(is_lost, round_proba, proba / total)
        return proba, labels


def make_assignment(clustering: PrototypeClustering | LatentClustering) -> nn.Module:
    """Return a module that assigns latents as a clustering does.

    Returns
    -------
    assignment : torch.nn.Module
        Takes latents, a float64 tensor of shape (n, latent_dim), and returns soft
        assignments, float64 of shape (n, n_clusters), and strata, int64 of shape (n,).

    Raises
    ------
    ValueError
        If the clusterer's assignment cannot be exported.
    """
    if isinstance(clustering, PrototypeClustering):
        return PrototypeAssignment(clustering)
    kind = type(clustering.clusterer)
    if kind in (KMeans, MiniBatchKMeans):
        return KMeansAssignment(clustering)
    if kind is GaussianMixture:
        return MixtureAssignment(clustering)
    method = f"a {kind.__name__}" if clustering.voters is None else "voting neighbors"
    raise ValueError(
        f"Without a second phase, samples are assigned by {method}, which cannot be "
        "exported. Fit with a second phase (refinement_epochs above 0), or with "
        'clusterer="kmeans", "gaussian_mixture", KMeans, MiniBatchKMeans or '
        "GaussianMixture."
    )


class _Affine(nn.Module):
    """The affine map of a fitted transformer of scikit-learn."""

    matrix: torch.Tensor
    shift: torch.Tensor

    def __init__(self, transformer: Any, n_features: int) -> None:
        super().__init__()
        shift = transformer.transform(np.zeros((1, n_features)))
        matrix = transformer.transform(np.eye(n_features)) - shift
        self.register_buffer("matrix", torch.tensor(matrix))
        self.register_buffer("shift", torch.tensor(shift))

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return latents @ self.matrix + self.shift


class _Normalize(nn.Module):
    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return _unit(latents)


class _Divide(nn.Module):
    def __init__(self, size: float) -> None:
        super().__init__()
        self.size = size

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return latents / self.size


def _space(clustering: LatentClustering) -> nn.Module:
    """Return a module that prepares latents for the clusterer."""
    pipeline: Pipeline = clustering.space
    latent_dim = clustering.latent_centers.shape[1]
    steps: list[nn.Module] = []
    for _, transformer in pipeline.steps:
        if isinstance(transformer, PCA):
            steps.append(_Affine(transformer, latent_dim))
        elif isinstance(transformer, Normalizer):
            steps.append(_Normalize())
        else:
            steps.append(_Divide(transformer.func.size))
    return nn.Sequential(*steps)


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    lengths = vectors.square().sum(dim=1, keepdim=True).sqrt()
    return vectors / lengths.clamp(min=float(np.finfo(np.float64).tiny))


def _round_logits(
    prepared: torch.Tensor, centers: torch.Tensor, spread: float
) -> torch.Tensor:
    """Return minus half the squared distances over the spread, up to a constant."""
    return (prepared @ centers.T - centers.square().sum(dim=1) / 2) / spread


def _full_factors(mixture: GaussianMixture) -> np.ndarray:
    """Return the factors of the precisions, (n_components, n_features, n_features)."""
    n_components, n_features = mixture.means_.shape
    factors = np.asarray(mixture.precisions_cholesky_, dtype=np.float64)
    identity = np.eye(n_features)
    if mixture.covariance_type == "diag":
        factors = factors[:, :, None] * identity
    elif mixture.covariance_type == "spherical":
        factors = factors[:, None, None] * identity
    shape = (n_components, n_features, n_features)
    return np.ascontiguousarray(np.broadcast_to(factors, shape))  # "tied": the same
