"""Import paths of objects and versions of packages."""

from importlib.metadata import version
from typing import Any

FORMAT = "contrastive_clustering"

PACKAGES = ("numpy", "scikit-learn", "skorch", "torch")


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that affect the contents of a file."""
    return {name: version(name) for name in (FORMAT, *PACKAGES)}


def import_path(thing: Any) -> str:
    """Return the import path of a class or function."""
    return f"{thing.__module__}.{thing.__qualname__}"
