"""Warnings that point to a line of the caller's code."""

import sys
import warnings

# Packages whose frames may lie between the caller and this package, because of
# decorators, pipelines or searches.
BETWEEN = (
    "contrastive_clustering",
    "contextlib",
    "functools",
    "joblib",
    "sklearn",
    "skorch",
    "torch",
)


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Issue a warning that points to the line that called this package."""
    level = 1
    frame = sys._getframe()
    while frame.f_back is not None and _is_between(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)


def _is_between(module: str) -> bool:
    return module.partition(".")[0] in BETWEEN
