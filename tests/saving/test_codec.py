import json
import math
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.cluster import HDBSCAN, Birch, KMeans, MiniBatchKMeans

from contrastive_clustering import (
    ClusterNumberSearch,
    GrayImageAugmentation,
    SelfTrainingRefinement,
)
from contrastive_clustering._io.schema import Scope
from contrastive_clustering._saving.codec import VALUE, from_tree, to_tree


def view(batch):
    return batch


class CustomKMeans(KMeans):
    """A subclass of a known class is not known."""


class Settings:
    """A class outside the package."""

    def __init__(self, value):
        self.value = value


class Slotted:
    __slots__ = ("value",)


class SlottedSettings(Settings):
    """A class with a slot beside its attributes."""

    __slots__ = ("slot",)


def read(tree, trusted=()):
    VALUE.check(tree, "the value", Scope())
    return from_tree(tree, trusted)


def roundtrip(value, trusted=()):
    return read(to_tree(value, trusted), trusted)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        2.5,
        math.inf,
        "text",
        [1, [2]],
        (8, 8),
        {"a": (1, 2)},
        {1: "a", (2, 3): None},
        {"a": 1, 2: "b"},
        [-(2**63), 2**64 - 1],
        {"$type": "import"},
        np.float32(2.5),
        np.dtype(">i4"),
        torch.device("cpu"),
        Path("a/b"),
        torch.optim.SGD,
        torch.optim.AdamW,
        GrayImageAugmentation(degrees=3),
        SelfTrainingRefinement(sharpening=3),
        ClusterNumberSearch(max_clusters=4),
    ],
)
def test_plain_values_survive_a_roundtrip(value):
    found = roundtrip(value)
    assert type(found) is type(value)
    assert found == value


def test_arrays_of_strings_survive_a_roundtrip():
    names = np.array(["width", "height"], dtype=object)
    found = roundtrip(names)
    assert found.dtype == object
    np.testing.assert_array_equal(found, names)
    assert roundtrip(np.array(["ab"])).dtype == "<U2"
    numbers = np.array([[1, None], [np.int64(3), "a"]], dtype=object)
    np.testing.assert_array_equal(roundtrip(numbers), numbers)


def test_random_states_survive_a_roundtrip():
    state = np.random.RandomState(3)
    state.normal()
    found = roundtrip(state)
    assert found.normal() == state.normal()


def test_parameters_of_known_clusterers_survive_a_roundtrip():
    for clusterer in (KMeans(2, n_init=3), Birch(n_clusters=HDBSCAN(copy=True))):
        found = roundtrip(clusterer)
        assert str(found.get_params()) == str(clusterer.get_params())


def test_a_fitted_clusterer_must_be_trusted():
    fitted = KMeans(2, n_init=3, random_state=0).fit(np.arange(6.0)[:, None])
    path = "sklearn.cluster._kmeans.KMeans"
    with pytest.raises(ValueError, match=rf"trusted=\['{path}'\]"):
        to_tree(fitted)
    found = roundtrip(fitted, [path])
    np.testing.assert_array_equal(found.cluster_centers_, fitted.cluster_centers_)


def test_trusted_objects_use_the_number_of_threads_of_this_machine():
    trusted = ["sklearn.cluster._kmeans.MiniBatchKMeans"]
    tree = to_tree(MiniBatchKMeans(2, n_init=1).fit(np.arange(6.0)[:, None]), trusted)
    tree["state"]["_n_threads"] = 10**6
    assert read(tree, trusted)._n_threads < 1000


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"$type": "KMeans", "params": {"n_cluster": 3}}, "has unknown parameters"),
        ({"$type": "KMeans", "params": {"n_clusters": -1}}, "n_clusters"),
        ({"$type": "KMeans", "state": {}}, "lacks 'params'"),
        ({"$type": "SelfTrainingRefinement", "fields": {"power": 2}}, "wrong fields"),
        ({"$type": "dtype", "value": "f8," * 3}, "numeric dtype"),
        ({"$type": "dtype", "value": "O"}, "numeric dtype"),
        ({"$type": "device", "value": "nowhere"}, "not a device"),
        ({"$type": "tensor", "value": 3}, "not an array"),
        ({"$type": "scalar", "value": np.zeros(2)}, "shape"),
        ({"$type": "tuple", "items": np.zeros(2)}, "a list"),
        ({"$type": "dict", "pairs": [[[], 2]]}, "pairs of a dict"),
        ({"$type": "dict", "pairs": [[1, 2, 3]]}, "a list of 2 to 2 items"),
        # A dict of tuples with equal hashes would take quadratic time.
        ({"$type": "dict", "pairs": [[1, 2]] * 1001}, "a list of 0 to 1000 items"),
        (
            {"$type": "array", "objects": False, "items": ["A" * 2000] + [""] * 2000},
            "too large",
        ),
        # NumPy would convert each number to an object.
        ({"$type": "array", "objects": True, "items": [np.zeros(9)]}, "plain value"),
        (
            {"$type": "array", "objects": True, "items": [[{"$type": "tuple"}]]},
            "plain value",
        ),
        ({"$type": "RandomState", "keys": np.zeros(624, "u4")}, "lacks 'position'"),
        (
            {
                "$type": "RandomState",
                "keys": np.zeros(624, "u4"),
                "position": 10**6,
                "has_gauss": 0,
                "gauss": 0.0,
            },
            "0 to 624",
        ),
        (
            {"$type": "array", "objects": False, "items": ["A" * 5000] + [""] * 5000},
            "too large",
        ),
        ([2**70], "an integer"),
        ([2**64], "an integer"),
        ([-(2**63) - 1], "an integer"),
        # All entries are checked, at any depth.
        ({"a": [{"b": {"$type": "Popen"}}]}, "type of"),
        ({"a": {3: "b"}}, "the value"),
        ({"$type": "array", "objects": True, "items": ["A" * 20_000]}, "a string"),
        ({"$type": "array", "objects": True, "items": [2**70]}, "an integer"),
        ("A" * 20_000, "a string"),
    ],
)
def test_forged_values_are_rejected(tree, message):
    with pytest.raises(ValueError, match=message):
        read(tree)


def test_the_number_of_jobs_is_neither_written_nor_read():
    tree = to_tree(ClusterNumberSearch(max_clusters=4, n_jobs=2))
    assert "n_jobs" not in tree["fields"]
    tree["fields"]["n_jobs"] = 1000
    with pytest.raises(ValueError, match="wrong fields"):
        read(tree)


@pytest.mark.parametrize("value", [view, Settings(3), CustomKMeans(3)])
def test_unknown_classes_and_functions_must_be_trusted(value):
    with pytest.raises(
        ValueError, match=r"the_name is or contains .*trusted=\["
    ) as caught:
        to_tree(value, name="the_name")
    path = str(caught.value).partition("trusted=['")[2].partition("'")[0]
    tree = to_tree(value, [path])
    with pytest.raises(ValueError, match=rf"names '{path}'.*trusted=\['{path}'\]"):
        read(tree)


def test_trusted_functions_and_objects_survive_a_roundtrip():
    assert roundtrip(view, [f"{view.__module__}.view"]) is view
    found = roundtrip(Settings(3), [f"{view.__module__}.Settings"])
    assert isinstance(found, Settings)
    assert found.value == 3
    assert roundtrip(math.sqrt, ["math.sqrt"]) is math.sqrt
    trusted = [f"{CustomKMeans.__module__}.CustomKMeans"]
    assert roundtrip(CustomKMeans(3), trusted).n_clusters == 3


@pytest.mark.parametrize(
    "value", [partial(view, 3), torch.nn.ReLU(), Slotted(), SlottedSettings(3)]
)
def test_objects_with_hidden_state_are_rejected(value):
    kind = type(value)
    with pytest.raises(
        ValueError, match="cannot be saved without code, trusted or not"
    ):
        to_tree(value, [f"{kind.__module__}.{kind.__qualname__}"])


@pytest.mark.parametrize(
    "tree",
    [
        {"$type": "import", "path": "os.system"},
        {"$type": "object", "path": "subprocess.Popen", "state": {}},
        {"$type": "Popen", "state": {}},
        {"$type": "import", "path": "builtins.eval"},
    ],
)
def test_trees_cannot_name_code(tree):
    with pytest.raises(ValueError, match=r"importing it would run|type of the value"):
        read(json.loads(json.dumps(tree)))


def test_trusted_paths_must_be_importable_and_of_the_right_kind():
    tree = {"$type": "import", "path": "no_such_module.thing"}
    with pytest.raises(ValueError, match="cannot be imported here"):
        read(tree, ["no_such_module.thing"])
    tree = {"$type": "object", "path": "math.sqrt", "state": {}}
    with pytest.raises(
        ValueError, match=r"'math\.sqrt' is used as a class, but is not"
    ):
        read(tree, ["math.sqrt"])


@pytest.mark.parametrize("dtype", ["c8", "c16", "M8[s]", "m8[s]", "S3", "V2"])
def test_arrays_of_unsupported_dtype_are_rejected(dtype):
    dtype = np.dtype(dtype)
    with pytest.raises(ValueError, match=re.escape(f"array of dtype {dtype}, which")):
        to_tree(np.zeros(3, dtype=dtype))
