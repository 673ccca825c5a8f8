"""The result of an audit of confounding: tables, verdicts, text and HTML."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import escape

from contrastive_clustering._evaluation.audit_verdict import VERDICTS
from contrastive_clustering._utils.messages import quantity


@dataclass(frozen=True, eq=False)
class ConfoundingAudit:
    """Whether strata and latents follow nuisance variables.

    Units are groups if these were passed, and samples otherwise. A group whose samples
    lie at several levels of a variable counts once at each of them.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each variable, indexed by "variable", with these columns:

        - "n_levels" and "n": number of levels and of units;
        - "adjusted_mutual_info" and "p": agreement of strata and levels, and its
          p-value by permutation;
        - "probe", "probe_low", "probe_high" and "probe_chance": balanced accuracy of a
          linear probe of the level on the latents, the limits of its interval, and its
          value by chance; NaN if there are no latents;
        - "robustness_index" and "robustness_index_chance": neighbors of the same class
          at another level against neighbors of another class at the same level, and
          the same for all samples instead of neighbors; NaN without classes or
          latents;
        - "y_association" and "y_p": Cramer's V of classes and levels, in the same
          samples as "adjusted_mutual_info", and its p-value; NaN without classes;
        - "positivity": whether all pairs of classes can be compared at the same levels;
          None without classes;
        - "verdict" and "note": the verdict, and its reasons in words.

    composition : pandas.DataFrame of shape (n_strata, n_all_levels)
        Number of units of each stratum, indexed by "stratum", at each level; columns
        are indexed by "variable" and "level".

    verdicts : dict of str to str
        The verdict on each variable.

    verdict : str
        The most serious of them: "not identifiable" before "confounded", "encoded in
        the latents", "too few groups to judge" and "no sign of confounding".

    strata : ndarray of shape (n_strata,)
        The strata, sorted, without noise.

    y_balanced_accuracy : float
        Balanced accuracy of the classes if each stratum predicts its most frequent
        class, by group; NaN without classes. It is optimistic, as the classes are those
        that it was learned from.

    n_groups : int or None
        Number of groups, without noise; None if no groups were passed.

    n_samples : int
        Number of samples, without noise.

    n_noise : int
        Number of noise samples. They are left out.

    n_permutations, n_neighbors, confidence_level
        The parameters of :func:`audit_confounding`.

    Examples
    --------
    See :func:`audit_confounding`.
    """

    table: Any
    composition: Any
    strata: np.ndarray
    y_balanced_accuracy: float
    n_groups: int | None
    n_samples: int
    n_noise: int
    n_permutations: int
    n_neighbors: int
    confidence_level: float

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict on each variable."""
        return {str(name): value for name, value in self.table["verdict"].items()}

    @property
    def verdict(self) -> str:
        """The most serious verdict."""
        return min(self.verdicts.values(), key=VERDICTS.index)

    def sentences(self) -> tuple[str, str]:
        """Return what was counted, and how it was tested.

        Returns
        -------
        summary, method : str
            One line of text each.
        """
        return self._summary(), self._method()

    def __str__(self) -> str:
        summary, method = self.sentences()
        lines = [summary]
        for name, row in self.table.iterrows():
            lines.append(f"  {name} ({row['n_levels']} levels): {row['verdict']}")
            lines += [f"    {text}" for text in _describe(row)]
        return "\n".join([*lines, method])

    def _repr_html_(self) -> str:
        """Return the result as HTML for notebooks, with all text escaped."""
        table = self.table.to_html(escape=True, float_format="{:.3g}".format, na_rep="")
        composition = self.composition.to_html(escape=True)
        first, last = (f"<p>{escape(text)}</p>" for text in self.sentences())
        return f"<div>{first}{table}{last}{composition}</div>"

    def _summary(self) -> str:
        text = f"{quantity(len(self.strata), 'stratum', 'strata')} of "
        if self.n_groups is not None:
            text += f"{self.n_groups} groups ({self.n_samples} samples)"
        else:
            text += f"{self.n_samples} samples"
        if self.n_noise:
            verb = "is" if self.n_noise == 1 else "are"
            text += f"; {quantity(self.n_noise, 'noise sample')} {verb} left out"
        if not np.isnan(self.y_balanced_accuracy):
            text += "; balanced accuracy of y from the strata "
            text += f"{self.y_balanced_accuracy:.3f}"
        return text

    def _method(self) -> str:
        unit = "samples" if self.n_groups is None else "groups"
        return (
            f"P-values by {self.n_permutations} permutations of {unit}, not corrected "
            f"for the number of variables. Intervals of {self.confidence_level:.0%} by "
            f"resampling {unit}. {self.n_neighbors} neighbors."
        )


def _describe(row: Any) -> list[str]:
    lines = [
        f"agreement with the strata: adjusted mutual information "
        f"{row['adjusted_mutual_info']:.3f}, p = {row['p']:.3g}"
    ]
    if not np.isnan(row["probe"]):
        lines.append(
            f"linear probe of the latents: balanced accuracy {row['probe']:.3f} "
            f"[{row['probe_low']:.3f}, {row['probe_high']:.3f}], "
            f"{row['probe_chance']:.3f} by chance"
        )
    if not np.isnan(row["robustness_index"]):
        lines.append(
            f"robustness index {row['robustness_index']:.3g}, "
            f"{row['robustness_index_chance']:.3g} by chance"
        )
    if not np.isnan(row["y_association"]):
        lines.append(
            f"association with y: Cramer's V {row['y_association']:.3f}, "
            f"p = {row['y_p']:.3g}"
        )
    return [*lines, row["note"]] if row["note"] else lines
