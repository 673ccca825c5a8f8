"""Reduction of samples to groups, such as patients, in which a group weighs as one."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from contrastive_clustering._utils.caller_warnings import warn
from contrastive_clustering._utils.identifiers import (
    MISSING,
    factorize,
    read_column,
)

# Texts that probably mean that an identifier is unknown. Others, such as "NA", may be
# initials.
UNKNOWN = {"nan", "NaN", "None", "NaT", "<NA>", "null", "NULL", "n/a", "N/A", "#N/A"}
UNKNOWN |= {"unknown", "Unknown", "UNKNOWN", "?", "-"}

# Fewer groups of equal numbers of samples share a block with similar numbers, because
# permutations within small blocks change little.
MIN_BLOCK = 5

# Squared distances that differ by at most this fraction are equal. The two samples of a
# pair are always equally far from their mean.
DISTANCE_ROUNDING = 1e-6

# Relative rounding error of a sum, for each of its terms.
EPSILON = np.finfo(np.float64).eps


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
    def read(cls, groups: Any, n_samples: int, where: str = "groups") -> "Grouping":
        """Return the groups that a caller passes.

        Parameters
        ----------
        groups : array-like of shape (n_samples,)
            Identifier of the group of each sample. A sample without an identifier is a
            group of its own.

        n_samples : int
            Number of samples.

        where : str, default="groups"
            Name of the parameter or the column, for error messages.

        Returns
        -------
        grouping : Grouping
            The groups in the order in which they first appear; those without an
            identifier come last.

        Raises
        ------
        TypeError, ValueError
            If there is not one identifier for each sample, or one group only.

        Warns
        -----
        UserWarning
            If several samples have an identifier that probably says that it is unknown.
        """
        codes, _ = number_groups(groups, n_samples, where)
        n_groups = int(codes.max(initial=MISSING)) + 1
        if n_groups < 2:
            raise ValueError(
                f"{where} has one group only, but at least 2 are needed. Leave {where} "
                "out if the samples are independent of each other."
            )
        return cls(codes, n_groups)

    @property
    def is_trivial(self) -> bool:
        """Whether each sample is a group of its own."""
        return self.n_groups == len(self.codes)

    def weights(self) -> np.ndarray:
        """Return weights of samples that sum to one in each group, (n_samples,)."""
        sizes = np.bincount(self.codes, minlength=self.n_groups)
        return np.asarray(1.0 / sizes[self.codes])

    def representatives(self, rows: np.ndarray) -> np.ndarray:
        """Return the sample of each group that is nearest to the mean of the group.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)
            Features of the samples, such as latents.

        Returns
        -------
        indices : ndarray of shape (n_groups,)
            Indices in ascending order; the first of equally near samples, such as those
            of a group of two.
        """
        weights = self.weights()
        means = np.zeros((self.n_groups, rows.shape[1]))
        np.add.at(means, self.codes, rows * weights[:, None])
        distances = np.square(rows - means[self.codes]).sum(axis=1)
        least = np.full(self.n_groups, np.inf)
        np.minimum.at(least, self.codes, distances)
        is_near = distances <= least[self.codes] * (1 + DISTANCE_ROUNDING)
        near = np.flatnonzero(is_near)
        _, first = np.unique(self.codes[near], return_index=True)
        return np.sort(near[first])

    def take(self, rows: np.ndarray) -> "Grouping":
        """Return the grouping of some samples, without groups that have none left."""
        known, codes = np.unique(self.codes[rows], return_inverse=True)
        return Grouping(codes, len(known))

    def majority(self, codes: np.ndarray) -> np.ndarray:
        """Return the most frequent code of each group.

        Parameters
        ----------
        codes : ndarray of shape (n_samples,)
            Codes from 0; -1 is missing.

        Returns
        -------
        codes : ndarray of shape (n_groups,)
            The code; of equally frequent ones, the one that comes first among the
            samples of the group, because the numbers of codes are arbitrary; -1 if all
            are missing.
        """
        known = np.flatnonzero(codes != MISSING)
        pairs, first, counts = np.unique(
            np.stack([self.codes[known], codes[known]], axis=1),
            axis=0,
            return_index=True,
            return_counts=True,
        )
        order = np.lexsort([first, -counts, pairs[:, 0]])
        groups, best = np.unique(pairs[order, 0], return_index=True)
        majority = np.full(self.n_groups, MISSING)
        majority[groups] = pairs[order, 1][best]
        return majority

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of each group, NaN if all its values are NaN.

        If all values of a group are equal, the mean is exactly this value, and means
        that differ only by rounding errors are equal, so that ties between groups of
        different sizes remain ties.
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
        present = np.flatnonzero(counts)
        low, high = low[present], high[present]
        largest = np.maximum(np.abs(low), np.abs(high))
        errors = np.where(low == high, 0, largest * (EPSILON * counts[present]))
        result = np.full(self.n_groups, np.nan)
        exact = np.where(low == high, low, means[present])
        result[present] = _without_rounding(exact, errors)
        return result

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

        Groups of 1, of 2, of 3 to 4, of 5 to 8 samples and so on. These ranges are
        divided as finely as possible into blocks of at least five groups.
        """
        group_sizes = np.bincount(self.codes, minlength=self.n_groups)
        sizes, counts = np.unique(group_sizes, return_counts=True)
        ranges = np.ceil(np.log2(sizes)).astype(int)
        blocks = np.zeros(len(sizes), dtype=int)
        n_in_block = counts[0]
        for i in range(1, len(sizes)):
            n_left = counts[i:][ranges[i:] == ranges[i]].sum()
            is_new = ranges[i] != ranges[i - 1] or min(n_in_block, n_left) >= MIN_BLOCK
            blocks[i] = blocks[i - 1] + is_new
            n_in_block = counts[i] if is_new else n_in_block + counts[i]
        return np.asarray(blocks[np.searchsorted(sizes, group_sizes)])


def number_groups(
    groups: Any, n_samples: int, where: str = "groups"
) -> tuple[np.ndarray, list[Hashable]]:
    """Return the code of the group of each sample, and the names of the first codes.

    Samples without a group have codes of their own, which follow the others. See
    `Grouping.read` for the parameters.
    """
    codes, known = factorize(read_column(groups, where, n_samples), where)
    _warn_of_unknown(codes, known, where)
    missing = codes == MISSING
    codes[missing] = len(known) + np.arange(missing.sum())
    return codes, known


def _warn_of_unknown(codes: np.ndarray, known: Sequence[Hashable], where: str) -> None:
    """Warn if samples of unknown groups would count as those of one group."""
    for code, identifier in enumerate(known):
        if identifier in UNKNOWN and np.sum(codes == code) > 1:
            # Without numbers, a repeated warning is shown once.
            warn(
                f"{where} has several samples with the identifier {identifier!r}, "
                "which count as one group. If their group is unknown, pass None for "
                "them; converting a column to text turns None and NaN into texts."
            )


def _without_rounding(values: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Return values of which those that differ by at most their errors are equal."""
    order = np.argsort(values, kind="stable")
    gaps = np.diff(values[order])
    is_tied = gaps <= errors[order][1:] + errors[order][:-1]
    result = np.empty_like(values)
    # Each value is the first of its run of ties, whose index is the largest so far.
    first = np.arange(len(values))
    first[1:][is_tied] = 0
    result[order] = values[order][np.maximum.accumulate(first)]
    return result


def read_groups(groups: Any, n_samples: int) -> Grouping | None:
    """Return the groups of samples, or None if each sample is independent.

    Samples are independent if there are no groups, or if each of them has one sample.
    Errors are those of :meth:`Grouping.read`.
    """
    if groups is None:
        return None
    if not isinstance(groups, Grouping):
        groups = Grouping.read(groups, n_samples)
    return None if groups.is_trivial else groups


def read_units(groups: Any, n_samples: int) -> Grouping:
    """Return the units that are counted: groups or, without groups, samples.

    Errors are those of :meth:`Grouping.read`.
    """
    if groups is None:
        return Grouping(np.arange(n_samples), n_samples)
    return Grouping.read(groups, n_samples)


def sample_weights(grouping: Grouping | None) -> np.ndarray | None:
    """Return the weights of samples with which a group weighs as one, (n_samples,).

    They are None if there are no groups or if each sample is a group of its own, so
    that results are those without groups.
    """
    if grouping is None or grouping.is_trivial:
        return None
    return grouping.weights()
