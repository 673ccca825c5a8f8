"""Join a table to the files of a folder by their paths or names."""

import csv
import io
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from contrastive_clustering._command.console import CommandError, Console
from contrastive_clustering._command.rows import read_rows
from contrastive_clustering._images.file_types import IMAGE_SUFFIXES
from contrastive_clustering._utils.optional import import_pandas

# Numbers in which a comma may separate thousands.
THOUSANDS = r"\s*[+-]?[1-9]\d{0,2},\d{3}\s*"


def read_table(
    path: Path,
    path_column: str,
    text_columns: Collection[str] = (),
    other_columns: Collection[str] = (),
) -> Any:
    """Read a table in CSV format.

    The separator may be a comma, a semicolon or a tab; see `read_rows`. Without commas
    as separators, numbers may have a decimal comma.

    Parameters
    ----------
    path : Path
        The file.

    path_column : str
        Column of paths, which is read as text.

    text_columns : collection of str, default=()
        Other columns that are read as text, such as identifiers: "01" is not "1", "NA"
        is a name, and only an empty cell is missing. Spaces around a value are left
        out, and both ways to write an accent are one.

    other_columns : collection of str, default=()
        Further columns that are needed.

    Returns
    -------
    table : pandas.DataFrame
        The table.

    Raises
    ------
    CommandError
        If the file cannot be read, is empty, lacks the column of paths, has two columns
        of one of these names, or has a row with more values than columns or with a
        quote that is not closed.
    """
    pandas = import_pandas("--metadata")
    try:
        rows, separator = read_rows(path, path_column)
        _check_repeated(path, rows[0], (path_column, *text_columns, *other_columns))
        text = io.StringIO()
        csv.writer(text, delimiter=separator, lineterminator="\n").writerows(rows)

        def parse(**form: Any) -> Any:
            text.seek(0)
            # By default, pandas chooses a type for each part of a large column.
            return pandas.read_csv(text, delimiter=separator, low_memory=False, **form)

        table, with_commas = parse(), parse(decimal=",")
        texts = parse(dtype=str, keep_default_na=False)
    except OSError as error:
        raise CommandError(
            f"--metadata: {str(path)!r} cannot be read: {error.strerror}."
        ) from error
    except ValueError as error:  # of the encoding, or of pandas
        raise CommandError(
            f"--metadata: {str(path)!r} is not a table in CSV format with the encoding "
            'UTF-8. Save it as such, for example in Excel by "Save as", "CSV UTF-8".'
        ) from error
    if separator != ",":
        _take_numbers(table, with_commas, texts)
    names = table.columns.str.strip()
    if names.is_unique:
        table.columns = texts.columns = names
    if path_column not in table.columns:
        raise CommandError(
            f"--metadata: {str(path)!r} has no column {path_column!r}. Its columns are "
            f"{', '.join(map(repr, map(str, table.columns)))}. Pass the one with the "
            "paths as --path-column."
        )
    for name in table.columns.intersection([path_column, *text_columns]):
        table[name] = texts[name].where(texts[name].str.strip() != "")
    return table.map(
        lambda value: _composed(value).strip() if isinstance(value, str) else value
    )


def _check_repeated(path: Path, header: list[str], needed: Collection[str]) -> None:
    """Refuse several columns of one name, of which pandas would rename all but one."""
    counts = Counter(name.strip() for name in header)
    for name in needed:
        if counts[name] > 1:
            raise CommandError(
                f"--metadata: {str(path)!r} has {counts[name]} columns {name!r}. Give "
                "each a name of its own."
            )


def _take_numbers(table: Any, with_commas: Any, texts: Any) -> None:
    """Take columns that are numbers only with a decimal comma.

    If three digits follow each comma, it may separate thousands, and the column stays
    text.
    """
    is_number = import_pandas("--metadata").api.types.is_numeric_dtype
    for name in table.columns:
        if is_number(with_commas[name]) and not is_number(table[name]):
            written = texts[name][texts[name].str.contains(",")]
            if not written.str.fullmatch(THOUSANDS).all():
                table[name] = with_commas[name]


def join(table: Any, path_column: str, paths: list[str], *, console: Console) -> Any:
    """Return the rows of a table in the order of images.

    A row belongs to the file whose path ends like that in the row, or the other way
    round: "12.png", "ward/12.png" and "/data/scans/ward/12.png" all name the file
    "ward/12.png". The suffix may be missing. A row may also name a folder in the same
    way, such as that of a patient, and then belongs to all images in it. A path that
    ends with a slash is one of a folder.

    Raises
    ------
    CommandError
        If no row names a file or a folder, if a row names several, or if several name
        one file.
    """
    index = _Tails(sorted(set(paths)))
    row_of: dict[str, int] = {}
    n_unused = 0
    for row, text in enumerate(table[path_column]):
        found = index.find(text) if isinstance(text, str) else []
        if not found:
            n_unused += 1
            continue
        if len(found) > 1:
            _refuse(row, text, found)
        for path in index.files_of(found[0]):
            if path in row_of:
                raise CommandError(
                    f"--metadata: rows {row_of[path] + 1} and {row + 1} below the "
                    f"header both name {path}. Leave one row for each file."
                )
            row_of[path] = row
    if not row_of:
        raise CommandError(
            f"--metadata: none of {len(table)} rows names a file or a subfolder. The "
            f"column {path_column!r} begins with {_first(table[path_column])}, but the "
            f"files begin with {paths[0]!r}. Pass another column as --path-column, or "
            "enter paths or names of files, in which spreadsheets may have removed "
            "zeros at the beginning."
        )
    _report(paths, row_of, n_unused, console)
    rows = np.array([row_of.get(path, -1) for path in paths])
    return table.reindex(np.where(rows < 0, len(table), rows)).reset_index(drop=True)


def _refuse(row: int, text: str, found: list[str]) -> None:
    """Raise because a row names several files or folders; files come first."""
    shown = found[:2]
    if found[0].endswith("/"):
        what, remedy = "several folders", "Add their parent folder to"
    elif found[-1].endswith("/"):
        what, shown = "a file and a folder", [found[0], found[-1]]
        remedy = "Add the suffix of the file or a slash after the folder to"
    else:
        stems = [_without_suffix(each) for each in shown]
        lacking = "suffix" if stems[0] == stems[1] else "folder"
        what, remedy = "several files", f"Add their {lacking} to"
    raise CommandError(
        f"--metadata: row {row + 1} below the header names {text!r}, which fits "
        f"{what}: {', '.join(shown)}. {remedy} the path in the table."
    )


def _first(column: Any) -> str:
    return repr(str(column.iloc[0])) if len(column) else "nothing"


def _report(
    paths: list[str], row_of: dict[str, int], n_unused: int, console: Console
) -> None:
    n_missing = sum(path not in row_of for path in paths)
    if n_missing:
        have = "has" if n_missing == 1 else "have"
        console.warn(f"--metadata: {n_missing} of {len(paths)} images {have} no row.")
    if n_unused:
        rows = "1 row names" if n_unused == 1 else f"{n_unused} rows name"
        console.warn(f"--metadata: {rows} no file that was read.")


class _Tails:
    """Files and folders by the ends of their paths; those of folders end with "/"."""

    def __init__(self, paths: list[str]) -> None:
        exact = [(_composed(path), path) for path in paths]
        stems = [(_without_suffix(name), path) for name, path in exact]
        # A name with its suffix precedes a file that only has another suffix after it.
        self.names = [_Names(exact), _Names(stems)]
        self.inside: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            for parent in PurePosixPath(path).parents[:-1]:  # without "."
                self.inside[f"{parent}/"].append(path)
        self.folders = _Names([(_composed(path[:-1]), path) for path in self.inside])

    def find(self, text: str) -> list[str]:
        """Return the files, then the folders, that a path may mean."""
        written = _composed(text).strip().replace("\\", "/")
        name = PurePosixPath(written).as_posix()
        n_of_folders, folders = self._find(name, [self.folders])
        if written.endswith("/"):
            return folders
        n_of_files, files = self._find(name, self.names)
        if n_of_files != n_of_folders:  # a longer end comes before a shorter one
            return files if n_of_files > n_of_folders else folders
        if name in self.names[0].whole:
            return files
        inside = sorted(path for folder in folders for path in self.files_of(folder))
        # The only file of a folder of its name is meant either way.
        return files if files == inside else files + folders

    def files_of(self, path: str) -> list[str]:
        """Return the files of a folder, or a file itself."""
        return self.inside.get(path, [path])

    @staticmethod
    def _find(name: str, kinds: list["_Names"]) -> tuple[int, list[str]]:
        """Return how many parts of a path fit, and what they fit."""
        n_parts = name.count("/") + 1
        for names in kinds:
            if name in names.whole:  # rather than one of this name in a subfolder
                return n_parts, sorted(names.whole[name])
            if name in names.tails:
                return n_parts, sorted(names.tails[name])
        for n_left_out, tail in enumerate(_tails_of(name)):  # longest first
            for names in kinds:
                if tail in names.whole:
                    return n_parts - n_left_out, sorted(names.whole[tail])
        return 0, []


class _Names:
    """Paths by their whole names, and by the ends of these."""

    def __init__(self, named: list[tuple[str, str]]) -> None:
        self.whole: dict[str, set[str]] = defaultdict(set)
        self.tails: dict[str, set[str]] = defaultdict(set)
        for name, path in named:
            self.whole[name].add(path)
            for tail in _tails_of(name):
                self.tails[tail].add(path)


def _composed(text: str) -> str:
    """Return a text whose accents are parts of letters, as in most tables.

    macOS writes them as characters of their own.
    """
    return unicodedata.normalize("NFC", text)


def _tails_of(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]


def _without_suffix(path: str) -> str:
    for suffix in sorted(IMAGE_SUFFIXES, key=len, reverse=True):
        if path.lower().endswith(suffix):
            return path[: -len(suffix)]
    return path
