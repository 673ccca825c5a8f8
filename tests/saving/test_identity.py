import copy
import subprocess
import sys
import types

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    EpochScoring,
    Initializer,
    LRScheduler,
)

from contrastive_clustering import ClusterNumberSearch
from contrastive_clustering._saving.identity import (
    describe_training,
    digest_samples,
    identify,
)
from contrastive_clustering._utils import chunks, provenance


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
    decays = [
        identity(
            LRScheduler("LambdaLR", lr_lambda=lambda epoch, rate=rate: rate**epoch)
        )
        for rate in (0.5, 0.9)
    ]
    assert decays[0] != decays[1]
    ones, zeros = torch.nn.init.ones_, torch.nn.init.zeros_
    assert identity(Initializer("*", fn=ones)) != identity(Initializer("*", fn=zeros))
    stops = [EarlyStopping(sink=sink) for sink in (print, lambda text: None)]
    assert identity(stops[0]) == identity(stops[1])
    score = identity(EpochScoring("accuracy", name="a"))
    assert score != identity(EpochScoring("accuracy", name="b"))


def test_callbacks_that_replace_others_are_compared_by_their_settings(tiny_images):
    def identity(callback):
        return identity_of(tiny_images, callbacks__stop=callback)

    callback = EarlyStopping("train_loss")
    first = identity(callback)
    callback.initialize().misses_ = 3  # as after a training
    assert first == identity(callback)
    assert first != identity(EarlyStopping("train_loss", patience=2))
    assert first != identity(EarlyStopping)
    assert first != identity(None)


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


def test_settings_of_numpy_are_those_of_python(tiny_images):
    plain = {"a": 4, "b": 0.003, "c": False, "d": (8, 8), "e": "kmeans"}
    plain |= {"f": KMeans(3), "g": ClusterNumberSearch(max_clusters=5)}
    same = {"a": np.int64(4), "b": np.float64(0.003), "c": np.False_}
    same |= {"d": (np.int64(8), np.uint8(8)), "e": np.str_("kmeans")}
    same |= {"f": KMeans(np.int64(3))}
    same |= {"g": ClusterNumberSearch(max_clusters=np.int64(5))}
    before = identity_of(tiny_images, **plain)
    assert identity_of(tiny_images, **same) == before
    assert identity_of(tiny_images, **same | {"b": np.float32(0.003)}) != before


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
    searches = [ClusterNumberSearch(n_jobs=n_jobs) for n_jobs in (None, 2)]
    assert identity_of(tiny_images, n_clusters=searches[0]) == identity_of(
        tiny_images, n_clusters=searches[1]
    )


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
    monkeypatch.setattr(chunks, "CHUNK_VALUES", 3 * tiny_images[0].size)
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
