"""Pairs of samples of the same group, which the contrastive loss compares."""

import numpy as np

from contrastive_clustering._utils.grouping import Grouping


class GroupPartners:
    """Draws another sample of the group of each sample.

    Parameters
    ----------
    grouping : Grouping
        The group of each sample.
    """

    def __init__(self, grouping: Grouping) -> None:
        codes = grouping.codes
        self._codes = codes
        self._sizes = np.bincount(codes)
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._members = np.argsort(codes, kind="stable")
        # Position of each sample among the members of its group.
        self._positions = np.empty(len(codes), dtype=np.intp)
        self._positions[self._members] = np.arange(len(codes)) - np.repeat(
            self._starts, self._sizes
        )

    def draw(self, indices: np.ndarray, seed: int) -> np.ndarray:
        """Return a random other sample of the group of each sample.

        Parameters
        ----------
        indices : ndarray of shape (n,)
            Indices of samples.

        seed : int
            Seed of the draw.

        Returns
        -------
        partners : ndarray of shape (n,)
            Indices of their partners; the sample itself if it is alone in its group.
        """
        groups = self._codes[indices]
        sizes = self._sizes[groups]
        steps = 1 + np.random.default_rng(seed).integers(np.maximum(sizes - 1, 1))
        positions = (self._positions[indices] + steps) % sizes
        return np.asarray(self._members[self._starts[groups] + positions])
