"""The file of a fitted estimator: convert to a tree, write and read it."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from contrastive_clustering._io.safetensors_file import read_tree, write_tree
from contrastive_clustering._io.schema import Scope
from contrastive_clustering._model.fitted import FittedModel
from contrastive_clustering._model.load import ESTIMATOR, network_to_tree
from contrastive_clustering._model.saved_params import params_to_tree
from contrastive_clustering._saving.codec import to_tree
from contrastive_clustering._saving.fitted_parts import (
    clustering_to_tree,
    density_to_tree,
    search_to_tree,
)
from contrastive_clustering._saving.fitted_scaler import scaler_to_tree
from contrastive_clustering._saving.net_state import net_state
from contrastive_clustering._utils.provenance import package_versions

KIND = "estimator"


def estimator_to_tree(
    estimator: Any, trusted: Collection[str], notes: dict[str, Any]
) -> dict[str, Any]:
    """Return a tree for a fitted estimator, which fits `ESTIMATOR`.

    `trusted` has the import paths of classes and functions that it may name, and
    `notes` plain values to store. A ValueError is raised if a value cannot be saved.
    """
    model: FittedModel = estimator._model
    names = model.feature_names
    resumable = estimator.warm_start or model.resumable
    return {
        # The network as it was in fit; parameters may have been set since.
        "network": network_to_tree(model.net, trusted),
        "scaler": scaler_to_tree(model.scaler),
        "net": net_state(model.net, resumable=resumable),
        "clustering": clustering_to_tree(model.clustering, trusted),
        "density": density_to_tree(model.density),
        "search": search_to_tree(model.search),
        "params": params_to_tree(estimator.get_params(deep=False), trusted),
        "n_features_in": int(estimator.n_features_in_),
        "feature_names_in": None if names is None else names.tolist(),
        "examples": model.examples,
        "group_labels": model.group_labels,
        "notes": to_tree(notes, name="notes"),
        "scikit-learn": package_versions()["scikit-learn"],
    }


def check_estimator_tree(tree: dict[str, Any]) -> None:
    """Raise a ValueError unless a tree describes an estimator."""
    ESTIMATOR.check(tree, "the estimator", Scope())


def write_estimator(path: Path, tree: dict[str, Any]) -> None:
    """Write the tree of an estimator to a file."""
    write_tree(path, KIND, tree)


def read_estimator(path: Path) -> dict[str, Any]:
    """Read a tree from a file; raise a ValueError if it is not one of an estimator."""
    return read_tree(path, KIND)
