"""Datasets and files of medical images, in the style of sklearn.datasets."""

import hashlib
import os
from http.client import HTTPException
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from sklearn.utils import Bunch

from contrastive_clustering._images.load import load_images
from contrastive_clustering._utils.download import download as download_file
from contrastive_clustering._utils.files import as_path, open_regular
from contrastive_clustering._utils.messages import reason_of, show

__all__ = ["fetch_medmnist", "load_images", "load_medmnist_file"]

DATA_VARIABLE = "CONTRASTIVE_CLUSTERING_DATA"

# The advice is never to delete the file, as it may be the user's only copy.
OTHER_FILE = "Use another copy of the file."

SPLITS = ("train", "val", "test")

Split = Literal["train", "val", "test"]


@overload
def fetch_medmnist(
    name: str,
    *,
    split: Split = ...,
    size: int = ...,
    data_home: str | os.PathLike[str] | None = ...,
    download: bool = ...,
    return_X_y: Literal[False] = ...,
    verbose: int = ...,
) -> Bunch: ...


@overload
def fetch_medmnist(
    name: str,
    *,
    split: Split = ...,
    size: int = ...,
    data_home: str | os.PathLike[str] | None = ...,
    download: bool = ...,
    return_X_y: Literal[True],
    verbose: int = ...,
) -> tuple[np.ndarray, np.ndarray]: ...


def fetch_medmnist(
    name: str,
    *,
    split: Split = "train",
    size: int = 28,
    data_home: str | os.PathLike[str] | None = None,
    download: bool = True,
    return_X_y: bool = False,
    verbose: int = 0,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load a MedMNIST v2 data set, and download it if necessary.

    The file is searched in `data_home` or, if that is None, first in the folder that
    the environment variable ``CONTRASTIVE_CLUSTERING_DATA`` names and then in the
    default folder of medmnist. If it is missing, it is downloaded from the address that
    medmnist provides to the first of these folders that is set, and verified.

    Parameters
    ----------
    name : str
        Name of a 2D or 3D data set of medmnist in lower case, such as
        "pneumoniamnist", "bloodmnist" or "adrenalmnist3d".

    split : {"train", "val", "test"}, default="train"
        Split to load.

    size : int, default=28
        Side length in pixels: 28, 64, 128 or 224 for images, 28 or 64 for volumes.

    data_home : str or path-like, default=None
        Folder of the files. "~" is expanded to the home folder.

    download : bool, default=True
        Whether to download a missing file.

    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.

    verbose : int, default=0
        0 is silent, 1 shows the progress of a download.

    Returns
    -------
    bunch : sklearn.utils.Bunch
        ``data``, ndarray of uint8 of shape (n_samples, size, size), with a last axis
        of 3 for RGB, or (n_samples, size, size, size) for volumes; ``target``,
        ndarray of shape (n_samples,), or (n_samples, n_labels) if samples can have
        several labels; ``target_names``, list of str; ``DESCR``, ``license``, ``url``
        and ``filename``, str; and ``is_official``, bool, which is True if the file has
        the checksum of the published one.

    (data, target) : tuple of ndarray
        If `return_X_y` is True.

    Raises
    ------
    TypeError
        If `data_home` is not a path, `download` or `return_X_y` is not a bool, or
        `verbose` is not an integer.

    ValueError
        If medmnist does not have the data set, split or size, or if the contents of the
        file do not match.

    FileNotFoundError
        If the file is missing and `download` is False or fails. The message names the
        file and its folder.

    References
    ----------
    Yang et al., "MedMNIST v2 - A large-scale lightweight benchmark for 2D and 3D
    biomedical image classification", Scientific Data 10, 41 (2023).

    Examples
    --------
    >>> from contrastive_clustering.datasets import fetch_medmnist
    >>> chest = fetch_medmnist("pneumoniamnist", split="test")  # doctest: +SKIP
    >>> chest.data.shape, chest.target_names  # doctest: +SKIP
    ((624, 28, 28), ['normal', 'pneumonia'])
    """
    info = _describe_set(name, size)
    _check_split(split)
    for flag, value in (("download", download), ("return_X_y", return_X_y)):
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{flag}={show(value)} is not a bool. Pass True or False.")
    if not isinstance(verbose, Integral):
        raise TypeError(f"verbose={show(verbose)} is not an integer. Pass 0 or 1.")
    paths = [folder / info["filename"] for folder in _folders(data_home)]
    found = [path for path in paths if path.is_file()]
    if not found:
        if not download:
            raise FileNotFoundError(_how_to_get(paths[0], info))
        _download(paths[0], info, verbose)
    path = found[0] if found else paths[0]
    bunch = load_medmnist_file(path, split=split)
    _check_contents(bunch, info, split)
    bunch.update(
        target_names=[info["label"][key] for key in sorted(info["label"], key=int)],
        DESCR=f"{info['python_class']} ({split}, {size} pixels)\n\n"
        f"{info['description']}\n\nTask: {info['task']}. License: {info['license']}.",
        license=info["license"],
        url=info["url"],
        is_official=_md5(path) == info["MD5"],
    )
    return (bunch.data, bunch.target) if return_X_y else bunch


def load_medmnist_file(
    path: str | os.PathLike[str], *, split: Split = "train"
) -> Bunch:
    """Load a split of any ``.npz`` file in the format of MedMNIST.

    Such a file contains arrays ``train_images`` and ``train_labels`` and the same for
    ``val`` and ``test``, with labels as a column. No code in the file is executed.

    Parameters
    ----------
    path : str or path-like
        Path of the file. "~" is expanded to the home folder.

    split : {"train", "val", "test"}, default="train"
        Split to load.

    Returns
    -------
    bunch : sklearn.utils.Bunch
        ``data``, ndarray of shape (n_samples, ...), ``target``, ndarray of shape
        (n_samples,) or (n_samples, n_labels), and ``filename``, str.

    Raises
    ------
    TypeError
        If `path` is not a path.

    ValueError
        If the file is not a regular file, does not have this format, or lacks the
        split.

    OSError
        If the file does not exist or is not readable.
    """
    _check_split(split)
    file_path = as_path(path, "path")
    with open_regular(file_path) as file:  # errors name the file
        try:
            with np.load(file, allow_pickle=False) as arrays:
                data, target = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        except MemoryError:  # the file may be valid
            raise
        # For a broken archive, zipfile, zlib, tokenize and NumPy raise various errors,
        # all with the same meaning; the message includes them.
        except Exception as error:
            raise ValueError(
                f"{file_path} cannot be read as a MedMNIST file with the split "
                f"{show(split)} ({reason_of(error)}). {OTHER_FILE}"
            ) from error
    if data.ndim == 0 or target.shape[:1] != data.shape[:1] or target.ndim > 2:
        raise ValueError(
            f"{file_path} has images of shape {data.shape} and labels of shape "
            f"{target.shape} for the split {show(split)}. Their numbers must be equal, "
            "and labels must be a column or a table."
        )
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    return Bunch(data=data, target=target, filename=str(file_path))


def _check_split(split: Any) -> None:
    if not isinstance(split, str) or split not in SPLITS:
        raise ValueError(f"split={show(split)} is not one of {SPLITS}.")


def _describe_set(name: str, size: int) -> dict[str, Any]:
    """Return medmnist's description of a set, with the URL and MD5 for a size."""
    from medmnist.info import INFO

    if not isinstance(name, str) or name not in INFO:
        raise ValueError(
            f"name={show(name)} is not a MedMNIST data set. Available: "
            f"{', '.join(INFO)}."
        )
    known = INFO[name]
    suffixes = {28: ""} | {s: f"_{s}" for s in (64, 128, 224) if f"url_{s}" in known}
    if not isinstance(size, Integral) or size not in suffixes:
        raise ValueError(
            f"size={show(size)} is not one of {list(suffixes)} for {show(name)}."
        )
    suffix = suffixes[size]
    return {
        **known,
        "size": size,
        "filename": f"{name}{suffix}.npz",
        "url": known[f"url{suffix}"],
        "MD5": known[f"MD5{suffix}"],
    }


def _folders(data_home: str | os.PathLike[str] | None) -> list[Path]:
    """Return the folders to search; missing files are downloaded to the first."""
    if data_home is not None:
        return [as_path(data_home, "data_home")]
    from_environment = os.environ.get(DATA_VARIABLE)
    folders = [as_path(from_environment, DATA_VARIABLE)] if from_environment else []
    return [*folders, as_path("~/.medmnist", "the default of data_home")]


def _how_to_get(path: Path, info: dict[str, Any]) -> str:
    return (
        f"{path.name} is not in {path.parent}. Download it from {info['url']} to that "
        "folder, or pass the folder that contains it as data_home or in the "
        f"environment variable {DATA_VARIABLE}."
    )


def _download(path: Path, info: dict[str, Any], verbose: int) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        download_file(info["url"], path, info["MD5"], verbose=verbose)
    except (OSError, HTTPException, ValueError) as error:
        raise FileNotFoundError(
            f"{path.name} could not be downloaded ({reason_of(error)}). "
            f"{_how_to_get(path, info)}"
        ) from error


def _check_contents(bunch: Bunch, info: dict[str, Any], split: Split) -> None:
    """Raise a ValueError unless the arrays have the published shapes."""
    is_volume = info["python_class"].endswith("3D")
    channels = (3,) if info["n_channels"] == 3 and not is_volume else ()
    sides = [info["size"]] * (3 if is_volume else 2)
    shape = (info["n_samples"][split], *sides, *channels)
    if bunch.data.shape != shape or len(bunch.target) != shape[0]:
        raise ValueError(
            f"{bunch.filename} has images of shape {bunch.data.shape} and "
            f"{len(bunch.target)} labels for the split {show(split)}, but "
            f"{info['python_class']} has images of shape {shape} (see {info['url']}). "
            f"{OTHER_FILE} Or pass another folder as data_home."
        )


def _md5(path: Path) -> str:
    with open_regular(path) as file:
        # Against damage, not forgery: systems in FIPS mode have no other MD5.
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    return digest.hexdigest()
