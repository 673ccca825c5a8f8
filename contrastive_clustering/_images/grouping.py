"""Group the files of a source into items: single files, or the slices of volumes."""

from collections.abc import Hashable, Sequence
from pathlib import Path

from contrastive_clustering._images.dicom import open_dicom
from contrastive_clustering._images.file_types import type_of
from contrastive_clustering._images.finding import Entry, image_files
from contrastive_clustering._images.loaded import UnreadableFileError
from contrastive_clustering._images.quiet import quiet_readers, quiet_worker
from contrastive_clustering._images.reading import Failure, Item
from contrastive_clustering._images.series import series_key
from contrastive_clustering._utils.progress import Progress, run_tasks


def single_items(entries: Sequence[Entry]) -> list[Item]:
    """Return an item for each file."""
    return [Item((entry.path,), entry.row) for entry in entries]


def volume_items(
    entries: Sequence[Entry], *, n_jobs: int | None, verbose: int
) -> tuple[list[Item], list[Failure]]:
    """Return an item for each volume; slices of a DICOM series are one volume.

    Parameters
    ----------
    entries : sequence of Entry
        Files, or folders with the slices of one series each.

    n_jobs : int or None
        Number of jobs that read headers.

    verbose : int
        Whether to report progress.

    Returns
    -------
    items : list of Item
        Volumes, in the order of their first files.

    failures : list of Failure
        Files whose headers could not be read.
    """
    with (
        quiet_readers(),
        Progress("headers", len(entries), "file", verbose=verbose) as progress,
    ):
        found = run_tasks(
            _headers,
            [(entry.path,) for entry in entries],
            n_jobs=n_jobs,
            progress=progress,
        )
    slices: dict[Hashable, list[Path]] = {}
    rows: dict[Hashable, int] = {}
    failures = []
    for entry, keyed in zip(entries, found, strict=True):
        if isinstance(keyed, Failure):
            failures.append(keyed)
            continue
        for path, key in keyed:
            slices.setdefault(key, []).append(path)
            rows.setdefault(key, entry.row)
    items = [Item(tuple(paths), rows[key]) for key, paths in slices.items()]
    return items, failures


def _headers(path: Path) -> list[tuple[Path, Hashable]] | Failure:
    """Return the slices at a path, each with the key of its volume."""
    try:
        if not path.is_dir():
            return [(path, _key_of(path))]
        found = [(each, _key_of(each)) for each in image_files(path)]
        n_volumes = len({key for _, key in found})
        if n_volumes != 1:
            raise UnreadableFileError(
                f"is a folder with {n_volumes} volumes. Pass "
                "folders with the slices of one series each, or the files"
            )
        return found
    except UnreadableFileError as error:
        return Failure(str(path), str(error))


def _key_of(path: Path) -> Hashable:
    if type_of(path) != "dicom":
        return str(path)
    with quiet_worker():
        header = open_dicom(path, with_pixels=False)
    has_frames = int(header.get("NumberOfFrames") or 1) > 1
    return str(path) if has_frames else series_key(header)
