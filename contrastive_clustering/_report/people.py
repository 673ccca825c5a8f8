"""Strata of the samples of a report against metadata, survival and nuisances."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from contrastive_clustering._evaluation.association import associate_strata
from contrastive_clustering._evaluation.association_result import StrataAssociation
from contrastive_clustering._evaluation.audit_result import ConfoundingAudit
from contrastive_clustering._evaluation.group_strata import assign_groups
from contrastive_clustering._evaluation.survival_column import (
    SurvivalColumn,
    read_survival,
)
from contrastive_clustering._evaluation.table_columns import (
    is_numeric,
    read_table,
)
from contrastive_clustering._report.audit import (
    audit_strata,
    find_auditable,
    split_variables,
)
from contrastive_clustering._report.data import Chosen
from contrastive_clustering._report.identifying import has_many_levels, may_identify
from contrastive_clustering._utils.arrays import in_memory
from contrastive_clustering._utils.grouping import Grouping, read_units
from contrastive_clustering._utils.identifiers import read_column
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.nuisance import Nuisance
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.optional import import_pandas
from contrastive_clustering._utils.stray_text import warn_of_stray_text

# Name of a column of the events of survival.
EVENT = "event of survival"


@dataclass(frozen=True, eq=False)
class People:
    """Results on the samples of a report, and what its plots need.

    Attributes
    ----------
    association : StrataAssociation or None
        Strata against metadata and survival.

    is_incomparable : bool
        Whether there is no association because all groups have the same stratum.

    audit : ConfoundingAudit or None
        Strata and latents against nuisance variables.

    labels : ndarray of shape (n_samples,)
        Strata.

    groups : ndarray of shape (n_samples,) or None
        Codes of the groups.

    survival : SurvivalColumn or None
        Survival times.

    left_out : tuple of str
        Names of the columns that may identify groups.

    not_audited : tuple of str
        Names of the nuisance variables that the samples used do not allow to audit.
    """

    association: StrataAssociation | None
    is_incomparable: bool
    audit: ConfoundingAudit | None
    labels: np.ndarray
    groups: np.ndarray | None
    survival: SurvivalColumn | None
    left_out: tuple[str, ...]
    not_audited: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class PeopleData:
    """Metadata of all samples, read from the parameters of a report.

    Attributes
    ----------
    columns : dict of hashable to pandas.Series
        Variables, without those of groups, survival and possible identifiers.

    grouping : Grouping
        The group of each sample.

    grouped : bool
        Whether groups were passed.

    survival : SurvivalColumn or None
        Survival times.

    nuisance : Nuisance or None
        Nuisance variables, without possible identifiers.

    left_out : tuple of str
        Names of the columns that may identify groups.
    """

    columns: dict[Hashable, Any]
    grouping: Grouping
    grouped: bool
    survival: SurvivalColumn | None
    nuisance: Nuisance | None
    left_out: tuple[str, ...]

    @classmethod
    def read(
        cls, metadata: Any, groups: Any, survival: Any, nuisance: Any, n_samples: int
    ) -> "PeopleData | None":
        """Return the metadata that a caller passes, or None if there are none.

        Raises
        ------
        ImportError
            If pandas is not installed and more than `groups` is passed.

        TypeError, ValueError
            If lengths differ, or if a column that is named does not exist.
        """
        if metadata is None and survival is None and nuisance is None:
            return _read_groups_alone(groups, n_samples)
        import_pandas("clustering_report with metadata")
        metadata = in_memory(metadata)
        columns = _read_columns(metadata, n_samples)
        grouped = groups is not None
        if isinstance(groups, str):
            _get(columns, groups, "groups")
            columns.pop(groups)
            groups = metadata[groups]
        grouping = read_units(groups, n_samples)
        times = None
        if survival is not None:
            times = _read_survival(survival, columns, grouping)
        if isinstance(nuisance, str):
            nuisance = {nuisance: _get(columns, nuisance, "nuisance")}
        variables, left_out = None, list[str]()
        if nuisance is not None:
            variables, left_out = _without_identifiers(
                Nuisance.read(nuisance, n_samples), grouping, grouped=grouped
            )
        for name, values in list(columns.items()):
            columns[name] = _as_tested(name, values)
            if may_identify(name, values, grouping, grouped=grouped):
                columns.pop(name)
                left_out.append(str(name))
        return cls(
            columns, grouping, grouped, times, variables, tuple(dict.fromkeys(left_out))
        )


def _as_tested(name: Hashable, values: Any) -> Any:
    """Return a column, with a categorical type if a warning said that it is one."""
    where = f"column {show(name)} of metadata"
    if is_numeric(values, where):
        return values
    has_warned = warn_of_stray_text(values.tolist(), where, values.dtype)
    return values.astype("category") if has_warned else values


def _read_groups_alone(groups: Any, n_samples: int) -> PeopleData | None:
    """Return groups without metadata, or None if there are none."""
    if groups is None:
        return None
    if isinstance(groups, str):
        _get({}, groups, "groups")
    grouping = Grouping.read(groups, n_samples)
    return PeopleData({}, grouping, True, None, None, ())


def examine_people(data: PeopleData, chosen: Chosen, seed: int) -> People:
    """Test the strata of the samples of a report against their metadata.

    A result is None if its variables are not passed or if groups cannot be compared
    because all have the same stratum.
    """
    rows = chosen.rows
    grouping = data.grouping.take(rows)
    groups = grouping.codes if data.grouped else None
    survival = None if data.survival is None else data.survival.take(rows)
    association = None
    is_asked = bool(data.columns) or survival is not None
    labels = _decide_ties(chosen, grouping) if data.grouped else chosen.labels
    if is_asked and _can_compare(labels, grouping):
        association = replace(
            _associate(data, chosen, labels, survival, seed),
            n_divided=_count_divided(chosen.labels, grouping),
        )
    audit = nuisance = None
    not_audited: tuple[str, ...] = ()
    if data.nuisance is not None and np.any(chosen.labels != NOISE):
        nuisance, not_audited = find_auditable(data.nuisance.take(rows), grouping)
    if nuisance is not None:
        audit = audit_strata(nuisance, chosen, grouping if data.grouped else None, seed)
    return People(
        association,
        is_asked and association is None,
        audit,
        labels,
        groups,
        survival,
        data.left_out,
        not_audited,
    )


def _decide_ties(chosen: Chosen, grouping: Grouping) -> np.ndarray:
    """Return the stratum of the group of each sample, -1 for samples of noise.

    Functions that only know strata of samples give a group with equally many samples in
    two strata to the one that comes first; see `Grouping.majority`. The probabilities
    of the strata decide here, so that groups have the same stratum as in
    `predict_groups`.
    """
    strata = assign_groups(chosen.labels, chosen.proba, grouping).labels
    return np.where(chosen.labels == NOISE, NOISE, strata[grouping.codes])


def _count_divided(labels: np.ndarray, grouping: Grouping) -> int:
    """Return the number of groups with samples in several strata, without noise."""
    strata = np.where(labels == NOISE, np.nan, labels)
    return len(np.unique(grouping.codes[grouping.varies(strata)]))


def _associate(
    data: PeopleData,
    chosen: Chosen,
    labels: np.ndarray,
    survival: SurvivalColumn | None,
    seed: int,
) -> StrataAssociation:
    pandas = import_pandas("clustering_report")
    metadata = {name: values.iloc[chosen.rows] for name, values in data.columns.items()}
    pair = None
    if survival is not None:
        # Metadata without columns is not valid, so that one of the pair is in it.
        metadata[EVENT] = survival.event
        pair = (pandas.Series(survival.time, name=survival.name), EVENT)
    is_table = chosen.samples.ndim == 2
    return associate_strata(
        labels,
        metadata,
        groups=data.grouping.codes[chosen.rows] if data.grouped else None,
        survival=pair,
        clustered=np.asarray(chosen.samples[:]) if is_table else (),
        random_state=seed,
    )


def _can_compare(labels: np.ndarray, grouping: Grouping) -> bool:
    """Return whether groups differ in the stratum of most of their samples."""
    rows = np.flatnonzero(labels != NOISE)
    return len(np.unique(grouping.take(rows).majority(labels[rows]))) > 1


def _read_columns(metadata: Any, n_samples: int) -> dict[Hashable, Any]:
    """Return the columns of metadata as series, or raise errors that name it."""
    if metadata is None:
        return {}
    names = list[Hashable]()
    if isinstance(metadata, Mapping) or hasattr(metadata, "columns"):
        names = list(getattr(metadata, "columns", metadata))
    for name in names:
        if names.count(name) == 1:
            read_column(metadata[name], f"column {show(name)} of metadata", n_samples)
    return read_table(metadata, n_samples)


def _get(columns: dict[Hashable, Any], name: Hashable, parameter: str) -> Any:
    if name not in columns:
        raise ValueError(
            f"{parameter} names {show(name)}, which is not a column of metadata. Pass "
            "the name of a column, or one value for each sample."
        )
    return columns[name]


def _read_survival(
    survival: Any, columns: dict[Hashable, Any], grouping: Grouping
) -> SurvivalColumn:
    """Return survival times, and remove their columns."""
    for each in survival:
        if isinstance(each, str):
            _get(columns, each, "survival")
        else:
            read_column(each, "survival", len(grouping.codes))
    return read_survival(survival, columns, grouping)


def _without_identifiers(
    nuisance: Nuisance, grouping: Grouping, *, grouped: bool
) -> tuple[Nuisance | None, list[str]]:
    """Return variables that do not identify groups, and the names of the others."""
    are_kept = [
        not has_many_levels(len(levels), grouping.n_groups, grouped=grouped)
        for levels in nuisance.levels
    ]
    return split_variables(nuisance, are_kept)
