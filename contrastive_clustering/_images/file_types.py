"""Recognize the type of a file by its first bytes, or by its suffix."""

import os
from pathlib import Path
from typing import Literal

from contrastive_clustering._images.loaded import UnreadableFileError
from contrastive_clustering._utils.files import open_regular

FileType = Literal["dicom", "raster", "volume"]

DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
RASTER_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")

# Formats of volumes by the suffixes that recognize them.
VOLUME_FORMATS = {
    ".nii": "NIfTI",
    ".nii.gz": "NIfTI",
    ".mha": "MetaImage",
    ".mhd": "MetaImage",
    ".nrrd": "NRRD",
    ".nhdr": "NRRD",
}
VOLUME_SUFFIXES = tuple(VOLUME_FORMATS)

IMAGE_SUFFIXES = DICOM_SUFFIXES + RASTER_SUFFIXES + VOLUME_SUFFIXES

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

# First bytes of PNG and JPEG, which have one image.
SINGLE_MAGIC = (PNG_MAGIC, b"\xff\xd8\xff")

# The same, TIFF in both byte orders, and BigTIFF in both.
RASTER_MAGIC = (
    *SINGLE_MAGIC,
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
)

# A DICOM file begins with 128 bytes of any content.
DICOM_OFFSET, DICOM_MAGIC = 128, b"DICM"


def has_image_suffix(path: Path) -> bool:
    """Return whether the suffix of a file is one of a supported format."""
    return path.name.lower().endswith(IMAGE_SUFFIXES)


def has_single_image(path: Path) -> bool:
    """Return whether a file can be read and begins like one of a single image."""
    try:
        return _read_head(path).startswith(SINGLE_MAGIC)
    except (OSError, ValueError):
        return False


def is_dicom(path: Path) -> bool:
    """Return whether a file can be read and begins like a DICOM file."""
    try:
        return _is_dicom_head(_read_head(path))
    except (OSError, ValueError):
        return False


def type_of(path: Path) -> FileType:
    """Return the type of a file; its content counts more than its suffix.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    file_type : {"dicom", "raster", "volume"}
        "raster" is PNG, JPEG or TIFF, and "volume" NIfTI, MetaImage or NRRD.

    Raises
    ------
    UnreadableFileError
        If the file cannot be read, is empty or has another type.
    """
    try:
        head = _read_head(path)
    except FileNotFoundError:
        raise UnreadableFileError("does not exist") from None
    except IsADirectoryError:
        can_search = os.access(path, os.R_OK | os.X_OK)
        raise UnreadableFileError(
            "is a folder, not a file" if can_search else "is a folder that is locked"
        ) from None
    except OSError as error:
        raise UnreadableFileError(
            f"cannot be opened ({error.strerror or type(error).__name__})"
        ) from None
    except ValueError:
        raise UnreadableFileError("is a pipe, a socket or a device") from None
    if not head:
        raise UnreadableFileError("is empty")
    if _is_dicom_head(head):
        return "dicom"
    if path.name.lower().endswith(VOLUME_SUFFIXES):
        return "volume"
    if head.startswith(RASTER_MAGIC):
        return "raster"
    if path.name.lower().endswith(DICOM_SUFFIXES):
        raise UnreadableFileError(
            "has the suffix of a DICOM file, but not the letters DICM after its first "
            f"{DICOM_OFFSET} bytes. If a viewer opens it, export it from there as a "
            "DICOM file"
        )
    raise UnreadableFileError(
        "is not in a known format: its first bytes are not those of a PNG, JPEG, TIFF "
        "or DICOM file, and its suffix is not one of a NIfTI, MetaImage or NRRD file"
    )


def _read_head(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read(DICOM_OFFSET + len(DICOM_MAGIC))


def _is_dicom_head(head: bytes) -> bool:
    return head[DICOM_OFFSET:] == DICOM_MAGIC
