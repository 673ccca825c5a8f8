"""Whether neighbors in the latents share the class or the nuisance level."""

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import gen_batches

from contrastive_clustering._utils.grouping import Grouping

# Number of distances that are kept at a time.
MAX_ENTRIES = 2**22


def robustness_index(
    latents: np.ndarray,
    classes: np.ndarray,
    levels: np.ndarray,
    grouping: Grouping,
    n_neighbors: int,
) -> tuple[float, float]:
    r"""Return the robustness index of latents, and its value by chance.

    With the nearest neighbors :math:`j` of each sample :math:`i` in other groups,
    classes :math:`y` and nuisance levels :math:`s`, the index is

    .. math::

        \frac{\sum_i w_i \sum_j [y_j = y_i, s_j \neq s_i]}
        {\sum_i w_i \sum_j [y_j \neq y_i, s_j = s_i]}

    where the weights :math:`w` of a group sum to one. It is the odds form of the index
    of PathoROB (arXiv:2507.17845). The original index of arXiv:2501.18055 counts
    neighbors of the same class against neighbors of the same level; it is above 1 in
    the same cases.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, latent_dim)
        Latents, compared by the Euclidean distance.

    classes, levels : ndarray of shape (n_samples,)
        Codes of the classes and of the levels.

    grouping : Grouping
        The groups. Neighbors in the same group do not count.

    n_neighbors : int
        Number of neighbors.

    Returns
    -------
    index, chance : float
        At least 0, infinite if the denominator is 0, and NaN if the numerator is 0 as
        well. `chance` is the index with all samples of other groups as neighbors.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._evaluation.robustness_index import robustness_index
    >>> from contrastive_clustering._utils.grouping import Grouping
    >>> classes, levels = np.repeat([0, 1], 4), np.tile([0, 1], 4)
    >>> latents = 10 * classes[:, None] + np.arange(8)[:, None]
    >>> robustness_index(latents, classes, levels, Grouping(np.arange(8), 8), 3)
    (inf, 1.0)
    """
    weights = grouping.weights()
    n_samples = len(latents)
    n_queried = min(n_samples, n_neighbors + int(np.bincount(grouping.codes).max()))
    search = NearestNeighbors(n_neighbors=n_queried).fit(latents)
    favorable = unfavorable = 0.0
    for rows in gen_batches(n_samples, max(1, MAX_ENTRIES // n_queried)):
        found = search.kneighbors(latents[rows], return_distance=False)
        is_other = grouping.codes[found] != grouping.codes[rows][:, None]
        counted = is_other & (is_other.cumsum(axis=1) <= n_neighbors)
        same_class = classes[found] == classes[rows][:, None]
        same_level = levels[found] == levels[rows][:, None]
        favorable += weights[rows] @ (counted & same_class & ~same_level).sum(axis=1)
        unfavorable += weights[rows] @ (counted & ~same_class & same_level).sum(axis=1)
    return _ratio(favorable, unfavorable), _chance(classes, levels, grouping)


def _chance(classes: np.ndarray, levels: np.ndarray, grouping: Grouping) -> float:
    """Return the index with all samples of other groups as neighbors."""
    cells = classes * (int(levels.max()) + 1) + levels
    n_same_class, n_same_level, n_same_both = (
        _count_in_other_groups(codes, grouping) for codes in (classes, levels, cells)
    )
    weights = grouping.weights()
    return _ratio(
        float(weights @ (n_same_class - n_same_both)),
        float(weights @ (n_same_level - n_same_both)),
    )


def _count_in_other_groups(codes: np.ndarray, grouping: Grouping) -> np.ndarray:
    """Return how many samples of other groups have the code of each sample."""
    pairs = np.stack([grouping.codes, codes], axis=1)
    _, inverse, counts = np.unique(
        pairs, axis=0, return_inverse=True, return_counts=True
    )
    inverse = inverse.reshape(-1)  # a column in NumPy 2.0
    return np.asarray(np.bincount(codes)[codes] - counts[inverse])


def _ratio(favorable: float, unfavorable: float) -> float:
    if unfavorable > 0:
        return float(favorable / unfavorable)
    return np.inf if favorable > 0 else np.nan
