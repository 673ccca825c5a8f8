"""Import classes and functions that files name, if they are trusted.

PyTorch's optimizers are always trusted. Importing anything else runs its code.
"""

import importlib
from collections.abc import Collection
from typing import Any

import torch

from contrastive_clustering._utils.provenance import import_path

_OPTIMIZERS: dict[str, type] = {
    import_path(thing): thing
    for thing in vars(torch.optim).values()
    if isinstance(thing, type) and issubclass(thing, torch.optim.Optimizer)
}


def checked_path(thing: Any, trusted: Collection[str], name: str) -> str:
    """Return the import path of a trusted class or function, or raise an error."""
    path = import_path(thing)
    if path in _OPTIMIZERS:
        return path
    if path not in trusted:
        raise ValueError(
            f"{name} is or contains {path!r}, which is not part of this package, and "
            "loading it would run its code. If you trust it, pass "
            f"trusted=[{path!r}] to save and to load."
        )
    try:
        found = _find(path)
    except (ImportError, AttributeError, ValueError):
        found = None
    if found is not thing:
        raise ValueError(
            f"{name} is or contains {path!r}, which cannot be imported by this name. "
            "Define it at the top level of a module, not in a function, a script or a "
            "notebook."
        )
    return path


def trusted_import(path: str, trusted: Collection[str]) -> Any:
    """Import a trusted class or function by its path, or raise an error."""
    if path in _OPTIMIZERS:
        return _OPTIMIZERS[path]
    if path not in trusted:
        raise ValueError(
            f"the file names {path!r}, and importing it would run its code. If you "
            f"trust it and the file, pass trusted=[{path!r}]"
        )
    try:
        return _find(path)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"the file names {path!r}, which cannot be imported here ({error})"
        ) from error


def _find(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)
