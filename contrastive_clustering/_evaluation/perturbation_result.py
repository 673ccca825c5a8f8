"""The result of an audit of perturbations: shares, a table and text."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from contrastive_clustering._utils.messages import quantity
from contrastive_clustering._utils.optional import import_pandas


@dataclass(frozen=True, eq=False)
class PerturbationAudit:
    """Which samples keep their stratum if they are slightly changed.

    Samples that lie between two strata change theirs easily, and more strata have more
    borders. A stratum that loses many of its samples by a change that nobody sees
    depends on properties of the images that may not matter.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each change, indexed by "perturbation", with the columns "size",
        "same_stratum", "low" and "high". It needs pandas.

    by_stratum : pandas.DataFrame of shape (n_strata, n_perturbations)
        Share of the samples of each stratum, indexed by "stratum", that stay in it,
        with one column for each change. It needs pandas.

    names : tuple of str
        The changes.

    sizes : ndarray of shape (n_perturbations,)
        Root mean square of the changes of the values, in standard deviations of all
        values. A rotation may change many values although it is hardly visible.

    rows : ndarray of shape (n_used,)
        Indices of the samples that were changed.

    labels : ndarray of shape (n_used,)
        Their strata before; -1 is noise.

    same : ndarray of bool of shape (n_perturbations, n_used)
        Which of them are in the same stratum after each change.

    shares : ndarray of shape (n_perturbations,)
        Share of the samples that keep their stratum. With groups, a group weighs as
        one.

    intervals : ndarray of shape (n_perturbations, 2)
        95 % intervals of the shares, by resampling the samples, or whole groups; NaN if
        all samples keep their stratum.

    strata : ndarray of shape (n_strata,)
        The strata of these samples, sorted, without noise.

    sample_counts : ndarray of shape (n_strata,)
        Number of samples of each stratum.

    strata_shares : ndarray of shape (n_strata, n_perturbations)
        The values of `by_stratum`.

    n_groups : int or None
        Number of groups of these samples; None if no groups were passed.

    Examples
    --------
    See :func:`audit_perturbations`.
    """

    names: tuple[str, ...]
    sizes: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    same: np.ndarray
    shares: np.ndarray
    intervals: np.ndarray
    strata: np.ndarray
    sample_counts: np.ndarray
    strata_shares: np.ndarray
    n_groups: int | None

    @property
    def table(self) -> Any:
        """The shares of all samples as a table."""
        pandas = import_pandas("PerturbationAudit.table")
        return pandas.DataFrame(
            {
                "size": self.sizes,
                "same_stratum": self.shares,
                "low": self.intervals[:, 0],
                "high": self.intervals[:, 1],
            },
            index=pandas.Index(self.names, name="perturbation"),
        )

    @property
    def by_stratum(self) -> Any:
        """The shares of each stratum as a table."""
        pandas = import_pandas("PerturbationAudit.by_stratum")
        return pandas.DataFrame(
            self.strata_shares,
            index=pandas.Index(self.strata, name="stratum"),
            columns=pandas.Index(self.names, name="perturbation"),
        )

    def __str__(self) -> str:
        counted = quantity(len(self.labels), "sample")
        if self.n_groups is not None:
            counted += f" of {quantity(self.n_groups, 'group')}"
        lines = [
            f"{quantity(len(self.strata), 'stratum', 'strata')} of {counted}: share "
            "that stays in its stratum if samples are changed"
        ]
        for i, name in enumerate(self.names):
            low, high = self.intervals[i]
            line = f"  {name} (size {self.sizes[i]:.2g}): {self.shares[i]:.2f}"
            line += "" if np.isnan(low) else f" [{low:.2f}, {high:.2f}]"
            if len(self.strata) > 1:
                least = self.strata_shares[:, i].argmin()
                line += (
                    f", least in stratum {self.strata[least]}: "
                    f"{self.strata_shares[least, i]:.2f}"
                )
            lines.append(line)
        lines.append("Sizes are in standard deviations of all values.")
        return "\n".join(lines)
