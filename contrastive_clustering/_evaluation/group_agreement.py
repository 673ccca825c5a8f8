"""Agreement of two partitions if samples come in groups, such as patients."""

import numpy as np
from scipy.sparse import coo_array
from scipy.stats import entropy
from sklearn.metrics import normalized_mutual_info_score

from contrastive_clustering._evaluation.nuisance_agreement import mutual_information
from contrastive_clustering._utils.weighted_tables import ROUNDING, contingency_table


def normalized_mutual_info(
    y: np.ndarray, strata: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Return the normalized mutual information of a weighted contingency table.

    Parameters
    ----------
    y, strata : ndarray of shape (n_samples,)
        Two partitions.

    weights : ndarray of shape (n_samples,), default=None
        Weights of the samples; None weighs them equally.

    Returns
    -------
    information : float
        Mutual information divided by the mean of both entropies, as in
        :func:`sklearn.metrics.normalized_mutual_info_score`; 1 if each partition has
        one part only.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._evaluation.group_agreement import (
    ...     normalized_mutual_info,
    ... )
    >>> y, strata = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    >>> round(normalized_mutual_info(y, strata, np.array([1, 0, 1, 1])), 3)
    1.0
    """
    if weights is None:
        return float(normalized_mutual_info_score(y, strata))
    table = contingency_table(y, strata, weights)
    entropies = [entropy(table.sum(axis=axis)) for axis in (0, 1)]
    mean = float(np.mean(entropies))
    if mean == 0:
        return 1.0
    information = float(mutual_information(table[None])[0])
    return min(1.0, max(0.0, information / mean))


def group_adjusted_rand(
    y: np.ndarray, strata: np.ndarray, weights: np.ndarray, groups: np.ndarray
) -> float:
    r"""Return the adjusted Rand index in which a group weighs as one.

    Pairs of samples of one group are not compared. One sample of each group is drawn at
    random, and the index is that of the expected numbers of pairs. With
    :math:`f_{gij}`, the fraction of the samples of group :math:`g` that are of class
    :math:`i` and in stratum :math:`j`, the expected number of ordered pairs of groups
    with the same class and the same stratum is

    .. math::
        \sum_{ij} \sum_{g \ne h} f_{gij} f_{hij}
        = \sum_{ij} \Big[ \Big( \sum_g f_{gij} \Big)^2 - \sum_g f_{gij}^2 \Big],

    and those with the same class, or in the same stratum, follow from the fractions
    summed over :math:`j` or :math:`i`. With one sample in each group these are the
    numbers of pairs of the plain index.

    Parameters
    ----------
    y, strata : ndarray of shape (n_samples,)
        Two partitions.

    weights : ndarray of shape (n_samples,)
        Weights of the samples. Those of a group are equal, and their sum is the number
        of times that it counts: 1, or how often a resample contains it, each of which
        is a group.

    groups : ndarray of shape (n_samples,)
        Codes of the groups, from 0.

    Returns
    -------
    index : float
        1 for identical partitions, and 0 on average for independent ones.

    References
    ----------
    Hubert, Arabie, "Comparing partitions", Journal of Classification 2 (1985). Hoffman,
    Sen, Weinberg, "Within-cluster resampling", Biometrika 88 (2001), draw one sample of
    each group.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._evaluation.group_agreement import (
    ...     group_adjusted_rand,
    ... )
    >>> y, strata = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1])
    >>> weights, patients = np.array([0.5, 0.5, 1, 1, 1]), np.array([0, 0, 1, 2, 3])
    >>> round(group_adjusted_rand(y, strata, weights, patients), 3)
    0.0
    """
    (_, classes), (_, clusters) = (
        np.unique(labels, return_inverse=True) for labels in (y, strata)
    )
    cells = classes * (clusters.max() + 1) + clusters
    times = np.bincount(groups, weights)
    both, same_class, same_stratum = (
        _count_pairs(labels, weights, groups, times)
        for labels in (cells, classes, clusters)
    )
    n_groups = times.sum()
    n_pairs = n_groups * (n_groups - 1)
    # Pairs that are together in one partition only, without rounding errors.
    only_class, only_stratum = (
        each - both if each - both > ROUNDING * n_pairs else 0.0
        for each in (same_class, same_stratum)
    )
    if only_class == only_stratum == 0:
        return 1.0
    neither = n_pairs - both - only_class - only_stratum
    # The index as in scikit-learn, which does not subtract nearly equal numbers.
    return float(
        2
        * (both * neither - only_class * only_stratum)
        / (
            (both + only_class) * (only_class + neither)
            + (both + only_stratum) * (only_stratum + neither)
        )
    )


def _count_pairs(
    labels: np.ndarray, weights: np.ndarray, groups: np.ndarray, times: np.ndarray
) -> float:
    """Return the expected number of ordered pairs of groups with the same label."""
    table = coo_array((weights, (groups, labels))).tocsr()  # sums duplicates
    of_each = np.repeat(times, np.diff(table.indptr))
    # A group that counts m times has the fraction f each time, and m f in all.
    own = np.divide(table.data**2, of_each, where=of_each > 0, out=np.zeros(table.nnz))
    return float(np.sum(table.sum(axis=0) ** 2) - own.sum())
