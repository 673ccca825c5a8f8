"""Consensus clustering by the votes of many merged fine partitions."""

import copy
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClusterMixin, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from contrastive_clustering._clustering.agreement import agree, shares_of
from contrastive_clustering._clustering.group_rows import draw_from_groups
from contrastive_clustering._clustering.members import (
    count_fine_clusters,
    kmeans_members,
    merged_members,
)
from contrastive_clustering._clustering.merging import neighbor_graph
from contrastive_clustering._utils.arrays import (
    check_axes,
    check_squares,
    to_array,
)
from contrastive_clustering._utils.bad_samples import check_finite
from contrastive_clustering._utils.grouping import Grouping, read_groups
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.memoize import Memoized
from contrastive_clustering._utils.param_validation import (
    CheckedParametersMixin,
    Count,
    Number,
)
from contrastive_clustering._utils.refused_values import errors_about_numbers

# Default number of members, its maximum for small data sets, and the target for the
# product of samples and members in between. More members make the consensus less
# dependent on the random seed, at little cost for few samples (docs, "Defaults").
MIN_MEMBERS, MAX_MEMBERS, SAMPLES_TIMES_MEMBERS = 32, 64, 128_000

# A small consensus cluster may not win the vote for any sample. The consensus is then
# computed again, up to this number of attempts, before an empty cluster is accepted.
MAX_AGREEMENTS = 5


class ConsensusClustering(
    CheckedParametersMixin,
    ClusterMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """Clusters on which several merged k-means partitions agree.

    Each member computes a fine k-means partition and then repeatedly merges the two
    clusters with the densest links in the nearest-neighbor graph until `n_clusters`
    are left. Clusters can therefore have any shape and unequal sizes. A single
    partition depends on its random seed; the consensus of many depends on it far less.
    It is found by k-means on the members' partitions, with larger weights for small
    clusters. Only the better-separated half of the members vote, as measured by the
    normalized cut of the graph.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters.

    n_members : int, default=32
        Number of partitions, half of which vote.

    cosine_fraction : float, default=0.0
        Fraction of the merged members, from 0 to 1, that compare the directions of
        samples from the mean; the others compare their positions. 0.5 suits latents of
        a contrastive network, in which most classes differ by direction but some by
        distance.

    kmeans_fraction : float, default=0.0
        Fraction of the members, from 0 to 1, that are k-means partitions into
        `n_clusters` clusters instead of merged ones; the more compact half of them
        vote. A third suits tables, whose classes often differ by a shift without a gap
        between them. Merging then separates a few isolated samples from all others.

    n_neighbors : int, default=15
        Number of neighbors of each sample in the graph.

    max_samples : int, default=10000
        Maximum number of samples to learn from. For larger data sets, a random subset
        is used and the clusters of the other samples are predicted. With groups, the
        subset has samples of as many groups as possible.

    random_state : int, RandomState instance or None, default=None
        Seed of the partitions and of the subset.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster labels of the training samples.

    n_features_in_ : int
        Number of features.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns; only if X was a data frame with names.

    References
    ----------
    Fred, Jain, "Combining Multiple Clusterings Using Evidence Accumulation", IEEE
    TPAMI 27 (2005). Karypis, Han, Kumar, "Chameleon", Computer 32 (1999), for merging
    fine clusters along a neighbor graph. Fern, Lin, "Cluster Ensemble Selection",
    Statistical Analysis and Data Mining 1 (2008), for votes of only the best members.
    Shi, Malik, "Normalized Cuts and Image Segmentation", IEEE TPAMI 22 (2000), eq. 2.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from contrastive_clustering import ConsensusClustering
    >>> X, y = make_moons(400, noise=0.05, random_state=0)
    >>> labels = ConsensusClustering(2, random_state=0).fit_predict(X)
    >>> float(max((labels == y).mean(), (labels != y).mean()))
    1.0
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_clusters": [Count(1)],
        "n_members": [Count(1)],
        "cosine_fraction": [Number(0, 1, closed="both")],
        "kmeans_fraction": [Number(0, 1, closed="both")],
        "n_neighbors": [Count(1)],
        "max_samples": [Count(2)],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        n_members: int = MIN_MEMBERS,
        cosine_fraction: float = 0.0,
        kmeans_fraction: float = 0.0,
        n_neighbors: int = 15,
        max_samples: int = 10_000,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_members = n_members
        self.cosine_fraction = cosine_fraction
        self.kmeans_fraction = kmeans_fraction
        self.n_neighbors = n_neighbors
        self.max_samples = max_samples
        self.random_state = random_state

    @default_library_settings()
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: ArrayLike,
        y: object = None,  # noqa: ARG002
        *,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Compute the clusters of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        y : object, default=None
            Ignored; present for API consistency.

        groups : array-like of shape (n_samples,), default=None
            Identifier of the group of each sample, such as the patient of an image. A
            group then weighs as one, however many samples it has, and the neighbors of
            a sample are samples of other groups. A sample without an identifier (None,
            NaN or an empty string) is a group of its own. If None, samples are
            independent.

        Returns
        -------
        self : ConsensusClustering
            The fitted clusterer.

        Raises
        ------
        TypeError
            If an identifier cannot be hashed.

        ValueError
            If there are fewer samples or groups than clusters, or if `groups` does not
            have one value for each sample or has one group only.
        """
        # A copy is fitted, so that a failed fit does not change this object.
        fitted = copy.copy(self)
        fitted._fit(X, groups)
        self.__dict__ = fitted.__dict__
        return self

    def _fit(self, X: ArrayLike, groups: ArrayLike | None) -> None:
        samples = self._validate(X, reset=True)
        grouping = read_groups(groups, len(samples))
        self._check_number(len(samples), grouping)
        n_clusters = int(self.n_clusters)
        rng = check_random_state(self.random_state)
        part, grouping = self._draw_part(samples, grouping, rng)
        weights = None if grouping is None else grouping.weights()
        n_weights = len(part) if grouping is None else grouping.n_groups
        self._mean = np.average(part, axis=0, weights=weights)
        self._members = []
        # Products may be below whole numbers by rounding errors.
        n_kmeans = int(round(self.n_members * self.kmeans_fraction, 9))
        n_merged = self.n_members - n_kmeans
        counts = count_fine_clusters(n_clusters, n_merged, n_weights)
        # Interleaved, so that both kinds cover the full range of fine clusters.
        shares = np.arange(n_merged + 1) * self.cosine_fraction
        steps = np.floor(shares.round(9))
        by_direction = np.diff(steps).astype(bool)
        for compares in np.unique(by_direction):
            work = Memoized(self._directions(part) if compares else part)
            self._members += merged_members(
                work,
                work.compute(neighbor_graph, self.n_neighbors, grouping),
                counts[by_direction == compares],
                n_clusters,
                rng,
                by_direction=bool(compares),
                groups=grouping,
            )
        self._members += kmeans_members(
            Memoized(part), n_kmeans, n_clusters, rng, grouping
        )
        votes = [member.merged[member.fine.labels_] for member in self._members]
        for _ in range(MAX_AGREEMENTS):
            agreed = agree(votes, n_clusters, rng.randint(2**31 - 1), weights)
            self._shares = [
                shares_of(vote, agreed, n_clusters, weights) for vote in votes
            ]
            self.labels_ = self._predict_proba(samples).argmax(axis=1)
            if len(np.unique(self.labels_)) == n_clusters:
                break

    @default_library_settings()
    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict the cluster of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Cluster labels.
        """
        return np.asarray(self.predict_proba(X).argmax(axis=1))

    @default_library_settings()
    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the fraction of votes for each cluster.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_clusters)
            Fractions of votes; each row sums to one.
        """
        check_is_fitted(self)
        return self._predict_proba(self._validate(X, reset=False))

    def _validate(self, X: Any, *, reset: bool) -> np.ndarray:
        X = to_array(X, "X")
        check_axes(X, "X", "(n_samples, n_features)")
        with errors_about_numbers(X, "X", "a table of samples"):
            samples = validate_data(
                self, X, dtype=np.float64, reset=reset, ensure_all_finite=False
            )
        check_finite(samples, "X", columns=getattr(X, "columns", None))
        check_squares(samples, "X")
        return np.asarray(samples)

    def _check_number(self, n_samples: int, groups: Grouping | None) -> None:
        if n_samples < self.n_clusters:
            raise ValueError(
                f"X has n_samples={n_samples}, fewer than n_clusters="
                f"{self.n_clusters}. Pass more samples or lower n_clusters."
            )
        if self.max_samples < self.n_clusters:
            raise ValueError(
                f"max_samples={self.max_samples} is less than n_clusters="
                f"{self.n_clusters}. Raise max_samples or lower n_clusters."
            )
        if groups is not None and groups.n_groups < self.n_clusters:
            raise ValueError(
                f"groups has {groups.n_groups} groups, fewer than n_clusters="
                f"{self.n_clusters}. Pass samples of more groups or lower n_clusters."
            )

    def _draw_part(
        self,
        samples: np.ndarray,
        groups: Grouping | None,
        rng: np.random.RandomState,
    ) -> tuple[np.ndarray, Grouping | None]:
        """Return the samples to learn from, and their groups."""
        if len(samples) <= self.max_samples:
            return samples, groups
        if groups is None:
            return samples[rng.permutation(len(samples))[: self.max_samples]], None
        rows = draw_from_groups(groups, self.max_samples, rng)
        return samples[rows], read_groups(groups.take(rows), len(rows))

    def _predict_proba(self, samples: np.ndarray) -> np.ndarray:
        proba = np.zeros((len(samples), len(self._shares[0])))
        directions = self._directions(samples)
        for member, shares in zip(self._members, self._shares, strict=True):
            seen = directions if member.by_direction else samples
            proba += shares[member.merged[member.fine.predict(seen)]]
        return proba / len(self._members)

    def _directions(self, samples: np.ndarray) -> np.ndarray:
        """Return the unit vectors from the mean to the samples."""
        offsets = samples - self._mean
        lengths = np.linalg.norm(offsets, axis=1, keepdims=True)
        return np.asarray(offsets / lengths.clip(min=np.finfo(np.float64).tiny))


def count_members(n_samples: int) -> int:
    """Return the number of members of a consensus for a number of samples.

    Parameters
    ----------
    n_samples : int
        Number of samples.

    Returns
    -------
    n_members : int
        64 for up to 2,000 samples, decreasing to 32 for 4,000 and more.

    Examples
    --------
    >>> from contrastive_clustering._clustering.consensus import count_members
    >>> [count_members(n) for n in (10, 2_000, 3_000, 60_000)]
    [64, 64, 42, 32]
    """
    return min(MAX_MEMBERS, max(MIN_MEMBERS, SAMPLES_TIMES_MEMBERS // n_samples))
