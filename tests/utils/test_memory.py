"""Out-of-memory errors of training and prediction name the batch size."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._utils.memory import (
    is_out_of_memory,
    show_bytes,
    total_memory,
)

ALLOCATOR = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate "
    "memory: you tried to allocate 4000000000000000 bytes."
)
ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError(ALLOCATOR),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"),
    MemoryError(),
    np._core._exceptions._ArrayMemoryError((10**9,), np.dtype("f8")),
]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(40, 8, 8))


def make(**others):
    quick = {"clusterer": "kmeans", "latent_dim": 2, "refinement_epochs": 0}
    return ContrastiveAutoencoderClusterer(2, batch_size=20, **quick, **others)


class Raise(Callback):
    def __init__(self, error):
        self.error = error

    def on_batch_begin(self, net, **kwargs):
        raise self.error


def kind_of(error):
    kinds = (torch.OutOfMemoryError, MemoryError, RuntimeError)
    return next(kind for kind in kinds if isinstance(error, kind))


@pytest.mark.parametrize("error", ERRORS)
def test_training_names_the_batch_size(error, images):
    with pytest.raises(kind_of(error)) as refused:
        make(max_epochs=1, callbacks=[Raise(error)]).fit(images)
    message = str(refused.value)
    assert "training on the device cpu with batch_size=20" in message
    assert "10.0 KiB" in message  # 20 samples, twice, of 64 values of 4 bytes
    assert "Lower batch_size, for example to 10" in message
    assert refused.value.__cause__ is error


@pytest.mark.parametrize("error", ERRORS)
def test_prediction_names_the_batch_size(error, images, monkeypatch):
    clusterer = make(max_epochs=0).fit(images)

    def fail(*args):
        raise error

    monkeypatch.setattr(clusterer.net_.module_, "split", fail)
    monkeypatch.setattr(clusterer.net_.module_, "decode", fail)
    for call in (
        lambda: clusterer.predict(images),
        lambda: clusterer.inverse_transform(clusterer.cluster_centers_),
    ):
        with pytest.raises(kind_of(error), match=r"batch_size=20.*5\.0 KiB.*=10"):
            call()


def test_a_smaller_batch_predicts_the_same(images):
    clusterer = make(max_epochs=0).fit(images)
    expected = clusterer.transform(images)
    clusterer.net_.batch_size = 10
    np.testing.assert_array_equal(clusterer.transform(images), expected)


def test_a_batch_of_two_cannot_be_made_smaller(images):
    clusterer = make(max_epochs=1, callbacks=[Raise(MemoryError())])
    with pytest.raises(MemoryError, match="Make the samples smaller"):
        clusterer.set_params(batch_size=2).fit(images)


def test_other_errors_are_unchanged(images):
    error = RuntimeError("shapes differ")
    with pytest.raises(RuntimeError) as refused:
        make(max_epochs=1, callbacks=[Raise(error)]).fit(images)
    assert refused.value is error
    assert not is_out_of_memory(error)


def test_errors_of_too_large_networks_name_latent_dim(images):
    with pytest.raises((RuntimeError, MemoryError), match="latent_dim=1000000000"):
        make().set_params(latent_dim=10**9).fit(images)


@pytest.mark.parametrize(
    ("n_bytes", "shown"),
    [(0, "0.0 bytes"), (1023, "1023.0 bytes"), (1024, "1.0 KiB"), (2**60, "1048576")],
)
def test_bytes_are_shown_in_units(n_bytes, shown):
    assert show_bytes(n_bytes).startswith(shown)


def test_the_memory_is_known_on_posix_only(monkeypatch):
    total = total_memory()
    assert total is None or total > 2**26
    monkeypatch.delattr("os.sysconf", raising=False)
    assert total_memory() is None
