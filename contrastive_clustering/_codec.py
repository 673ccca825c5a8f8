"""From objects to trees of plain values and arrays, and back without running code.

Only what is listed here, or is trusted by its import path, is ever made when a tree is
read: a tree cannot name anything else.
"""

import dataclasses
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

from contrastive_clustering._cluster_number import (
    ClusterNumberResult,
    ClusterNumberSearch,
)
from contrastive_clustering._consensus import ConsensusClustering, Member
from contrastive_clustering._density import LatentDensity
from contrastive_clustering._import_paths import (
    checked_path,
    import_path,
    trusted_import,
)
from contrastive_clustering._latent import LatentClustering, RootMeanSquare
from contrastive_clustering._presets import (
    GreyImageAugmentation,
    RGBImageAugmentation,
    TableAugmentation,
    VolumeAugmentation,
)
from contrastive_clustering._prototypes import PrototypeClustering
from contrastive_clustering._refinement import (
    PrototypeRefinement,
    SelfTrainingRefinement,
)
from contrastive_clustering._scaling import Scaler
from contrastive_clustering._validation import SampleLayout

TYPE_KEY = "$type"

# Objects that are no more than their fields.
_RECORDS: dict[str, type] = {
    record.__name__: record
    for record in (
        GreyImageAugmentation,
        RGBImageAugmentation,
        TableAugmentation,
        VolumeAugmentation,
        ClusterNumberResult,
        ClusterNumberSearch,
        Member,
        LatentDensity,
        LatentClustering,
        RootMeanSquare,
        PrototypeClustering,
        PrototypeRefinement,
        SelfTrainingRefinement,
        Scaler,
        SampleLayout,
    )
}

# Estimators whose attributes are all that there is to them.
_ESTIMATORS: dict[str, type] = {
    estimator.__name__: estimator
    for estimator in (
        ConsensusClustering,
        FunctionTransformer,
        GaussianMixture,
        KMeans,
        Normalizer,
        PCA,
        Pipeline,
    )
}


class _Leaf(NamedTuple):
    """A type whose objects are one plain value or array each."""

    kind: type
    to_plain: Callable[[Any], Any]
    from_plain: Callable[[Any], Any]


_LEAVES = {
    "device": _Leaf(torch.device, str, torch.device),
    "dtype": _Leaf(np.dtype, lambda dtype: dtype.str, np.dtype),
    "path": _Leaf(Path, str, Path),
    "scalar": _Leaf(np.generic, np.asarray, lambda array: array[()]),
    "tensor": _Leaf(
        torch.Tensor, lambda tensor: tensor.detach().cpu().numpy(), torch.from_numpy
    ),
}


def encode(value: Any, trusted: Collection[str] = (), name: str = "the value") -> Any:
    """Return a tree for an object.

    Parameters
    ----------
    value : object
        Anything that an estimator's parameters and attributes are made of.

    trusted : collection of str
        Import paths of classes and functions that may be named beside those known.

    name : str
        What the value is called in an error message.

    Returns
    -------
    tree : dict, list, str, int, float, bool, ndarray or None
        The tree.

    Raises
    ------
    ValueError
        If the object, or one within, is neither known nor trusted.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    for leaf_name, leaf in _LEAVES.items():
        if isinstance(value, leaf.kind):
            return {TYPE_KEY: leaf_name, "value": leaf.to_plain(value)}
    for kind, encode_special in _SPECIAL:
        if isinstance(value, kind):
            return encode_special(value, trusted, name)
    return _encode_object(value, trusted, name)


def _encode_object(value: Any, trusted: Collection[str], name: str) -> dict[str, Any]:
    kind = type(value).__name__
    if _RECORDS.get(kind) is type(value):
        fields = {
            field.name: getattr(value, field.name)
            for field in dataclasses.fields(value)  # type: ignore[arg-type]
        }
        return {TYPE_KEY: kind, "fields": _encode_dict(fields, trusted, name)}
    if _ESTIMATORS.get(kind) is type(value):
        return {TYPE_KEY: kind, "state": _encode_dict(vars(value), trusted, name)}
    if isinstance(value, torch.nn.Module):
        raise ValueError(
            f"{name} is or holds a {import_path(type(value))}, a module of PyTorch, "
            "which cannot be saved without code, trusted or not. Use a function or a "
            "class at the top level of a module in its place, and name its import path "
            "in trusted=[...]; or use pickle or joblib, whose files run code when they "
            "are loaded."
        )
    if hasattr(value, "__qualname__"):  # a class or a function
        return {TYPE_KEY: "import", "path": checked_path(value, trusted, name)}
    path = checked_path(type(value), trusted, name)
    if not _is_its_attributes(value):
        raise ValueError(
            f"{name} holds a {path}, which cannot be saved without code, trusted or "
            "not. Use a function at the top level of a module in its place, or pickle "
            "or joblib, whose files run code when they are loaded."
        )
    return {
        TYPE_KEY: "object",
        "path": path,
        "state": _encode_dict(vars(value), trusted, name),
    }


def decode(tree: Any, trusted: Collection[str] = ()) -> Any:
    """Return the object that a tree describes.

    Parameters
    ----------
    tree : dict, list, str, int, float, bool, ndarray or None
        What `encode` has returned.

    trusted : collection of str
        Import paths of classes and functions that may be imported beside those known.

    Returns
    -------
    value : object
        The object.

    Raises
    ------
    ValueError
        If the tree names something that is neither known nor trusted, or cannot be
        read.
    """
    if isinstance(tree, list):
        return [decode(item, trusted) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if TYPE_KEY not in tree:
        return {key: decode(item, trusted) for key, item in tree.items()}
    return _decode_tagged(tree[TYPE_KEY], tree, trusted)


def _decode_tagged(kind: str, tree: dict[str, Any], trusted: Collection[str]) -> Any:
    if kind in _LEAVES:
        return _LEAVES[kind].from_plain(tree["value"])
    if kind in _DECODERS:
        return _DECODERS[kind](tree, trusted)
    if kind in _RECORDS:
        return _RECORDS[kind](**decode(tree["fields"], trusted))
    if kind in _ESTIMATORS:
        estimator = _make(_ESTIMATORS[kind], decode(tree["state"], trusted))
        if hasattr(estimator, "_n_threads"):
            # This machine's, and not what the file says: OpenMP ends the process if
            # it cannot start as many.
            estimator._n_threads = _openmp_effective_n_threads()
        return estimator
    raise ValueError(f"the file holds a {kind!r}, which this version does not know")


def _make(kind: Any, state: dict[str, Any]) -> Any:
    """Return an object of a class with the given attributes, without its `__init__`."""
    made = kind.__new__(kind)
    vars(made).update(state)
    return made


def _is_its_attributes(value: Any) -> bool:
    """Return whether an object is no more than its class and its `__dict__`."""
    kind: Any = type(value)
    if not hasattr(value, "__dict__") or getattr(kind, "__slots__", None):
        return False
    # scikit-learn's estimators add their version to their state, and no more.
    plain = (object, BaseEstimator)
    return all(
        any(getattr(kind, name, None) is getattr(base, name, None) for base in plain)
        for name in ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__")
    )


def _trusted_object(tree: dict[str, Any], trusted: Collection[str]) -> Any:
    kind = trusted_import(tree["path"], trusted)
    if not isinstance(kind, type):
        raise ValueError(f"the file takes {tree['path']!r} for a class, which it isn't")
    return _make(kind, decode(tree["state"], trusted))


def _encode_sequence(value: Any, trusted: Collection[str], name: str) -> Any:
    items = [encode(item, trusted, name) for item in value]
    return items if isinstance(value, list) else {TYPE_KEY: "tuple", "items": items}


def _decode_tuple(tree: dict[str, Any], trusted: Collection[str]) -> tuple[Any, ...]:
    return tuple(decode(tree["items"], trusted))


def _encode_dict(
    value: dict[Any, Any], trusted: Collection[str], name: str
) -> dict[str, Any]:
    if all(isinstance(key, str) for key in value) and TYPE_KEY not in value:
        return {
            key: encode(item, trusted, f"{key} of {name}")
            for key, item in value.items()
        }
    pairs = [
        [encode(key, trusted, name), encode(item, trusted, name)]
        for key, item in value.items()
    ]
    return {TYPE_KEY: "dict", "pairs": pairs}


def _decode_dict(tree: dict[str, Any], trusted: Collection[str]) -> dict[Any, Any]:
    return {decode(key, trusted): decode(item, trusted) for key, item in tree["pairs"]}


def _encode_array(value: np.ndarray, trusted: Collection[str], name: str) -> Any:
    if value.dtype.kind in "biuf" and value.dtype.itemsize <= 8:
        return value
    if value.dtype.kind in "OU":
        return {
            TYPE_KEY: "objects",
            "any": value.dtype.kind == "O",
            "items": encode(value.tolist(), trusted, name),
        }
    raise ValueError(
        f"{name} holds an array of dtype {value.dtype}, which has no place"
    )


def _decode_objects(tree: dict[str, Any], trusted: Collection[str]) -> np.ndarray:
    items = decode(tree["items"], trusted)
    return np.array(items, dtype=object if tree["any"] else str)


def _encode_neighbors(
    value: KNeighborsClassifier, trusted: Collection[str], name: str
) -> Any:
    # Its search tree is no plain value, and quickly made again.
    return {
        TYPE_KEY: "KNeighborsClassifier",
        "params": _encode_dict(value.get_params(), trusted, name),
        "X": value._fit_X,
        "y": value.classes_[value._y],
    }


def _decode_neighbors(
    tree: dict[str, Any], trusted: Collection[str]
) -> KNeighborsClassifier:
    voters = KNeighborsClassifier(**decode(tree["params"], trusted))
    return voters.fit(tree["X"], tree["y"])


def _encode_random_state(
    value: np.random.RandomState, trusted: Collection[str], name: str
) -> Any:
    state = value.get_state(legacy=True)
    return {TYPE_KEY: "RandomState", "state": encode(list(state), trusted, name)}


def _decode_random_state(
    tree: dict[str, Any], trusted: Collection[str]
) -> np.random.RandomState:
    state = np.random.RandomState()
    state.set_state(tuple(decode(tree["state"], trusted)))
    return state


_SPECIAL: list[tuple[Any, Callable[[Any, Collection[str], str], Any]]] = [
    (dict, _encode_dict),
    ((list, tuple), _encode_sequence),
    (np.ndarray, _encode_array),
    (np.random.RandomState, _encode_random_state),
    (KNeighborsClassifier, _encode_neighbors),
]

_DECODERS: dict[str, Callable[[dict[str, Any], Collection[str]], Any]] = {
    "KNeighborsClassifier": _decode_neighbors,
    "RandomState": _decode_random_state,
    "dict": _decode_dict,
    "import": lambda tree, trusted: trusted_import(tree["path"], trusted),
    "object": _trusted_object,
    "objects": _decode_objects,
    "tuple": _decode_tuple,
}
