"""The row of one nuisance variable in the table of an audit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from contrastive_clustering._evaluation.audit_verdict import LEVEL, Evidence, judge
from contrastive_clustering._evaluation.group_parts import GroupParts
from contrastive_clustering._evaluation.group_strata import assign_groups
from contrastive_clustering._evaluation.nuisance_agreement import agree, smallest_p
from contrastive_clustering._evaluation.nuisance_probe import NO_PROBE, probe_levels
from contrastive_clustering._evaluation.robustness_index import robustness_index
from contrastive_clustering._evaluation.variable_tests import cramers_v
from contrastive_clustering._utils.caller_warnings import warn
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.weighted_tables import count


@dataclass(frozen=True, eq=False)
class Audited:
    """The samples of an audit, without noise.

    Attributes
    ----------
    strata : ndarray of shape (n_samples,)
        Codes of the strata, from 0.

    n_strata : int
        Number of strata.

    proba : ndarray of shape (n_samples, n_strata) or None
        Probabilities of the strata, if they are known.

    probed : ndarray of shape (n_probed,)
        Indices of the samples whose latents are examined.

    latents : ndarray of shape (n_probed, latent_dim) or None
        Their latents.

    classes : ndarray of shape (n_samples,) or None
        Classes.

    grouping : Grouping
        Groups.

    unit : {"groups", "samples"}
        The units of counts.
    """

    strata: np.ndarray
    n_strata: int
    proba: np.ndarray | None
    probed: np.ndarray
    latents: np.ndarray | None
    classes: np.ndarray | None
    grouping: Grouping
    unit: str

    def strata_of(self, grouping: Grouping) -> np.ndarray:
        """Return the stratum of each group, such as a part of one, (n_groups,)."""
        if self.proba is None:
            return grouping.majority(self.strata)
        return assign_groups(self.strata, self.proba, grouping).labels


def make_row(
    audited: Audited,
    levels: np.ndarray,
    name: str,
    level_names: Sequence[str],
    *,
    n_permutations: int,
    n_neighbors: int,
    confidence_level: float,
    seed: int,
) -> tuple[dict[str, Any], np.ndarray]:
    """Return the row of a variable in the table, and the composition of the strata.

    Parameters
    ----------
    audited : Audited
        The samples.

    levels : ndarray of shape (n_samples,)
        Codes of the levels, from 0.

    name : str
        Name of the variable.

    level_names : sequence of str
        Names of the levels.

    n_permutations, n_neighbors, confidence_level, seed
        Parameters of the audit.

    Returns
    -------
    row : dict of str to object
        The columns of the table.

    composition : ndarray of shape (n_strata, n_levels)
        Number of units of each stratum at each level.
    """
    parts = GroupParts.of(audited.grouping, levels)
    strata = audited.strata_of(parts.grouping)
    shape = (audited.n_strata, len(level_names))
    composition = count(strata, parts.levels, shape)[0]
    agreement, test = agree(
        audited.strata, parts, n_permutations, np.random.default_rng([seed, 0])
    )
    _warn_of_few_permutations(
        name, smallest_p(audited.strata, parts, n_permutations), n_permutations
    )
    probe = NO_PROBE
    if audited.latents is not None:
        probed = GroupParts.of(
            audited.grouping.take(audited.probed), levels[audited.probed]
        )
        probe = probe_levels(audited.latents, probed, confidence_level, seed)
    row: dict[str, Any] = {
        "n_levels": len(level_names),
        "n": len(parts.levels),
        "adjusted_mutual_info": agreement,
        "p": test.p,
        "probe": probe.accuracy,
        "probe_low": probe.low,
        "probe_high": probe.high,
        "probe_chance": probe.chance,
        "robustness_index": np.nan,
        "robustness_index_chance": np.nan,
        "y_association": np.nan,
        "y_p": np.nan,
        "positivity": None,
    }
    names: list[str] = []
    counts = np.zeros((0, len(level_names)), dtype=int)
    if audited.classes is not None:
        names, counts, found = _compare_with_classes(
            audited,
            audited.classes,
            parts,
            n_permutations=n_permutations,
            n_neighbors=n_neighbors,
            seed=seed,
        )
        row |= found
    evidence = Evidence(
        name=name,
        level_names=level_names,
        composition=composition,
        p=test.p,
        smallest_p=test.smallest,
        is_encoded=probe.low > probe.chance,
        is_below_chance=probe.high < probe.chance,
        class_names=names,
        class_counts=counts,
        class_p=row["y_p"],
        class_association=row["y_association"],
        unit=audited.unit,
    )
    if audited.classes is not None:
        row["positivity"] = not len(evidence.inseparable_classes)
    verdict, sentences = judge(evidence)
    return row | {"verdict": verdict, "note": " ".join(sentences)}, composition


def _warn_of_few_permutations(name: str, smallest: float, n_permutations: int) -> None:
    """Warn if no p-value can be small, so that no agreement can be found."""
    if smallest > LEVEL:
        least = round(smallest * (1 + n_permutations) / LEVEL) - 1
        warn(
            f"n_permutations={n_permutations} is too small to find that strata follow "
            f"{name}: the smallest p-value is {smallest:.3g}, above {LEVEL}. Set "
            f"n_permutations to at least {least}."
        )


def _compare_with_classes(
    audited: Audited,
    classes: np.ndarray,
    parts: GroupParts,
    *,
    n_permutations: int,
    n_neighbors: int,
    seed: int,
) -> tuple[list[str], np.ndarray, dict[str, Any]]:
    """Return the classes, their counts at each level, and columns of the table."""
    known, codes = np.unique(classes, return_inverse=True)
    of_parts = parts.grouping.majority(codes)
    shape = (len(known), int(parts.levels.max()) + 1)
    counts = count(of_parts, parts.levels, shape)

    def associate(levels: np.ndarray, drawn: np.ndarray) -> float:
        return float(cramers_v(count(drawn, levels, shape), n_corrections=1)[0])

    association, test = agree(
        codes, parts, n_permutations, np.random.default_rng([seed, 2]), associate
    )
    columns: dict[str, Any] = {"y_association": association, "y_p": test.p}
    if audited.latents is not None:
        index, chance = robustness_index(
            audited.latents,
            codes[audited.probed],
            parts.levels[parts.grouping.codes[audited.probed]],
            audited.grouping.take(audited.probed),
            n_neighbors,
        )
        columns |= {"robustness_index": index, "robustness_index_chance": chance}
    return [str(each) for each in known.tolist()], counts[0], columns
