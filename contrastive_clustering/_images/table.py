"""The table of metadata of loaded images."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from contrastive_clustering._utils.optional import import_pandas

# Columns of the metadata and their types in pandas.
COLUMNS = {
    "format": "object",
    "frame": "int64",
    "original_shape": "object",
    "original_spacing": "object",
    "resized_shape": "object",
    "offset": "object",
    "spacing": "object",
    "window_center": "float64",
    "window_width": "float64",
    "inverted": "bool",
    "modality": "object",
    "manufacturer": "object",
    "model": "object",
    "view": "object",
    "body_part": "object",
    "patient": "object",
    "study_day": "float64",
    "duplicate_of": "int64",
}


def make_table(
    columns: Mapping[str, Sequence[Any]],
    rows: Sequence[int],
    table: Any,
    path_column: str,
) -> Any:
    """Return the metadata, with the columns of the caller's table.

    Parameters
    ----------
    columns : mapping of str to list
        Facts of each image.

    rows : sequence of int
        Row of the caller's table for each image.

    table : data frame or None
        The caller's table. Its columns take precedence.

    path_column : str
        Column of paths, which is left out.

    Returns
    -------
    metadata : pandas.DataFrame
        One row for each image.
    """
    pandas = import_pandas("load_images")
    facts = pandas.DataFrame(
        {
            name: pandas.Series(columns[name], dtype=kind)
            for name, kind in COLUMNS.items()
        }
    )
    # Days since the first study of the patient, if both are known.
    days = facts["study_day"]
    facts["study_day"] = days - days.groupby(facts["patient"]).transform("min")
    if table is None:
        return facts
    table = _to_pandas(table)
    own = table.drop(columns=path_column).iloc[list(rows)].reset_index(drop=True)
    new = [name for name in facts.columns if name not in own.columns]
    return pandas.concat([own, facts[new]], axis=1)


def differing_columns(
    table: Any, path_column: str, volumes: Sequence[Sequence[int]]
) -> tuple[list[Hashable], np.ndarray]:
    """Return the columns that differ between the rows of a volume.

    Parameters
    ----------
    table : data frame
        The caller's table.

    path_column : str
        Column of paths, which is not compared.

    volumes : sequence of sequence of int
        The rows of each volume.

    Returns
    -------
    names : list of hashable
        Names of the columns.

    differing : ndarray of int
        Indices of the volumes whose rows differ, in ascending order.
    """
    rows = [row for each in volumes for row in each]
    of_row = np.repeat(np.arange(len(volumes)), [len(each) for each in volumes])
    own = _to_pandas(table).drop(columns=path_column).iloc[rows]
    # Numbers for names, which may repeat.
    texts = own.astype(str).set_axis(range(own.shape[1]), axis="columns")
    differs = texts.groupby(of_row).nunique(dropna=False).to_numpy() > 1
    return list(own.columns[differs.any(axis=0)]), np.flatnonzero(differs.any(axis=1))


def _to_pandas(table: Any) -> Any:
    pandas = import_pandas("load_images")
    if isinstance(table, pandas.DataFrame):
        return table
    return pandas.DataFrame({name: _exact(list(table[name])) for name in table.columns})


def _exact(values: list[Any]) -> Any:
    """Return a series whose integers stay exact next to missing values.

    By default, pandas converts them to floats, in which large identifiers coincide.
    """
    pandas = import_pandas("load_images")
    series = pandas.Series(values)
    known = [value for value in values if value is not None]
    if series.dtype.kind != "f" or not all(isinstance(value, int) for value in known):
        return series
    fits = max(known) <= np.iinfo(np.int64).max
    return pandas.Series(values, dtype="Int64" if fits else "UInt64")
