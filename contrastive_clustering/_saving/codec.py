"""Convert objects to trees of plain values and arrays, and back without running code.

Reading a tree creates only objects of the classes that are listed here or trusted by
their import paths. The fields of a listed class are checked before the object is
created. An object of a trusted class gets all attributes that the tree has for it, so
trusting a class means trusting the file.
"""

import dataclasses
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

from contrastive_clustering._augmentation.presets import PRESETS
from contrastive_clustering._clustering.n_clusters_search import ClusterNumberSearch
from contrastive_clustering._io.leaves import LEAVES, Leaf
from contrastive_clustering._io.schema import (
    Boolean,
    Entries,
    Fields,
    Integer,
    Items,
    Node,
    OneOf,
    Scope,
    Text,
    shown,
)
from contrastive_clustering._io.trusted import checked_path, trusted_import
from contrastive_clustering._networks.pretrained import PretrainedEncoder
from contrastive_clustering._refinement.resolve import REFINEMENT_CLASSES
from contrastive_clustering._saving.known_clusterers import (
    KNOWN_CLUSTERERS,
    is_known,
    make_clusterer,
    written_params,
)
from contrastive_clustering._utils.provenance import import_path

TYPE_KEY = "$type"

# An array of strings gives each string as much memory as the longest. This limits the
# ratio to the total length, so that a small file cannot allocate gigabytes.
MAX_PADDING = 8

# Someone could construct tuples with equal hashes; a dict of them takes quadratic time.
MAX_PAIRS = 1000

# Classes of objects that consist of their fields, which are numbers and strings.
_RECORDS: dict[str, Any] = {
    record.__name__: record
    for record in (
        *PRESETS.values(),
        ClusterNumberSearch,
        PretrainedEncoder,
        *REFINEMENT_CLASSES,
    )
}

# Fields that concern the machine: a file must not start processes.
_NOT_WRITTEN = {"n_jobs"}


class Value(Node):
    """Any value that `to_tree` returns."""

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        if tree is None or isinstance(tree, (bool, float)):
            return
        if isinstance(tree, int):
            Integer(-(2**63), 2**64 - 1).check(tree, where, scope)
        elif isinstance(tree, str):
            Text().check(tree, where, scope)
        elif isinstance(tree, np.ndarray):
            return  # arrays in a file hold only numbers
        elif isinstance(tree, list):
            Items(VALUE).check(tree, where, scope)
        elif isinstance(tree, dict) and TYPE_KEY in tree:
            kind = tree[TYPE_KEY]
            OneOf(tuple(_TAGS)).check(kind, f"the type of {where}", scope)
            fields = {name: item for name, item in tree.items() if name != TYPE_KEY}
            _TAGS[kind].fields.check(fields, where, scope)
        else:
            Entries(VALUE).check(tree, where, scope)


VALUE = Value()


class _Element(Node):
    """An element of an array of objects or strings, or a list of such elements.

    Nested arrays are not allowed, because NumPy would convert each of their numbers to
    an object, which takes many times the memory.
    """

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        if isinstance(tree, list):
            Items(self).check(tree, where, scope)
        elif isinstance(tree, np.ndarray) or (
            isinstance(tree, dict) and tree.get(TYPE_KEY) != "scalar"
        ):
            raise ValueError(f"{where} is {shown(tree)}, not a plain value")
        else:
            VALUE.check(tree, where, scope)


def to_tree(value: Any, trusted: Collection[str] = (), name: str = "the value") -> Any:
    """Return a tree for an object.

    Parameters
    ----------
    value : object
        A value that can be part of an estimator's parameters.

    trusted : collection of str
        Import paths of further classes and functions that the tree may name.

    name : str
        Name of the value in error messages.

    Returns
    -------
    tree : dict, list, str, int, float, bool, ndarray or None
        The tree, which fits `VALUE`.

    Raises
    ------
    ValueError
        If the object, or one that it contains, is neither known nor trusted.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    for name_of_leaf, leaf in LEAVES.items():
        if isinstance(value, leaf.type):
            return {TYPE_KEY: name_of_leaf, **leaf.to_tree(value, name)}
    for kind, special_to_tree in _SPECIAL:
        if isinstance(value, kind):
            return special_to_tree(value, trusted, name)
    return _object_to_tree(value, trusted, name)


def _object_to_tree(value: Any, trusted: Collection[str], name: str) -> dict[str, Any]:
    kind = type(value).__name__
    if _RECORDS.get(kind) is type(value):
        fields = {field: getattr(value, field) for field in _fields_of(kind)}
        return {TYPE_KEY: kind, "fields": _dict_to_tree(fields, trusted, name)}
    if is_known(value):
        params = written_params(value)
        return {TYPE_KEY: kind, "params": _dict_to_tree(params, trusted, name)}
    if isinstance(value, torch.nn.Module):
        raise ValueError(
            f"{name} is or contains a {import_path(type(value))}, a PyTorch module, "
            "which cannot be saved without code, trusted or not. Pass a function or a "
            "class at the top level of a Python module instead, and name its import "
            "path in trusted=[...]. Or use pickle or joblib, whose files run code when "
            "they are loaded."
        )
    if hasattr(value, "__qualname__"):  # a class or a function
        return {TYPE_KEY: "import", "path": checked_path(value, trusted, name)}
    path = checked_path(type(value), trusted, name)
    if not _consists_of_attributes(value):
        raise ValueError(
            f"{name} is or contains a {path}, which cannot be saved without code, "
            "trusted or not. Pass a function at the top level of a module instead. Or "
            "use pickle or joblib, whose files run code when they are loaded."
        )
    return {
        TYPE_KEY: "object",
        "path": path,
        "state": _dict_to_tree(vars(value), trusted, name),
    }


def from_tree(tree: Any, trusted: Collection[str] = ()) -> Any:
    """Return the object that a tree describes.

    Parameters
    ----------
    tree : dict, list, str, int, float, bool, ndarray or None
        The result of `to_tree`, checked by `VALUE`.

    trusted : collection of str
        Import paths of further classes and functions that may be imported.

    Returns
    -------
    value : object
        The object.

    Raises
    ------
    ValueError
        If the tree names something that is neither known nor trusted, or a class
        rejects the values that the tree has for it.
    """
    if isinstance(tree, list):
        return [from_tree(item, trusted) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if TYPE_KEY not in tree:
        return {key: from_tree(item, trusted) for key, item in tree.items()}
    return _TAGS[tree[TYPE_KEY]].from_tree(tree, trusted)


def _fields_of(kind: str) -> list[str]:
    names = [field.name for field in dataclasses.fields(_RECORDS[kind])]
    return [name for name in names if name not in _NOT_WRITTEN]


def _consists_of_attributes(value: Any) -> bool:
    """Return whether the state of an object is only its `__dict__`."""
    kind: Any = type(value)
    if not hasattr(value, "__dict__") or getattr(kind, "__slots__", None):
        return False
    # scikit-learn's estimators add only their version to the state.
    plain = (object, BaseEstimator)
    return all(
        any(getattr(kind, name, None) is getattr(base, name, None) for base in plain)
        for name in ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__")
    )


def _sequence_to_tree(value: Any, trusted: Collection[str], name: str) -> Any:
    items = [to_tree(item, trusted, name) for item in value]
    return items if isinstance(value, list) else {TYPE_KEY: "tuple", "items": items}


def _dict_to_tree(
    value: dict[Any, Any], trusted: Collection[str], name: str
) -> dict[str, Any]:
    if all(isinstance(key, str) for key in value) and TYPE_KEY not in value:
        return {
            key: to_tree(item, trusted, f"{key} of {name}")
            for key, item in value.items()
        }
    pairs = [
        [to_tree(key, trusted, name), to_tree(item, trusted, name)]
        for key, item in value.items()
    ]
    return {TYPE_KEY: "dict", "pairs": pairs}


def _array_to_tree(value: np.ndarray, trusted: Collection[str], name: str) -> Any:
    if value.dtype.kind in "biuf" and value.dtype.itemsize <= 8:
        return value
    if value.dtype.kind in "OU":
        return {
            TYPE_KEY: "array",
            "objects": value.dtype.kind == "O",
            "items": to_tree(value.tolist(), trusted, name),
        }
    raise ValueError(
        f"{name} contains an array of dtype {value.dtype}, which cannot be saved"
    )


_SPECIAL: list[tuple[Any, Callable[[Any, Collection[str], str], Any]]] = [
    (dict, _dict_to_tree),
    ((list, tuple), _sequence_to_tree),
    (np.ndarray, _array_to_tree),
]


def _dict_from_tree(tree: dict[str, Any], trusted: Collection[str]) -> dict[Any, Any]:
    pairs = from_tree(tree["pairs"], trusted)
    try:
        return dict(pairs)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the pairs of a dict are {shown(pairs)}") from error


def _strings_from_tree(tree: dict[str, Any], trusted: Collection[str]) -> np.ndarray:
    items = from_tree(tree["items"], trusted)
    if tree["objects"]:
        return np.array(items, dtype=object)
    strings = [str(item) for item in items]
    n_characters = sum(len(text) + 1 for text in strings)
    if len(strings) * max(map(len, strings), default=0) > MAX_PADDING * n_characters:
        raise ValueError("an array of strings of very different lengths is too large")
    return np.array(strings)


def _record_from_tree(tree: dict[str, Any], trusted: Collection[str]) -> Any:
    kind, fields = tree[TYPE_KEY], from_tree(tree["fields"], trusted)
    if set(fields) != set(_fields_of(kind)):
        raise ValueError(f"a {kind} has wrong fields, {shown(sorted(fields))}")
    return _RECORDS[kind](**fields)


def _clusterer_from_tree(tree: dict[str, Any], trusted: Collection[str]) -> Any:
    return make_clusterer(tree[TYPE_KEY], from_tree(tree["params"], trusted))


def _object_from_tree(tree: dict[str, Any], trusted: Collection[str]) -> Any:
    kind: Any = trusted_import(tree["path"], trusted)
    if not isinstance(kind, type):
        raise ValueError(f"{tree['path']!r} is used as a class, but is not a class")
    made: Any = object.__new__(kind)
    vars(made).update(from_tree(tree["state"], trusted))
    if hasattr(made, "_n_threads"):
        # Use this machine's number, not the file's: OpenMP aborts the process if it
        # cannot start that many threads.
        made._n_threads = _openmp_effective_n_threads()
    return made


class _Tag(NamedTuple):
    """The fields of a dict with a type, and the function that creates its object."""

    fields: Fields
    from_tree: Callable[[dict[str, Any], Collection[str]], Any]


_SETTINGS = Entries(VALUE)


def _tag_of_leaf(leaf: Leaf) -> _Tag:
    return _Tag(leaf.fields, lambda tree, _: leaf.from_tree(tree))


_TAGS: dict[str, _Tag] = {
    **{kind: _tag_of_leaf(leaf) for kind, leaf in LEAVES.items()},
    "array": _Tag(
        Fields({"objects": Boolean(), "items": Items(_Element())}), _strings_from_tree
    ),
    "dict": _Tag(
        Fields({"pairs": Items(Items(VALUE, least=2, most=2), most=MAX_PAIRS)}),
        _dict_from_tree,
    ),
    "import": _Tag(
        Fields({"path": Text(1000)}),
        lambda tree, trusted: trusted_import(tree["path"], trusted),
    ),
    "object": _Tag(Fields({"path": Text(1000), "state": _SETTINGS}), _object_from_tree),
    "tuple": _Tag(
        Fields({"items": Items(VALUE)}),
        lambda tree, trusted: tuple(from_tree(tree["items"], trusted)),
    ),
    **{
        kind: _Tag(Fields({"fields": _SETTINGS}), _record_from_tree)
        for kind in _RECORDS
    },
    **{
        kind: _Tag(Fields({"params": _SETTINGS}), _clusterer_from_tree)
        for kind in KNOWN_CLUSTERERS
    },
}
