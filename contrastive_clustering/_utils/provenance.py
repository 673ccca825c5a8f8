"""Where objects and files come from: import paths and versions of packages."""

from importlib.metadata import version
from typing import Any

FORMAT = "contrastive_clustering"

PACKAGES = ("numpy", "scikit-learn", "skorch", "torch")


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that the meaning of a file depends on."""
    return {name: version(name) for name in (FORMAT, *PACKAGES)}


def import_path(thing: Any) -> str:
    """Return where a class or function is found: its module and its name."""
    return f"{thing.__module__}.{thing.__qualname__}"
