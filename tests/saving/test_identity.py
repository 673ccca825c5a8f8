import copy
import dataclasses
import functools
import subprocess
import sys
import threading
import types

import numpy as np
import pytest
import torch
from kornia.augmentation import AugmentationSequential, RandomAffine
from sklearn.cluster import KMeans
from skorch.callbacks import Callback, EpochScoring, LRScheduler

from contrastive_clustering._data import scaling as _scaling
from contrastive_clustering._saving.identity import (
    MAX_DEPTH,
    describe,
    describe_training,
    digest_samples,
    identify,
)
from contrastive_clustering._utils import provenance


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


def test_trainings_are_compared_by_epochs_weights_and_moments():
    def trained():
        return types.SimpleNamespace(
            module_=layer, optimizer_=optimizer, history=[None] * n_epochs
        )

    layer = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(layer.parameters(), momentum=0.9)
    n_epochs = 1
    texts = [describe_training(None), describe_training(trained())]
    assert texts[1] == describe_training(trained())
    n_epochs = 2
    texts.append(describe_training(trained()))
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    texts.append(describe_training(trained()))
    for moment in optimizer.state.values():
        moment["momentum_buffer"] += 1
    texts.append(describe_training(trained()))
    assert len(set(texts)) == len(texts)


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


def identity_of(X, **params):
    return identify(params, X, None, None)


def test_callbacks_of_skorch_are_compared_by_their_settings(tiny_images):
    def identity(*callbacks):
        return identity_of(tiny_images, callbacks=list(callbacks))

    step = identity(LRScheduler("StepLR", step_size=2))
    assert step == identity(LRScheduler("StepLR", step_size=2))
    assert step != identity(LRScheduler("StepLR", step_size=3))
    assert step != identity(LRScheduler("ExponentialLR", gamma=0.5))
    assert step != identity(("named", LRScheduler("StepLR", step_size=2)))
    assert step != identity()
    score = identity(EpochScoring("accuracy", name="a"))
    assert score != identity(EpochScoring("accuracy", name="b"))


def test_custom_callbacks_are_compared_by_their_class(tiny_images):
    class Counter(Callback):
        def __init__(self, n):
            self.n = n

    first = identity_of(tiny_images, callbacks=[Counter(1)])
    assert first == identity_of(tiny_images, callbacks=[Counter(2)])
    assert first != identity_of(tiny_images, callbacks=[Callback()])
    assert first != identity_of(tiny_images, callbacks=None)


@pytest.mark.parametrize(
    ("package", "version", "same"),
    [
        ("torch", "9.8.1+cpu", True),
        ("torch", "9.9.0", False),
        ("numpy", "9.8.5", True),
        ("numpy", "10.8.0", False),
        ("scikit-learn", "9.7", False),
        ("contrastive_clustering", "9.8.1", False),
    ],
)
def test_versions_are_compared_as_far_as_they_matter(
    tiny_images, monkeypatch, package, version, same
):
    versions = dict.fromkeys(provenance.package_versions(), "9.8.0")
    monkeypatch.setattr(provenance, "package_versions", lambda: versions)
    before = identity_of(tiny_images)
    versions[package] = version
    assert (identity_of(tiny_images) == before) == same


def test_samples_are_compared_by_their_values(tiny_images):
    before = identity_of(tiny_images)["X"]
    assert before.startswith("uint8 (40, 8, 8) ")
    changed = tiny_images.copy()
    changed[39, 7, 7] ^= 1
    for other in (changed, tiny_images[::-1], tiny_images.astype(np.int16)):
        assert identity_of(other)["X"] != before


def test_long_texts_are_truncated_and_distinguished(tiny_images):
    many = list(range(100_000))
    text = identity_of(tiny_images, a=many)["a"]
    assert len(text) < 1000
    assert text == identity_of(tiny_images, a=list(many))["a"]
    many[-1] = 0
    assert text != identity_of(tiny_images, a=many)["a"]


def test_parameters_that_concern_the_machine_are_ignored(tiny_images):
    machine = {
        "iterator_train__num_workers": 3,
        "device": "cpu",
        "compile__mode": "x",
        "verbose": 1,
    }
    assert identity_of(tiny_images, **machine) == identity_of(tiny_images)


IDENTITY = """
from functools import partial
import numpy as np
import torch
from sklearn.cluster import KMeans
from contrastive_clustering import SelfTrainingRefinement
from contrastive_clustering._saving.identity import identify
from skorch.callbacks import LRScheduler

class Held:
    def __init__(self):
        self.of, self.set = self, frozenset("abcdefg")

torch.manual_seed(0)
parameters = {
    "a": KMeans(3), "b": torch.sin, "c": (1, 2), "d": np.arange(2),
    "e": SelfTrainingRefinement(), "f": None, "g": torch.nn.ReLU(),
    "h": partial(torch.sum, dim=1), "i": {"j": (1, 2)},
    "k": torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)),
    "l": {1, "a", None}, "m": np.random.default_rng(0), "n": lambda x, y=3: x + y,
    "o": np.random.RandomState(0), "p": Held(), "q": [LRScheduler("StepLR", gamma=0.5)],
    "r": Held().of,
}
text = str(identify(parameters, np.arange(24).reshape(2, 3, 4)[:, :, ::2], 3, None))
"""


def test_identity_is_the_same_in_another_process(tiny_images):
    here = {"__name__": "__main__"}
    exec(IDENTITY, here)
    there = subprocess.run(
        [sys.executable, "-c", IDENTITY + "print(text)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert here["text"] == there.strip()
    assert identify({"a": 1}, tiny_images, None, None) == identify(
        {"a": 1}, np.asfortranarray(tiny_images), None, None
    )


def test_each_sample_has_its_digest(tiny_images, monkeypatch):
    digests = digest_samples(tiny_images)
    assert len(set(digests)) == len(tiny_images)
    monkeypatch.setattr(_scaling, "CHUNK_VALUES", 3 * tiny_images[0].size)
    assert digest_samples(tiny_images[::-1]) == digests[::-1]


def test_modules_are_compared_by_their_layers_and_weights(tiny_images):
    def identity(**params):
        return identify(params, tiny_images, None, None)

    first = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU())
    other_weights = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU())
    other_layer = torch.nn.Sequential(first[0], torch.nn.Tanh())
    assert identity(encoder=first) == identity(encoder=copy.deepcopy(first))
    assert identity(encoder=first) != identity(encoder=other_weights)
    assert identity(encoder=first) != identity(encoder=other_layer)
    half = copy.deepcopy(first).to(torch.bfloat16)
    assert identity(encoder=first) != identity(encoder=half)


def test_parameters_of_the_net_are_compared(tiny_images):
    def identity(**params):
        return identify(params, tiny_images, None, None)

    betas = identity(optimizer__betas=(0.8, 0.9))
    assert betas == identity(optimizer__betas=(0.8, 0.9), iterator_train__timeout=3)
    assert betas != identity(optimizer__betas=(0.8, 0.8))
