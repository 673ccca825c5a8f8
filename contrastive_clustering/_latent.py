"""From latents to strata: preparing the latent space, clustering and assigning."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import softmax
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer

from contrastive_clustering._consensus import FEWEST_MEMBERS, ConsensusClustering
from contrastive_clustering._messages import show

NAMED_CLUSTERERS = ("consensus", "kmeans", "gaussian_mixture")

# Whitening keeps the directions that hold this part of the variance. The rest is
# mostly noise, which whitening would blow up to the size of all else: measured in the
# docs, "Choices".
WHITENED_VARIANCE = 0.95

# Regularisation of a mixture's covariances. Latents are brought to unit mean square
# per direction first, so this is a part of a direction's own variance.
MIXTURE_REGULARISATION = 1e-3

# Neighbours that vote for a new sample's stratum where a clusterer has no `predict`.
VOTING_NEIGHBOURS = 15

# Strata are looked for among at most so many samples, drawn at random; the others join
# the strata that these have shown. Beyond, the clusterer's copies of the latents would
# need more memory than all else, and a stratum of one in a thousand still has a
# hundred members to be found by.
LARGEST_CLUSTERED = 100_000

NOISE = -1


@dataclass(frozen=True)
class RootMeanSquare:
    """Divide by one number, so that regularisations mean the same in every space."""

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


def resolve_clusterer(
    clusterer: str | BaseEstimator,
    n_clusters: int,
    seed: int,
    n_members: int = FEWEST_MEMBERS,
) -> BaseEstimator:
    """Return an unfitted clusterer with the number of clusters and the seed set.

    Parameters
    ----------
    clusterer : {"consensus", "kmeans", "gaussian_mixture"} or scikit-learn clusterer
        What to make, or to clone.

    n_clusters : int
        Handed over as `n_clusters` or `n_components` where the clusterer has one.

    seed : int
        Handed over as `random_state` where the clusterer has one that is None.

    n_members : int, default=32
        Members of the consensus, if it is one that is to be made.

    Returns
    -------
    clusterer : estimator
        A new clusterer.
    """
    if isinstance(clusterer, str):
        if clusterer == "consensus":
            return ConsensusClustering(
                n_clusters, n_members=n_members, directions=0.5, random_state=seed
            )
        if clusterer == "kmeans":
            return KMeans(n_clusters, n_init=10, random_state=seed)
        return GaussianMixture(
            n_clusters,
            n_init=5,
            reg_covar=MIXTURE_REGULARISATION,
            random_state=seed,
        )
    clusterer = clone(clusterer)
    parameters = clusterer.get_params(deep=False)
    for name in ("n_clusters", "n_components"):
        if name in parameters:
            clusterer.set_params(**{name: n_clusters})
    if "random_state" in parameters and parameters["random_state"] is None:
        clusterer.set_params(random_state=seed)
    return clusterer


@dataclass(frozen=True)
class LatentClustering:
    """A fitted clustering of a latent space, which new latents can be assigned to.

    Attributes
    ----------
    space : sklearn.pipeline.Pipeline
        Prepares latents for the clusterer.

    clusterer : estimator
        The fitted clusterer.

    voters : sklearn.neighbors.KNeighborsClassifier or None
        Carries the labels over to new samples where the clusterer has no `predict`.

    raw_labels : ndarray of shape (n_clusters,)
        The clusterer's own label of each stratum; strata are numbered from 0 without
        a gap, while a clusterer may leave clusters empty.

    centers : ndarray of shape (n_clusters, n_prepared)
        Mean of each stratum's training members in the prepared space.

    spread : float
        Mean square distance, per direction, of a member from its centre.

    labels : ndarray of shape (n_samples,)
        Strata of the training set; -1 for what the clusterer called noise.

    latent_centers : ndarray of shape (n_clusters, latent_dim)
        Mean of each stratum's training members in the latent space.
    """

    space: Pipeline
    clusterer: BaseEstimator
    voters: KNeighborsClassifier | None
    raw_labels: np.ndarray
    centers: np.ndarray
    spread: float
    labels: np.ndarray
    latent_centers: np.ndarray

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
        "Choices".
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
        prepared = self.prepare(latents)
        raw = _predict(self.clusterer, self.voters, prepared)
        labels = np.searchsorted(self.raw_labels, raw).clip(max=self.n_clusters - 1)
        unseen = self.raw_labels[labels] != raw
        labels[raw == NOISE] = NOISE
        # A cluster without a training member is no stratum: take the nearest that is.
        unseen &= raw != NOISE
        if unseen.any():
            labels[unseen] = self._gaussian_proba(prepared[unseen]).argmax(axis=1)
        return labels

    def predict_proba(self, latents: np.ndarray) -> np.ndarray:
        """Return the soft assignment of each latent to each stratum.

        The clusterer's own where it has one; the votes of the neighbours where these
        assign; else the posterior of equal, round Gaussians about the centres, whose
        largest entry is the nearest centre.

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
        source = self.voters if self.voters is not None else self.clusterer
        if not hasattr(source, "predict_proba"):
            return self._gaussian_proba(prepared).astype(np.float32)
        proba = source.predict_proba(prepared)
        if self.voters is not None:
            columns = np.searchsorted(self.voters.classes_, self.raw_labels)
        else:
            columns = self.raw_labels
        proba = proba[:, columns]
        total = proba.sum(axis=1, keepdims=True)
        lost = total[:, 0] <= np.finfo(np.float32).tiny
        if lost.any():  # all of it on noise or on clusters without members
            proba[lost] = self._gaussian_proba(prepared[lost])
            total[lost] = 1.0
        return np.asarray(proba / total, dtype=np.float32)

    def _gaussian_proba(self, prepared: np.ndarray) -> np.ndarray:
        centers = getattr(self.clusterer, "cluster_centers_", None)
        if centers is None or len(centers) <= self.raw_labels.max():
            centers = self.centers
        else:
            centers = np.asarray(centers)[self.raw_labels]
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
        If the clusterer finds no cluster at all.
    """
    space = fit_latent_space(latents, whiten=whiten, normalize=normalize)
    prepared = _prepare(space, latents)
    fitted = resolve_clusterer(clusterer, n_clusters, seed, n_members)
    found = np.asarray(fitted.fit_predict(prepared))
    voters = None
    if not hasattr(fitted, "predict"):
        n_neighbors = min(VOTING_NEIGHBOURS, len(prepared))
        voters = KNeighborsClassifier(n_neighbors, weights="distance")
        voters.fit(prepared, found)
    raw = _predict(fitted, voters, prepared)
    raw_labels = np.unique(raw[raw != NOISE])
    if len(raw_labels) == 0:
        raise ValueError(
            f"clusterer={show(fitted)} called all {len(latents)} samples noise and "
            "found no cluster. Loosen its parameters or take another."
        )
    labels = np.where(raw == NOISE, NOISE, np.searchsorted(raw_labels, raw))
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
    # float64: mixtures invert covariances, and nearest centres must not depend on
    # how many samples stand beside a sample in a float32 product.
    return np.asarray(space.transform(latents.astype(np.float64)))


def _predict(
    clusterer: BaseEstimator,
    voters: KNeighborsClassifier | None,
    prepared: np.ndarray,
) -> np.ndarray:
    source = clusterer if voters is None else voters
    return np.asarray(source.predict(prepared))


def nearest_members(
    latents: np.ndarray, labels: np.ndarray, centers: np.ndarray
) -> np.ndarray:
    """Return which member of each stratum is next to its centre; -1 without members.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, latent_dim)
        Latents.

    labels : ndarray of shape (n_samples,)
        Their strata.

    centers : ndarray of shape (n_clusters, latent_dim)
        The strata's centres.

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
