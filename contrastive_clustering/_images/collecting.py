"""Read all items of a source into an array and a table."""

import math
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils import Bunch

from contrastive_clustering._images.finding import Entry, find_entries
from contrastive_clustering._images.grouping import volume_items
from contrastive_clustering._images.loaded import LoadedImage, ReadSettings
from contrastive_clustering._images.quiet import quiet_readers
from contrastive_clustering._images.reading import Failure, Item, read_item
from contrastive_clustering._images.spool import FileSpool, MemorySpool, Spool
from contrastive_clustering._images.table import (
    COLUMNS,
    differing_columns,
    make_table,
)
from contrastive_clustering._utils.caller_warnings import warn
from contrastive_clustering._utils.memory import show_bytes, total_memory
from contrastive_clustering._utils.messages import quantity, show
from contrastive_clustering._utils.optional import import_pandas
from contrastive_clustering._utils.progress import Progress, run_tasks

# Images that are read together and passed between processes.
ROUND_BYTES = 2**25
MAX_ROUND = 512

SHOWN_FAILURES = 3

REMEDY = "Remove it from the source, or pass on_error='skip' to leave it out."


class MixedUnitsWarning(UserWarning):
    """Some images have 8 bits and others more, so that their units may differ."""


def load_files(
    source: Any,
    settings: ReadSettings,
    *,
    path_column: str,
    on_error: str,
    n_jobs: int | None,
    out: Path | None,
    verbose: int,
) -> Bunch:
    """Read the files of a source; see `contrastive_clustering.datasets.load_images`.

    Parameters
    ----------
    source : object
        The source.

    settings : ReadSettings
        Settings for each file.

    path_column : str
        Column of paths of a table.

    on_error : {"raise", "skip"}
        Whether unreadable files are errors.

    n_jobs : int or None
        Number of jobs.

    out : Path or None
        File or folder of the array.

    verbose : int
        Whether to report progress.

    Returns
    -------
    bunch : Bunch
        Images, metadata, paths and errors.

    Raises
    ------
    ValueError
        If files cannot be read, or if images differ in shape.
    """
    pandas = import_pandas("load_images")
    entries, table = find_entries(source, path_column)
    failures: list[Failure] = []
    if settings.as_volumes:
        items, failures = volume_items(entries, n_jobs=n_jobs, verbose=verbose)
    else:
        items = [Item((entry.path,), entry.row) for entry in entries]
    if out is None and settings.size is not None:
        _check_memory(len(items), settings.size)
    if table is not None and settings.as_volumes:
        _report_differing_rows(table, path_column, entries, items)
    spool: Spool = MemorySpool(len(items)) if out is None else FileSpool(out)
    with spool:
        collected = _Collected(spool, settings, on_error)
        for failure in failures:
            collected.add_failure(failure)
        with (
            quiet_readers(),
            Progress("images", len(items), "file", verbose=verbose) as progress,
        ):
            for item, result in _results(items, settings, n_jobs, spool, progress):
                collected.add(item, result)
        collected.check_any()
        images = spool.finish()
    metadata = make_table(collected.columns, collected.rows, table, path_column)
    _report(collected.failures, collected.columns["duplicate_of"])
    _report_bits(collected.n_of_8_bits, images.shape[0])
    return Bunch(
        images=images,
        metadata=metadata,
        paths=np.array(collected.paths, dtype=object),
        errors=pandas.DataFrame(collected.failures, columns=Failure._fields),
    )


def _check_memory(n_items: int, size: Sequence[int]) -> None:
    """Raise a ValueError if images of a given size cannot fit into memory.

    A larger array could still be reserved; the system would end the process later.
    """
    needed, total = n_items * math.prod(size), total_memory()
    if total is not None and needed > total:
        raise ValueError(
            f"size={show(tuple(size))} is too large: {quantity(n_items, 'file')} would "
            f"take at least {show_bytes(needed)}, and the memory has "
            f"{show_bytes(total)}. Pass a smaller size, fewer files, or out, the path "
            "of a file for the images."
        )


def _report_differing_rows(
    table: Any,
    path_column: str,
    entries: Sequence[Entry],
    items: Sequence[Item],
) -> None:
    """Warn if the rows of the slices of a volume differ, of which the first counts."""
    row_of = {entry.path: entry.row for entry in entries}
    # The slices of a folder have one row.
    listed = [
        item
        for item in items
        if len(item.paths) > 1 and all(path in row_of for path in item.paths)
    ]
    rows = [[row_of[path] for path in item.paths] for item in listed]
    names, differing = differing_columns(table, path_column, rows)
    if names:
        warn(
            f"The rows of the slices of a volume differ in {_enumerate(names)}, for "
            f"{quantity(len(differing), 'volume')}, the first of which begins with "
            f"{listed[differing[0]].paths[0]}. The first row counts. Give all slices "
            "of a volume the same values, and leave out columns of single slices."
        )


def _enumerate(names: Sequence[Hashable]) -> str:
    shown = ", ".join(map(show, names[:SHOWN_FAILURES]))
    n_others = len(names) - SHOWN_FAILURES
    others = f" and {quantity(n_others, 'other')}" if n_others > 0 else ""
    return f"the column{'s' if len(names) > 1 else ''} {shown}{others}"


def _results(
    items: Sequence[Item],
    settings: ReadSettings,
    n_jobs: int | None,
    spool: Spool,
    progress: Progress,
) -> Iterator[tuple[Item, list[LoadedImage] | Failure]]:
    """Yield results in order, reading as many items together as memory allows."""
    n_workers = effective_n_jobs(n_jobs)
    done = 0
    while done < len(items):
        n_together = 2 * n_workers
        if spool.n_rows:
            fitting = ROUND_BYTES // max(1, spool.row_bytes)
            n_together = max(n_workers, min(fitting, MAX_ROUND))
        part = items[done : done + n_together]
        done += len(part)
        arguments = [(item, settings) for item in part]
        results = run_tasks(read_item, arguments, n_jobs=n_jobs, progress=progress)
        yield from zip(part, results, strict=True)


class _Collected:
    """Images and metadata of the items that were read."""

    def __init__(self, spool: Spool, settings: ReadSettings, on_error: str) -> None:
        self.spool = spool
        self.settings = settings
        self.on_error = on_error
        self.columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        self.rows: list[int] = []
        self.paths: list[str] = []
        self.failures: list[Failure] = []
        self.n_of_8_bits = 0
        self._first_with: dict[bytes, int] = {}

    def add(self, item: Item, result: list[LoadedImage] | Failure) -> None:
        if isinstance(result, Failure):
            self.add_failure(result)
            return
        for image in result:
            self._check_shape(image, item)
            index = self.spool.n_rows
            first = self._first_with.setdefault(image.digest, index)
            image.facts["duplicate_of"] = -1 if first == index else first
            self.n_of_8_bits += image.values.dtype == np.uint8
            self.spool.append(image.values)
            self.rows.append(item.row)
            self.paths.append(str(item.paths[0]))
            for name, column in self.columns.items():
                column.append(image.facts.get(name))

    def add_failure(self, failure: Failure) -> None:
        if self.on_error == "raise":
            raise ValueError(f"{failure.path} {failure.reason}. {REMEDY}")
        self.failures.append(failure)

    def _check_shape(self, image: LoadedImage, item: Item) -> None:
        n_axes = self.settings.n_axes
        sides, expected = image.values.shape[:n_axes], self.spool.shape[:n_axes]
        if self.spool.n_rows and sides != expected:
            raise ValueError(
                f"{item.paths[0]} has sides {sides}, but {self.paths[0]} has "
                f"{expected}. Pass size to bring all to one size."
            )

    def check_any(self) -> None:
        """Raise a ValueError if nothing could be read."""
        if not self.spool.n_rows:
            raise ValueError(
                f"No file could be read. {_name(self.failures)} Pass a source with at "
                "least one readable file."
            )


def _report(failures: Sequence[Failure], duplicate_of: Sequence[int]) -> None:
    if failures:
        were, all_are = ("was", "it is") if len(failures) == 1 else ("were", "all are")
        warn(
            f"{quantity(len(failures), 'file')} could not be read and {were} left out; "
            f"{all_are} named in errors. {_name(failures)}"
        )
    n_copies = sum(index >= 0 for index in duplicate_of)
    if n_copies:
        warn(
            f"{n_copies} of {len(duplicate_of)} images are exact copies of others, "
            "whose indices are in metadata['duplicate_of']. Leave them out by "
            "images[metadata['duplicate_of'] < 0]."
        )


def _report_bits(n_of_8_bits: int, n_images: int) -> None:
    if 0 < n_of_8_bits < n_images:
        have = "has" if n_of_8_bits == 1 else "have"
        warn(
            f"{n_of_8_bits} of {n_images} images {have} 8 bits and the others more, so "
            "that their units may differ. Pass window='file' to map all to 8 bits, "
            "unless all have the same units.",
            MixedUnitsWarning,
        )


def _name(failures: Sequence[Failure]) -> str:
    """Return the first failures in words."""
    named = [f"{each.path} {each.reason}." for each in failures[:SHOWN_FAILURES]]
    return " ".join(named)
