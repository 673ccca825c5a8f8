import copy
import dataclasses
import functools
import sys
import textwrap
import threading
import types

import numpy as np
import pytest
import torch
from kornia.augmentation import AugmentationSequential, RandomAffine
from sklearn.cluster import KMeans

from contrastive_clustering._saving.description import MAX_DEPTH, describe


class Noise:
    """An augmentation that is an object."""

    def __init__(self, size, **others):
        self.size = size
        vars(self).update(others)

    def __call__(self, batch):
        return batch * self.size


@dataclasses.dataclass
class Settings:
    size: float
    inner: object = None


class Scaled(torch.nn.Module):
    """A module with a plain attribute, which is not part of its weights."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor
        self.layer = torch.nn.Identity()


def enclosed(size):
    return lambda batch: batch * size


def doubled(batch):
    return batch * 2


def tripled(batch):
    return batch * 3


def holding(value, n_levels=1):
    for _ in range(n_levels):
        value = [value]
    return value


def generator(seed, kind=np.random.PCG64):
    return np.random.Generator(kind(seed))


PAIRS = {
    "objects": (lambda: Noise(1.0), lambda: Noise(2.0)),
    "objects with another attribute": (lambda: Noise(1.0), lambda: Noise(1.0, a=None)),
    "objects within": (lambda: Noise(Noise([1])), lambda: Noise(Noise([2]))),
    "closures": (lambda: enclosed(1.0), lambda: enclosed(2.0)),
    "functions": (lambda: doubled, lambda: tripled),
    "lambdas": (lambda: lambda x: x + 1, lambda: lambda x: x + 2),
    "lambdas of other names": (lambda: lambda x: x.sin(), lambda: lambda x: x.cos()),
    "defaults": (lambda: lambda x, y=1: x + y, lambda: lambda x, y=2: x + y),
    "keyword defaults": (
        lambda: lambda x, *, y=1: x + y,
        lambda: lambda x, *, y=2: x + y,
    ),
    "functions within": (
        lambda: lambda x: [v + 1 for v in x],
        lambda: lambda x: [v + 2 for v in x],
    ),
    "bound methods": (lambda: Noise(1.0).__call__, lambda: Noise(2.0).__call__),
    "partials": (
        lambda: functools.partial(torch.sum, dim=0),
        lambda: functools.partial(torch.sum, dim=1),
    ),
    "modules": (lambda: Scaled(1.0), lambda: Scaled(2.0)),
    "dataclasses": (lambda: Settings(1.0), lambda: Settings(2.0)),
    "dataclasses within": (lambda: Settings(1, [2]), lambda: Settings(1, [3])),
    "arrays": (lambda: np.arange(3), lambda: np.arange(3)[::-1]),
    "dtypes of arrays": (lambda: np.arange(3), lambda: np.arange(3.0)),
    "shapes": (lambda: np.zeros((2, 3)), lambda: np.zeros((3, 2))),
    "arrays of objects": (
        lambda: np.array([Noise(1)], dtype=object),
        lambda: np.array([Noise(2)], dtype=object),
    ),
    "tensors": (lambda: torch.ones(2), lambda: torch.ones(2, dtype=torch.bfloat16)),
    "random states": (
        lambda: np.random.RandomState(0),
        lambda: np.random.RandomState(1),
    ),
    "generators": (lambda: generator(0), lambda: generator(1)),
    "kinds of generators": (
        lambda: generator(0),
        lambda: generator(0, np.random.SFC64),
    ),
    "estimators": (lambda: KMeans(2), lambda: KMeans(3)),
    "sets": (lambda: {"a", "b"}, lambda: {"a", "c"}),
    "bytes": (lambda: b"a", lambda: "a"),
    "types of numbers": (lambda: 1, lambda: 1.0),
    "order of dicts": (lambda: {"a": 1, "b": 2}, lambda: {"b": 2, "a": 1}),
    "classes": (lambda: Noise, lambda: Settings),
    "compiled functions": (lambda: torch.sin, lambda: torch.cos),
    "methods of compiled objects": (
        lambda: generator(0).normal,
        lambda: generator(1).normal,
    ),
    "namespaces": (
        lambda: types.SimpleNamespace(a=1),
        lambda: types.SimpleNamespace(a=2),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_values_are_described_by_their_state(name):
    make, make_other = PAIRS[name]
    assert describe(make()) == describe(make())
    assert describe(make()) != describe(make_other())
    # They also differ within another object.
    assert describe({"a": (make(),)}) != describe({"a": (make_other(),)})


def test_generators_are_described_by_their_current_state():
    for make in (np.random.RandomState, generator):
        fresh, used = make(0), make(0)
        used.normal(size=1)
        assert describe(fresh) != describe(used)


def test_calling_a_function_does_not_change_its_description():
    noise = Noise(3.0)
    before = describe(noise)
    noise(1.0)
    assert describe(noise) == before == describe(copy.deepcopy(noise))


def test_cells_without_a_value_are_described():
    def outer():
        def inner():
            return later

        text = describe(inner)
        later = 1
        return text, describe(inner), later

    first, second, _ = outer()
    assert first != second


@pytest.mark.parametrize(
    "make", [lambda: [], dict, lambda: Noise(1.0), types.SimpleNamespace]
)
def test_objects_that_contain_themselves_are_described(make):
    texts = []
    for _ in range(2):
        value = make()
        if isinstance(value, list):
            value.append(value)
        elif isinstance(value, dict):
            value["self"] = value
        else:
            value.own = [value]
        texts.append(describe(value))
    assert texts[0] == texts[1]


def test_state_that_augmentations_keep_of_a_batch_is_not_compared():
    views = AugmentationSequential(RandomAffine(10.0), data_keys=["input"])
    before = describe(views)
    views(torch.rand(4, 1, 8, 8))
    assert describe(views) == before
    assert describe(AugmentationSequential(RandomAffine(20.0))) != before


def test_private_settings_of_modules_are_compared():
    first, second = torch.nn.Identity(), torch.nn.Identity()
    first._slope, second._slope = 0.1, 0.2
    assert describe(first) != describe(second)


def test_numbers_of_devices_are_not_compared():
    first, second = (torch.device("cuda", number) for number in range(2))
    assert describe(first) == describe(second) != describe(torch.device("cpu"))


def make_class(base, body):
    names = {"base": base, "__name__": "own"}
    source = "class Part(base):\n" + textwrap.indent(body, "    ")
    exec(source, names)
    return names["Part"]


@pytest.mark.parametrize(
    "body",
    [
        "def go(self):\n    return {}",
        "@staticmethod\ndef go():\n    return {}",
        "@classmethod\ndef go(cls):\n    return {}",
        "@property\ndef go(self):\n    return {}",
        "go = __import__('functools').cached_property(lambda self: {})",
        "go = __import__('torch').no_grad()(lambda self: {})",
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        lambda body: make_class(object, body),
        lambda body: make_class(make_class(object, body), "pass"),
        lambda body: make_class(object, body)(),
        lambda body: make_class(torch.nn.Identity, body)(),
        lambda body: torch.nn.Sequential(make_class(torch.nn.Identity, body)()),
        lambda body: make_class(KMeans, body)(),
        lambda body: dataclasses.dataclass(make_class(object, body))(),
    ],
)
def test_classes_are_compared_by_the_code_of_their_methods(make, body):
    first, same, other = (make(body.format(number)) for number in (1, 1, 2))
    assert describe(first) == describe(same) != describe(other)


def test_recursive_functions_are_described():
    def recursive(n):
        return 0 if n == 0 else recursive(n - 1)

    assert describe(recursive) == describe(recursive)


def test_depth_is_limited():
    assert describe(holding(1, MAX_DEPTH - 1)) != describe(holding(2, MAX_DEPTH - 1))
    assert "<enclosing object>" in describe(holding(1, 500))


@pytest.mark.parametrize(
    "make",
    [threading.Lock, threading.Event, lambda: sys.stdout, lambda: (i for i in ())],
)
def test_objects_that_cannot_be_pickled_are_described(make):
    assert describe(make()) == describe(make())
    assert describe(Noise(1, lock=make())) == describe(Noise(1, lock=make()))
    assert describe(Noise(1, lock=make())) != describe(Noise(2, lock=make()))


def test_descriptions_contain_no_addresses():
    for make, _ in PAIRS.values():
        assert " at 0x" not in describe(make())
