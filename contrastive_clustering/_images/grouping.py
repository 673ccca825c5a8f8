"""Group the files of a source into volumes, such as the slices of DICOM series."""

from collections.abc import Hashable, Sequence
from pathlib import Path

from contrastive_clustering._images.dicom import DAMAGED_HEADER, open_dicom
from contrastive_clustering._images.file_types import type_of
from contrastive_clustering._images.finding import Entry, image_files
from contrastive_clustering._images.loaded import UnreadableFileError, refuse_damaged
from contrastive_clustering._images.quiet import quiet_readers, quiet_worker
from contrastive_clustering._images.reading import Failure, Item
from contrastive_clustering._images.series import SliceKey, number_volumes, slice_key
from contrastive_clustering._utils.progress import Progress, run_tasks


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
            _volume_of,
            [(entry.path,) for entry in entries],
            n_jobs=n_jobs,
            progress=progress,
        )
    numbers = iter(
        number_volumes([each for each in found if isinstance(each, SliceKey)])
    )
    paths: dict[Hashable, list[Path]] = {}
    rows: dict[Hashable, int] = {}
    failures = []
    for entry, volume in zip(entries, found, strict=True):
        if isinstance(volume, Failure):
            failures.append(volume)
            continue
        # Entries are distinct by their rows, even if they name the same file.
        is_whole = isinstance(volume, list)
        key: Hashable = entry if is_whole else next(numbers)
        paths.setdefault(key, []).extend(volume if is_whole else [entry.path])
        rows.setdefault(key, entry.row)
    items = [Item(tuple(each), rows[key]) for key, each in paths.items()]
    return items, failures


def _volume_of(path: Path) -> SliceKey | list[Path] | Failure:
    """Return the key of a slice, or the files of a volume that is complete."""
    try:
        if not path.is_dir():
            key = _key_of(path)
            return [path] if key is None else key
        found = list(image_files(path))
        keys = [_key_of(each) for each in found]
        slices = [key for key in keys if key is not None]
        n_volumes = keys.count(None) + len(set(number_volumes(slices)))
        if n_volumes != 1:
            raise UnreadableFileError(
                f"is a folder with {n_volumes} volumes. Pass "
                "folders with the slices of one series each, or the files"
            )
        return found
    except UnreadableFileError as error:
        return Failure(str(path), str(error))


def _key_of(path: Path) -> SliceKey | None:
    """Return the key of a slice, or None for a file that is a volume."""
    if type_of(path) != "dicom":
        return None
    with quiet_worker(), refuse_damaged(DAMAGED_HEADER):
        header = open_dicom(path, with_pixels=False)
        has_frames = int(header.get("NumberOfFrames") or 1) > 1
        return None if has_frames else slice_key(header, path.parent)
