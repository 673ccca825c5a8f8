"""Volumes from the slices of a DICOM series, in the order of their positions."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from contrastive_clustering._images.dicom import (
    DAMAGED_HEADER,
    Pixels,
    frame_item,
    read_pixels,
)
from contrastive_clustering._images.dicom_facts import pixel_spacing
from contrastive_clustering._images.loaded import (
    UnreadableFileError,
    blame_file,
    refuse_damaged,
)
from contrastive_clustering._utils.optional import import_simpleitk

# Largest deviation of the steps between slices, as a part of the step. Positions are
# rounded; a missing slice deviates by 1.
TOLERANCE = 0.1

# Largest difference between the directions of slices, which are rounded, and between
# their pixel spacings as a part of the spacing.
DIRECTION_TOLERANCE = SPACING_TOLERANCE = 0.01

# Largest difference between the lengths of directions and 1, and between the cosine of
# their angle and 0. Some programs round them to two digits.
UNIT_TOLERANCE = 0.05

# Largest shift of slices along their planes, as a part of the distance between them:
# about one degree of tilt. Rounded directions cause smaller shifts.
SHIFT_TOLERANCE = 0.02


class Plane(NamedTuple):
    """Position of a slice in the coordinates of the patient.

    Attributes
    ----------
    position : ndarray of shape (3,)
        Center of the first pixel in millimeters.

    along_row, along_column : ndarray of shape (3,)
        Directions of increasing column and row indices.

    spacing : tuple of float
        Distances between rows and between columns in millimeters.
    """

    position: np.ndarray
    along_row: np.ndarray
    along_column: np.ndarray
    spacing: tuple[float, ...]

    @property
    def height(self) -> float:
        """Position along the normal of the slice in millimeters."""
        normal = np.cross(self.along_row, self.along_column)
        return float(normal @ self.position / np.linalg.norm(normal))


class SliceKey(NamedTuple):
    """Properties that all slices of a volume share.

    Attributes
    ----------
    series : hashable
        The series and its sides.

    directions : tuple of float
        Directions of rows and columns, up to rounding; empty if unknown. Localizers
        with other directions may belong to the same series.
    """

    series: Hashable
    directions: tuple[float, ...]


def slice_key(dataset: Any, folder: Path) -> SliceKey:
    """Return the key of a slice.

    Parameters
    ----------
    dataset : pydicom.Dataset
        Header of the slice.

    folder : Path
        Folder of the file. It identifies the series if the file does not.

    Returns
    -------
    key : SliceKey
        The key. It contains the patient and the study, too, because some programs for
        anonymization give all series one identifier.
    """
    identifiers = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")
    series = (
        *(str(dataset.get(name) or "") for name in identifiers),
        None if dataset.get("SeriesInstanceUID") else folder,
        dataset.get("Rows"),
        dataset.get("Columns"),
    )
    directions = dataset.get("ImageOrientationPatient") or ()
    return SliceKey(series, tuple(float(each) for each in directions))


def number_volumes(keys: Sequence[SliceKey]) -> list[int]:
    """Return the number of the volume of each slice.

    Parameters
    ----------
    keys : sequence of SliceKey
        Keys of the slices.

    Returns
    -------
    numbers : list of int
        Consecutive numbers from 0.

    Examples
    --------
    >>> from contrastive_clustering._images.series import SliceKey, number_volumes
    >>> first, second = SliceKey("a", (1.0, 0.0)), SliceKey("b", ())
    >>> number_volumes([first, second, first])
    [0, 1, 0]
    """
    known: dict[Hashable, list[tuple[tuple[float, ...], int]]] = defaultdict(list)
    numbers: list[int] = []
    n_volumes = 0
    for key in keys:
        same = (
            number
            for directions, number in known[key.series]
            if len(directions) == len(key.directions)
            and np.allclose(directions, key.directions, 0, DIRECTION_TOLERANCE)
        )
        number = next(same, n_volumes)
        if number == n_volumes:
            known[key.series].append((key.directions, number))
            n_volumes += 1
        numbers.append(number)
    return numbers


def plane_of(dataset: Any, frame: int) -> Plane:
    """Return the position of a frame.

    Raises
    ------
    UnreadableFileError
        If the file does not give it, or gives an invalid one.
    """
    item = frame_item(dataset, frame, "PlanePositionSequence")
    if item is dataset and int(dataset.get("NumberOfFrames") or 1) > 1:
        raise UnreadableFileError(
            "is a file of several frames without a position of each, which a volume "
            "needs"
        )
    try:
        position = item.ImagePositionPatient
        directions = frame_item(
            dataset, frame, "PlaneOrientationSequence"
        ).ImageOrientationPatient
        vectors = np.array([float(each) for each in (*position, *directions)])
        first, along_row, along_column = vectors.reshape(3, 3)
    except (AttributeError, TypeError, ValueError):
        raise UnreadableFileError(
            "is a slice without a position or directions, which a volume needs"
        ) from None
    axes = vectors[3:].reshape(2, 3)
    # Not a number is not close to any.
    if not np.isfinite(first).all() or not np.allclose(
        axes @ axes.T, np.eye(2), 0, UNIT_TOLERANCE
    ):
        raise UnreadableFileError(
            "is a slice with an invalid position or invalid directions. Directions of "
            "rows and columns must have a length of 1 and be at right angles"
        )
    spacing = pixel_spacing(dataset, frame)
    if spacing is None:
        raise UnreadableFileError("is a slice without a pixel spacing")
    return Plane(first, along_row, along_column, spacing)


def build_volume(datasets: Sequence[Any]) -> tuple[Pixels, Plane, float]:
    """Stack the slices of a series, or the frames of one file, by their positions.

    Parameters
    ----------
    datasets : sequence of pydicom.Dataset
        The slices in any order, or one file with several frames.

    Returns
    -------
    pixels : Pixels
        Pixels of the ordered slices.

    first : Plane
        Position of the first slice.

    step : float
        Distance between slices in millimeters.

    Raises
    ------
    UnreadableFileError
        If there are fewer than two slices, if they differ in shape, directions,
        spacing or the meaning of zero, or if their positions are not evenly spaced.
    """
    parts: list[Pixels] = []
    planes: list[Plane] = []
    for index, dataset in enumerate(datasets):
        with blame_file(index), refuse_damaged(DAMAGED_HEADER):
            parts.append(read_pixels(dataset))
            n_frames = len(parts[-1].values)
            planes += [plane_of(dataset, frame) for frame in range(n_frames)]
    _check_planes(planes)
    order = np.argsort([plane.height for plane in planes], kind="stable")
    step = _slice_step([planes[index] for index in order])
    return _stack(parts, order), planes[order[0]], step


def _check_planes(planes: list[Plane]) -> None:
    """Refuse slices with several directions or spacings, which need other volumes."""
    for plane in planes:
        vectors = (plane.along_row, plane.along_column)
        expected = (planes[0].along_row, planes[0].along_column)
        if not np.allclose(vectors, expected, 0, DIRECTION_TOLERANCE):
            raise UnreadableFileError("contains slices with several directions")
        if not np.allclose(plane.spacing, planes[0].spacing, SPACING_TOLERANCE, 0):
            raise UnreadableFileError(
                "belongs to a series with slices of several pixel spacings"
            )


def _slice_step(planes: list[Plane]) -> float:
    """Return the distance between slices, or refuse an uneven series."""
    if len(planes) < 2:
        raise UnreadableFileError(
            "is the only slice of its series; a volume needs at least two"
        )
    steps = np.diff([plane.height for plane in planes])
    step = float(np.median(steps))
    if step <= 0 or steps.min() <= 0:
        raise UnreadableFileError(
            "belongs to a series with several slices at one position. Remove copies, "
            "or pass the slices of one time point or echo as a list of paths"
        )
    if np.abs(steps - step).max() > TOLERANCE * step:
        raise UnreadableFileError(
            "belongs to a series with missing or unevenly spaced slices: the distances "
            f"are {steps.min():.3g} to {steps.max():.3g} mm"
        )
    offset = planes[-1].position - planes[0].position
    normal = np.cross(planes[0].along_row, planes[0].along_column)
    normal /= np.linalg.norm(normal)
    depth = offset @ normal
    shift = np.linalg.norm(offset - depth * normal)
    # Rounded positions of a few thin slices may be shifted by less than a pixel.
    if shift > max(SHIFT_TOLERANCE * depth, *planes[0].spacing):
        raise UnreadableFileError(
            "belongs to a series whose slices are shifted against each other (a tilted "
            "gantry), which is not supported"
        )
    return step


def _stack(parts: list[Pixels], order: np.ndarray) -> Pixels:
    if len({part.values.shape[1:] for part in parts}) > 1:
        raise UnreadableFileError("belongs to a series with slices of several shapes")
    values = np.concatenate([part.values for part in parts])
    if values.ndim > 3:
        raise UnreadableFileError("belongs to a series in color")
    if len({part.zero_is_white for part in parts}) > 1:
        raise UnreadableFileError(
            "belongs to a series in which zero is white in some slices and black in "
            "others"
        )
    masks = [
        np.zeros(part.values.shape, bool)
        if part.is_padding is None
        else part.is_padding
        for part in parts
    ]
    is_padding = np.concatenate(masks)[order]
    limits = (
        min(part.limits[0] for part in parts),
        max(part.limits[1] for part in parts),
    )
    return Pixels(
        values[order],
        is_padding if is_padding.any() else None,
        limits,
        parts[0].zero_is_white,
    )


def locate(values: np.ndarray, first: Plane, step: float) -> Any:
    """Return a volume with its spacing and directions.

    Parameters
    ----------
    values : ndarray of shape (n_slices, height, width)
        Values of the ordered slices.

    first : Plane
        Position of the first slice.

    step : float
        Distance between slices in millimeters.

    Returns
    -------
    image : SimpleITK.Image
        The volume.
    """
    sitk = import_simpleitk()
    image = sitk.GetImageFromArray(values)
    image.SetSpacing([float(first.spacing[1]), float(first.spacing[0]), step])
    image.SetOrigin([float(each) for each in first.position])
    normal = np.cross(first.along_row, first.along_column)
    axes = np.stack([first.along_row, first.along_column, normal], axis=1)
    image.SetDirection(axes.ravel().tolist())
    return image
