"""Forge trees by their schema: break each field and each relation in turn."""

import copy

import numpy as np

from contrastive_clustering._io.schema import (
    AnyArray,
    Boolean,
    Entries,
    Fields,
    Integer,
    Items,
    Kinds,
    Maybe,
    OneOf,
    Real,
    Text,
)
from contrastive_clustering._saving.codec import TYPE_KEY, Value

# Values that do not fit most fields, or that would run code.
ODD_VALUES = [
    None,
    True,
    -1,
    0,
    7,
    10**6,
    2**63,
    10**30,
    -0.5,
    float("nan"),
    float("inf"),
    1e300,
    "",
    "text",
    "os.system",
    "A" * 20_000,
    [],
    [[]],
    {},
    [1] * 1000,
    [None] * 200_000,
    {"$type": "import", "path": "os.system"},
    {"$type": "import", "path": "builtins.exec"},
    {"$type": "object", "path": "subprocess.Popen", "state": {"args": ["touch", "x"]}},
    {"$type": "object", "path": "sklearn.pipeline.Pipeline", "state": {"memory": "x"}},
    {"$type": "Pipeline", "state": {"steps": [], "memory": "cache"}},
    {"$type": "KMeans", "state": {"cluster_centers_": np.zeros((1, 10**5))}},
    {"$type": "KMeans", "params": {"init": {"$type": "import", "path": "os.system"}}},
    {"$type": "KMeans", "params": {"n_clusters": 10**9}},
    {"$type": "scalar", "value": 3},
    {"$type": "tuple", "items": np.zeros(100_000, "u1")},
    {"$type": "dtype", "value": "O"},
    {"$type": "dtype", "value": "V1000000000000"},
    {"$type": "RandomState", "state": [1, 2]},
    {
        "$type": "RandomState",
        "keys": np.zeros(624, "u4"),
        "position": 10**8,
        "has_gauss": 0,
        "gauss": 0.0,
    },
    {"$type": "array", "objects": False, "items": ["A" * 9000] + [""] * 90_000},
]


def locations(node, tree, path=()):
    """Yield the path of each part of a tree and the node that describes it, if any.

    Only the first and the last item of a list are included.
    """
    while isinstance(node, Maybe):
        node = node.node
    if path:
        yield path, node
    if isinstance(node, Kinds):
        yield (*path, node.key), OneOf(tuple(node.nodes))
        node = node.nodes[tree[node.key]]
    if isinstance(tree, dict):
        for key, item in tree.items():
            inner = None
            if isinstance(node, Fields):
                inner = node.fields.get(key)
            elif isinstance(node, Entries):
                inner = node.node
            yield from locations(inner, item, (*path, key))
    elif isinstance(tree, list):
        inner = node.node if isinstance(node, Items) else None
        for index in sorted({0, len(tree) - 1} if tree else ()):
            yield from locations(inner, tree[index], (*path, index))


def forged_values(node, value):
    """Yield values that differ from a value that a node describes."""
    number = value if isinstance(value, int | float) else 1
    if isinstance(value, np.ndarray):
        yield from _forged_arrays(value)
    elif isinstance(node, Integer) or type(value) is int:
        yield from (number + 1, number - 1, 2 * number + 1, -1, 0, 1, 2**31 - 1, 2**31)
        yield from (10**30, 0.5, True, None, str(value))
    elif isinstance(node, Real) or type(value) is float:
        yield from (-1.0, 0.0, 1.0, 5e-324, 1e300, -1e300, float("nan"), float("inf"))
        yield from (-number, number * 1e6, 10**400, None, "1")
    elif isinstance(node, Boolean) or type(value) is bool:
        yield from (not value, 1, None, "True")
    elif isinstance(node, OneOf):
        yield from node.choices
        yield from ("", "text", 3, None, [])
    elif isinstance(node, Text) or isinstance(value, str):
        yield from ("", "text", "A" * 20_000, "cuda:99", "torch.optim.sgd.SGD")
        yield from ("torch.optim.lbfgs.LBFGS", "f8," * 20_000, 3, None)
    elif isinstance(value, list):
        yield from (value[:-1], value[1:], value + value, value * 1000, [], {})
    elif isinstance(value, dict):
        yield from ({}, [], {**value, "more": 1})
    yield from (None, copy.deepcopy(value))


def _forged_arrays(array):
    """Yield arrays with other shapes, dtypes and values."""
    for axis in range(array.ndim):
        if not array.shape[axis]:  # by an earlier change
            continue
        yield np.delete(array, -1, axis)
        yield np.concatenate([array, array], axis)
        yield np.concatenate([array, np.take(array, [0], axis)], axis)
    yield from (array[None], array.reshape(-1), array.T.copy(), array.ravel()[:0])
    yield from (np.zeros((1,), array.dtype), np.zeros((1, 10**6), array.dtype))
    yield np.zeros((2, 2, 2))
    for dtype in ("f2", "f4", "f8", "i1", "i4", "i8", "u1", "u8", "?"):
        if dtype != array.dtype.str[1:]:
            with np.errstate(all="ignore"):
                yield array.astype(dtype)
    for number in (0, 1, -1, 2, 10**6, 2**31):
        yield np.full_like(array, number) if _holds(array.dtype, number) else array
    if array.dtype.kind == "f":
        for number in (np.nan, np.inf, 1e30, -1e30, 1e-30):
            yield np.full_like(array, number)
        with np.errstate(all="ignore"):
            yield from (-array, array * np.finfo(array.dtype).max)
    if array.ndim and len(array) > 1:
        yield np.ascontiguousarray(array[::-1])
        yield np.repeat(array[:1], len(array), axis=0)


def _holds(dtype, number):
    if dtype.kind not in "iu":
        return True
    limits = np.iinfo(dtype)
    return limits.min <= number <= limits.max


def with_value(tree, path, value):
    """Return a tree with a new value at a path; the other parts are shared."""
    if not path:
        return value
    key, *rest = path
    changed = copy.copy(tree)
    changed[key] = with_value(tree[key], rest, value)
    return changed


def without(tree, path):
    """Return a tree without the entry at a path."""
    *outer, last = path
    inner = tree
    for key in outer:
        inner = inner[key]
    inner = copy.copy(inner)
    del inner[last]
    return with_value(tree, outer, inner)


REMOVED = object()


def mutations(node, value, name):
    """Yield all replacements of a value, and `REMOVED`."""
    yield REMOVED
    yield from forged_values(node, value)
    if node is None or isinstance(node, Value | AnyArray) or name == TYPE_KEY:
        yield from copy.deepcopy(ODD_VALUES)


def value_at(tree, path):
    """Return the value at a path."""
    for key in path:
        tree = tree[key]
    return tree


def forge(tree, path, node, number):
    """Return a tree that differs from a valid one at a single path.

    Parameters
    ----------
    tree : dict
        A valid tree.

    path, node
        One of its `locations`.

    number : int
        Index of one of the `mutations` at this path, modulo their number.
    """
    changes = list(mutations(node, value_at(tree, path), path[-1]))
    other = changes[number % len(changes)]
    return without(tree, path) if other is REMOVED else with_value(tree, path, other)


def combined(schema, tree, rng):
    """Return a tree that differs from a valid one at several random paths."""
    found = list(locations(schema, tree))
    for _ in range(rng.choice([2, 3, 5])):
        path, node = rng.choice(found)
        try:
            value = value_at(tree, path)
        except (KeyError, IndexError, TypeError):
            continue  # removed by an earlier change
        others = [*forged_values(node, value), rng.choice(ODD_VALUES)]
        tree = with_value(tree, path, copy.deepcopy(rng.choice(others)))
    return tree


def arrays_once(tree):
    """Return a tree that contains each array only once, as files require."""
    seen = set()

    def once(value):
        if isinstance(value, np.ndarray):
            value = value.copy(order="K") if id(value) in seen else value
            seen.add(id(value))
            return value
        if isinstance(value, dict):
            return {key: once(item) for key, item in value.items()}
        return [once(item) for item in value] if isinstance(value, list) else value

    return once(tree)
