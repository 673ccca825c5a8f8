"""Stability of strata: whether refits to subsets of the samples find them again."""

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.validation import _num_samples

from contrastive_clustering._data.sources import open_samples
from contrastive_clustering._evaluation.fit_metadata import fit_metadata
from contrastive_clustering._evaluation.refits import (
    fit_reference,
    fit_subset,
    seeded_clone,
)
from contrastive_clustering._evaluation.stability_result import (
    MIN_STABLE,
    MIN_UNITS,
    ClusterStability,
)
from contrastive_clustering._utils.arrays import errors_about
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.identifiers import MISSING
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.nuisance import Nuisance
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.param_validation import (
    Count,
    InstanceWith,
    Number,
    WholeNumber,
    check_parameters,
)
from contrastive_clustering._utils.progress import Progress, run_tasks

CONSTRAINTS: dict[str, list[Any]] = {
    "estimator": [InstanceWith(["fit", "get_params", "set_params"])],
    "n_resamples": [Count(2)],
    "sample_fraction": [Number(0, 1, closed="neither")],
    "n_jobs": [WholeNumber(), None],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}

# Percentiles over the resamples that bound the intervals.
INTERVAL = (2.5, 97.5)


@default_library_settings()
def cluster_stability(
    estimator: BaseEstimator,
    X: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    nuisance: Any = None,
    n_resamples: int = 20,
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

    With groups, such as patients, subsets consist of whole groups, and labels are
    compared on groups. A group belongs to the stratum of most of its samples; among
    equally frequent strata, the one that comes first among its samples. Without groups,
    images of one patient on both sides of a comparison make strata of a few patients
    look stable.

    Parameters
    ----------
    estimator : scikit-learn clusterer
        An estimator with ``fit_predict``, or with ``fit`` and ``predict`` or
        ``labels_``. It is cloned and not changed.

    X : array-like of shape (n_samples, ...)
        Samples that `estimator` accepts.

    groups : array-like of shape (n_samples,), default=None
        Identifier of the group of each sample, such as the patient. A sample without an
        identifier is a group of its own. They are also passed to `estimator` if its
        ``fit`` has a parameter of this name, and in a
        :class:`~sklearn.pipeline.Pipeline` to each step whose ``fit`` has one.

    nuisance : array-like of shape (n_samples,) or (n_samples, n_variables), \
data frame or mapping of names to columns, default=None
        Variables that strata should not follow, such as the site, which are passed to
        the ``fit`` of `estimator` in the same way.

    n_resamples : int, default=20
        Number of refits, at least 2. Intervals need 20 or more; with 10 they extend
        approximately from the smallest to the largest value.

    sample_fraction : float, default=0.8
        Fraction of the samples, or of the groups, in each subset, between 0 and 1.
        Smaller subsets share less with the reference, which makes the test stricter.

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
        If a parameter is out of range, if `estimator` cannot be fitted to X or to a
        subset, does not return a label for each sample or does not take nuisance
        variables that are passed, if the subsets hold fewer than 2 samples or groups,
        or fewer samples than clusters, or if a nuisance variable has a single level in
        a subset.

    References
    ----------
    Hennig, "Cluster-wise assessment of cluster stability", Computational Statistics &
    Data Analysis 52 (2007). Ben-Hur, Elisseeff, Guyon, "A stability based method for
    discovering structure in clustered data", Pacific Symposium on Biocomputing 2002.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import make_blobs
    >>> from contrastive_clustering import cluster_stability
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
    if n_jobs == 0:
        raise ValueError("n_jobs=0 is not valid. Pass 1, more, or -1 for all cores.")
    X = open_samples(X, "X")
    with errors_about("X", "samples"):
        n_samples = _num_samples(X)
    grouping = None if groups is None else Grouping.read(groups, n_samples)
    metadata = fit_metadata(estimator, groups, nuisance)
    generator = check_random_state(random_state)
    seeds = generator.randint(2**31 - 1, size=n_resamples + 1)
    parts = _draw_parts(grouping, n_samples, n_resamples, sample_fraction, generator)
    _check_n_clusters(estimator, parts, sample_fraction)
    if nuisance is not None:
        _check_levels(Nuisance.read(nuisance, n_samples), parts)
    with Progress("stability", n_resamples + 1, "fit", verbose=verbose) as progress:
        reference = fit_reference(
            seeded_clone(estimator, seeds[0], only_missing=True), X, metadata
        )
        progress.reach(1)
        refits = run_tasks(
            fit_subset,
            [
                (seeded_clone(estimator, seed), X, rows, metadata, sample_fraction)
                for seed, rows in zip(seeds[1:], parts, strict=True)
            ],
            n_jobs=n_jobs,
            progress=progress,
        )
    clusters, sample_counts = np.unique(
        reference[reference != NOISE], return_counts=True
    )
    pairs = [
        (reference[rows], refit) for rows, refit in zip(parts, refits, strict=True)
    ]
    group_counts = None
    if grouping is not None:
        pairs = [
            (strata_of_groups(old, within), strata_of_groups(new, within))
            for within, (old, new) in zip(map(grouping.take, parts), pairs, strict=True)
        ]
        of_groups = strata_of_groups(reference, grouping)
        group_counts = (of_groups == clusters[:, None]).sum(axis=1)
    jaccard = np.stack([best_jaccard(*pair, clusters) for pair in pairs])
    chance = np.stack(
        [best_jaccard(old, generator.permutation(new), clusters) for old, new in pairs]
    ).mean(axis=0)
    adjusted_rand = np.array([adjusted_rand_score(*pair) for pair in pairs])
    interval = np.percentile(jaccard, INTERVAL, axis=0).T
    mean = jaccard.mean(axis=0)
    sizes = sample_counts if group_counts is None else group_counts
    stable = (mean >= MIN_STABLE) & (interval[:, 0] > chance) & (sizes >= MIN_UNITS)
    return ClusterStability(
        labels=reference,
        strata=clusters,
        sample_counts=sample_counts,
        jaccard=jaccard,
        jaccard_mean=mean,
        jaccard_interval=interval,
        jaccard_chance=chance,
        stable=stable,
        adjusted_rand=adjusted_rand,
        adjusted_rand_mean=float(adjusted_rand.mean()),
        adjusted_rand_interval=np.percentile(adjusted_rand, INTERVAL),
        group_counts=group_counts,
        n_groups=None if grouping is None else grouping.n_groups,
    )


def _draw_parts(
    grouping: Grouping | None,
    n_samples: int,
    n_resamples: int,
    sample_fraction: float,
    generator: np.random.RandomState,
) -> list[np.ndarray]:
    """Return the rows of each subset of the samples, or of whole groups."""
    n_units, units = n_samples, "samples"
    if grouping is not None:
        n_units, units = grouping.n_groups, "groups"
    # The product may be below a whole number by rounding errors.
    n_drawn = int(round(sample_fraction * n_units, 9))
    if n_drawn < 2:
        raise ValueError(
            f"sample_fraction={sample_fraction} of {n_units} {units} leaves {n_drawn}, "
            f"but at least 2 are needed. Raise sample_fraction or pass more {units}."
        )
    parts = [
        np.sort(generator.permutation(n_units)[:n_drawn]) for _ in range(n_resamples)
    ]
    if grouping is None:
        return parts
    return [np.flatnonzero(np.isin(grouping.codes, drawn)) for drawn in parts]


def _check_n_clusters(
    estimator: Any, parts: list[np.ndarray], sample_fraction: float
) -> None:
    """Raise an error before the first fit if a subset has too few samples."""
    # Earlier steps of a pipeline may cluster features.
    clusterer = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    n_clusters = getattr(clusterer, "n_clusters", None)
    n_smallest = min(map(len, parts))
    if isinstance(n_clusters, Integral) and int(n_clusters) > n_smallest:
        raise ValueError(
            f"n_clusters={n_clusters} of the estimator is larger than the number of "
            f"samples in a subset, {n_smallest}. Raise sample_fraction="
            f"{sample_fraction}, lower n_clusters or pass more samples."
        )


def _check_levels(nuisance: Nuisance, parts: list[np.ndarray]) -> None:
    """Raise an error before the first fit if a refit would be refused."""
    for name, codes in zip(nuisance.names, nuisance.codes.T, strict=True):
        n_single = sum(len(np.unique(codes[rows])) < 2 for rows in parts)
        if n_single:
            raise ValueError(
                f"nuisance variable {show(name)} has one level only in {n_single} of "
                f"{len(parts)} subsets. Raise sample_fraction, or merge rare levels."
            )


def strata_of_groups(labels: np.ndarray, grouping: Grouping) -> np.ndarray:
    """Return the most frequent stratum of each group.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Strata; -1 is noise.

    grouping : Grouping
        The groups.

    Returns
    -------
    labels : ndarray of shape (n_groups,)
        The strata, as by `Grouping.majority`; -1 if all samples are noise.
    """
    strata, codes = np.unique(labels, return_inverse=True)
    majority = grouping.majority(np.where(labels == NOISE, MISSING, codes))
    # Index -1, of groups with nothing but noise, is the last entry.
    return np.asarray(np.append(strata, NOISE)[majority])


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
