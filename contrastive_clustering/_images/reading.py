"""Read one file or series and bring it to its size and colors."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from contrastive_clustering._images.dicom import (
    DAMAGED_HEADER,
    open_dicom,
    read_pixels,
)
from contrastive_clustering._images.dicom_facts import (
    dicom_facts,
    pixel_aspect,
    pixel_spacing,
)
from contrastive_clustering._images.file_types import type_of
from contrastive_clustering._images.geometry import Plan, plan_size
from contrastive_clustering._images.loaded import (
    MAX_VALUES,
    LoadedImage,
    ReadSettings,
    UnreadableFileError,
    blame_file,
    check_finite,
    refuse_damaged,
)
from contrastive_clustering._images.quiet import quiet_worker
from contrastive_clustering._images.raster import read_raster
from contrastive_clustering._images.resampling import resample
from contrastive_clustering._images.series import build_volume, locate
from contrastive_clustering._images.volumes import oriented, read_volume
from contrastive_clustering._images.windowing import (
    KnownWindow,
    apply_window,
    choose_window,
    display_pixels,
)

# Copies are found by this many bytes of a hash of the values.
DIGEST_BYTES = 16

# Weights of ITU-R BT.601, as in Pillow.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class Item(NamedTuple):
    """Files that form one entry: a file, or the slices of a volume.

    Attributes
    ----------
    paths : tuple of Path
        The files.

    row : int
        Row of the caller's table or list of the first one.
    """

    paths: tuple[Path, ...]
    row: int


class Failure(NamedTuple):
    """A file that could not be read.

    Attributes
    ----------
    path : str
        Its path.

    reason : str
        Predicate that completes a sentence that begins with the path.
    """

    path: str
    reason: str


def read_item(item: Item, settings: ReadSettings) -> list[LoadedImage] | Failure:
    """Read the images of an item.

    Parameters
    ----------
    item : Item
        A file, or the slices of a volume.

    settings : ReadSettings
        Settings.

    Returns
    -------
    images : list of LoadedImage or Failure
        All frames of a file or one volume.
    """
    try:
        with quiet_worker():
            images = _read(item.paths, settings)
        return [_finish(image, settings) for image in images]
    except UnreadableFileError as error:
        return _describe(item, error)


def _describe(item: Item, error: UnreadableFileError) -> Failure:
    """Name the file that is to blame, and say that the others are not read either."""
    if error.index is None or len(item.paths) == 1:
        return Failure(str(item.paths[0]), str(error))
    return Failure(
        str(item.paths[error.index]),
        f"{error}. No other file of its volume is read",
    )


def _read(paths: Sequence[Path], settings: ReadSettings) -> list[LoadedImage]:
    file_type = type_of(paths[0])
    if file_type == "dicom":
        datasets = [_open_slice(index, path) for index, path in enumerate(paths)]
        with refuse_damaged(DAMAGED_HEADER):
            if settings.as_volumes:
                return [_read_series(datasets, settings)]
            return _read_frames(datasets[0], settings)
    if file_type == "raster":
        if settings.as_volumes:
            raise UnreadableFileError("is an image, not a volume")
        images = read_raster(paths[0])
    else:
        images = read_volume(paths[0], as_volumes=settings.as_volumes)
    for image in images:
        _apply_window(image, settings)
    return images


def _open_slice(index: int, path: Path) -> Any:
    with blame_file(index):
        return open_dicom(path)


def _apply_window(image: LoadedImage, settings: ReadSettings) -> None:
    check_finite(image.values)
    chosen = choose_window(settings.window, image.values)
    if chosen is not None:
        image.values = apply_window(image.values, chosen)
        image.facts |= _window_facts(chosen)


def _window_facts(window: KnownWindow | None) -> dict[str, Any]:
    if window is None:
        return {}
    return {"window_center": window.center, "window_width": window.width}


def _read_frames(dataset: Any, settings: ReadSettings) -> list[LoadedImage]:
    """Return the frames of a file as images."""
    pixels = read_pixels(dataset)
    facts = dicom_facts(dataset, settings.key)
    facts["inverted"] = pixels.zero_is_white
    images = []
    for frame, values in enumerate(pixels.values):
        mask = None if pixels.is_padding is None else pixels.is_padding[frame]
        one = replace(pixels, values=values, is_padding=mask)
        shown, window = display_pixels(one, settings.window, dataset, frame)
        own = facts | {"frame": frame} | _window_facts(window)
        spacing, aspect = pixel_spacing(dataset, frame), pixel_aspect(dataset)
        images.append(LoadedImage(shown, spacing, own, aspect=aspect))
    return images


def _read_series(datasets: Sequence[Any], settings: ReadSettings) -> LoadedImage:
    pixels, first, step = build_volume(datasets)
    shown, window = display_pixels(pixels, settings.window, datasets[0])
    values, spacing = oriented(locate(shown, first, step))
    facts = dicom_facts(datasets[0], settings.key)
    facts |= {"frame": 0, "inverted": pixels.zero_is_white}
    return LoadedImage(values, spacing, facts | _window_facts(window))


def _finish(image: LoadedImage, settings: ReadSettings) -> LoadedImage:
    """Bring an image to its colors and size, and note what was done."""
    values, n_axes = image.values, settings.n_axes
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    digest.update(f"{values.shape} {values.dtype}".encode())
    digest.update(np.ascontiguousarray(values).data)
    plan = _plan(values.shape[:n_axes], image, settings)
    spacing = None if image.spacing is None else plan.spacing
    final = resample(_convert(values, settings), plan)
    facts = image.facts | {
        "original_shape": tuple(values.shape),
        "original_spacing": image.spacing,
        "resized_shape": plan.resized,
        "offset": plan.offset,
        "spacing": spacing,
    }
    return LoadedImage(final, spacing, facts, digest.digest())


def _plan(
    shape: tuple[int, ...],
    image: LoadedImage,
    settings: ReadSettings,
) -> Plan:
    if settings.spacing is not None and image.spacing is None:
        raise UnreadableFileError(
            "does not state its spacing in millimeters. Pass size instead of spacing"
        )
    known, stated = image.spacing, f"spacing of {image.spacing} mm"
    if known is None:
        known, stated = image.aspect, f"aspect ratio {image.aspect} of pixels"
    plan = plan_size(
        shape,
        known,
        size=settings.size,
        spacing=settings.spacing,
        fit=settings.fit,
    )
    if plan.resized != shape and math.prod(plan.resized) > MAX_VALUES:
        raise UnreadableFileError(
            f"would have sides {plan.resized} after resampling, more than {MAX_VALUES} "
            f"values. Its {stated} may be wrong"
        )
    return plan


def _convert(values: np.ndarray, settings: ReadSettings) -> np.ndarray:
    """Convert between gray and color; "auto" makes equal channels gray."""
    is_color = values.ndim > settings.n_axes
    if settings.channels == "rgb" and not settings.as_volumes:
        return values if is_color else np.repeat(values[..., None], 3, axis=-1)
    if not is_color:
        return values
    if (values == values[..., :1]).all():
        return values[..., 0]
    if settings.channels == "gray":
        gray = values @ LUMA
        return np.rint(gray).astype(np.uint8) if values.dtype == np.uint8 else gray
    return values
