"""Reduction of samples to groups, such as patients, in which a group weighs as one."""

from dataclasses import dataclass
from typing import Any

import numpy as np

# Code of a missing value.
MISSING = -1


@dataclass(frozen=True, eq=False)
class Grouping:
    """The group of each sample.

    Attributes
    ----------
    codes : ndarray of shape (n_samples,)
        Group of each sample, from 0; each group has at least one sample.

    n_groups : int
        Number of groups.
    """

    codes: np.ndarray
    n_groups: int

    @classmethod
    def from_identifiers(cls, identifiers: Any, pandas: Any) -> "Grouping":
        """Return the groups of identifiers; a missing one is a group of its own.

        Parameters
        ----------
        identifiers : pandas.Series
            Identifiers of the samples.

        pandas : module
            The pandas package.

        Returns
        -------
        grouping : Grouping
            The groups in order of appearance; those without an identifier come last.
        """
        codes, known = pandas.factorize(identifiers)
        codes = np.array(codes)
        missing = codes == MISSING
        codes[missing] = len(known) + np.arange(missing.sum())
        return cls(codes, len(known) + int(missing.sum()))

    def take(self, rows: np.ndarray) -> "Grouping":
        """Return the grouping of some samples, without groups that have none left."""
        known, codes = np.unique(self.codes[rows], return_inverse=True)
        return Grouping(codes.reshape(-1), len(known))

    def majority(self, codes: np.ndarray) -> np.ndarray:
        """Return the most frequent code of each group.

        Parameters
        ----------
        codes : ndarray of shape (n_samples,)
            Codes from 0; -1 is missing.

        Returns
        -------
        codes : ndarray of shape (n_groups,)
            The smallest of equally frequent codes; -1 if all are missing.
        """
        known = codes != MISSING
        pairs, counts = np.unique(
            np.stack([self.codes[known], codes[known]], axis=1),
            axis=0,
            return_counts=True,
        )
        order = np.lexsort([pairs[:, 1], -counts, pairs[:, 0]])
        groups, first = np.unique(pairs[order, 0], return_index=True)
        majority = np.full(self.n_groups, MISSING)
        majority[groups] = pairs[order, 1][first]
        return majority

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of each group, NaN if all its values are NaN.

        If all values of a group are equal, the mean is exactly this value, so that ties
        between groups of different sizes remain ties.
        """
        known = ~np.isnan(values)
        codes, values = self.codes[known], values[known]
        counts = np.bincount(codes, minlength=self.n_groups)
        low = np.full(self.n_groups, np.inf)
        high = np.full(self.n_groups, -np.inf)
        np.minimum.at(low, codes, values)
        np.maximum.at(high, codes, values)
        # Dividing first avoids an overflow of the sum.
        terms = values / counts[codes]
        means = np.bincount(codes, weights=terms, minlength=self.n_groups)
        means = np.where(low == high, low, means)
        return np.where(counts > 0, means, np.nan)

    def varies(self, values: np.ndarray) -> np.ndarray:
        """Return the indices of samples that differ from the first of their group.

        NaN differs from nothing.
        """
        known = np.flatnonzero(~np.isnan(values))
        groups, first = np.unique(self.codes[known], return_index=True)
        expected = np.full(self.n_groups, np.nan)
        expected[groups] = values[known][first]
        varying: np.ndarray = known[values[known] != expected[self.codes[known]]]
        return varying

    def size_blocks(self) -> np.ndarray:
        """Return a number for each group that similar numbers of samples share.

        Groups of 1, of 2, of 3 to 4, of 5 to 8 samples and so on.
        """
        sizes = np.bincount(self.codes, minlength=self.n_groups)
        return np.ceil(np.log2(sizes)).astype(int)
