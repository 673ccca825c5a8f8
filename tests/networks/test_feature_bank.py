"""Features of a frozen backbone are kept in memory and on disk."""

import errno
import io
import shutil
import tempfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from contrastive_clustering._networks.feature_bank import FeatureBank

BATCHES = [torch.full((4, 1, 5, 5), float(number)) for number in range(3)]
N_BYTES = 4 * 2 * 4  # of the features of a batch


class Counting:
    """Two features of each image, and how often they were computed."""

    def __init__(self):
        self.n_calls = 0

    def __call__(self, batch):
        self.n_calls += 1
        return torch.stack([batch.mean((1, 2, 3)), batch.sum((1, 2, 3))], dim=1)


@pytest.mark.parametrize(
    ("in_memory", "on_disk", "n_kept"),
    [
        (10 * N_BYTES, 0, 3),
        (0, 10 * N_BYTES, 3),
        (N_BYTES, N_BYTES, 2),
        (N_BYTES, 0, 1),
        (0, None, 3),  # the free space is enough
        (0, 0, 0),
    ],
)
def test_features_are_computed_once_if_there_is_room(in_memory, on_disk, n_kept):
    bank, compute = FeatureBank(in_memory, on_disk), Counting()
    expected = [Counting()(batch) for batch in BATCHES]
    for _ in range(2):
        for batch, features in zip(BATCHES, expected, strict=True):
            assert torch.equal(bank.get(batch.clone(), compute), features)
    assert compute.n_calls == bank.n_computed == 3 + (3 - n_kept)
    assert bank.n_found == n_kept
    bank.close()


def test_at_most_half_of_the_free_disk_space_is_used(monkeypatch):
    free = SimpleNamespace(free=4 * N_BYTES)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: free)
    bank, compute = FeatureBank(0), Counting()
    for batch in 2 * BATCHES:
        bank.get(batch, compute)
    assert bank.n_found == 2
    bank.close()


def test_features_are_written_after_others_were_read():
    bank, compute = FeatureBank(0, 10 * N_BYTES), Counting()
    for number in (0, 1, 0, 2, 1, 2):
        batch = BATCHES[number]
        assert torch.equal(bank.get(batch, compute), Counting()(batch))
    assert bank.n_found == 3
    bank.close()


def test_a_changed_batch_has_its_own_features():
    bank, compute = FeatureBank(), Counting()
    bank.get(BATCHES[0], compute)
    changed = BATCHES[0].clone()
    changed[3, 0, 4, 4] += 1e-7
    shorter = BATCHES[0].reshape(2, 2, 5, 5)  # the same values
    for batch in (changed, shorter):
        assert torch.equal(bank.get(batch, compute), compute(batch))
    assert bank.n_found == 0


def test_batches_are_compared_by_values_in_any_memory_format():
    bank, compute = FeatureBank(), Counting()
    batch = torch.arange(4 * 3 * 25.0).reshape(4, 3, 5, 5)
    bank.get(batch, compute)
    bank.get(batch.contiguous(memory_format=torch.channels_last), compute)
    assert compute.n_calls == 1


def test_features_computed_for_prediction_can_be_trained_on():
    bank, layer = FeatureBank(), torch.nn.Linear(2, 1)
    with torch.inference_mode():
        bank.get(BATCHES[1], Counting())
    layer(bank.get(BATCHES[1], Counting())).sum().backward()
    np.testing.assert_allclose(layer.weight.grad.numpy(), [[4.0, 100.0]])


def test_a_closed_bank_is_empty():
    bank, compute = FeatureBank(0, 10 * N_BYTES), Counting()
    bank.get(BATCHES[0], compute)
    bank.close()
    bank.get(BATCHES[0], compute)
    assert compute.n_calls == 2
    bank.close()


class FullDisk(io.BytesIO):
    """A file with room for the features of one batch and a half."""

    def __init__(self, *, raises):
        super().__init__()
        self.raises = raises

    def write(self, values):
        room = 3 * N_BYTES // 2 - self.tell()
        if self.raises and room < values.nbytes:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(bytes(values)[:room])


@pytest.mark.parametrize("raises", [True, False], ids=["raises", "writes a part"])
def test_features_are_computed_again_if_the_disk_becomes_full(monkeypatch, raises):
    def temporary_file(buffering):
        assert buffering == 0  # a buffer could fail to be written when it is closed
        return FullDisk(raises=raises)

    monkeypatch.setattr(tempfile, "TemporaryFile", temporary_file)
    bank, compute = FeatureBank(0, 10 * N_BYTES), Counting()
    for _ in range(2):
        for batch in BATCHES:
            assert torch.equal(bank.get(batch, compute), Counting()(batch))
    assert compute.n_calls == 5  # those of the first batch were found
    bank.close()
