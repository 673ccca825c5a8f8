"""Cluster latents and assign new latents to the clusters."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import softmax
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import (
    AffinityPropagation,
    BisectingKMeans,
    KMeans,
    MeanShift,
    MiniBatchKMeans,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from contrastive_clustering._clustering.centers import find_centers, find_spread
from contrastive_clustering._clustering.clusterer_fit import fit_clusterer
from contrastive_clustering._clustering.clusterers import (
    check_n_groups,
    resolve_clusterer,
)
from contrastive_clustering._clustering.consensus import (
    MIN_MEMBERS,
    ConsensusClustering,
)
from contrastive_clustering._clustering.labels import (
    NoClusterError,
    classes_of,
    columns_of,
    is_noise,
    number_labels,
    read_labels,
)
from contrastive_clustering._clustering.latent_space import fit_latent_space
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.numbering import NOISE, renumber

VOTING_NEIGHBORS = 15  # for new samples, if a clusterer has no `predict`

# Maximum number of samples to cluster, drawn at random; the others are assigned to the
# clusters found. Larger numbers would make the clusterer's copies of the latents
# dominate memory, and a cluster of one in a thousand samples still has 100 members.
MAX_CLUSTERED = 100_000

# Clusterers whose `cluster_centers_` lie in the space of their training data, in the
# order of the labels. Centers of other classes may have another meaning.
CENTERED = (AffinityPropagation, BisectingKMeans, KMeans, MeanShift, MiniBatchKMeans)


@dataclass(frozen=True)
class LatentClustering:
    """A fitted clustering of a latent space that can assign new latents.

    Attributes
    ----------
    space : sklearn.pipeline.Pipeline
        Transformer that prepares latents for the clusterer.

    clusterer : estimator or None
        The fitted clusterer; None if it was loaded from a file and has no `predict`.

    voters : sklearn.neighbors.KNeighborsClassifier or None
        Assigns new samples if the clusterer has no `predict`.

    raw_labels : ndarray of shape (n_clusters,)
        Distinct labels of the clusterer for the strata: integers, floats or strings.
        Strata are numbered consecutively from 0, whereas clusterers may leave clusters
        empty.

    centers : ndarray of shape (n_clusters, n_prepared)
        Mean of the training members of each stratum in the prepared space, in which a
        group weighs as one, as in `spread` and `latent_centers`.

    spread : float
        Mean squared distance per direction of the members from their centers.

    labels : ndarray of shape (n_samples,)
        Strata of the training set as assigned by the clusterer's fit; -1 for noise.

    latent_centers : ndarray of shape (n_clusters, latent_dim)
        Mean of the training members of each stratum in the latent space.
    """

    space: Pipeline
    clusterer: Any  # scikit-learn is not typed
    voters: KNeighborsClassifier | None
    raw_labels: np.ndarray
    centers: np.ndarray
    spread: float
    labels: np.ndarray
    latent_centers: np.ndarray

    def renumbered(self, order: np.ndarray) -> "LatentClustering":
        """Return the clustering with its strata in another order.

        Parameters
        ----------
        order : ndarray of shape (n_clusters,)
            The strata that become number 0, 1 and so on.

        Returns
        -------
        clustering : LatentClustering
            The renumbered clustering.
        """
        voters = self.voters
        if voters is not None:
            strata = voters.classes_[voters._y]
            voters = clone(voters).fit(voters._fit_X, renumber(strata, order))
        return replace(
            self,
            voters=voters,
            raw_labels=self.raw_labels[order],
            centers=self.centers[order],
            labels=renumber(self.labels, order),
            latent_centers=self.latent_centers[order],
        )

    @property
    def n_clusters(self) -> int:
        """Number of strata, excluding noise."""
        return len(self.raw_labels)

    def prepare(self, latents: np.ndarray) -> np.ndarray:
        """Transform latents to the space of the clusterer."""
        return _prepare(self.space, latents)

    def silhouette_spaces(self, latents: np.ndarray) -> list[np.ndarray]:
        """Transform latents to the spaces in which the silhouette is computed.

        This is the space of the clusterer or, for a consensus that also compares
        directions, three spaces of equal weight. Positions alone do not separate strata
        near the mean, directions alone divide large strata, and neither shows strata
        that differ in a principal component of small variance: docs, "Defaults".
        """
        prepared = self.prepare(latents)
        if not (
            isinstance(self.clusterer, ConsensusClustering)
            and self.clusterer.cosine_fraction
        ):
            return [prepared]
        whitening = fit_latent_space(prepared, whiten=True, normalize=False)
        return [
            prepared,
            self.clusterer._directions(prepared),
            whitening.transform(prepared),
        ]

    def predict(self, latents: np.ndarray) -> np.ndarray:
        """Return the stratum of each latent, -1 for noise.

        Parameters
        ----------
        latents : ndarray of shape (n_samples, latent_dim)
            Latents.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Strata as integers.
        """
        return self._predict(self.prepare(latents))

    def _predict(self, prepared: np.ndarray) -> np.ndarray:
        if self.voters is not None:
            return np.asarray(self.voters.predict(prepared))
        # Some clusterers modify their input, such as StandardScaler(copy=False).
        found = self.clusterer.predict(prepared.copy("K"))
        raw = read_labels(found, len(prepared), self.clusterer)
        labels, is_unknown = number_labels(raw, self.raw_labels, self.clusterer)
        noise = is_noise(raw, classes_of(self.clusterer))
        labels[noise] = NOISE
        # Clusters without training members are not strata; use the nearest stratum.
        is_unknown &= ~noise
        if is_unknown.any():
            proba = self._gaussian_proba(prepared[is_unknown])
            labels[is_unknown] = proba.argmax(axis=1)
        return labels

    def predict_proba(self, latents: np.ndarray) -> np.ndarray:
        """Return the soft assignment of each latent to each stratum.

        The result is that of the clusterer if its columns can be identified
        (`columns_of`), or the votes of the neighbors if these assign samples.
        Otherwise, it is the posterior of equal, isotropic Gaussians at the centers. If
        the stratum of `predict` is then not that of the nearest center, the two entries
        are swapped, so that the largest entry is that of `predict`.

        Parameters
        ----------
        latents : ndarray of shape (n_samples, latent_dim)
            Latents.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_clusters)
            Soft assignments as float32; each row sums to one.
        """
        prepared = self.prepare(latents)
        proba = self._own_proba(prepared)
        if proba is None:
            proba = self._gaussian_proba(prepared)
            labels = self._predict(prepared)
            rows = np.flatnonzero(labels != NOISE)
            _swap_largest(proba, rows, labels[rows])
            return proba.astype(np.float32)
        total = proba.sum(axis=1, keepdims=True)
        # The whole probability is on noise or on clusters without members.
        lost = ~(total[:, 0] > np.finfo(np.float32).tiny)
        if lost.any():
            proba[lost] = self._gaussian_proba(prepared[lost])
            total[lost] = 1.0
        return np.asarray(proba / total, dtype=np.float32)

    def _own_proba(self, prepared: np.ndarray) -> np.ndarray | None:
        """Return the probabilities of the voters or the clusterer, if available."""
        if self.voters is not None:
            strata = np.arange(self.n_clusters)
            columns = np.searchsorted(self.voters.classes_, strata)
            return np.asarray(self.voters.predict_proba(prepared)[:, columns])
        if not hasattr(self.clusterer, "predict_proba"):
            return None
        proba = np.asarray(self.clusterer.predict_proba(prepared.copy("K")))
        if proba.ndim != 2 or len(proba) != len(prepared):
            raise ValueError(
                f"predict_proba of clusterer={show(self.clusterer)} returned an array "
                f"of shape {proba.shape} for {len(prepared)} samples. It must return "
                "one row per sample and one column per cluster."
            )
        classes = classes_of(self.clusterer)
        found = columns_of(self.raw_labels, proba.shape[1], classes)
        return None if found is None else proba[:, found]

    def _gaussian_proba(self, prepared: np.ndarray) -> np.ndarray:
        centers = self.centers
        if type(self.clusterer) in CENTERED:
            centers = self.clusterer.cluster_centers_[self.raw_labels]
        distances = cdist(prepared, centers, "sqeuclidean")
        return np.asarray(softmax(-distances / (2 * self.spread), axis=1))


def fit_clustering(
    latents: np.ndarray,
    n_clusters: int,
    clusterer: str | BaseEstimator,
    *,
    whiten: bool,
    normalize: bool,
    seed: int,
    n_members: int = MIN_MEMBERS,
    kmeans_fraction: float = 0.0,
    groups: Grouping | None = None,
) -> LatentClustering:
    """Cluster latents.

    With groups, such as patients with several images, a group weighs as one. The
    consensus receives the groups, and k-means and other clusterers whose `fit` takes
    `sample_weight` receive weights that sum to one in each group. Any other clusterer,
    such as a mixture, is fitted to the sample of each group that is nearest to the mean
    of the group; its `predict`, or the votes of its neighbors, assigns the others.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, latent_dim)
        Latents of the training set.

    n_clusters : int
        Number of clusters.

    clusterer : {"consensus", "kmeans", "gaussian_mixture"} or scikit-learn clusterer
        See :func:`resolve_clusterer`.

    whiten, normalize : bool
        See :func:`fit_latent_space`.

    seed : int
        Seed of the clusterer.

    n_members, kmeans_fraction : int and float, default=32 and 0
        See :func:`resolve_clusterer`.

    groups : Grouping, default=None
        Groups of the samples; None if they are independent.

    Returns
    -------
    clustering : LatentClustering
        The fitted clustering.

    Raises
    ------
    ValueError
        If the clusterer fails, returns invalid labels, or finds no cluster, or if there
        are fewer groups than clusters.
    """
    check_n_groups(n_clusters, groups, clusterer)
    space = fit_latent_space(latents, whiten=whiten, normalize=normalize, groups=groups)
    prepared = _prepare(space, latents)
    fitted = resolve_clusterer(clusterer, n_clusters, seed, n_members, kmeans_fraction)
    found, rows = fit_clusterer(fitted, prepared, groups)
    # Weights are only missing for samples that are independent or representatives.
    weights = None if groups is None or rows is not None else groups.weights()
    seen = slice(None) if rows is None else rows
    raw = read_labels(found, len(prepared[seen]), fitted)
    noise = is_noise(raw, classes_of(fitted))
    raw_labels = np.unique(raw[~noise])
    if len(raw_labels) == 0:
        raise NoClusterError(
            f"clusterer={show(fitted)} labeled all {len(raw)} samples as noise and "
            "found no cluster. Relax its parameters or use another clusterer."
        )
    labels = np.where(noise, NOISE, np.searchsorted(raw_labels, raw))
    voters = None
    if not hasattr(fitted, "predict"):
        # Only samples that the clusterer labeled vote, so their votes are its labels.
        n_neighbors = min(VOTING_NEIGHBORS, len(labels))
        voters = KNeighborsClassifier(n_neighbors, weights="distance")
        voters.fit(prepared[seen], labels)
    clustering = LatentClustering(
        space=space,
        clusterer=fitted,
        voters=voters,
        raw_labels=raw_labels,
        labels=labels,
        **_describe(latents[seen], prepared[seen], labels, weights),
    )
    if groups is None or rows is None:
        return clustering
    labels = clustering._predict(prepared)
    labels[rows] = clustering.labels
    described = _describe(latents, prepared, labels, groups.weights())
    return replace(clustering, labels=labels, **described)


def _describe(
    latents: np.ndarray,
    prepared: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray | None,
) -> dict[str, Any]:
    n_clusters = int(labels.max()) + 1
    centers = find_centers(prepared, labels, n_clusters, weights)
    return {
        "centers": centers,
        "spread": find_spread(prepared, labels, centers, weights),
        "latent_centers": find_centers(latents, labels, n_clusters, weights),
    }


def _prepare(space: Pipeline, latents: np.ndarray) -> np.ndarray:
    # float64, because mixtures invert covariances, and because the result of a float32
    # product for a sample depends on the number of samples in the batch.
    return np.asarray(space.transform(latents.astype(np.float64)))


def _swap_largest(proba: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> None:
    """Swap the largest entry of each given row with that of a given column in place."""
    largest = proba[rows].argmax(axis=1)
    highest, others = proba[rows, largest], proba[rows, columns]
    proba[rows, largest] = others
    proba[rows, columns] = highest


def nearest_members(
    latents: np.ndarray, labels: np.ndarray, centers: np.ndarray
) -> np.ndarray:
    """Return the index of the member nearest to the center of each stratum.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, latent_dim)
        Latents.

    labels : ndarray of shape (n_samples,)
        Strata of the latents.

    centers : ndarray of shape (n_clusters, latent_dim)
        Centers of the strata.

    Returns
    -------
    indices : ndarray of shape (n_clusters,)
        Indices of the samples; -1 for strata without members.
    """
    nearest = np.full(len(centers), -1)
    for stratum, center in enumerate(centers):
        members = np.flatnonzero(labels == stratum)
        if len(members):
            distances = np.linalg.norm(latents[members] - center, axis=1)
            nearest[stratum] = members[distances.argmin()]
    return nearest
