import numpy as np
import pytest
import torch
from torch.utils.data import Subset

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._data import on_device as _resident
from contrastive_clustering._data.dataset import ArrayDataset, EvenBatchLoader
from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.metadata import Metadata
from contrastive_clustering._data.on_device import (
    ResidentBatchLoader,
    ResidentDataset,
    is_resident,
    keep_on_device,
)
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._utils import chunks

# In these tests the CPU stands for a device with a memory of its own.

CPU = torch.device("cpu")


@pytest.fixture
def memory(monkeypatch):
    """Return a function that sets the number of free bytes of the device."""

    def say(n_bytes):
        monkeypatch.setattr(_resident, "free_memory", lambda device: n_bytes)

    return say


def make(dtype, shape=(23, 9, 8, 3)):
    X = np.random.default_rng(0).integers(0, 200, size=shape).astype(dtype)
    return X, ArrayDataset(X, Scaler.fit(X, read_layout(X.shape)))


@pytest.mark.parametrize(
    ("dtype", "n_bytes"),
    [("u1", 1), ("i8", 4), ("f8", 4), ("?", 4)],
)
def test_samples_are_kept_on_the_device_up_to_a_quarter_of_its_memory(
    memory, dtype, n_bytes
):
    _, dataset = make(dtype)
    size = n_bytes * 23 * 9 * 8 * 3
    memory(4 * size)
    kept = keep_on_device(dataset, CPU)
    assert is_resident(kept)
    assert kept.samples.nbytes == size
    memory(4 * size - 1)
    assert keep_on_device(dataset, CPU) is dataset
    memory(None)  # the CPU itself, and devices that share its memory
    assert keep_on_device(dataset, CPU) is dataset
    assert not is_resident(dataset)


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4", "f8"])
def test_samples_match_the_data_set(memory, monkeypatch, dtype):
    monkeypatch.setattr(chunks, "CHUNK_VALUES", 5 * 9 * 8 * 3)  # in five pieces
    memory(10**9)
    _, dataset = make(dtype)
    kept = keep_on_device(dataset, CPU)
    expected, _ = dataset.__getitems__(range(23))
    assert kept.samples.dtype == expected.dtype
    assert torch.equal(kept.samples, expected)
    samples, indices = kept.__getitems__([7, 2])
    assert torch.equal(samples, expected[[7, 2]])
    assert torch.equal(indices, torch.tensor([7, 2]))
    part = kept.take(np.array([4, 20, 3]))
    assert isinstance(part, ResidentDataset)
    assert len(part) == 3
    assert part.samples is kept.samples
    samples, indices = part.__getitems__(torch.tensor([2, 0]))
    assert torch.equal(samples, expected[[3, 4]])
    assert torch.equal(indices, torch.tensor([2, 0]))
    assert torch.equal(part[1][0], expected[20])


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [4, 10, 100])
@pytest.mark.parametrize("part", [None, [5, 2, 22, 9, 11]])
@pytest.mark.parametrize("group_positives", [False, True])
def test_batches_match_the_loader(memory, shuffle, batch_size, part, group_positives):
    memory(10**9)
    X, dataset = make("u1")
    metadata = Metadata.read(np.arange(23) // 4, None, 23)
    dataset = ArrayDataset(X, dataset.scaler, metadata=metadata)
    kept = keep_on_device(dataset, CPU)
    if part is not None:
        dataset, kept = Subset(dataset, part), Subset(kept, part)
        assert is_resident(kept)
    settings = {
        "batch_size": batch_size,
        "shuffle": shuffle,
        "seed": 3,
        "group_positives": group_positives,
    }
    loaders = (
        EvenBatchLoader(dataset, **settings),
        ResidentBatchLoader(kept, **settings),
    )
    assert len(loaders[0]) == len(loaders[1])
    for epoch in (0, 1):
        for loader in loaders:
            loader.even_batches.epoch = epoch
        for (samples, indices), (own, own_indices) in zip(*loaders, strict=True):
            assert torch.equal(own, samples)
            assert torch.equal(own_indices, indices)


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"early_stopping": True, "validation_fraction": 0.25},
        {"refinement": "neighbors", "iterator_train__num_workers": 2},
        {"refinement": "prototypes"},
    ],
)
@pytest.mark.parametrize("dtype", ["u1", "f8"])
def test_a_fit_is_the_same(  # noqa: PLR0917
    tiny_images, fast, memory, others, dtype, monkeypatch
):
    X = tiny_images.astype(dtype)
    clusterer = ContrastiveAutoencoderClusterer(**fast, batch_size=8, **others)
    latents = clusterer.fit(X).transform(X)
    labels, losses = clusterer.labels_, clusterer.history_[:, "train_loss"]
    memory(10**9)
    read = []
    loader = ResidentBatchLoader.__iter__
    monkeypatch.setattr(
        ResidentBatchLoader, "__iter__", lambda self: read.append(1) or loader(self)
    )
    clusterer.fit(X)
    assert len(read) >= fast["max_epochs"] + fast["refinement_epochs"]
    assert clusterer.history_[:, "train_loss"] == losses
    np.testing.assert_array_equal(clusterer.transform(X), latents)
    np.testing.assert_array_equal(clusterer.labels_, labels)


def test_large_sets_are_clustered_by_a_subset(tiny_images, fast, memory, monkeypatch):
    monkeypatch.setattr("contrastive_clustering._model.fit.MAX_CLUSTERED", 25)
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    labels = clusterer.labels_
    memory(10**9)
    np.testing.assert_array_equal(clusterer.fit(tiny_images).labels_, labels)
    assert len(labels) == 40
