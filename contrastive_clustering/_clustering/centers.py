"""Centers of strata, and the spread of their members around them."""

import numpy as np

from contrastive_clustering._utils.numbering import NOISE


def find_centers(
    rows: np.ndarray,
    labels: np.ndarray,
    n_clusters: int,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Return the mean of the members of each stratum.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Latents, in any space.

    labels : ndarray of shape (n_samples,)
        Strata of the latents; -1 is noise. Each stratum has a member.

    n_clusters : int
        Number of strata.

    weights : ndarray of shape (n_samples,), default=None
        Weights of the samples; None stands for equal weights.

    Returns
    -------
    centers : ndarray of shape (n_clusters, n_features)
        Means, with the dtype of `rows`.
    """
    centers = []
    for label in range(n_clusters):
        members = labels == label
        # A float32 sum of many rows loses digits, all of them beyond 2**24 rows.
        if weights is None:
            center = np.mean(rows[members], axis=0, dtype=np.float64)
        else:
            center = np.average(
                rows[members], axis=0, weights=weights[members].astype(np.float64)
            )
        centers.append(center)
    return np.stack(centers).astype(rows.dtype, copy=False)


def find_spread(
    rows: np.ndarray,
    labels: np.ndarray,
    centers: np.ndarray,
    weights: np.ndarray | None = None,
) -> float:
    """Return the mean squared distance per direction of members from their centers.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Latents, in any space.

    labels : ndarray of shape (n_samples,)
        Strata of the latents; -1 is noise, which is ignored.

    centers : ndarray of shape (n_clusters, n_features)
        Centers of the strata.

    weights : ndarray of shape (n_samples,), default=None
        Weights of the samples; None stands for equal weights.

    Returns
    -------
    spread : float
        A positive number, even if all members are at their centers.
    """
    kept = labels != NOISE
    squares = np.square(rows[kept] - centers[labels[kept]])
    if weights is None:
        spread = float(np.mean(squares))
    else:
        spread = float(np.average(squares.mean(axis=1), weights=weights[kept]))
    return max(spread, float(np.finfo(np.float32).tiny))
