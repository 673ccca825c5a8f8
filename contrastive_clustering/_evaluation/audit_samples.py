"""Audit of samples whose strata are known."""

from collections.abc import Callable

import numpy as np
from sklearn.utils import check_random_state

from contrastive_clustering._clustering.group_rows import draw_sorted_rows
from contrastive_clustering._evaluation.audit_result import ConfoundingAudit
from contrastive_clustering._evaluation.audit_row import Audited, make_row
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.nuisance import Nuisance
from contrastive_clustering._utils.numbering import noise_mask
from contrastive_clustering._utils.optional import import_pandas
from contrastive_clustering.metrics import mapped_accuracy

# Probes and neighbors use at most this many samples, of as many groups as possible.
MAX_PROBED = 20_000


def audit_samples(
    labels: np.ndarray,
    encode: Callable[[np.ndarray], np.ndarray | None],
    variables: Nuisance,
    classes: np.ndarray | None,
    grouping: Grouping,
    *,
    proba: np.ndarray | None = None,
    grouped: bool,
    n_permutations: int,
    n_neighbors: int,
    confidence_level: float,
    random_state: int | np.random.RandomState | None,
) -> ConfoundingAudit:
    """Audit strata and latents of samples; see `audit_confounding`.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Strata of the samples.

    encode : callable
        Returns the latents of the samples of these indices, or None.

    variables : Nuisance
        Nuisance variables of the samples.

    classes : ndarray of shape (n_samples,) or None
        Classes of the samples.

    grouping : Grouping
        The group of each sample.

    proba : ndarray of shape (n_samples, n_clusters), default=None
        Probabilities of strata numbered from 0, which decide between strata of a group
        that are equally frequent. With None, the first sample of the group decides.

    grouped : bool
        Whether the caller passed groups, which results name instead of samples.

    n_permutations, n_neighbors, confidence_level, random_state
        Parameters of the audit.

    Returns
    -------
    audit : ConfoundingAudit
        The audit.

    Raises
    ------
    ValueError
        If all samples are noise, or if fewer samples than neighbors lie outside of a
        group.
    """
    pandas = import_pandas("audit_confounding")
    seed = int(check_random_state(random_state).randint(2**31 - 1))
    rows = np.flatnonzero(~noise_mask(labels))
    if not len(rows):
        raise ValueError("All samples of X are noise. Pass samples that lie in strata.")
    grouping = grouping.take(rows)
    strata, codes = np.unique(labels[rows], return_inverse=True)
    rng = np.random.RandomState(seed)
    probed = draw_sorted_rows(len(rows), MAX_PROBED, rng, grouping)
    latents = encode(rows[probed])
    if latents is not None and classes is not None:
        _check_neighbors(n_neighbors, grouping.take(probed))
    audited = Audited(
        strata=codes,
        n_strata=len(strata),
        proba=None if proba is None else proba[np.ix_(rows, strata)],
        probed=probed,
        latents=latents,
        classes=None if classes is None else classes[rows],
        grouping=grouping,
        unit="groups" if grouped else "samples",
    )
    found = [
        make_row(
            audited,
            variables.codes[rows, number],
            name,
            levels,
            n_permutations=n_permutations,
            n_neighbors=n_neighbors,
            confidence_level=confidence_level,
            seed=seed,
        )
        for number, (name, levels) in enumerate(
            zip(variables.names, variables.levels, strict=True)
        )
    ]
    columns = [
        (name, level)
        for name, levels in zip(variables.names, variables.levels, strict=True)
        for level in levels
    ]
    return ConfoundingAudit(
        table=pandas.DataFrame(
            [row for row, _ in found],
            index=pandas.Index(variables.names, name="variable", dtype=object),
        ),
        composition=pandas.DataFrame(
            np.hstack([composition for _, composition in found]),
            index=pandas.Index(strata, name="stratum"),
            columns=pandas.MultiIndex.from_tuples(columns, names=["variable", "level"]),
        ),
        strata=strata,
        y_balanced_accuracy=_accuracy(audited),
        n_groups=audited.grouping.n_groups if grouped else None,
        n_samples=len(rows),
        n_noise=len(labels) - len(rows),
        n_permutations=n_permutations,
        n_neighbors=n_neighbors,
        confidence_level=confidence_level,
    )


def _check_neighbors(n_neighbors: int, grouping: Grouping) -> None:
    n_outside = len(grouping.codes) - int(np.bincount(grouping.codes).max())
    if n_neighbors > n_outside:
        raise ValueError(
            f"n_neighbors={n_neighbors} is larger than the number of samples outside "
            f"of the largest group, {n_outside}. Lower n_neighbors."
        )


def _accuracy(audited: Audited) -> float:
    """Return the balanced accuracy of classes from strata, by group."""
    if audited.classes is None:
        return np.nan
    _, codes = np.unique(audited.classes, return_inverse=True)
    grouping = audited.grouping
    return mapped_accuracy(
        grouping.majority(codes),
        audited.strata_of(grouping),
        balanced=True,
    )
