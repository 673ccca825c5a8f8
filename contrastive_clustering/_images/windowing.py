"""Map gray values to what a display shows: windows, inversion and padding."""

from typing import Any, Literal, NamedTuple

import numpy as np

from contrastive_clustering._images.dicom import Pixels, frame_item
from contrastive_clustering._images.loaded import (
    UnreadableFileError,
    Window,
    check_finite,
)
from contrastive_clustering._images.lookup import look_up
from contrastive_clustering._utils.optional import import_pydicom

Function = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]

WHITE = 255

# Percentiles that bound an image without its extremes, as in nnU-Net (Isensee et al.,
# doi:10.1038/s41592-020-01008-z) for CT; the width of the whole range above which the
# extremes are left out, in widths of the others; and the number of values to rank.
PERCENTILES = (0.5, 99.5)
FAR = 5.0
MAX_RANKED = 2**20


class KnownWindow(NamedTuple):
    """A window of gray values.

    Attributes
    ----------
    center, width : float
        In the units of the values.

    function : {"LINEAR", "LINEAR_EXACT", "SIGMOID"}
        Function of the DICOM standard.
    """

    center: float
    width: float
    function: Function = "LINEAR_EXACT"


def choose_window(
    window: Window, values: np.ndarray, dataset: Any = None, frame: int = 0
) -> KnownWindow | None:
    """Return the window for an image, or None to keep its values.

    Parameters
    ----------
    window : "file", tuple of float or None
        The setting. With "file", an image without a window gets the range of its
        values, or that of 99 % of them if the others make it five times as wide.

    values : ndarray
        Values of the image. Those of type uint8 are kept.

    dataset : pydicom.Dataset, default=None
        Data set of a DICOM file.

    frame : int, default=0
        Index of the frame, which may have a window of its own.

    Returns
    -------
    chosen : KnownWindow or None
        The window.
    """
    if window is None or values.dtype == np.uint8:
        return None
    if window != "file":
        return KnownWindow(float(window[0]), float(window[1]))
    found = None if dataset is None else _window_of(dataset, frame)
    if found is not None:
        return found
    low, high = _range_of(values)
    return KnownWindow((low + high) / 2, high - low or 1.0)


def _range_of(values: np.ndarray) -> tuple[float, float]:
    """Return the range of values, or of all but a few that would darken the others."""
    low, high = float(values.min()), float(values.max())
    ranked = values.ravel()[:: max(1, values.size // MAX_RANKED)]
    # Images of fewer than 200 pixels keep all of them.
    first = float(np.percentile(ranked, PERCENTILES[0], method="lower"))
    last = float(np.percentile(ranked, PERCENTILES[1], method="higher"))
    # Equal values are the background of a mask.
    if first < last and high - low > FAR * (last - first):
        return first, last
    return low, high


def _window_of(dataset: Any, frame: int) -> KnownWindow | None:
    item = frame_item(dataset, frame, "FrameVOILUTSequence")
    try:
        center, width = (
            float(np.atleast_1d(item.get(name))[0])
            for name in ("WindowCenter", "WindowWidth")
        )
    except (TypeError, ValueError, IndexError):
        return None
    function = str(item.get("VOILUTFunction") or "LINEAR").upper()
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        function = "LINEAR"
    is_valid = width >= 1 if function == "LINEAR" else width > 0
    return KnownWindow(center, width, function) if is_valid else None  # type: ignore[arg-type]


def apply_window(values: np.ndarray, window: KnownWindow) -> np.ndarray:
    """Map the values in a window to 0 to 255.

    Parameters
    ----------
    values : ndarray of float32
        Gray values.

    window : KnownWindow
        The window.

    Returns
    -------
    displayed : ndarray of uint8
        Displayed values, of the same shape.
    """
    pydicom = import_pydicom()
    # pydicom takes the range of the output from the bits of such a data set.
    display = pydicom.Dataset()
    display.PhotometricInterpretation = "MONOCHROME2"
    display.BitsStored = 8
    display.PixelRepresentation = 0
    display.WindowCenter = window.center
    display.WindowWidth = window.width
    display.VOILUTFunction = window.function
    return np.asarray(
        np.rint(pydicom.pixels.apply_windowing(values, display)), np.uint8
    )


def _has_lut_only(dataset: Any, frame: int) -> bool:
    return bool(dataset.get("VOILUTSequence")) and _window_of(dataset, frame) is None


def apply_lut(values: np.ndarray, dataset: Any) -> np.ndarray:
    """Map values to 0 to 255 by the first lookup table of a DICOM file.

    Parameters
    ----------
    values : ndarray of float32
        Gray values, which are rounded.

    dataset : pydicom.Dataset
        Data set with a VOI LUT sequence.

    Returns
    -------
    displayed : ndarray of uint8
        Displayed values, of the same shape.

    Raises
    ------
    UnreadableFileError
        If the table is invalid.
    """
    try:
        item = dataset.VOILUTSequence[0]
        highest = 2.0 ** item.LUTDescriptor[2] - 1
        mapped = look_up(values, item, dataset)
        if mapped.max() > highest:
            raise ValueError("Entries have more bits than the table states.")
    except Exception as error:
        raise UnreadableFileError(
            f"has an invalid lookup table of gray values ({type(error).__name__}). "
            "Pass another window"
        ) from None
    return np.asarray(np.rint(mapped * (WHITE / highest)), np.uint8)


def display_pixels(
    pixels: Pixels, window: Window, dataset: Any, frame: int = 0
) -> tuple[np.ndarray, KnownWindow | None]:
    """Apply the window, make the smallest value black, and darken padding.

    Parameters
    ----------
    pixels : Pixels
        Pixels in the units of the modality.

    window : "file", tuple of float or None
        As for `choose_window`.

    dataset : pydicom.Dataset
        Data set of the file, or of the first slice.

    frame : int, default=0
        Index of the frame whose window is used.

    Returns
    -------
    values : ndarray
        Values to use.

    chosen : KnownWindow or None
        The window that was applied.

    Raises
    ------
    UnreadableFileError
        If values are not finite, or if the lookup table is invalid.
    """
    values, is_padding, limits = pixels.values, pixels.is_padding, pixels.limits
    check_finite(values)
    if window == "file" and values.dtype != np.uint8 and _has_lut_only(dataset, frame):
        values, limits = apply_lut(values, dataset), (0, WHITE)
    inside = values if is_padding is None else values[~is_padding]
    chosen = choose_window(window, inside if inside.size else values, dataset, frame)
    if chosen is not None:
        values, limits = apply_window(values, chosen), (0, WHITE)
    if pixels.zero_is_white:
        values = (sum(limits) - values).astype(values.dtype)
    if is_padding is not None and not is_padding.all():
        values = np.where(is_padding, values[~is_padding].min(), values)
    return values, chosen
