"""Find the files of a folder, a pattern, a list of paths or a table."""

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from contrastive_clustering._images.file_types import has_image_suffix, is_dicom
from contrastive_clustering._utils.files import as_path
from contrastive_clustering._utils.identifiers import is_missing
from contrastive_clustering._utils.messages import show

# Index of the media of a DICOM export, which has no image.
DICOM_INDEX = "DICOMDIR"

DIGITS = re.compile(r"(\d+)")
WILDCARD = re.compile(r"[*?\[]")


class Entry(NamedTuple):
    """A file, or a folder with one series, to be read.

    Attributes
    ----------
    path : Path
        The path.

    row : int
        Row of the caller's table or list.
    """

    path: Path
    row: int


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts names by their numbers.

    Examples
    --------
    >>> from contrastive_clustering._images.finding import natural_key
    >>> sorted(["b10", "b2", "a"], key=natural_key)
    ['a', 'b2', 'b10']
    """
    return tuple(
        (0, int(part), part) if part.isdecimal() else (1, 0, part.casefold())
        for part in DIGITS.split(name)
        if part
    )


def find_entries(source: Any, path_column: str) -> tuple[list[Entry], Any]:
    """Return the files of a source, and its table if it is one.

    Parameters
    ----------
    source : str, path-like, list, array, series or data frame
        A folder, a pattern, paths, or a table with a column of paths.

    path_column : str
        Column of paths of a table.

    Returns
    -------
    entries : list of Entry
        Files in natural order, or in the order of a list or a table.

    table : data frame or None
        The source if it is a table.

    Raises
    ------
    TypeError, ValueError
        If the source is neither of these, does not exist, or contains no files of
        images.
    """
    if hasattr(source, "columns"):
        listed = list(_column(source, path_column))
        where = f"the column {show(path_column)} of source"
        return _list_entries(listed, where), source
    if isinstance(source, str | os.PathLike):
        paths = _expand(source)
        return [Entry(path, row) for row, path in enumerate(paths)], None
    for name in ("tolist", "to_list"):  # of arrays and series
        if hasattr(source, name) and np.ndim(source) == 1:
            source = getattr(source, name)()
    if not isinstance(source, list | tuple):
        raise TypeError(
            f"source={show(source)} is not a source of images. Pass a folder, a "
            "pattern such as 'scans/**/*.png', a list of paths, or a data frame with "
            "a column of paths."
        )
    return _list_entries(list(source), "source"), None


def _column(table: Any, name: str) -> Any:
    names = list(table.columns)
    if names.count(name) > 1:  # table[name] would be a table
        raise ValueError(
            f"source is a table with {names.count(name)} columns {show(name)}. Give "
            "each column a name of its own, and pass that of the column of paths as "
            "path_column."
        )
    if name not in names:
        raise ValueError(
            f"source is a table without a column {show(name)}. Pass the name of its "
            "column of paths as path_column."
        )
    return table[name]


def _list_entries(listed: list[Any], where: str) -> list[Entry]:
    if not listed:
        raise ValueError(f"{where} contains no paths. Pass at least one.")
    for row, path in enumerate(listed):
        if not isinstance(path, str) and is_missing(path):
            raise ValueError(
                f"{where} has no path at index {row}. Leave out the entries without a "
                "path, for example with dropna."
            )
        if not isinstance(path, str | os.PathLike):
            raise TypeError(
                f"{where} has a value of type {type(path).__name__} at index {row}. "
                "Pass paths."
            )
    return [
        Entry(as_path(path, f"{where}, index {row}"), row)
        for row, path in enumerate(listed)
    ]


def _expand(source: str | os.PathLike[str]) -> list[Path]:
    path = as_path(source, "source")
    if path.is_dir():
        found = list(image_files(path))
        if not found:
            raise ValueError(
                f"source={show(source)} is a folder without files of images. Pass a "
                "folder with PNG, JPEG, TIFF, DICOM, NIfTI, MetaImage or NRRD files."
            )
        return found
    if path.exists() or path.is_symlink():
        return [path]
    if not WILDCARD.search(str(path)):
        where = "" if path.is_absolute() else f" It was sought in {str(Path.cwd())!r}."
        raise ValueError(
            f"source={show(source)} does not exist.{where} Correct the path."
        )
    found = sorted(
        (each for each in _matches(str(path)) if not each.is_dir()), key=_path_key
    )
    if not found:
        raise ValueError(
            f"source={show(source)} is a pattern that matches no files. Correct the "
            "pattern; '**' matches folders at any depth."
        )
    return found


def _path_key(path: Path) -> list[tuple[tuple[int, int, str], ...]]:
    return [natural_key(part) for part in path.parts]


def _matches(pattern: str) -> list[Path]:
    """Return what a pattern matches, once, by the shortest path.

    Several "**" match a file several times, and so does one "**" if a link leads to a
    folder that contains it.
    """
    matched = map(Path, glob.iglob(pattern, recursive=True))  # noqa: PTH207
    folders: dict[Path, Path] = {}
    found: dict[Path, Path] = {}
    for path in sorted(matched, key=lambda each: (len(each.parts), _path_key(each))):
        parent = path.parent
        if parent not in folders:
            folders[parent] = parent.resolve()
        # The last part stays: several links to one file are files of their own.
        found.setdefault(folders[parent] / path.name, path)
    return list(found.values())


def image_files(folder: Path) -> Iterator[Path]:
    """Yield the files of images in a folder and its subfolders, in natural order.

    Files with another suffix or none are included if they are in DICOM format, and so
    are subfolders that cannot be searched. Hidden files and the index of DICOM media
    are left out.
    """
    for path in visible_files(folder):
        # Linux shows the index of some media in lower case.
        if path.name.upper() == DICOM_INDEX:
            continue
        if has_image_suffix(path) or is_dicom(path) or path.is_dir():
            yield path


def visible_files(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and its subfolders, and locked subfolders.

    Links to folders are followed, each folder once. Hidden files are left out.
    """
    locked: list[Path] = []
    seen = set()
    for parent, folders, names in os.walk(
        folder,
        onerror=lambda error: locked.append(Path(error.filename)),
        followlinks=True,
    ):
        status = Path(parent).stat()
        place = (status.st_dev, status.st_ino)
        if place in seen:
            folders.clear()
            continue
        seen.add(place)
        shown = [name for name in folders if not name.startswith(".")]
        folders[:] = sorted(shown, key=natural_key)
        for name in sorted(names, key=natural_key):
            if not name.startswith("."):
                yield Path(parent, name)
    yield from locked
