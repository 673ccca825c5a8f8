"""Read the images of a folder, and report what could not be read."""

import os
import warnings
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from contrastive_clustering._command.console import CommandError, Console
from contrastive_clustering._command.recipe import Recipe
from contrastive_clustering._images.collecting import MixedUnitsWarning
from contrastive_clustering._images.finding import image_files, visible_files
from contrastive_clustering.datasets import load_images

# Files that cannot be read, and suffixes that are not of images, to name.
SHOWN = 3


@dataclass(frozen=True, eq=False)
class LoadedFolder:
    """The images of a folder.

    Attributes
    ----------
    images : ndarray of shape (n, ...)
        The images.

    paths : list of str
        Path of each image, relative to the folder. With volumes, it is the path of the
        first slice.

    facts : pandas.DataFrame
        Metadata of each image.

    errors : dict of str to str
        Reason for each file that could not be read.
    """

    images: np.ndarray
    paths: list[str]
    facts: Any
    errors: dict[str, str]


def read_folder(options: Namespace, recipe: Recipe, console: Console) -> LoadedFolder:
    """Read the images of the folder.

    Raises
    ------
    CommandError
        If the folder does not exist or has no images, or if files cannot be read and
        ``--on-error raise`` is given.
    """
    folder = options.folder
    _check_folder(folder)
    console.say(f"Reading the images of {folder}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what others say is reported below
        warnings.simplefilter("always", MixedUnitsWarning)
        loaded = load_images(
            folder,
            **recipe.parameters,
            on_error="skip",
            n_jobs=options.n_jobs,
            verbose=console.verbose,
        )
    errors = {
        _relative(path, folder): console.explain(reason)
        for path, reason in zip(
            loaded.errors["path"], loaded.errors["reason"], strict=True
        )
    }
    if errors:
        fails = options.on_error == "raise"
        text = _describe(errors, in_table=not fails)
        if fails:
            raise CommandError(f"{text}\nRemove them, or pass --on-error skip.")
        console.warn(text)
    paths = [_relative(path, folder) for path in loaded.paths]
    n_files = len({*paths, *errors})
    console.images = _name_images(paths, loaded.metadata["frame"])
    _report_copies(loaded.metadata["duplicate_of"].to_numpy(), console)
    if recipe.parameters.get("as_volumes"):
        # A volume is named by one of its files, so that those that were read are found
        # again.
        n_files = sum(1 for _ in image_files(folder))
    _report_ignored(folder, n_files, console)
    _report_modalities(loaded.metadata["modality"], console)
    if recipe.parameters.get("window") == "file" and not options.predicts:
        _report_windows(loaded.metadata, console)
    if not recipe.parameters.get("as_volumes"):
        if recipe.parameters.get("channels", "auto") == "auto":
            _report_colors(loaded.images, console)
        if recipe.parameters.get("channels") == "rgb" and options.predicts:
            _report_gray(loaded.images, console)
    images = recipe.convert(loaded.images, console)
    return LoadedFolder(images, paths, loaded.metadata, errors)


def _check_folder(folder: Path) -> None:
    if not folder.exists():
        raise CommandError(f"the folder {str(folder)!r} does not exist.")
    if not folder.is_dir():
        raise CommandError(
            f"{str(folder)!r} is not a folder. Pass the folder that contains the "
            "images."
        )
    if not os.access(folder, os.R_OK | os.X_OK):
        raise CommandError(
            f"the folder {str(folder)!r} cannot be read: permission denied."
        )
    if next(image_files(folder), None) is None:
        others = _count_suffixes(folder)
        found = f"It has other files: {others}. " if others else "It is empty. "
        raise CommandError(
            f"the folder {str(folder)!r} contains no files of images. {found}Supported "
            "are PNG, JPEG, TIFF, DICOM, NIfTI, MetaImage and NRRD."
        )


def _relative(path: str, folder: Path) -> str:
    return Path(path).relative_to(folder).as_posix()


def _name_images(paths: list[str], frames: Iterable[int]) -> list[str]:
    """Return the names of images, with the frame if a file has several."""
    counts = Counter(paths)
    return [
        path if counts[path] == 1 else f"frame {frame} of {path}"
        for path, frame in zip(paths, frames, strict=True)
    ]


def _describe(errors: dict[str, str], *, in_table: bool) -> str:
    """Return the number of files that could not be read, and the first of them."""
    number = "1 file" if len(errors) == 1 else f"{len(errors)} files"
    named = [f"  {path} {reason}." for path, reason in list(errors.items())[:SHOWN]]
    if len(errors) > SHOWN:
        rest = '. All are in the column "error" of the table of --labels.'
        named.append(f"  and {len(errors) - SHOWN} more{rest if in_table else '.'}")
    return "\n".join([f"{number} could not be read:", *named])


def _count_suffixes(folder: Path) -> str:
    """Return the most frequent suffixes of the files of a folder."""
    counts = Counter(
        path.suffix.lower() or "no suffix" for path in visible_files(folder)
    )
    return ", ".join(f"{n} with {name}" for name, n in counts.most_common(SHOWN))


def _report_copies(originals: np.ndarray, console: Console) -> None:
    """Warn of images that are copies; `originals` has the index of the first, or -1."""
    copies = np.flatnonzero(originals >= 0)
    if len(copies):
        copy, original = (
            console.images[index] for index in (copies[0], originals[copies[0]])
        )
        console.warn(
            f"{len(copies)} of {len(originals)} images are exact copies of others, "
            f"such as {copy}, a copy of {original}. Remove them if they are there by "
            "mistake."
        )


def _report_modalities(modalities: Any, console: Console) -> None:
    """Count the images of each modality if DICOM files have several, such as doses."""
    counts = modalities.value_counts()
    if len(counts) > 1:
        found = ", ".join(f"{n} {name}" for name, n in counts.items())
        console.say(
            f"Images of several modalities: {found}. Remove those that should not be "
            "compared with the others."
        )


def _report_windows(facts: Any, console: Console) -> None:
    """Warn if CT images have several windows, so that tissues differ in their grays."""
    windows = facts.loc[facts["modality"] == "CT", ["window_center", "window_width"]]
    n_windows = len(windows.dropna().drop_duplicates())
    if n_windows > 1:
        console.warn(
            f"the {len(windows)} CT images have {n_windows} different windows, so that "
            "a tissue has several gray values, which strata may follow. Pass one "
            "window for all, such as --window 40,400."
        )


def _report_colors(images: np.ndarray, console: Console) -> None:
    """Warn of a few images in color, such as screenshots, among gray ones."""
    if images.ndim == 3:
        return
    has_color = [bool((image != image[..., :1]).any()) for image in images]
    n_colored = sum(has_color)
    if 0 < n_colored < len(images) / 2:
        have = "has" if n_colored == 1 else "have"
        console.warn(
            f"{n_colored} of {len(images)} images {have} colors, such as "
            f"{console.images[has_color.index(True)]}, so that all are read in color. "
            "Remove them if they are there by mistake, or pass --channels gray."
        )


def _report_gray(images: np.ndarray, console: Console) -> None:
    """Warn if a model of images in color is applied to gray ones."""
    if not any((image != image[..., :1]).any() for image in images):
        console.warn(
            "all images are gray, but the model is one of images in color. Do not rely "
            "on the strata, unless some images of the model were gray."
        )


def _report_ignored(folder: Path, n_read: int, console: Console) -> None:
    n_ignored = sum(1 for _ in visible_files(folder)) - n_read
    if n_ignored > 0:
        were = "1 file was" if n_ignored == 1 else f"{n_ignored} files were"
        console.say(f"{were} ignored, because of other formats")
