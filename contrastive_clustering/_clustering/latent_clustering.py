"""From latents to strata: preparing the latent space, clustering and assigning."""

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

from contrastive_clustering._clustering.clusterers import resolve_clusterer
from contrastive_clustering._clustering.consensus import (
    FEWEST_MEMBERS,
    ConsensusClustering,
)
from contrastive_clustering._clustering.labels import (
    classes_of,
    columns_of,
    is_noise,
    number_labels,
    read_labels,
)
from contrastive_clustering._clustering.latent_space import fit_latent_space
from contrastive_clustering._utils.messages import reason_of, show
from contrastive_clustering._utils.numbering import NOISE, renumber

# Neighbors that vote for a new sample's stratum where a clusterer has no `predict`.
VOTING_NEIGHBORS = 15

# Strata are looked for among at most so many samples, drawn at random; the others join
# the strata that these have shown. Beyond, the clusterer's copies of the latents would
# need more memory than all else, and a stratum of one in a thousand still has a
# hundred members to be found by.
LARGEST_CLUSTERED = 100_000

# Clusterers whose `cluster_centers_` lie in the space of what they were fitted to, in
# the order of their labels. Another class may have centers of any meaning.
CENTERED = (AffinityPropagation, BisectingKMeans, KMeans, MeanShift, MiniBatchKMeans)


@dataclass(frozen=True)
class LatentClustering:
    """A fitted clustering of a latent space, which new latents can be assigned to.

    Attributes
    ----------
    space : sklearn.pipeline.Pipeline
        Prepares latents for the clusterer.

    clusterer : estimator or None
        The fitted clusterer; None if it comes from a file and has no `predict`.

    voters : sklearn.neighbors.KNeighborsClassifier or None
        Carries the strata over to new samples where the clusterer has no `predict`.

    raw_labels : ndarray of shape (n_clusters,)
        The clusterer's own label of each stratum, all distinct: integers, floats or
        strings. Strata are numbered from 0 without a gap, while a clusterer may leave
        clusters empty.

    centers : ndarray of shape (n_clusters, n_prepared)
        Mean of each stratum's training members in the prepared space.

    spread : float
        Mean square distance, per direction, of a member from its center.

    labels : ndarray of shape (n_samples,)
        Strata of the training set, as the clusterer's own fit assigned it; -1 for what
        it called noise.

    latent_centers : ndarray of shape (n_clusters, latent_dim)
        Mean of each stratum's training members in the latent space.
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
        """Return the same strata in another order.

        Parameters
        ----------
        order : ndarray of shape (n_clusters,)
            The stratum that becomes number 0, 1 and so on.

        Returns
        -------
        clustering : LatentClustering
            The strata with their new numbers.
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
        """Number of strata, noise not counted."""
        return len(self.raw_labels)

    def prepare(self, latents: np.ndarray) -> np.ndarray:
        """Bring latents to the space in which the clusterer works."""
        return _prepare(self.space, latents)

    def spaces_of_silhouette(self, latents: np.ndarray) -> list[np.ndarray]:
        """Bring latents to the spaces in which the silhouette judges their strata.

        That in which the clusterer works; for a consensus that also compares directions
        three of equal weight. Places alone know no strata near the mean from each
        other, directions alone divide large ones, and what tells strata apart in a
        principal component of little variance shows in neither: measured in the docs,
        "Defaults".
        """
        prepared = self.prepare(latents)
        if not (
            isinstance(self.clusterer, ConsensusClustering)
            and self.clusterer.directions
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
            Strata, as integers.
        """
        return self._predict(self.prepare(latents))

    def _predict(self, prepared: np.ndarray) -> np.ndarray:
        if self.voters is not None:
            return np.asarray(self.voters.predict(prepared))
        # Some work in place, such as a StandardScaler(copy=False) in a pipeline.
        found = self.clusterer.predict(prepared.copy("K"))
        raw = read_labels(found, len(prepared), self.clusterer)
        labels, is_unknown = number_labels(raw, self.raw_labels, self.clusterer)
        noise = is_noise(raw, classes_of(self.clusterer))
        labels[noise] = NOISE
        # A cluster without a training member is not a stratum: take the nearest.
        is_unknown &= ~noise
        if is_unknown.any():
            proba = self._gaussian_proba(prepared[is_unknown])
            labels[is_unknown] = proba.argmax(axis=1)
        return labels

    def predict_proba(self, latents: np.ndarray) -> np.ndarray:
        """Return the soft assignment of each latent to each stratum.

        The clusterer's own where it has one whose columns can be told (`columns_of`);
        the votes of the neighbors where these assign; else the posterior of equal,
        round Gaussians about the centers. Where `predict` gives another stratum than
        that of the nearest center, both exchange their entries in the latter, so that
        the largest one is that of `predict`.

        Parameters
        ----------
        latents : ndarray of shape (n_samples, latent_dim)
            Latents.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_clusters)
            Soft assignments, float32, with rows that sum to one.
        """
        prepared = self.prepare(latents)
        proba = self._own_proba(prepared)
        if proba is None:
            proba = self._gaussian_proba(prepared)
            labels = self._predict(prepared)
            rows = np.flatnonzero(labels != NOISE)
            _exchange_largest(proba, rows, labels[rows])
            return proba.astype(np.float32)
        total = proba.sum(axis=1, keepdims=True)
        # All of it on noise or on clusters without members.
        lost = ~(total[:, 0] > np.finfo(np.float32).tiny)
        if lost.any():
            proba[lost] = self._gaussian_proba(prepared[lost])
            total[lost] = 1.0
        return np.asarray(proba / total, dtype=np.float32)

    def _own_proba(self, prepared: np.ndarray) -> np.ndarray | None:
        """Return what voters or the clusterer give each stratum, if they do."""
        if self.voters is not None:
            strata = np.arange(self.n_clusters)
            columns = np.searchsorted(self.voters.classes_, strata)
            return np.asarray(self.voters.predict_proba(prepared)[:, columns])
        if not hasattr(self.clusterer, "predict_proba"):
            return None
        proba = np.asarray(self.clusterer.predict_proba(prepared.copy("K")))
        if proba.ndim != 2 or len(proba) != len(prepared):
            raise ValueError(
                f"clusterer={show(self.clusterer)} returned an array of shape "
                f"{proba.shape} for predict_proba of {len(prepared)} samples. It has "
                "to return a row for each sample and a column for each cluster."
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
    n_members: int = FEWEST_MEMBERS,
) -> LatentClustering:
    """Cluster latents.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, latent_dim)
        Latents of the training set.

    n_clusters : int
        Number of clusters to ask for.

    clusterer : {"consensus", "kmeans", "gaussian_mixture"} or scikit-learn clusterer
        See :func:`resolve_clusterer`.

    whiten, normalize : bool
        See :func:`fit_latent_space`.

    seed : int
        Seed of the clusterer.

    n_members : int, default=32
        See :func:`resolve_clusterer`.

    Returns
    -------
    clustering : LatentClustering
        The fitted clustering.

    Raises
    ------
    ValueError
        If the clusterer fails, returns labels that cannot be read, or finds no cluster
        at all.
    """
    space = fit_latent_space(latents, whiten=whiten, normalize=normalize)
    prepared = _prepare(space, latents)
    fitted = resolve_clusterer(clusterer, n_clusters, seed, n_members)
    try:
        found = fitted.fit_predict(prepared.copy("K"))  # it may work in place
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"clusterer={show(fitted)} cannot cluster latents of shape "
            f"{prepared.shape}: {reason_of(error).rstrip('.')}. Change its parameters "
            "or take another."
        ) from error
    raw = read_labels(found, len(prepared), fitted)
    noise = is_noise(raw, classes_of(fitted))
    raw_labels = np.unique(raw[~noise])
    if len(raw_labels) == 0:
        raise ValueError(
            f"clusterer={show(fitted)} called all {len(latents)} samples noise and "
            "found no cluster. Loosen its parameters or take another."
        )
    labels = np.where(noise, NOISE, np.searchsorted(raw_labels, raw))
    voters = None
    if not hasattr(fitted, "predict"):
        n_neighbors = min(VOTING_NEIGHBORS, len(prepared))
        voters = KNeighborsClassifier(n_neighbors, weights="distance")
        voters.fit(prepared, labels)
    members = [labels == label for label in range(len(raw_labels))]
    centers = np.stack([prepared[rows].mean(axis=0) for rows in members])
    kept = labels != NOISE
    spread = float(np.mean(np.square(prepared[kept] - centers[labels[kept]])))
    return LatentClustering(
        space=space,
        clusterer=fitted,
        voters=voters,
        raw_labels=raw_labels,
        centers=centers,
        spread=max(spread, float(np.finfo(np.float32).tiny)),
        labels=labels,
        latent_centers=np.stack([latents[rows].mean(axis=0) for rows in members]),
    )


def _prepare(space: Pipeline, latents: np.ndarray) -> np.ndarray:
    # float64: mixtures invert covariances, and nearest centers must not depend on
    # how many samples stand beside a sample in a float32 product.
    return np.asarray(space.transform(latents.astype(np.float64)))


def _exchange_largest(proba: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> None:
    """Exchange the largest entry of some rows with that of a column, in place."""
    largest = proba[rows].argmax(axis=1)
    highest, others = proba[rows, largest], proba[rows, columns]
    proba[rows, largest] = others
    proba[rows, columns] = highest


def nearest_members(
    latents: np.ndarray, labels: np.ndarray, centers: np.ndarray
) -> np.ndarray:
    """Return which member of each stratum is next to its center; -1 without members.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, latent_dim)
        Latents.

    labels : ndarray of shape (n_samples,)
        Their strata.

    centers : ndarray of shape (n_clusters, latent_dim)
        The strata's centers.

    Returns
    -------
    places : ndarray of shape (n_clusters,)
        Where the members are among the samples.
    """
    nearest = np.full(len(centers), -1)
    for stratum, center in enumerate(centers):
        members = np.flatnonzero(labels == stratum)
        if len(members):
            distances = np.linalg.norm(latents[members] - center, axis=1)
            nearest[stratum] = members[distances.argmin()]
    return nearest
