"""Compactness of strata in the latent space."""

import numpy as np
from numpy.linalg import norm
from sklearn.metrics import davies_bouldin_score, silhouette_score
from sklearn.utils import check_random_state

from contrastive_clustering._evaluation.group_silhouette import (
    group_silhouette,
    is_defined,
)
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.weighted_tables import ROUNDING

# The silhouette compares all pairs of samples; it uses at most this many at random.
MAX_SILHOUETTE = 10_000


def compactness(
    latents: np.ndarray | None,
    labels: np.ndarray,
    random_state: int | np.random.RandomState | None,
    grouping: Grouping | None = None,
) -> tuple[float, float]:
    """Return the silhouette and the Davies-Bouldin index of the strata without noise.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, latent_dim) or None
        Latents; None if the estimator has none.

    labels : ndarray of shape (n_samples,)
        Strata.

    random_state : int, RandomState instance or None
        Seed of the random selection for the silhouette if there are many samples.

    grouping : Grouping or None, default=None
        The group of each sample. A group weighs as one, whatever part of it is noise.
        The selection for the silhouette takes whole groups.

    Returns
    -------
    silhouette, davies_bouldin : float
        NaN with fewer than two strata, or if no stratum has two samples or, with
        groups, two groups.
    """
    kept = np.flatnonzero(labels != NOISE)
    if latents is None or not len(kept):
        return np.nan, np.nan
    points, labels = _normalize(latents[kept]), labels[kept]
    if grouping is not None and not grouping.is_trivial:
        return _group_compactness(points, labels, grouping.take(kept), random_state)
    everything = selected = np.arange(len(kept))
    if len(kept) > MAX_SILHOUETTE:
        rng = check_random_state(random_state)
        selected = rng.permutation(len(kept))[:MAX_SILHOUETTE]
    scores = []
    for score, rows in (
        (silhouette_score, selected),
        (davies_bouldin_score, everything),
    ):
        found = labels[rows]
        scores.append(
            float(score(points[rows], found)) if is_defined(found) else np.nan
        )
    return scores[0], scores[1]


def _normalize(latents: np.ndarray) -> np.ndarray:
    """Return latents as float64, shifted and scaled to the range from -1 to 1.

    Both metrics are ratios of distances, which this does not change. scikit-learn,
    however, takes distances below 1e-8, or small compared with the mean, for 0, which
    would be the best Davies-Bouldin index.
    """
    centered = latents.astype(np.float64)
    centered -= centered.mean(axis=0)
    size = np.abs(centered).max()
    return np.asarray(centered / size) if size > 0 else centered


def _group_compactness(
    latents: np.ndarray,
    labels: np.ndarray,
    grouping: Grouping,
    random_state: int | np.random.RandomState | None,
) -> tuple[float, float]:
    """Return the silhouette and the Davies-Bouldin index if a group weighs as one."""
    selected = np.arange(len(labels))
    if len(labels) > MAX_SILHOUETTE:
        order = check_random_state(random_state).permutation(grouping.n_groups)
        sizes = np.bincount(grouping.codes)[order]
        n_groups = np.searchsorted(np.cumsum(sizes), MAX_SILHOUETTE, side="right")
        # Groups, unlike samples, are only compared if there are two of them.
        selected = np.flatnonzero(np.isin(grouping.codes, order[: max(2, n_groups)]))
    part = grouping.take(selected)
    silhouette = davies_bouldin = np.nan
    if is_defined(labels[selected], part):
        silhouette = group_silhouette(latents[selected], labels[selected], part)
    if is_defined(labels, grouping):
        davies_bouldin = weighted_davies_bouldin(latents, labels, grouping.weights())
    return silhouette, davies_bouldin


def weighted_davies_bouldin(
    latents: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> float:
    """Return the Davies-Bouldin index of samples with weights.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, latent_dim)
        Latents.

    labels : ndarray of shape (n_samples,)
        At least two strata.

    weights : ndarray of shape (n_samples,)
        Weights by which the centers of the strata, and the distances of their members
        to them, are averaged.

    Returns
    -------
    index : float
        At least 0, lower is better. As in :func:`sklearn.metrics.davies_bouldin_score`,
        coinciding centers are infinitely far apart, and 0 is returned if all centers,
        or the members of each stratum, coincide.

    References
    ----------
    Davies, Bouldin, "A cluster separation measure", IEEE Transactions on Pattern
    Analysis and Machine Intelligence 1 (1979).
    """
    parts = [labels == stratum for stratum in np.unique(labels)]
    centers = np.array(
        [np.average(latents[rows], axis=0, weights=weights[rows]) for rows in parts]
    )
    spreads = np.array(
        [
            np.average(norm(latents[rows] - center, axis=1), weights=weights[rows])
            for rows, center in zip(parts, centers, strict=True)
        ]
    )
    between = norm(centers[:, None] - centers, axis=2)
    if np.allclose(spreads, 0) or np.allclose(between, 0):
        return 0.0
    # Weighted means of equal points may differ by rounding errors.
    between[between <= ROUNDING * np.abs(centers).max()] = np.inf
    return float(np.mean(np.max((spreads[:, None] + spreads) / between, axis=1)))
