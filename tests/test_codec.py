import json
import math
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.neighbors import KNeighborsClassifier

from contrastive_clustering import (
    ClusterNumberSearch,
    GreyImageAugmentation,
    SelfTrainingRefinement,
)
from contrastive_clustering._codec import decode, encode


def view(batch):
    return batch


class Settings:
    """A class outside of the package."""

    def __init__(self, value):
        self.value = value


class Slotted:
    __slots__ = ("value",)


def there_and_back(value, trusted=()):
    return decode(encode(value, trusted), trusted)


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
        {"$type": "import"},
        np.float32(2.5),
        np.dtype(">i4"),
        torch.device("cpu"),
        Path("a/b"),
        torch.optim.SGD,
        torch.optim.AdamW,
        GreyImageAugmentation(degrees=3),
        SelfTrainingRefinement(power=3),
        ClusterNumberSearch(high=4),
    ],
)
def test_plain_values_come_back(value):
    found = there_and_back(value)
    assert type(found) is type(value)
    assert found == value


def test_arrays_of_strings_come_back():
    names = np.array(["width", "height"], dtype=object)
    found = there_and_back(names)
    assert found.dtype == object
    np.testing.assert_array_equal(found, names)
    assert there_and_back(np.array(["ab"])).dtype == "<U2"


def test_random_states_come_back():
    state = np.random.RandomState(3)
    state.normal()
    found = there_and_back(state)
    assert found.normal() == state.normal()


def test_fitted_estimators_predict_the_same():
    X = np.random.default_rng(0).normal(size=(60, 3))
    labels = np.arange(60) % 3 + 5
    for fitted in (
        KMeans(3, n_init=2, random_state=0).fit(X),
        KNeighborsClassifier(4, weights="distance").fit(X, labels),
    ):
        np.testing.assert_array_equal(
            there_and_back(fitted).predict(X), fitted.predict(X)
        )


def test_threads_are_this_machines():
    tree = encode(KMeans(2, n_init=1).fit(np.arange(6.0)[:, None]))
    tree["state"]["_n_threads"] = 10**6
    assert decode(tree)._n_threads < 1000


@pytest.mark.parametrize("value", [view, Settings(3), MiniBatchKMeans(3)])
def test_what_is_not_known_has_to_be_trusted(value):
    with pytest.raises(
        ValueError, match=r"the_name is or holds .*trusted=\["
    ) as caught:
        encode(value, name="the_name")
    path = str(caught.value).partition("trusted=['")[2].partition("'")[0]
    tree = encode(value, [path])
    with pytest.raises(ValueError, match=rf"names '{path}'.*trusted=\['{path}'\]"):
        decode(tree)


def test_trusted_functions_and_objects_come_back():
    assert there_and_back(view, [f"{view.__module__}.view"]) is view
    found = there_and_back(Settings(3), [f"{view.__module__}.Settings"])
    assert isinstance(found, Settings)
    assert found.value == 3
    assert there_and_back(math.sqrt, ["math.sqrt"]) is math.sqrt
    trusted = ["sklearn.cluster._kmeans.MiniBatchKMeans"]
    assert there_and_back(MiniBatchKMeans(3), trusted).n_clusters == 3


@pytest.mark.parametrize("value", [partial(view, 3), torch.nn.ReLU(), Slotted()])
def test_objects_with_hidden_state_are_refused(value):
    kind = type(value)
    with pytest.raises(
        ValueError, match="cannot be saved without code, trusted or not"
    ):
        encode(value, [f"{kind.__module__}.{kind.__qualname__}"])


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
    with pytest.raises(ValueError, match=r"which (load would have|this version)"):
        decode(json.loads(json.dumps(tree)))


def test_trusted_paths_that_are_not_there():
    tree = {"$type": "import", "path": "no_such_module.thing"}
    with pytest.raises(ValueError, match="cannot be imported here"):
        decode(tree, ["no_such_module.thing"])
    tree = {"$type": "object", "path": "math.sqrt", "state": {}}
    with pytest.raises(ValueError, match="for a class"):
        decode(tree, ["math.sqrt"])


def test_arrays_without_a_place_are_refused():
    with pytest.raises(ValueError, match="dtype complex128"):
        encode(np.zeros(3, dtype=complex))
