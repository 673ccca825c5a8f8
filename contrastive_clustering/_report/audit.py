"""Audit of the strata of the samples of a report."""

import numpy as np

from contrastive_clustering._evaluation.audit_result import ConfoundingAudit
from contrastive_clustering._evaluation.audit_samples import audit_samples
from contrastive_clustering._report.data import Chosen
from contrastive_clustering._utils.grouping import Grouping, read_units
from contrastive_clustering._utils.nuisance import Nuisance
from contrastive_clustering._utils.numbering import NOISE

# As in audit_confounding; fewer neighbors if there are too few samples.
N_PERMUTATIONS, N_NEIGHBORS, CONFIDENCE_LEVEL = 999, 15, 0.95


def audit_strata(
    nuisance: Nuisance, chosen: Chosen, grouping: Grouping | None, seed: int
) -> ConfoundingAudit:
    """Audit the strata of the samples of a report, of which not all are noise.

    Probabilities decide between strata of a group that are equally frequent, as in the
    other tables of a report. The variables are those of `find_auditable`.
    """
    units = read_units(None, len(chosen.labels)) if grouping is None else grouping
    sizes = np.bincount(units.codes[chosen.labels != NOISE])
    n_neighbors = min(N_NEIGHBORS, int(sizes.sum() - sizes.max()))
    has_classes = len(chosen.classes) > 1 and n_neighbors > 0
    return audit_samples(
        chosen.labels,
        lambda rows: chosen.latents[rows],
        nuisance,
        chosen.y if has_classes else None,
        units,
        proba=chosen.proba,
        grouped=grouping is not None,
        n_permutations=N_PERMUTATIONS,
        n_neighbors=max(1, n_neighbors),
        confidence_level=CONFIDENCE_LEVEL,
        random_state=seed,
    )


def find_auditable(
    nuisance: Nuisance, grouping: Grouping
) -> tuple[Nuisance | None, tuple[str, ...]]:
    """Return variables that an audit accepts, or None, and the names of the others.

    A random selection of samples may have a single level, too many or one group only.
    """
    nuisance = nuisance.without_empty_levels()
    n_levels = list(map(len, nuisance.levels))
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
