"""One image or volume as it passes from its file to the array."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Fit = Literal["letterbox", "crop", "stretch"]
Window = Literal["file"] | tuple[float, float] | None

# A header may claim any number; this is 4 GiB as float32.
MAX_VALUES = 2**30


class UnreadableFileError(ValueError):
    """A file that cannot be read as an image or a volume.

    Parameters
    ----------
    reason : str
        Predicate for a message that begins with the path, such as "is empty". It must
        not contain pixel values, names or identifiers.

    Attributes
    ----------
    index : int or None
        Index of the file among those of a volume, if one is to blame.
    """

    index: int | None = None


@contextmanager
def refuse_damaged(reason: str) -> Iterator[None]:
    """Refuse a file if a library fails to read it.

    Messages of the libraries are left out, because they may contain names of patients.

    Parameters
    ----------
    reason : str
        As for `UnreadableFileError`.

    Raises
    ------
    UnreadableFileError
        For any error but the lack of memory or of a package.
    """
    try:
        yield
    except (ImportError, MemoryError, UnreadableFileError):
        raise
    # For a damaged file, libraries raise errors of many types. One file must not end
    # the reading of all others.
    except Exception as error:
        raise UnreadableFileError(f"{reason} ({type(error).__name__})") from None


@contextmanager
def blame_file(index: int) -> Iterator[None]:
    """Add the index of a file of a volume to the error that refuses it."""
    try:
        yield
    except UnreadableFileError as error:
        error.index = index
        raise


def check_finite(values: np.ndarray) -> None:
    """Refuse values that are NaN or infinite, which no window can map to bytes.

    Parameters
    ----------
    values : ndarray
        Values of an image or a volume.

    Raises
    ------
    UnreadableFileError
        If a value is not finite.
    """
    if not np.isfinite(values).all():
        raise UnreadableFileError("contains values that are NaN or infinite")


@dataclass(frozen=True)
class ReadSettings:
    """Settings of `load_images` that apply to each file.

    Parameters
    ----------
    as_volumes : bool
        Whether to read volumes instead of images.

    size : tuple of int or None
        Sides of the result.

    spacing : tuple of float or None
        Distances between the pixels of the result in millimeters.

    fit : {"letterbox", "crop", "stretch"}
        How images of another aspect ratio are brought to `size`.

    channels : {"auto", "gray", "rgb"}
        Colors of the result.

    window : "file", tuple of float or None
        Range of gray values to map to 0 to 255.

    key : bytes
        Secret key for the hashes of patients.
    """

    as_volumes: bool = False
    size: tuple[int, ...] | None = None
    spacing: tuple[float, ...] | None = None
    fit: Fit = "letterbox"
    channels: Literal["auto", "gray", "rgb"] = "auto"
    window: Window = None
    key: bytes = b""

    @property
    def n_axes(self) -> int:
        """Number of spatial axes of the result."""
        return 3 if self.as_volumes else 2


@dataclass
class LoadedImage:
    """An image or a volume with its metadata.

    Parameters
    ----------
    values : ndarray of shape (height, width), (height, width, 3) or (depth, height, \
width)
        Values, uint8 or float32.

    spacing : tuple of float or None
        Distance between neighboring pixels along each spatial axis in millimeters.

    facts : dict
        Columns of the metadata. "study_day" is a proleptic ordinal until all images are
        known.

    digest : bytes, default=b""
        Hash of the values as they are in the file.

    aspect : tuple of float or None, default=None
        Relative distances, if those in millimeters are unknown.
    """

    values: np.ndarray
    spacing: tuple[float, ...] | None
    facts: dict[str, Any]
    digest: bytes = b""
    aspect: tuple[float, ...] | None = None
