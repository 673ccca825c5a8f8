"""Parts of groups at one level of a nuisance variable, which an audit counts once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from contrastive_clustering._utils.grouping import Grouping


@dataclass(frozen=True, eq=False)
class GroupParts:
    """The samples of each group at each level.

    If the level is constant within groups, the parts are the groups.

    Attributes
    ----------
    grouping : Grouping
        The part of each sample.

    groups : ndarray of shape (n_parts,)
        The group of each part.

    levels : ndarray of shape (n_parts,)
        The level of each part.
    """

    grouping: Grouping
    groups: np.ndarray
    levels: np.ndarray

    @classmethod
    def of(cls, grouping: Grouping, levels: np.ndarray) -> "GroupParts":
        """Return the parts of groups for the level of each sample, (n_samples,)."""
        pairs, codes = np.unique(
            np.stack([grouping.codes, levels], axis=1), axis=0, return_inverse=True
        )
        codes = codes.reshape(-1)  # a column in NumPy 2.0
        return cls(Grouping(codes, len(pairs)), pairs[:, 0], pairs[:, 1])

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Return the index of a random sample of each part, (n_parts,)."""
        order = rng.permutation(len(self.grouping.codes))
        _, first = np.unique(self.grouping.codes[order], return_index=True)
        return np.asarray(order[first])

    def permuter(self, rng: np.random.Generator) -> Callable[[np.ndarray], None]:
        """Return a function that permutes the levels of parts in place.

        Parameters
        ----------
        rng : Generator
            Random generator.

        Returns
        -------
        permute : callable
            Permutes each row of an array of shape (n_batch, n_parts) that holds the
            levels of the parts. All levels of a group move together to another group
            with as many parts; then, levels are permuted within groups.
        """
        # Parts are sorted by group.
        starts, sizes = np.unique(self.groups, return_index=True, return_counts=True)[
            1:
        ]
        blocks = [
            starts[sizes == size][:, None] + np.arange(size)
            for size in np.unique(sizes)
        ]

        def permute(permuted: np.ndarray) -> None:
            for members in blocks:  # (n_groups, n_parts_of_each)
                permuted[:, members] = _permute_block(permuted[:, members], rng)

        return permute


def _permute_block(levels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Permute levels of shape (n_batch, n_groups, n_parts) among and within groups."""
    n_batch, n_groups, _ = levels.shape
    donors = rng.permuted(np.tile(np.arange(n_groups), (n_batch, 1)), axis=1)
    moved = np.take_along_axis(levels, donors[:, :, None], axis=1)
    return rng.permuted(moved, axis=2)
