"""Number strata in a reproducible order."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from contrastive_clustering._utils.weighted_tables import contingency_table

NOISE = -1

# Decimals of sums of weights. Equal sums may differ by rounding errors.
DECIMALS = 9


def noise_mask(labels: np.ndarray) -> np.ndarray:
    """Return a mask of noise among labels of any type; text is never noise.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._utils.numbering import noise_mask
    >>> noise_mask(np.array([0, -1])), noise_mask(np.array(["-1", "b"]))
    (array([False,  True]), array([False, False]))
    """
    if labels.dtype.kind not in "iufO":
        return np.zeros(len(labels), dtype=bool)
    return np.asarray(labels == NOISE, dtype=bool)


def match(
    labels: np.ndarray, earlier: np.ndarray, weights: np.ndarray | None = None
) -> dict[int, int]:
    """Match clusters one to one with the earlier clusters that they overlap most.

    The matching maximizes the number, or the weight, of common samples. Clusters
    without a common sample are not matched.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Integer cluster labels; -1 is noise, which is not matched.

    earlier : ndarray of shape (n_samples,)
        Earlier labels of the same samples.

    weights : ndarray of shape (n_samples,), default=None
        Positive weights of the samples; None counts them.

    Returns
    -------
    matches : dict of int to int
        Earlier number of each matched cluster.
    """
    kept = (labels != NOISE) & (earlier != NOISE)
    new, old = np.unique(labels[kept]), np.unique(earlier[kept])
    counted = None if weights is None else weights[kept]
    counts = contingency_table(labels[kept], earlier[kept], counted).round(DECIMALS)
    pairs = zip(*linear_sum_assignment(counts, maximize=True), strict=True)
    return {int(new[row]): int(old[col]) for row, col in pairs if counts[row, col]}


def order_strata(
    labels: np.ndarray,
    n_clusters: int,
    earlier: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Return the order in which strata are numbered.

    Strata take over the numbers of the earlier strata that they overlap most, if these
    are below `n_clusters`. The others are numbered by decreasing size, which is their
    number of samples or the sum of the weights of these; ties are resolved by the index
    of the first sample.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Labels in any order, from 0 to ``n_clusters - 1``; -1 is noise.

    n_clusters : int
        Number of strata.

    earlier : ndarray of shape (n_samples,), default=None
        Earlier labels of the same samples, if any.

    weights : ndarray of shape (n_samples,), default=None
        Positive weights of the samples; None counts them.

    Returns
    -------
    order : ndarray of shape (n_clusters,)
        The strata that become number 0, 1 and so on.
    """
    order = np.full(n_clusters, -1)
    if earlier is not None:
        for stratum, number in match(labels, earlier, weights).items():
            if number < n_clusters:
                order[number] = stratum
    kept = labels != NOISE
    counted = None if weights is None else weights[kept]
    sizes = np.bincount(labels[kept], counted, minlength=n_clusters).round(DECIMALS)
    first = np.full(n_clusters, len(labels))
    found, rows = np.unique(labels, return_index=True)
    first[found[found != NOISE]] = rows[found != NOISE]
    by_size = np.lexsort((first, -sizes))
    order[order < 0] = [stratum for stratum in by_size if stratum not in order]
    return order


def renumber(labels: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Renumber labels according to the order of `order_strata`; -1 stays -1."""
    numbers = np.append(np.argsort(order), NOISE)
    return np.asarray(numbers[labels])


def name_strata(strata: np.ndarray) -> str:
    """Return a list of at least one stratum as text.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._utils.numbering import name_strata
    >>> name_strata(np.array([4])), name_strata(np.array([0, 1, 2, 3]))
    ('stratum 4', 'strata 0 to 3')
    >>> name_strata(np.array([1, 4, 5]))
    'strata 1, 4 and 5'
    """
    numbers = strata.tolist()
    if len(numbers) == 1:
        return f"stratum {numbers[0]}"
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"strata {numbers[0]} to {numbers[-1]}"
    return f"strata {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
