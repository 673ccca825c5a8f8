"""Results are reproducible to the bit, and global state does not change."""

import multiprocessing
import os
import random
import signal

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from world import global_state

from contrastive_clustering import ContrastiveAutoencoderClusterer


@pytest.fixture
def parameters(fast):
    return {**fast, "batch_size": 10}


class UseGlobalGenerators(Callback):
    """Draw from the global generators, and seed them."""

    def on_batch_begin(self, net, **kwargs):
        torch.rand(3), np.random.rand(3), random.random()

    def on_epoch_begin(self, net, **kwargs):
        torch.manual_seed(7), np.random.seed(7), random.seed(7)


@pytest.mark.parametrize(
    "others",
    [
        {"iterator_train__num_workers": 1},
        {"iterator_train__num_workers": 2},
        {"verbose": 1},
        {"callbacks": [UseGlobalGenerators()]},
        {"store_examples": True},
    ],
)
def test_results_are_the_same_to_the_bit(tiny_images, parameters, others):
    expected = ContrastiveAutoencoderClusterer(**parameters).fit(tiny_images)
    found = ContrastiveAutoencoderClusterer(**parameters, **others).fit(tiny_images)
    np.testing.assert_array_equal(found.labels_, expected.labels_)
    for method in ("transform", "predict_proba"):
        np.testing.assert_array_equal(
            getattr(found, method)(tiny_images), getattr(expected, method)(tiny_images)
        )
    for clusterer in (found, expected):
        clusterer.set_params(verbose=0, iterator_train__num_workers=0)
    np.testing.assert_array_equal(
        found.net_.module_.decoder[0].weight.detach(),
        expected.net_.module_.decoder[0].weight.detach(),
    )


@pytest.mark.slow
def test_defaults_are_reproducible_on_real_images(real_images):
    X, _ = real_images("pneumoniamnist", n=300)
    fits = [
        ContrastiveAutoencoderClusterer(
            max_epochs=2,
            refinement_epochs=1,
            random_state=3,
            iterator_train__num_workers=workers,
        ).fit(X)
        for workers in (0, 2)
    ]
    np.testing.assert_array_equal(fits[0].labels_, fits[1].labels_)
    np.testing.assert_array_equal(fits[0].transform(X), fits[1].transform(X))


def test_each_kind_of_random_state(tiny_images, parameters):
    def latents(random_state):
        clusterer = ContrastiveAutoencoderClusterer(
            **{**parameters, "random_state": random_state}
        )
        return clusterer.fit(tiny_images).transform(tiny_images)

    np.testing.assert_array_equal(
        latents(np.random.RandomState(5)), latents(np.random.RandomState(5))
    )
    shared = np.random.RandomState(5)
    assert not np.array_equal(latents(shared), latents(shared))
    np.random.seed(1)
    first = latents(None)
    assert not np.array_equal(first, latents(None))
    np.random.seed(1)  # None draws its seed from NumPy's global generator
    np.testing.assert_array_equal(latents(None), first)


@pytest.mark.filterwarnings("ignore:.*generated samples are predicted")
def test_global_state_does_not_change(tiny_images, parameters):
    before, children = global_state(), set(multiprocessing.active_children())
    clusterer = ContrastiveAutoencoderClusterer(
        **parameters, iterator_train__num_workers=2
    )
    clusterer.fit(tiny_images).partial_fit(tiny_images)
    clusterer.predict(tiny_images), clusterer.transform(tiny_images)
    clusterer.sample(3, random_state=0)
    clusterer.score(tiny_images)
    assert global_state() == before
    assert set(multiprocessing.active_children()) <= children


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("augmentation", "^callable failed"),
        ("callback", "^division by zero$"),
        ("clusterer", "cannot cluster .* division by zero"),
        ("data", "^X contains NaN"),
    ],
)
def test_global_state_does_not_change_after_an_error(
    tiny_images, parameters, source, message, monkeypatch
):
    def fails(*args, **kwargs):
        torch.rand(3), np.random.rand(3), random.random()
        raise ArithmeticError("callable failed")

    X = tiny_images
    if source == "augmentation":
        parameters["augmentation"] = fails
    elif source == "callback":
        callback = Callback()
        callback.on_batch_end = lambda *args, **kwargs: 1 / 0
        parameters["callbacks"] = [callback]
    elif source == "clusterer":
        # The clusterer runs between the phases.
        monkeypatch.setattr(
            "contrastive_clustering._clustering.latent_clustering.KMeans.fit_predict",
            _zero,
        )
    else:
        X = np.full((40, 8, 8), np.nan)
    before = global_state()
    clusterer = ContrastiveAutoencoderClusterer(
        **parameters, iterator_train__num_workers=1
    )
    with pytest.raises((ArithmeticError, ValueError), match=message):
        clusterer.fit(X)
    assert global_state() == before
    assert not hasattr(clusterer, "net_")


def _zero(*args, **kwargs):
    return 1 / 0


def test_a_killed_worker_raises_a_clear_error(tiny_images, parameters):
    # Processes of other tests may remain in this list after they have ended.
    others = set(multiprocessing.active_children())

    class Killer(Callback):
        def on_batch_end(self, net, **kwargs):
            for child in set(multiprocessing.active_children()) - others:
                os.kill(child.pid, signal.SIGKILL)
                child.join()

    clusterer = ContrastiveAutoencoderClusterer(
        **{**parameters, "batch_size": 2},
        iterator_train__num_workers=1,
        callbacks=[Killer()],
    )
    with pytest.raises(
        RuntimeError,
        match=r"worker \(num_workers=1\) was killed by the signal SIGKILL.*Lower",
    ):
        clusterer.fit(tiny_images)
    assert not hasattr(clusterer, "net_")
