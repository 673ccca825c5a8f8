"""The result of an association of strata with variables: tables, text and HTML."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import escape

from contrastive_clustering._utils.messages import quantity

# Level at which the printed result calls a variable associated.
LEVEL = 0.05

CORRECTIONS = {"holm": "Holm", "bh": "Benjamini-Hochberg"}


@dataclass(frozen=True, eq=False)
class StrataAssociation:
    """Tests of strata against variables, and characteristics of the strata.

    Units are groups if these were passed, and samples otherwise.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each variable, indexed by "variable", with these columns:

        - "kind": "categorical", "numeric" or "survival";
        - "test" and "statistic": "chi-squared", "Kruskal-Wallis" or "log-rank";
        - "effect", "effect_name", "effect_low" and "effect_high": Cramer's V, epsilon
          squared or the difference of restricted mean survival times, with the limits
          of its interval; the limits are NaN if all resamples have the same effect, as
          those of strata that a variable separates perfectly;
        - "n" and "n_missing": number of units with and without a value;
        - "p": p-value by permutation;
        - "p_corrected": p-value corrected for the number of variables and clusterings;
        - "note": the reason why a variable was not tested, whose numbers are then NaN;
          for survival, the strata that differ most and the horizon, or why there is no
          effect; and the smallest p-value of the permutations if it is above 0.05,
          because there are few units or nearly all have the same value.

    baseline : pandas.DataFrame
        Characteristics by stratum as text, indexed by "variable" and "statistic", with
        the column "all" and one column for each stratum: counts and percentages, or
        median and quartiles, and the number of missing values. Levels beyond the 20
        most frequent ones of a variable share one row.

    strata : ndarray of shape (n_strata,)
        The strata, sorted, without noise and without strata in which no group counts.

    sample_counts : ndarray of shape (n_strata,)
        Number of samples of each stratum.

    group_counts : ndarray of shape (n_strata,) or None
        Number of groups in each stratum, each counted in the stratum of most of its
        samples. None if no groups were passed.

    n_samples : int
        Number of samples, without noise.

    n_noise : int
        Number of noise samples, which are left out.

    n_divided : int
        Number of groups whose samples lie in several strata. They count in the most
        frequent one.

    n_groups : int or None
        Number of groups, without noise; None if no groups were passed.

    n_searched, correction, n_permutations, confidence_level
        The parameters of :func:`associate_strata`.

    Examples
    --------
    See :func:`associate_strata`.
    """

    table: Any
    baseline: Any
    strata: np.ndarray
    sample_counts: np.ndarray
    group_counts: np.ndarray | None
    n_samples: int
    n_noise: int
    n_divided: int
    n_groups: int | None
    n_searched: int
    correction: str | None
    n_permutations: int
    confidence_level: float

    def sentences(self) -> tuple[str, str, str]:
        """Return what was counted, how it was tested, and what is associated.

        Returns
        -------
        summary, method, verdict : str
            One line of text each.
        """
        return self._summary(), self._method(), self._verdict()

    def __str__(self) -> str:
        summary, method, verdict = self.sentences()
        lines = [summary]
        width = max(len(str(name)) for name in self.table.index)
        for name, row in self.table.iterrows():
            lines.append(f"  {name!s:<{width}}  {_describe(row)}")
        return "\n".join([*lines, method, verdict])

    def _repr_html_(self) -> str:
        """Return the result as HTML for notebooks, with all text escaped."""
        sentences = self.sentences()
        table = self.table.to_html(escape=True, float_format="{:.3g}".format, na_rep="")
        baseline = self.baseline.to_html(escape=True)
        paragraphs = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
        return f"<div>{paragraphs}{table}{baseline}</div>"

    def _summary(self) -> str:
        text = f"{len(self.strata)} strata of "
        if self.n_groups is not None:
            text += f"{self.n_groups} groups ({self.n_samples} samples"
            text += f"; groups in several strata: {self.n_divided}, which count in "
            text += "the most frequent one)"
        else:
            text += f"{self.n_samples} samples"
        if self.n_noise:
            verb = "is" if self.n_noise == 1 else "are"
            text += f"; {quantity(self.n_noise, 'noise sample')} {verb} left out"
        return text

    def _method(self) -> str:
        n_tested = int(self.table["p"].notna().sum())
        unit = "samples" if self.n_groups is None else "groups"
        correction = (
            f"corrected by {CORRECTIONS[self.correction]} for "
            f"{quantity(n_tested, 'variable')}"
            if self.correction
            else "not corrected for the number of variables"
        )
        return (
            f"P-values by {self.n_permutations} permutations of {unit}, {correction}"
            f"; clusterings searched: {self.n_searched}. Intervals of "
            f"{self.confidence_level:.0%} by resampling {unit}."
        )

    def _verdict(self) -> str:
        if self.table["p"].isna().all():
            return "No variable was tested."
        associated = self.table.index[self.table["p_corrected"] <= LEVEL]
        names = ", ".join(map(str, associated)) or "none"
        is_corrected = self.correction is not None or self.n_searched > 1
        basis = "after" if is_corrected else "without"
        return f"Associated at the level {LEVEL} {basis} correction: {names}."


def describe_effect(row: Any) -> str:
    """Return the effect of a variable that was tested, with its interval if known.

    Parameters
    ----------
    row : pandas.Series
        A row of the table of associations.

    Returns
    -------
    text : str
        Its name and numbers.
    """
    if np.isnan(row["effect"]):
        return f"{row['effect_name']} not available"
    text = f"{row['effect_name']} {row['effect']:.3g}"
    if np.isnan(row["effect_low"]):
        return f"{text}, no interval"
    return f"{text} [{row['effect_low']:.3g}, {row['effect_high']:.3g}]"


def _describe(row: Any) -> str:
    if np.isnan(row["p"]):
        return f"not tested: {row['note']}"
    text = f"{row['test']} {row['statistic']:.3g}, {describe_effect(row)}"
    if row["note"]:
        text += f" ({row['note']})"
    text += f", p = {row['p']:.3g}, corrected {row['p_corrected']:.3g}, n = {row['n']}"
    return f"{text}, {row['n_missing']} missing" if row["n_missing"] else text
