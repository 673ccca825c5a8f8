"""From latents to places on a map, and where strata lie on it."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from contrastive_clustering._clustering.latent_clustering import nearest_members
from contrastive_clustering._utils.numbering import NOISE

METHODS = ("tsne", "pca", "umap")

# Neighbors that t-SNE and UMAP keep together, at most.
PERPLEXITY = 30.0
N_NEIGHBORS = 15

MIN_SAMPLES = 3


@dataclass(frozen=True, eq=False)
class Projection:
    """A map of latents.

    Attributes
    ----------
    places : ndarray of shape (n_samples, 2)
        Place of each sample.

    center_places : ndarray of shape (n_clusters, 2)
        Place of each stratum, NaN where it has none.

    axis_labels : tuple of str
        What the map's two axes are.
    """

    places: np.ndarray
    center_places: np.ndarray
    axis_labels: tuple[str, str]


def project(
    latents: np.ndarray,
    labels: np.ndarray,
    centers: np.ndarray,
    method: str,
    rng: np.random.RandomState,
) -> Projection:
    """Map latents to the plane.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, latent_dim)
        Latents.

    labels : ndarray of shape (n_samples,)
        Their strata.

    centers : ndarray of shape (n_clusters, latent_dim)
        The strata's centers, NaN where there is none.

    method : {"tsne", "pca", "umap"}
        How to map. PCA maps the centers themselves. t-SNE and UMAP have no place for
        what they were not fitted to: there a stratum's place is that of the member
        whose latent is nearest to the center.

    rng : RandomState
        For t-SNE and UMAP.

    Returns
    -------
    projection : Projection
        The map.

    Raises
    ------
    ImportError
        If UMAP is asked for and is not installed.

    ValueError
        If there are fewer than three samples, or all latents are the same.
    """
    if len(latents) < MIN_SAMPLES:
        raise ValueError(
            f"A map needs {MIN_SAMPLES} samples, but there are n_samples="
            f"{len(latents)}. Pass more."
        )
    if np.ptp(latents, axis=0).max() == 0:
        raise ValueError(
            f"All {len(latents)} latents are the same: there is nothing to map. Look "
            "at the training's losses, and at X."
        )
    if latents.shape[1] == 1:  # a line is a plane's part
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
        center_places = np.full((len(centers), 2), np.nan)
        known = np.isfinite(centers).all(axis=1)
        if known.any():
            center_places[known] = pca.transform(centers[known])
        return Projection(pca.transform(latents), center_places, axis_labels)
    seed = int(rng.randint(2**31 - 1))
    if method == "tsne":
        perplexity = min(PERPLEXITY, (len(latents) - 1) / 3)
        mapper = TSNE(perplexity=perplexity, random_state=seed)
    else:
        n_neighbors = min(N_NEIGHBORS, len(latents) - 1)
        # With a seed UMAP takes one process anyway, and warns if it is not asked to.
        mapper = import_umap().UMAP(
            n_neighbors=n_neighbors, random_state=seed, n_jobs=1
        )
    name = {"tsne": "t-SNE", "umap": "UMAP"}[method]
    places = np.asarray(mapper.fit_transform(latents), dtype=np.float64)
    members = nearest_members(latents, labels, centers)
    center_places = np.where((members >= 0)[:, None], places[members], np.nan)
    return Projection(places, center_places, (f"{name} 1", f"{name} 2"))


def mean_latents(latents: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the mean latent of each stratum.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, latent_dim)
        Latents.

    labels : ndarray of shape (n_samples,)
        Their strata, -1 for noise.

    Returns
    -------
    centers : ndarray of shape (n_clusters, latent_dim)
        The means; NaN for a number that no sample has, which is no stratum.
    """
    centers = np.full((labels.max() + 1, latents.shape[1]), np.nan)
    for stratum in np.unique(labels[labels != NOISE]):
        centers[stratum] = latents[labels == stratum].mean(axis=0)
    return centers


def import_umap() -> Any:
    """Return the umap package, or say how to get it."""
    try:
        return import_module("umap")
    except ImportError as error:
        hint = (
            'method="umap" needs umap-learn. Install it with `pip install umap-learn`, '
            'or take method="tsne" or method="pca".'
        )
        raise ImportError(hint) from error
