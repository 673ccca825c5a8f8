"""Read NIfTI, MetaImage and NRRD files, and orient volumes, with SimpleITK."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from contrastive_clustering._images.file_types import VOLUME_FORMATS
from contrastive_clustering._images.loaded import (
    MAX_VALUES,
    LoadedImage,
    UnreadableFileError,
    refuse_damaged,
)
from contrastive_clustering._images.volume_data import (
    check_data,
    corrected_nifti,
    is_gzip,
    is_nifti_2,
    nifti_distances,
    states_spacing,
)
from contrastive_clustering._utils.optional import import_simpleitk

# Axes of SimpleITK point to the left, to the back and to the head; those of the array
# are in reverse order.
ORIENTATION = "LPS"

# ITK itself finds the reader of some formats only by suffixes in lower case.
READERS = {"NIfTI": "NiftiImageIO", "MetaImage": "MetaImageIO", "NRRD": "NrrdImageIO"}


@refuse_damaged("is a volume that is damaged or changed while it was read")
def read_volume(path: Path, *, as_volumes: bool) -> list[LoadedImage]:
    """Read a file as a volume, or as an image if it has a single slice.

    Parameters
    ----------
    path : Path
        A NIfTI, MetaImage or NRRD file.

    as_volumes : bool
        Whether to return a volume.

    Returns
    -------
    images : list of LoadedImage
        One volume in the orientation of `oriented`, or one image in that of
        `as_displayed`.

    Raises
    ------
    UnreadableFileError
        If the file is damaged, too large, in color, or has other dimensions.
    """
    sitk = import_simpleitk()
    file_format = VOLUME_FORMATS[_suffix_of(path)]
    _check_name(path, file_format)
    is_nifti, n_axes = file_format == "NIfTI", 3 if as_volumes else 2
    with _silent(sitk):
        try:
            reader = _open(path, file_format)
            sides = _spatial_sides(reader, n_axes)
            check_data(path, file_format, reader)
            is_stated = states_spacing(path, file_format, n_axes)
            with corrected_nifti(path) if is_nifti else nullcontext(path) as corrected:
                image = _read_sides(_open(corrected, file_format), sides)
        except RuntimeError as error:
            if "orthonormal" in str(error):
                raise UnreadableFileError(
                    "has axes that are not at right angles, such as those of a tilted "
                    "gantry. Resample it to a grid with right angles"
                ) from None
            if is_nifti and is_nifti_2(path):
                raise UnreadableFileError(
                    "is in the format NIfTI-2, which ITK does not read. Save it as "
                    "NIfTI-1"
                ) from None
            raise UnreadableFileError(
                "is a truncated or damaged volume, or a file of another format"
            ) from None
    if is_nifti:
        _undo_reversal(image, nifti_distances(path))
    values, spacing = oriented(image) if as_volumes else as_displayed(image)
    facts = {"format": file_format, "frame": 0, "inverted": False}
    return [LoadedImage(values, spacing if is_stated else None, facts)]


def _open(path: Path, file_format: str) -> Any:
    """Return a reader that has read the header of a file."""
    reader = import_simpleitk().ImageFileReader()
    reader.SetImageIO(READERS[file_format])
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return reader


def _read_sides(reader: Any, sides: list[int]) -> Any:
    """Return the image with these sides, and with a third axis if the file has one."""
    n_dimensions = reader.GetDimension()
    # With its third axis, the direction of a slice is known.
    sides = sides + [1] * (min(n_dimensions, 3) - len(sides))
    reader.SetExtractSize([*sides, *[0] * (n_dimensions - len(sides))])
    return reader.Execute()


def _suffix_of(path: Path) -> str:
    """Return the suffix of a path in lower case."""
    name = path.name.lower()
    return next(each for each in VOLUME_FORMATS if name.endswith(each))


def _check_name(path: Path, file_format: str) -> None:
    """Refuse names that ITK cannot open, for some of which it ends the process."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise UnreadableFileError(
            "has a path that is not valid UTF-8. Rename the file or its folder"
        ) from None
    suffix = _suffix_of(path)
    written = path.name[-len(suffix) :]
    if file_format == "NIfTI" and written not in (suffix, suffix.upper()):
        raise UnreadableFileError(
            f"has the suffix {written!r}, in which upper and lower case are mixed. "
            f"Rename it to {suffix!r}"
        )
    if suffix == ".nii" and is_gzip(path):
        raise UnreadableFileError(
            "is compressed by gzip, but its suffix does not say so. Add '.gz' to its "
            "name"
        )


def _undo_reversal(image: Any, distances: tuple[float, ...]) -> None:
    """Correct the directions of axes for which a NIfTI file states negative distances.

    Their signs mean nothing in the standard, but ITK reverses these axes.
    """
    n_axes = image.GetDimension()
    signs = np.where(np.array(distances)[:n_axes] < 0, -1.0, 1.0)
    directions = np.reshape(image.GetDirection(), (n_axes, n_axes)) * signs
    image.SetDirection(directions.ravel().tolist())


def _spatial_sides(reader: Any, n_axes: int) -> list[int]:
    """Return the sides to read along the first axes, or refuse the file."""
    sides = list(reader.GetSize())
    if reader.GetNumberOfComponents() > 1:
        raise UnreadableFileError(
            f"has {reader.GetNumberOfComponents()} values per voxel. Only volumes with "
            "one value are read"
        )
    if np.prod([float(side) for side in sides]) > MAX_VALUES:
        raise UnreadableFileError(
            f"claims to have more than {MAX_VALUES} voxels, the limit for one volume"
        )
    while len(sides) > n_axes and sides[-1] == 1:
        sides.pop()
    if n_axes == 3 and len(sides) != 3:
        raise UnreadableFileError(
            f"has sides {tuple(sides)}, but a volume has 3. Split it into volumes, or "
            "leave it out"
        )
    if n_axes == 2 and len(sides) != 2:
        raise UnreadableFileError(
            f"is a volume with sides {tuple(sides)}. Pass as_volumes=True"
        )
    return sides


def as_displayed(image: Any) -> tuple[np.ndarray, tuple[float, ...]]:
    """Return a slice as it is displayed, and as DICOM files of most scanners store it.

    Parameters
    ----------
    image : SimpleITK.Image
        An image of two axes, or of three of which the last has one element.

    Returns
    -------
    values : ndarray of shape (height, width)
        Values, uint8 or float32. Rows run to the back, or to the feet if the slice is
        not axial; columns to the left of the patient, or to the back if it is sagittal.

    spacing : tuple of float
        Distances between pixels along these axes in millimeters.
    """
    sitk = import_simpleitk()
    if image.GetDimension() == 2:
        image = sitk.JoinSeries([image])
    code = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(
        image.GetDirection()
    )
    axis = 2 - next(i for i, ends in enumerate(("LR", "AP", "IS")) if code[2] in ends)
    values, spacing = oriented(image)
    values = np.take(values, 0, axis)
    kept = [step for i, step in enumerate(spacing) if i != axis]
    return values if axis == 0 else values[::-1], tuple(kept)


def oriented(image: Any) -> tuple[np.ndarray, tuple[float, ...]]:
    """Return a volume in one orientation, with the spacing of its axes.

    Axes are permuted and reversed, without interpolation.

    Parameters
    ----------
    image : SimpleITK.Image
        A volume with its directions.

    Returns
    -------
    values : ndarray of shape (depth, height, width)
        Values, uint8 or float32. Axis 0 points to the head, axis 1 to the back, and
        axis 2 to the left of the patient.

    spacing : tuple of float
        Distances between voxels along these axes in millimeters.
    """
    sitk = import_simpleitk()
    turned = sitk.DICOMOrient(image, ORIENTATION)
    values = _as_supported(sitk.GetArrayFromImage(turned))
    return values, tuple(turned.GetSpacing())[::-1]


def _as_supported(values: np.ndarray) -> np.ndarray:
    return values if values.dtype == np.uint8 else values.astype(np.float32)


@contextmanager
def _silent(sitk: Any) -> Iterator[None]:
    """Keep ITK from printing warnings about a file to the standard error."""
    before = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(before)
