"""The silhouette of strata if samples come in groups, such as patients."""

import numpy as np
from sklearn.metrics import pairwise_distances_chunked

from contrastive_clustering._utils.grouping import Grouping


def group_silhouette(
    points: np.ndarray, labels: np.ndarray, grouping: Grouping
) -> float:
    r"""Return the mean silhouette in which a group weighs as one.

    A sample :math:`i` is compared with the samples of other groups only, so that images
    of one patient do not count as each other's neighbors:

    .. math::
        d_c(i) = \frac{\sum_{j \in c, g_j \ne g_i} w_j d_{ij}}
                      {\sum_{j \in c, g_j \ne g_i} w_j}, \qquad
        s(i) = \frac{b - a}{\max(a, b)}, \quad
        a = d_{c_i}(i), \quad b = \min_{c \ne c_i} d_c(i)

    where the weight :math:`w_j` is one divided by the number of samples of the group
    :math:`g_j`. The result is the mean of :math:`s` with these weights.

    Parameters
    ----------
    points : ndarray of shape (n_samples, n_features)
        Positions of the samples.

    labels : ndarray of shape (n_samples,)
        Strata.

    grouping : Grouping
        The group of each sample.

    Returns
    -------
    silhouette : float
        In ``[-1, 1]``. It is 0 for a sample whose stratum, or all other strata, consist
        of its own group, as the silhouette of a single member is.

    References
    ----------
    Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of
    cluster analysis", 1987.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._evaluation.group_silhouette import (
    ...     group_silhouette,
    ... )
    >>> from contrastive_clustering._utils.grouping import Grouping
    >>> points, labels = np.array([[0.0], [0], [1], [9]]), np.array([0, 0, 0, 1])
    >>> patients = Grouping(np.array([0, 0, 1, 2]), 3)
    >>> round(group_silhouette(points, labels, patients), 3)
    0.588
    """
    weights, codes = grouping.weights(), grouping.codes
    _, strata = np.unique(labels, return_inverse=True)
    members = np.eye(strata.max() + 1)[strata]  # (n_samples, n_strata)
    n_foreign = members.sum(axis=0) - _sum_groups(members, grouping)[codes]
    members *= weights[:, None]
    weight_foreign = members.sum(axis=0) - _sum_groups(members, grouping)[codes]

    def sum_distances(distances: np.ndarray, start: int) -> np.ndarray:
        own = codes[start : start + len(distances), None] == codes
        distances[own] = 0
        return np.asarray(distances @ members)

    sums = np.concatenate(
        list(pairwise_distances_chunked(points, reduce_func=sum_distances))
    )
    means = np.full(sums.shape, np.inf)
    # Unlike sums of weights, counts are exactly 0 without a sample of another group.
    np.divide(sums, weight_foreign, out=means, where=n_foreign > 0)
    rows = np.arange(len(strata))
    within = means[rows, strata]
    means[rows, strata] = np.inf
    between = means.min(axis=1)
    defined = np.isfinite(within) & np.isfinite(between) & (within + between > 0)
    within, between = within[defined], between[defined]
    silhouettes = np.zeros(len(strata))
    silhouettes[defined] = (between - within) / np.maximum(within, between)
    return float(np.average(silhouettes, weights=weights))


def is_defined(labels: np.ndarray, grouping: Grouping | None = None) -> bool:
    """Return whether there are two strata, and two samples or groups in one of them.

    Otherwise strata cannot be compared by distances between and within them.
    """
    n_members = len(labels)
    if grouping is not None:
        n_members = len(set(zip(labels.tolist(), grouping.codes.tolist(), strict=True)))
    return 2 <= len(np.unique(labels)) < n_members


def _sum_groups(values: np.ndarray, grouping: Grouping) -> np.ndarray:
    """Return the sum over the samples of each group, of shape (n_groups, n_columns)."""
    sums = np.zeros((grouping.n_groups, values.shape[1]))
    np.add.at(sums, grouping.codes, values)
    return sums
