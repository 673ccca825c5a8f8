"""Projection of latents and stratum centers to two dimensions."""

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from contrastive_clustering._clustering.latent_clustering import nearest_members
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.optional import import_umap

METHODS = ("tsne", "pca", "umap")

# Largest neighborhoods of t-SNE and UMAP.
PERPLEXITY = 30.0
N_NEIGHBORS = 15

MIN_SAMPLES = 3


@dataclass(frozen=True, eq=False)
class Projection:
    """A two-dimensional map of latents.

    Attributes
    ----------
    positions : ndarray of shape (n_samples, 2)
        Position of each sample.

    center_positions : ndarray of shape (n_clusters, 2)
        Position of each stratum, NaN if it has none.

    axis_labels : tuple of str
        Labels of the two axes.
    """

    positions: np.ndarray
    center_positions: np.ndarray
    axis_labels: tuple[str, str]


def project(
    latents: np.ndarray,
    labels: np.ndarray,
    centers: np.ndarray,
    method: str,
    rng: np.random.RandomState,
) -> Projection:
    """Project latents to two dimensions.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, latent_dim)
        Latents.

    labels : ndarray of shape (n_samples,)
        Their strata.

    centers : ndarray of shape (n_clusters, latent_dim)
        The centers of the strata, NaN for those without one.

    method : {"tsne", "pca", "umap"}
        Method of projection. PCA maps the centers themselves. t-SNE and UMAP cannot map
        new points; they place a stratum at the member with the closest latent.

    rng : RandomState
        Generator of the seed of t-SNE and UMAP.

    Returns
    -------
    projection : Projection
        The map.

    Raises
    ------
    ImportError
        If `method` is "umap" and umap-learn is not installed.

    ValueError
        If there are fewer than three samples, or if all latents are equal.
    """
    if len(latents) < MIN_SAMPLES:
        raise ValueError(
            f"A map needs at least {MIN_SAMPLES} samples, but n_samples="
            f"{len(latents)}. Pass more samples."
        )
    if np.ptp(latents, axis=0).max() == 0:
        raise ValueError(
            f"All {len(latents)} latents are equal, so there is nothing to map. Check "
            "the training losses and X."
        )
    if latents.shape[1] == 1:  # pad to two dimensions
        latents, centers = (
            np.column_stack([rows, np.zeros(len(rows))]) for rows in (latents, centers)
        )
    latents = latents.astype(np.float64)
    if method == "pca":
        pca = PCA(2).fit(latents)
        first, second = pca.explained_variance_ratio_
        axis_labels = (
            f"component 1 ({first:.0%} of variance)",
            f"component 2 ({second:.0%} of variance)",
        )
        center_positions = np.full((len(centers), 2), np.nan)
        known = np.isfinite(centers).all(axis=1)
        if known.any():
            center_positions[known] = pca.transform(centers[known])
        return Projection(pca.transform(latents), center_positions, axis_labels)
    seed = int(rng.randint(2**31 - 1))
    if method == "tsne":
        perplexity = min(PERPLEXITY, (len(latents) - 1) / 3)
        mapper = TSNE(perplexity=perplexity, random_state=seed)
    else:
        n_neighbors = min(N_NEIGHBORS, len(latents) - 1)
        # With a seed UMAP uses one process and warns unless n_jobs=1.
        mapper = import_umap().UMAP(
            n_neighbors=n_neighbors, random_state=seed, n_jobs=1
        )
    name = {"tsne": "t-SNE", "umap": "UMAP"}[method]
    positions = np.asarray(mapper.fit_transform(latents), dtype=np.float64)
    members = nearest_members(latents, labels, centers)
    center_positions = np.where((members >= 0)[:, None], positions[members], np.nan)
    return Projection(positions, center_positions, (f"{name} 1", f"{name} 2"))


def mean_latents(latents: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the mean latent of each stratum.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, latent_dim)
        Latents.

    labels : ndarray of shape (n_samples,)
        Their strata; -1 is noise.

    Returns
    -------
    centers : ndarray of shape (n_clusters, latent_dim)
        The means; NaN for numbers without samples.
    """
    centers = np.full((labels.max() + 1, latents.shape[1]), np.nan)
    for stratum in np.unique(labels[labels != NOISE]):
        centers[stratum] = latents[labels == stratum].mean(axis=0)
    return centers
