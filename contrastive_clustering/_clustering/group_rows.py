"""Draw samples from as many groups as possible."""

import numpy as np

from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.seeding import draw_rows


def draw_from_groups(
    groups: Grouping, n: int, rng: np.random.RandomState
) -> np.ndarray:
    """Draw samples at random, from as many groups as possible.

    Each group gives one sample before any gives a second one, and so on.

    Parameters
    ----------
    groups : Grouping
        Groups of the samples.

    n : int
        Number of samples to draw.

    rng : RandomState instance
        Random generator.

    Returns
    -------
    rows : ndarray of shape (min(n, n_samples),)
        Distinct indices of the samples.
    """
    order = rng.permutation(len(groups.codes))
    by_group = order[np.argsort(groups.codes[order], kind="stable")]
    sizes = np.bincount(groups.codes, minlength=groups.n_groups)
    rounds = np.empty(len(order), dtype=np.intp)
    starts = np.cumsum(sizes) - sizes
    rounds[by_group] = np.arange(len(order)) - starts[groups.codes[by_group]]
    # Another order, because larger groups have their first samples early in the first.
    order = rng.permutation(len(order))
    return np.asarray(order[np.argsort(rounds[order], kind="stable")][:n])


def draw_sorted_rows(
    n_samples: int, largest: int, rng: np.random.RandomState, groups: Grouping | None
) -> np.ndarray:
    """Return all samples, or a random part of them, of as many groups as possible.

    Parameters
    ----------
    n_samples : int
        Number of samples.

    largest : int
        Maximum number of indices.

    rng : RandomState instance
        Random generator.

    groups : Grouping or None
        Groups of the samples; None if they are independent.

    Returns
    -------
    rows : ndarray of shape (min(largest, n_samples),)
        Distinct indices in ascending order.
    """
    if groups is None:
        return draw_rows(n_samples, largest, rng)
    return np.sort(draw_from_groups(groups, largest, rng))
