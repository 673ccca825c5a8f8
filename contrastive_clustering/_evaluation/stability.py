"""Stability of strata: whether refits to subsets of the samples find them again."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import _num_samples

from contrastive_clustering._data.sources import open_samples
from contrastive_clustering._evaluation.refits import (
    fit_labels,
    fit_reference,
    seeded_clone,
)
from contrastive_clustering._utils.arrays import errors_about, from_tensor
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.optional import import_pandas
from contrastive_clustering._utils.param_validation import (
    Count,
    Number,
    check_parameters,
)
from contrastive_clustering._utils.progress import Progress, run_tasks

# Hennig (2007): a valid, stable cluster has a mean Jaccard similarity of at least 0.75.
MIN_STABLE = 0.75

CONSTRAINTS: dict[str, list[Any]] = {
    "estimator": [HasMethods(["fit", "get_params", "set_params"])],
    "n_resamples": [Count(2)],
    "sample_fraction": [Number(0, 1, closed="neither")],
    "n_jobs": [Integral, None],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}

# Percentiles over the resamples that bound the intervals.
INTERVAL = (2.5, 97.5)


@dataclass(frozen=True, eq=False)
class ClusterStability:
    """Similarity of the strata of a reference fit and of refits to subsets.

    Stability is necessary for strata to be real, but not sufficient. A clusterer that
    splits a gradient, such as the brightness of images, in the middle will do so again.
    Fits also share samples, whose chance arrangement makes a few clusters in few
    dimensions recur: k-means finds three "stable" clusters in 300 samples of noise with
    two features, and none in noise with as many features as an image. A stratum that
    does not recur, however, should not be reported.

    Attributes
    ----------
    labels : ndarray of shape (n_samples,)
        Strata of the reference, the fit to all samples; -1 is noise.

    clusters : ndarray of shape (n_clusters,)
        The strata of the reference, sorted, without noise.

    counts : ndarray of shape (n_clusters,)
        Number of members of each stratum.

    jaccard : ndarray of shape (n_resamples, n_clusters)
        Jaccard similarity, in ``[0, 1]``, of each stratum and the best-matching cluster
        of the refit, computed on the resample. It is 0 if no member was drawn.

    jaccard_mean : ndarray of shape (n_clusters,)
        Mean over the resamples.

    jaccard_interval : ndarray of shape (n_clusters, 2)
        Percentiles 2.5 and 97.5 over the resamples.

    jaccard_chance : ndarray of shape (n_clusters,)
        Mean over the resamples with shuffled labels of the refit: the similarity
        expected by chance. It is high for a stratum that holds most samples.

    stable : ndarray of shape (n_clusters,)
        Whether a stratum is stable: its mean is at least 0.75, Hennig's rule of thumb,
        and its interval lies above chance.

    adjusted_rand : ndarray of shape (n_resamples,)
        Adjusted Rand index of the labels of the reference and of the refit, computed on
        the resample. Noise counts as one more stratum.

    adjusted_rand_mean : float
        Mean over the resamples.

    adjusted_rand_interval : ndarray of shape (2,)
        Percentiles 2.5 and 97.5 over the resamples.

    Examples
    --------
    See :func:`cluster_stability`.
    """

    labels: np.ndarray
    clusters: np.ndarray
    counts: np.ndarray
    jaccard: np.ndarray
    jaccard_mean: np.ndarray
    jaccard_interval: np.ndarray
    jaccard_chance: np.ndarray
    stable: np.ndarray
    adjusted_rand: np.ndarray
    adjusted_rand_mean: float
    adjusted_rand_interval: np.ndarray

    def to_frame(self) -> Any:
        """Return a table with one row for each stratum.

        Returns
        -------
        frame : pandas.DataFrame
            Indexed by "cluster", with the columns "n_samples", "jaccard_mean",
            "jaccard_low", "jaccard_high", "jaccard_chance" and "stable".

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pandas = import_pandas("ClusterStability.to_frame")
        return pandas.DataFrame(
            {
                "n_samples": self.counts,
                "jaccard_mean": self.jaccard_mean,
                "jaccard_low": self.jaccard_interval[:, 0],
                "jaccard_high": self.jaccard_interval[:, 1],
                "jaccard_chance": self.jaccard_chance,
                "stable": self.stable,
            },
            index=pandas.Index(self.clusters, name="cluster"),
        )

    def __str__(self) -> str:
        low, high = self.adjusted_rand_interval
        lines = [
            f"{len(self.clusters)} strata of {len(self.labels)} samples in "
            f"{len(self.adjusted_rand)} refits: adjusted Rand index "
            f"{self.adjusted_rand_mean:.2f} [{low:.2f}, {high:.2f}]"
        ]
        for i, cluster in enumerate(self.clusters):
            low, high = self.jaccard_interval[i]
            lines.append(
                f"  stratum {cluster} ({self.counts[i]} samples): Jaccard "
                f"{self.jaccard_mean[i]:.2f} [{low:.2f}, {high:.2f}], by chance "
                f"{self.jaccard_chance[i]:.2f}"
            )
        return "\n".join([*lines, self._verdict()])

    def _verdict(self) -> str:
        stable, unstable = (
            ", ".join(map(str, self.clusters[rows])) or "none"
            for rows in (self.stable, ~self.stable)
        )
        if not self.stable.any():
            return (
                "No stratum is stable: refits to subsets of the samples find other "
                "strata. Do not report these."
            )
        return f"Stable strata: {stable}. Unstable strata: {unstable}."


@default_library_settings()
def cluster_stability(
    estimator: BaseEstimator,
    X: ArrayLike,
    *,
    n_resamples: int = 10,
    sample_fraction: float = 0.8,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
    verbose: int = 0,
) -> ClusterStability:
    """Assess which strata are found again in refits to subsets of the samples.

    The reference is a clone fitted to all samples. Further clones, each with its own
    seed, are fitted to `n_resamples` random subsets drawn without replacement. Labels
    are compared on the samples of the subset, which both fits have seen, so that
    clusterers without ``predict`` can be assessed as well.

    Parameters
    ----------
    estimator : scikit-learn clusterer
        An estimator with ``fit_predict``, or with ``fit`` and ``predict`` or
        ``labels_``. It is cloned and not changed.

    X : array-like of shape (n_samples, ...)
        Samples that `estimator` accepts.

    n_resamples : int, default=10
        Number of refits, at least 2. Use 20 or more for meaningful intervals; with 10
        they extend approximately from the smallest to the largest value.

    sample_fraction : float, default=0.8
        Fraction of the samples in each subset, between 0 and 1. Smaller subsets share
        less with the reference, which makes the test stricter.

    n_jobs : int, default=None
        Number of parallel refits, as in :class:`joblib.Parallel`.

    random_state : int, RandomState instance or None, default=None
        Seed of the subsets and of the refits. The reference keeps the seed of
        `estimator` unless that is None.

    verbose : int, default=0
        0 shows nothing, 1 shows the number of completed fits.

    Returns
    -------
    stability : ClusterStability
        The similarities and the stable strata; print it for an overview.

    Raises
    ------
    TypeError, ValueError
        If a parameter is out of range, if `estimator` cannot be fitted to X or does not
        return labels, or if the subsets hold fewer than 2 samples.

    References
    ----------
    Hennig, "Cluster-wise assessment of cluster stability", Computational Statistics &
    Data Analysis 52 (2007). Ben-Hur, Elisseeff, Guyon, "A stability based method for
    discovering structure in clustered data", Pacific Symposium on Biocomputing 2002.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import make_blobs
    >>> from contrastive_clustering._evaluation.stability import cluster_stability
    >>> X, _ = make_blobs(90, centers=3, cluster_std=0.1, random_state=0)
    >>> result = cluster_stability(KMeans(3, n_init=10), X, random_state=0)
    >>> result.stable
    array([ True,  True,  True])
    """
    # scikit-learn's decorator would attribute errors in the estimator's parameters to
    # this function, or leave them unchecked.
    check_parameters(
        CONSTRAINTS,
        {
            "estimator": estimator,
            "n_resamples": n_resamples,
            "sample_fraction": sample_fraction,
            "n_jobs": n_jobs,
            "random_state": random_state,
            "verbose": verbose,
        },
        caller="cluster_stability",
    )
    X = open_samples(from_tensor(X, "X"))
    with errors_about("X", "samples"):
        n_samples = _num_samples(X)
    n_drawn = int(sample_fraction * n_samples)
    if n_drawn < 2:
        raise ValueError(
            f"sample_fraction={sample_fraction} of {n_samples} samples leaves "
            f"{n_drawn}, but at least 2 are needed. Raise sample_fraction or pass more "
            "samples."
        )
    generator = check_random_state(random_state)
    seeds = generator.randint(2**31 - 1, size=n_resamples + 1)
    parts = [
        np.sort(generator.permutation(n_samples)[:n_drawn]) for _ in range(n_resamples)
    ]
    with Progress("stability", n_resamples + 1, "fit", verbose=verbose) as progress:
        reference = fit_reference(
            seeded_clone(estimator, seeds[0], only_missing=True), X
        )
        progress.reach(1)
        refits = run_tasks(
            fit_labels,
            [
                (seeded_clone(estimator, seed), X, rows)
                for seed, rows in zip(seeds[1:], parts, strict=True)
            ],
            n_jobs=n_jobs,
            progress=progress,
        )
    clusters, counts = np.unique(reference[reference != NOISE], return_counts=True)
    pairs = [
        (reference[rows], refit) for rows, refit in zip(parts, refits, strict=True)
    ]
    jaccard = np.stack([best_jaccard(*pair, clusters) for pair in pairs])
    chance = np.stack(
        [best_jaccard(old, generator.permutation(new), clusters) for old, new in pairs]
    ).mean(axis=0)
    adjusted_rand = np.array([adjusted_rand_score(*pair) for pair in pairs])
    interval = np.percentile(jaccard, INTERVAL, axis=0).T
    mean = jaccard.mean(axis=0)
    return ClusterStability(
        labels=reference,
        clusters=clusters,
        counts=counts,
        jaccard=jaccard,
        jaccard_mean=mean,
        jaccard_interval=interval,
        jaccard_chance=chance,
        stable=(mean >= MIN_STABLE) & (interval[:, 0] > chance),
        adjusted_rand=adjusted_rand,
        adjusted_rand_mean=float(adjusted_rand.mean()),
        adjusted_rand_interval=np.percentile(adjusted_rand, INTERVAL),
    )


def best_jaccard(
    reference: np.ndarray, refit: np.ndarray, clusters: np.ndarray
) -> np.ndarray:
    r"""Return the Jaccard similarity of each cluster and its best match.

    .. math:: J(A) = \max_B \frac{|A \cap B|}{|A \cup B|}

    Parameters
    ----------
    reference, refit : ndarray of shape (n_samples,)
        Two labelings of the same samples; -1 is noise and never matches.

    clusters : ndarray of shape (n_clusters,)
        The labels of the reference to match, sorted, without -1.

    Returns
    -------
    similarity : ndarray of shape (n_clusters,)
        In ``[0, 1]``; 0 for a cluster without members in `reference`, and if `refit` is
        all noise.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._evaluation.stability import best_jaccard
    >>> best_jaccard(
    ...     np.array([0, 0, 0, 1]), np.array([5, 5, 2, 2]), np.array([0, 1])
    ... ).round(3)
    array([0.667, 0.5  ])
    """
    similarity = np.zeros(len(clusters))
    old, new = np.unique(reference), np.unique(refit)
    if not (new != NOISE).any():
        return similarity
    shared = contingency_matrix(reference, refit)
    union = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0) - shared
    best = (shared / union)[:, new != NOISE].max(axis=1)
    is_cluster = old != NOISE
    similarity[np.searchsorted(clusters, old[is_cluster])] = best[is_cluster]
    return similarity
