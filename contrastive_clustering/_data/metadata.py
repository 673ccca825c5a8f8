"""Groups and nuisance variables of the samples of a data set."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from contrastive_clustering._utils.grouping import Grouping, read_groups
from contrastive_clustering._utils.nuisance import Nuisance


@dataclass(frozen=True, eq=False)
class Metadata:
    """Groups and nuisance variables of the samples of a data set.

    Attributes
    ----------
    groups : Grouping or None
        The group of each sample, such as the patient; None if each sample is
        independent of the others.

    nuisance : Nuisance or None
        Variables that strata should not follow, such as the site; None if there are
        none.
    """

    groups: Grouping | None = None
    nuisance: Nuisance | None = None

    @classmethod
    def read(cls, groups: Any, nuisance: Any, n_samples: int) -> "Metadata":
        """Return the metadata that a caller passes.

        Parameters
        ----------
        groups : array-like of shape (n_samples,), Grouping or None
            See `read_groups`.

        nuisance : array-like, data frame, mapping or None
            See `Nuisance.read`.

        n_samples : int
            Number of samples.

        Returns
        -------
        metadata : Metadata
            The metadata.

        Raises
        ------
        TypeError, ValueError
            As for `read_groups` and `Nuisance.read`.
        """
        return cls(
            read_groups(groups, n_samples),
            None if nuisance is None else Nuisance.read(nuisance, n_samples),
        )

    def take(self, rows: np.ndarray | None) -> "Metadata":
        """Return the metadata of some samples, or of all if `rows` is None."""
        if rows is None:
            return self
        return Metadata(
            None if self.groups is None else self.groups.take(rows),
            None if self.nuisance is None else self.nuisance.take(rows),
        )

    def weights(self) -> np.ndarray | None:
        """Return weights that sum to one in each group; None without groups."""
        return None if self.groups is None else self.groups.weights()
