"""Audit of the strata of the samples of a report."""

from dataclasses import replace
from typing import Any

import numpy as np

from contrastive_clustering._evaluation.audit import audit_confounding
from contrastive_clustering._evaluation.audit_result import ConfoundingAudit
from contrastive_clustering._evaluation.group_parts import GroupParts
from contrastive_clustering._evaluation.group_strata import assign_groups
from contrastive_clustering._report.data import Chosen
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.nuisance import Nuisance
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.weighted_tables import count
from contrastive_clustering.metrics import mapped_accuracy

# As in audit_confounding, if there are enough samples.
N_NEIGHBORS = 15


class _Encoded:
    """Strata and latents that are known, of samples given as indices (n_samples, 1)."""

    def __init__(self, chosen: Chosen) -> None:
        self.chosen = chosen

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.asarray(self.chosen.labels[X[:, 0]])

    def transform(self, X: np.ndarray) -> np.ndarray:
        return np.asarray(self.chosen.latents[X[:, 0]])


def audit_strata(
    nuisance: Nuisance, chosen: Chosen, grouping: Grouping | None, seed: int
) -> ConfoundingAudit:
    """Audit the strata of the samples of a report, of which not all are noise.

    Probabilities decide between strata of a group that are equally frequent, as in the
    other tables of a report. The variables are those of `find_auditable`.
    """
    audit = _audit(nuisance, chosen, None if grouping is None else grouping.codes, seed)
    if grouping is None:
        return audit
    return replace(
        audit,
        composition=_compose(audit, nuisance, chosen, grouping),
        y_accuracy=_accuracy(audit, chosen, grouping),
    )


def _audit(
    nuisance: Nuisance, chosen: Chosen, groups: np.ndarray | None, seed: int
) -> ConfoundingAudit:
    columns = {
        name: np.array(levels, dtype=object)[codes]
        for name, levels, codes in zip(
            nuisance.names, nuisance.levels, nuisance.codes.T, strict=True
        )
    }
    rows = np.flatnonzero(chosen.labels != NOISE)
    largest = 1 if groups is None else int(np.bincount(groups[rows]).max())
    n_neighbors = min(N_NEIGHBORS, len(rows) - largest)
    has_classes = len(chosen.classes) > 1 and n_neighbors > 0
    return audit_confounding(
        _Encoded(chosen),
        np.arange(len(chosen.rows))[:, None],
        columns,
        chosen.y if has_classes else None,
        groups=groups,
        n_neighbors=max(1, n_neighbors),
        random_state=seed,
    )


def _compose(
    audit: ConfoundingAudit, nuisance: Nuisance, chosen: Chosen, grouping: Grouping
) -> Any:
    """Return the composition of an audit in which probabilities decide."""
    rows = np.flatnonzero(chosen.labels != NOISE)
    columns = []
    for name, names, codes in zip(
        nuisance.names, nuisance.levels, nuisance.codes[rows].T, strict=True
    ):
        parts = GroupParts.of(grouping.take(rows), codes)
        labels, proba = chosen.labels[rows], chosen.proba[rows]
        strata = assign_groups(labels, proba, parts.grouping).labels
        codes_of_strata = np.searchsorted(audit.strata, strata)
        shape = (len(audit.strata), len(names))
        counts = count(codes_of_strata, parts.levels, shape)[0]
        order = [names.index(level) for level in audit.composition[name].columns]
        columns.append(counts[:, order])
    composition = audit.composition.copy()
    composition[:] = np.hstack(columns)
    return composition


def _accuracy(audit: ConfoundingAudit, chosen: Chosen, grouping: Grouping) -> float:
    """Return the accuracy of an audit in which probabilities decide."""
    if chosen.y is None or np.isnan(audit.y_accuracy):
        return audit.y_accuracy
    rows = np.flatnonzero(chosen.labels != NOISE)
    grouping = grouping.take(rows)
    _, codes = np.unique(chosen.y[rows], return_inverse=True)
    strata = assign_groups(chosen.labels[rows], chosen.proba[rows], grouping).labels
    return mapped_accuracy(grouping.majority(codes.reshape(-1)), strata, balanced=True)


def find_auditable(
    nuisance: Nuisance, grouping: Grouping
) -> tuple[Nuisance | None, tuple[str, ...]]:
    """Return variables that an audit accepts, or None, and the names of the others.

    A random selection of samples may have a single level, too many or one group only.
    """
    n_levels = [len(np.unique(codes)) for codes in nuisance.codes.T]
    most = len(nuisance.codes) / 2 if grouping.n_groups > 1 else 0
    kept, others = split_variables(nuisance, [2 <= n <= most for n in n_levels])
    return kept, tuple(others)


def split_variables(
    nuisance: Nuisance, are_kept: list[bool]
) -> tuple[Nuisance | None, list[str]]:
    """Return some of the variables, None if there are none, and names of the others."""
    kept = np.flatnonzero(are_kept)
    others = [nuisance.names[i] for i in np.flatnonzero(~np.array(are_kept))]
    if not len(kept):
        return None, others
    variables = Nuisance(
        nuisance.codes[:, kept],
        tuple(nuisance.names[i] for i in kept),
        tuple(nuisance.levels[i] for i in kept),
    )
    return variables, others
