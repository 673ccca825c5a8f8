"""Latents with known strata, and functions that cluster them."""

import numpy as np
from sklearn.datasets import make_blobs

from contrastive_clustering._clustering.latent_clustering import fit_clustering
from contrastive_clustering._utils import kmeans as _kmeans


def fit_kmeans(latents, n_clusters, *, clusterer="kmeans", normalize=False):
    return fit_clustering(
        latents,
        n_clusters=n_clusters,
        clusterer=clusterer,
        whiten=False,
        normalize=normalize,
        seed=0,
    )


def recorded_fit():
    """Return a function like `fit_kmeans` and the list of latents passed to it."""
    parts = []

    def fit(part, n_clusters):
        parts.append(part)
        return fit_kmeans(part, n_clusters)

    return fit, parts


def draw_blobs(centers, n_samples=150, seed=0):
    """Return round blobs around distant corners of a simplex, without overlap."""
    X, _ = make_blobs(
        n_samples, centers=8 * np.eye(centers, 6), cluster_std=0.7, random_state=seed
    )
    return X.astype(np.float32)


def count_kmeans(monkeypatch):
    """Return a list to which each fit of k-means adds its number of clusters."""
    made = []

    class CountedKMeans(_kmeans.KMeans):
        def fit(self, X, y=None, sample_weight=None):
            made.append(self.n_clusters)
            return super().fit(X, y, sample_weight)

    monkeypatch.setattr(_kmeans, "KMeans", CountedKMeans)
    return made
