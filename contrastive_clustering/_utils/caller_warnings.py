"""Warnings that point to the line of the caller's own code."""

import sys
import warnings

# What may stand between the caller and this package: decorators, pipelines, searches.
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
    """Issue a warning that names the line that called this package.

    Parameters
    ----------
    message : str
        What the user should know.

    category : type, default=UserWarning
        Class of the warning.
    """
    level = 1
    frame = sys._getframe()
    while frame.f_back is not None and _is_between(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)


def _is_between(module: str) -> bool:
    return module.partition(".")[0] in BETWEEN
