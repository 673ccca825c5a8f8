"""Read the pixels of DICOM files with pydicom, in the units of the modality."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from contrastive_clustering._images.loaded import (
    MAX_VALUES,
    UnreadableFileError,
    refuse_damaged,
)
from contrastive_clustering._images.lookup import look_up, look_up_colors
from contrastive_clustering._utils.files import open_regular
from contrastive_clustering._utils.optional import import_pydicom

# pydicom reads values of a header only when they are needed, so that any use may fail.
DAMAGED_HEADER = "is a DICOM file with a damaged or unsupported header"

# Elements with pixels: integers, and floats of 32 and 64 bits.
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")

PALETTE = "PALETTE COLOR"
GRAY = ("MONOCHROME1", "MONOCHROME2")


@dataclass
class Pixels:
    """Pixels of all frames of a file, or of all slices of a volume.

    Parameters
    ----------
    values : ndarray of shape (n_frames, height, width) or (n_frames, height, width, 3)
        Values in the units of the modality, uint8 or float32.

    is_padding : ndarray of bool or None
        Pixels outside of the image, of the shape of `values`.

    limits : tuple of float
        Smallest and largest possible value, by the number of bits.

    zero_is_white : bool
        Whether the smallest value is displayed as white.
    """

    values: np.ndarray
    is_padding: np.ndarray | None
    limits: tuple[float, float]
    zero_is_white: bool


def open_dicom(path: Path, *, with_pixels: bool = True) -> Any:
    """Return the data set of a DICOM file.

    Parameters
    ----------
    path : Path
        The file.

    with_pixels : bool, default=True
        Whether to read the pixels, too.

    Returns
    -------
    dataset : pydicom.Dataset
        The data set.

    Raises
    ------
    UnreadableFileError
        If the file is damaged.
    """
    pydicom = import_pydicom()
    with (
        refuse_damaged("is a damaged or truncated DICOM file"),
        open_regular(path) as file,
    ):
        return pydicom.dcmread(file, stop_before_pixels=not with_pixels)


def frame_item(dataset: Any, frame: int, name: str) -> Any:
    """Return the item of a functional group for a frame, or the data set itself.

    Enhanced files of several frames store positions, spacing and units in such groups,
    others in the data set.
    """
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for groups in (*per_frame[frame : frame + 1], *shared[:1]):
        if groups.get(name):
            return groups.get(name)[0]
    return dataset


def read_pixels(dataset: Any) -> Pixels:
    """Decode and rescale the pixels of all frames.

    Parameters
    ----------
    dataset : pydicom.Dataset
        A data set with pixels.

    Returns
    -------
    pixels : Pixels
        Gray or RGB frames.

    Raises
    ------
    UnreadableFileError
        If there are no pixels, or if these cannot be decoded.
    """
    _check_pixels(dataset)
    with refuse_damaged(
        "is a DICOM file whose pixels are truncated, damaged or not supported by the "
        "installed decoders"
    ):
        stored = dataset.pixel_array
        n_frames = int(dataset.get("NumberOfFrames") or 1)
        # pydicom decodes all frames, even if there are more than stated.
        n_axes = 2 if int(dataset.get("SamplesPerPixel") or 1) == 1 else 3
        if stored.ndim == n_axes:
            stored = stored[None]
        if len(stored) > n_frames:
            raise UnreadableFileError(
                "has values of more frames than the number that it states, "
                f"{n_frames}. Correct its NumberOfFrames"
            )
        if dataset.PhotometricInterpretation not in GRAY:
            return _colors(dataset, stored)
        return _grays(dataset, stored)


def _check_pixels(dataset: Any) -> None:
    pydicom = import_pydicom()
    if not any(name in dataset for name in PIXELS):
        raise UnreadableFileError("is a DICOM file without an image")
    try:
        n_values = (
            float(dataset.Rows)
            * float(dataset.Columns)
            * float(dataset.get("NumberOfFrames") or 1)
            * float(dataset.get("SamplesPerPixel") or 1)
        )
        syntax = dataset.file_meta.TransferSyntaxUID
        decoder = pydicom.pixels.get_decoder(syntax)
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        raise UnreadableFileError(
            "is a DICOM file without a valid size or transfer syntax"
        ) from None
    if n_values > MAX_VALUES:
        raise UnreadableFileError(
            f"claims to have more than {MAX_VALUES} values, the limit for one file"
        )
    if not decoder.is_available:
        raise UnreadableFileError(
            f"is compressed as {syntax.name}, for which no decoder is installed. "
            "Install one with `pip install 'pylibjpeg[all]'`"
        )
    if not syntax.is_encapsulated or syntax == pydicom.uid.RLELossless:
        _check_position(dataset)


def _check_position(dataset: Any) -> None:
    """Refuse values that are not in the lowest bits, as an old standard allowed.

    pydicom reads the lowest bits and ignores HighBit. Only compressed streams other
    than RLE state their own number of bits.
    """
    n_bits, high = dataset.get("BitsStored"), dataset.get("HighBit")
    if n_bits is not None and high is not None and high != n_bits - 1:
        raise UnreadableFileError(
            f"has the high bit {high} for {n_bits} stored bits, so that its values may "
            "not be in the lowest bits. Shift them there, unless they already are, and "
            f"set HighBit to {n_bits - 1}"
        )


def _colors(dataset: Any, stored: np.ndarray) -> Pixels:
    """Return RGB frames of 8 bits; pydicom has converted YBR to RGB."""
    if dataset.PhotometricInterpretation == PALETTE:
        colors = look_up_colors(stored, dataset)
    else:
        colors = (stored >> max(0, int(dataset.BitsStored) - 8)).astype(np.uint8)
    return Pixels(colors, None, (0, 255), False)


def _grays(dataset: Any, stored: np.ndarray) -> Pixels:
    is_padding = _find_padding(dataset, stored)
    items = [
        frame_item(dataset, index, "PixelValueTransformationSequence")
        for index in range(len(stored))
    ]
    rescaled = np.stack(
        [
            _rescale(frame, item, dataset)
            for frame, item in zip(stored, items, strict=True)
        ]
    )
    item = items[0]
    ends = _stored_limits(dataset, stored)
    if item.get("ModalityLUTSequence"):
        ends = [0.0, 2.0 ** item.ModalityLUTSequence[0].LUTDescriptor[2] - 1]
    elif item.get("RescaleSlope") is not None:
        scale, shift = float(item.RescaleSlope), float(item.RescaleIntercept)
        ends = [end * scale + shift for end in ends]
    is_raw = stored.dtype == np.uint8 and np.array_equal(rescaled, stored)
    values = rescaled.astype(np.uint8 if is_raw else np.float32)
    zero_is_white = dataset.PhotometricInterpretation == "MONOCHROME1"
    return Pixels(values, is_padding, (min(ends), max(ends)), zero_is_white)


def _rescale(frame: np.ndarray, item: Any, dataset: Any) -> np.ndarray:
    """Return a frame in the units of the modality, or refuse half of a scale."""
    if item.get("ModalityLUTSequence"):
        return look_up(frame, item.ModalityLUTSequence[0], dataset)
    given = [
        item.get(name) is not None for name in ("RescaleSlope", "RescaleIntercept")
    ]
    if any(given) != all(given):
        raise UnreadableFileError(
            "has only one of a rescale slope and a rescale intercept, so that its "
            "units are unknown"
        )
    if not all(given):
        return frame
    return frame * float(item.RescaleSlope) + float(item.RescaleIntercept)


def _stored_limits(dataset: Any, stored: np.ndarray) -> list[float]:
    if stored.dtype.kind == "f":  # without a number of stored bits
        return [float(stored.min()), float(stored.max())]
    n_bits = int(dataset.BitsStored)
    if dataset.PixelRepresentation:
        return [-(2.0 ** (n_bits - 1)), 2.0 ** (n_bits - 1) - 1]
    return [0.0, 2.0**n_bits - 1]


def _as_stored(value: int, dtype: np.dtype) -> int:
    """Return a value with the sign of stored values.

    Some programs write -2000 as 63536, which has the same 16 bits.
    """
    n_bits = 8 * dtype.itemsize
    if dtype.kind not in "iu" or not -(2 ** (n_bits - 1)) <= value < 2**n_bits:
        return value
    return int(np.array(value).astype(dtype))


def _find_padding(dataset: Any, stored: np.ndarray) -> np.ndarray | None:
    """Return which pixels are marked as lying outside of the image."""
    first = dataset.get("PixelPaddingValue")
    if first is None:
        return None
    last = dataset.get("PixelPaddingRangeLimit")
    ends = (first, first if last is None else last)
    low, high = sorted(_as_stored(int(end), stored.dtype) for end in ends)
    is_padding = (stored >= low) & (stored <= high)
    return is_padding if is_padding.any() else None
