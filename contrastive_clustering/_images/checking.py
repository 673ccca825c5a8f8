"""Check the parameters of `load_images`."""

import math
from collections.abc import Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from sklearn.utils._param_validation import StrOptions

from contrastive_clustering._images.dicom_facts import make_key
from contrastive_clustering._images.loaded import MAX_VALUES, ReadSettings
from contrastive_clustering._images.spool import ZARR_SUFFIX
from contrastive_clustering._utils.files import as_output_path
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.param_validation import WholeNumber, check_parameters

MAX_SIDE = 2**15

CONSTRAINTS: dict[str, list[Any]] = {
    "as_volumes": ["boolean"],
    "fit": [StrOptions({"letterbox", "crop", "stretch"})],
    "channels": [StrOptions({"auto", "gray", "rgb"})],
    "path_column": [str],
    "on_error": [StrOptions({"raise", "skip"})],
    "n_jobs": [WholeNumber(), None],
    "verbose": ["verbose"],
}


def make_settings(params: Mapping[str, Any]) -> ReadSettings:
    """Check parameters and return those that apply to each file.

    Parameters
    ----------
    params : mapping of str to object
        Parameters of `load_images`.

    Returns
    -------
    settings : ReadSettings
        The settings.

    Raises
    ------
    TypeError, ValueError
        If a parameter is invalid.
    """
    check_parameters(CONSTRAINTS, params, "load_images")
    if params["n_jobs"] == 0:
        raise ValueError("n_jobs=0 is not valid. Pass 1, more, or -1 for all cores.")
    as_volumes, channels = bool(params["as_volumes"]), params["channels"]
    if as_volumes and channels == "rgb":
        raise ValueError("channels='rgb' is for images. Pass 'auto' for volumes.")
    n_axes = 3 if as_volumes else 2
    size = _per_axis(params["size"], "size", n_axes, Integral)
    if size is not None and not all(1 <= side <= MAX_SIDE for side in size):
        raise ValueError(
            f"size={show(params['size'])} is not valid. Sides must be 1 to {MAX_SIDE}."
        )
    if size is not None and math.prod(map(int, size)) > MAX_VALUES:
        raise ValueError(
            f"size={show(params['size'])} is not valid: more than {MAX_VALUES} values, "
            "the limit for one image or volume. Pass a smaller size."
        )
    spacing = _per_axis(params["spacing"], "spacing", n_axes, Real)
    if spacing is not None and not all(0 < step < float("inf") for step in spacing):
        raise ValueError(
            f"spacing={show(params['spacing'])} is not valid. Pass positive numbers of "
            "millimeters."
        )
    if spacing is not None and size is not None and params["fit"] == "stretch":
        raise ValueError(
            "fit='stretch' would change the scale that spacing sets. Leave out spacing "
            "or fit; with spacing, size pads or crops."
        )
    return ReadSettings(
        as_volumes=as_volumes,
        size=None if size is None else tuple(map(int, size)),
        spacing=None if spacing is None else tuple(map(float, spacing)),
        fit=params["fit"],
        channels=channels,
        window=_check_window(params["window"]),
        key=make_key(params["salt"]),
    )


def _per_axis(value: Any, name: str, n_axes: int, kind: type) -> tuple[Any, ...] | None:
    """Return a number for each axis."""
    if value is None:
        return None
    entries = value if isinstance(value, tuple | list) else (value,) * n_axes
    if len(entries) != n_axes or not all(
        isinstance(entry, kind) and not isinstance(entry, bool) for entry in entries
    ):
        axes = "(depth, height, width)" if n_axes == 3 else "(height, width)"
        number = "an integer" if kind is Integral else "a number"
        raise ValueError(
            f"{name}={show(value)} is not valid. Pass {number} or a tuple {axes}."
        )
    return tuple(entries)


def _check_window(window: Any) -> Any:
    if window is None or (isinstance(window, str) and window == "file"):
        return window
    is_pair = isinstance(window, tuple | list) and len(window) == 2
    if (
        not is_pair
        or not all(isinstance(each, Real) for each in window)
        or not abs(float(window[0])) < float("inf")
        or not 0 < float(window[1]) < float("inf")
    ):
        raise ValueError(
            f"window={show(window)} is not valid. Pass None, 'file', or a tuple of "
            "the center and a positive width, such as (40, 400)."
        )
    return tuple(map(float, window))


def check_out(out: Any) -> Path | None:
    """Return the path of the output, or raise an error if it cannot be written."""
    if out is None:
        return None
    path = as_output_path(out, "out")
    if path.suffix not in (".npy", ZARR_SUFFIX):
        raise ValueError(
            f"out={str(path)!r} has an unknown suffix. Pass a path that ends with "
            ".npy, for a memory map, or .zarr."
        )
    if path.exists():
        raise FileExistsError(
            f"out={str(path)!r} exists. Remove it, or pass another path."
        )
    return path
