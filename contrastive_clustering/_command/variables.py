"""Groups, nuisance variables and other metadata of the images."""

from argparse import Namespace
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from contrastive_clustering._command.console import CommandError, Console
from contrastive_clustering._command.joining import join, read_table
from contrastive_clustering._command.reading import LoadedFolder
from contrastive_clustering._utils.optional import import_pandas
from contrastive_clustering._utils.stray_text import find_stray_text

# Column of the patients of DICOM files, as hashes.
PATIENT = "patient"

# Columns of the metadata of files that strata are compared with.
FACTS = ("modality", "manufacturer", "model", "view", "body_part")


@dataclass(frozen=True, eq=False)
class Variables:
    """Groups and variables of each image.

    Attributes
    ----------
    groups : pandas.Series or None
        Groups, such as patients.

    nuisance : dict of str to pandas.Series or None
        Variables that strata should not follow.

    metadata : pandas.DataFrame or None
        Variables to compare the strata with.
    """

    groups: Any
    nuisance: dict[str, Any] | None
    metadata: Any


def read_metadata(options: Namespace, console: Console) -> Any:
    """Return the table of ``--metadata``, if given, before the images are read.

    Raises
    ------
    CommandError
        If the table cannot be read, if an option names a column that neither the table
        nor DICOM files have, or if a column of ``--survival`` has texts among numbers.
    """
    survival = getattr(options, "survival", None) or ()
    named = [("--nuisance", name) for name in getattr(options, "nuisance", [])]
    if options.groups is not None:
        named.append(("--groups", options.groups))
    table, columns = None, [*FACTS, PATIENT]
    if options.metadata is not None:
        texts = {name for _, name in named}.difference(survival)
        table = read_table(options.metadata, options.path_column, texts, survival)
        columns += list(table.columns)
    for option, name in (*named, *(("--survival", name) for name in survival)):
        _check_name(columns, name, option)
    if table is not None and getattr(options, "report", None) is not None:
        for name in table.columns.difference([options.path_column, *texts], sort=False):
            table[name] = _check_texts(name, table[name], survival, console)
    return table


def _check_texts(
    name: str, values: Any, survival: Sequence[str], console: Console
) -> Any:
    """Return a column, as categories if texts among numbers make it one."""
    if import_pandas("--metadata").api.types.is_numeric_dtype(values):
        return values
    stray = find_stray_text(values.tolist())
    if stray is None:
        return values
    found = stray.describe(f"in row {stray.first + 1} below the header")
    remedy = "Enter numbers, or leave the cells empty."
    if name in survival:
        raise CommandError(f"--survival: in the column {name!r}, {found}. {remedy}")
    console.warn(
        f"--metadata: in the column {name!r}, {found}. The report therefore treats all "
        f"values as names of categories. {remedy}"
    )
    return values.astype("category")


def read_variables(
    options: Namespace, folder: LoadedFolder, table: Any, console: Console
) -> Variables:
    """Return the variables that the options name.

    Raises
    ------
    CommandError
        If a column is empty or has invalid values, or if the table does not fit.
    """
    columns = {name: folder.facts[name] for name in FACTS}
    columns = {name: values for name, values in columns.items() if values.nunique() > 1}
    known = {name: folder.facts[name] for name in (*FACTS, PATIENT)}
    if table is not None:
        joined = join(table, options.path_column, folder.paths, console=console)
        # Paths are not compared with strata, but those of folders may name patients.
        known[options.path_column] = joined.pop(options.path_column)
        columns |= {name: joined[name] for name in joined.columns}
        known |= columns
    _check_report(options, columns)
    groups = None
    if options.groups is not None:
        groups = _pick(known, options.groups, "--groups")
        columns.pop(options.groups, None)
        n_missing = int(groups.isna().sum())
        if n_missing:
            have = "has" if n_missing == 1 else "have"
            console.warn(
                f"--groups: {n_missing} of {len(groups)} images {have} no value in "
                f"{options.groups!r}. Each counts as a group of its own."
            )
    elif not options.predicts and folder.facts[PATIENT].duplicated().any():
        _suggest_groups(folder.facts[PATIENT], console)
    nuisance = {
        name: _pick(known, name, "--nuisance")
        for name in getattr(options, "nuisance", [])
    }
    metadata = folder.facts.iloc[:, :0].assign(**columns) if columns else None
    return Variables(groups, nuisance or None, metadata)


def _check_report(options: Namespace, columns: dict[str, Any]) -> None:
    """Raise if the report cannot use the values of a column.

    The report names parameters and indices instead of options and columns.
    """
    if getattr(options, "report", None) is None:
        return
    if options.survival is not None:
        _check_survival(options.survival, options.groups, columns)
    for name, values in columns.items():
        if _is_number(values) and np.isinf(values.to_numpy(float)).any():
            raise CommandError(
                f"--metadata: the column {name!r} has an infinite value. Leave the "
                "cell empty, or enter a finite number."
            )


def _check_survival(
    survival: tuple[str, str], groups: str | None, columns: dict[str, Any]
) -> None:
    time, event = survival
    if groups in survival:
        raise CommandError(
            f"--survival and --groups both name the column {groups!r}. Pass another "
            "column for one of them."
        )
    times = _pick(columns, time, "--survival")
    if not _is_number(times) or (times < 0).any():
        raise CommandError(
            f"--survival: the column {time!r} has values that are not numbers or are "
            "negative. Enter the time from the start of observation, such as months."
        )
    if not _pick(columns, event, "--survival").dropna().isin([0, 1]).all():
        raise CommandError(
            f"--survival: the column {event!r} has values other than 1 and 0. Enter 1 "
            "if the event was observed, and 0 otherwise."
        )


def _is_number(values: Any) -> bool:
    types = import_pandas("--metadata").api.types
    return bool(types.is_numeric_dtype(values) and not types.is_bool_dtype(values))


def _check_name(columns: Iterable[str], name: str, option: str) -> None:
    if name not in columns:
        raise CommandError(
            f"{option}: there is no column {name!r}. Columns are "
            f"{', '.join(map(repr, dict.fromkeys(columns)))}."
        )


def _pick(known: dict[str, Any], name: str, option: str) -> Any:
    _check_name(known, name, option)
    if known[name].isna().all():
        source = (
            "no DICOM file of the folder" if name in (PATIENT, *FACTS) else "no row"
        )
        raise CommandError(
            f"{option}: {source} has a value in {name!r}. Pass another column, or "
            f"leave {option} out."
        )
    return known[name]


def _suggest_groups(hashes: Any, console: Console) -> None:
    n_patients, n_images = hashes.nunique(), int(hashes.notna().sum())
    if n_patients < n_images and n_patients > 1:
        console.say(
            f"{n_images} DICOM images are of {n_patients} patients. With --groups "
            "patient, a patient counts once."
        )
