"""Convert the texts of options to values, without heavy imports."""

from argparse import ArgumentTypeError
from pathlib import Path

# The smallest image of a network, and the largest one that is read: the limit of
# `load_images`, whose module imports heavy packages.
MIN_SIDE, MAX_SIDE = 8, 2**15


def to_count(text: str) -> int:
    """Return a whole number of at least 1.

    Examples
    --------
    >>> from contrastive_clustering._command.values import to_count
    >>> to_count("30")
    30
    """
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def to_seed(text: str) -> int:
    """Return a whole number from 0 to 2**32 - 1, the seeds of NumPy."""
    if not text.isascii() or not text.isdecimal() or int(text) > 2**32 - 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 0 to 4294967295")
    return int(text)


def to_jobs(text: str) -> int:
    """Return a number of processes; -1 stands for all cores."""
    return -1 if text == "-1" else to_count(text)


def to_n_clusters(text: str) -> int | str:
    """Return a number of strata of at least 2, or "auto"."""
    if text == "auto":
        return text
    if not text.isascii() or not text.isdecimal() or int(text) < 2:
        raise ArgumentTypeError(f"{text!r} is neither auto nor a number of at least 2")
    return int(text)


def to_size(text: str) -> int | tuple[int, ...]:
    """Return a side in pixels, or one for each axis.

    Examples
    --------
    >>> from contrastive_clustering._command.values import to_size
    >>> to_size("64"), to_size("64x48")
    (64, (64, 48))
    """
    parts = text.lower().split("x")
    if len(parts) > 3 or not all(part.isascii() and part.isdecimal() for part in parts):
        raise ArgumentTypeError(
            f"{text!r} is neither a number of pixels, such as 64, nor a height and a "
            "width, such as 64x48"
        )
    sides = tuple(map(int, parts))
    if min(sides) < MIN_SIDE:
        raise ArgumentTypeError(f"{text!r} has a side of fewer than {MIN_SIDE} pixels")
    if max(sides) > MAX_SIDE:
        raise ArgumentTypeError(f"{text!r} has a side of more than {MAX_SIDE} pixels")
    return sides[0] if len(sides) == 1 else sides


def to_spacing(text: str) -> float | tuple[float, ...]:
    """Return a distance in millimeters, or one for each axis.

    Examples
    --------
    >>> from contrastive_clustering._command.values import to_spacing
    >>> to_spacing("0.5"), to_spacing("3x0.7x0.7")
    (0.5, (3.0, 0.7, 0.7))
    """
    try:
        steps = tuple(map(float, text.lower().split("x")))
    except ValueError:
        steps = ()
    if not 1 <= len(steps) <= 3 or not all(0 < step < float("inf") for step in steps):
        raise ArgumentTypeError(
            f"{text!r} is neither a distance in millimeters, such as 0.5, nor one for "
            "each axis, such as 3x0.7x0.7"
        )
    return steps[0] if len(steps) == 1 else steps


def to_window(text: str) -> str | tuple[float, float] | None:
    """Return "file", None, or a center and a width.

    Examples
    --------
    >>> from contrastive_clustering._command.values import to_window
    >>> to_window("-600,1500"), to_window("none")
    ((-600.0, 1500.0), None)
    """
    if text in ("file", "none"):
        return "file" if text == "file" else None
    try:
        center, width = map(float, text.split(","))
    except ValueError:
        center, width = 0.0, 0.0
    if not abs(center) < float("inf") or not 0 < width < float("inf"):
        raise ArgumentTypeError(
            f"{text!r} is neither file, none, nor a center and a width, such as 40,400"
        )
    return center, width


def to_path(text: str) -> Path:
    """Return a path; "~" stands for the home folder."""
    if not text or "\0" in text:
        raise ArgumentTypeError(f"{text!r} is not a path")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ArgumentTypeError(
            f"{text!r} begins with an unknown home folder"
        ) from None
