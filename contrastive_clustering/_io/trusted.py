"""Classes and functions by their import paths, of which a file may name trusted ones.

The optimizers of PyTorch are known; to import anything else is to run its code.
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
    """Return the import path of a class or function, or raise unless it is trusted."""
    path = import_path(thing)
    if path in _OPTIMIZERS:
        return path
    if path not in trusted:
        raise ValueError(
            f"{name} is or holds {path!r}, which is not part of this package: loading "
            "it would run its code. If whoever loads the file shall trust it, pass "
            f"trusted=[{path!r}] to save and to load."
        )
    try:
        found = _find(path)
    except (ImportError, AttributeError, ValueError):
        found = None
    if found is not thing:
        raise ValueError(
            f"{name} is or holds {path!r}, which cannot be imported by this name. "
            "Define it at the top level of a module, not in a function, a script or a "
            "notebook."
        )
    return path


def trusted_import(path: str, trusted: Collection[str]) -> Any:
    """Return what a file names, or raise unless it is trusted and can be imported."""
    if path in _OPTIMIZERS:
        return _OPTIMIZERS[path]
    if path not in trusted:
        raise ValueError(
            f"the file names {path!r}, which load would have to import, and so run. If "
            f"you trust it and the file, pass trusted=[{path!r}]"
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
