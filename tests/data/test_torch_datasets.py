"""Iterable PyTorch datasets are read once and spooled to a file."""

import re
import resource
import signal
import tempfile
from unittest import mock

import numpy as np
import pytest
from torch.utils.data import Dataset, IterableDataset

from contrastive_clustering._data import torch_datasets as _torch_datasets
from contrastive_clustering._data.sources import open_samples
from contrastive_clustering._data.torch_datasets import spool


class Streamed(IterableDataset):
    def __init__(self, samples):
        self.samples = samples

    def __iter__(self):
        yield from self.samples


def test_spooled_files_are_unnamed_and_deleted(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    images = np.arange(5 * 64, dtype="i2").reshape(5, 8, 8)
    spooled = spool(Streamed(images))
    np.testing.assert_array_equal(spooled, images)
    assert list(tmp_path.iterdir()) == []
    assert not spooled.flags.writeable


class Sized(Streamed):
    def __len__(self):
        return 5


@pytest.mark.parametrize(
    ("n_samples", "message"),
    [(6, "has length 5 but yields more"), (4, "length 5 but yielded only 4")],
)
def test_wrong_lengths_are_errors(n_samples, message):
    with pytest.raises(ValueError, match=message):
        open_samples(Sized(list(np.zeros((n_samples, 8, 8)))), "X")
    assert len(open_samples(Sized(list(np.zeros((5, 8, 8)))), "X")) == 5


class Endless(IterableDataset):
    n_read = 0

    def __iter__(self):
        while True:
            self.n_read += 1
            yield np.ones((8, 8))


def test_infinite_data_sets_stop_before_the_disk_is_full(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(_torch_datasets, "BYTES_TOGETHER", 2**16)
    free = [2**20 + _torch_datasets.BYTES_LEFT_FREE]

    def usage(path):
        assert path == str(tmp_path)
        free[0] -= 2**18
        return mock.Mock(free=free[0], total=2**40)

    monkeypatch.setattr(_torch_datasets.shutil, "disk_usage", usage)
    X = Endless()
    with pytest.raises(ValueError, match=r"X, of type Endless, .*samples were.*TMPDIR"):
        open_samples(X, "X")
    assert 128 < X.n_read <= 5 * 128
    assert list(tmp_path.iterdir()) == []


def test_full_disks_are_named():
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, limits[1]))
    try:
        with pytest.raises(ValueError, match=r"X, of type Endless, .*too large"):
            open_samples(Endless(), "X")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


class Unsure(Streamed):
    def __len__(self):
        raise TypeError("a pipeline has no length")


def test_data_sets_with_wrong_lengths():
    class Short(Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return [np.eye(8), np.eye(8), np.eye(8)][index]

    with pytest.raises(ValueError, match=r"X is a Short without a sample X\[3\]"):
        open_samples(Short(), "X")[:]
    assert len(open_samples(Unsure([np.eye(8)] * 4), "X")) == 4


class Pairs(Dataset):
    def __init__(self, samples, target):
        self.samples, self.target = samples, target

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index], self.target


@pytest.mark.parametrize(
    "target",
    [
        np.array([1]),  # as in MedMNIST
        np.array([[1]]),
        [np.zeros(2), np.zeros(3)],  # as for the detection of objects
        {"label": 1},
        None,
    ],
)
def test_targets_of_gray_images_with_channels_first_are_ignored(target):
    images = np.random.default_rng(0).normal(size=(5, 1, 8, 8))
    np.testing.assert_array_equal(open_samples(Pairs(images, target), "X")[:], images)


class Items(Dataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


@pytest.mark.parametrize("of", [Items, Streamed])
def test_nested_lists_of_numbers_are_samples(of):
    images = np.arange(4 * 64.0).reshape(4, 8, 8)
    for samples in (images, images[:, 0], images[..., None], images[:, :1]):
        read = open_samples(of(samples.tolist()), "X")
        np.testing.assert_array_equal(read[:], samples)
    # Numbers of NumPy are numbers, too.
    rows = [list(row) for row in images[:, 0]]
    np.testing.assert_array_equal(open_samples(of(rows), "X")[:], images[:, 0])


@pytest.mark.parametrize("target", [3, [0.0, 1.0], None, "benign", np.zeros(8)])
@pytest.mark.parametrize("convert", [np.array, np.ndarray.tolist])
def test_lists_of_a_sample_and_its_target_are_pairs(target, convert):
    images = np.arange(4 * 64.0).reshape(4, 8, 8)
    pairs = [[convert(image), target] for image in images]
    np.testing.assert_array_equal(open_samples(Items(pairs), "X")[:], images)


def test_data_sets_of_extended_precision_are_read_as_float64():
    images = np.random.default_rng(0).normal(size=(5, 8, 8)).astype(np.longdouble)
    for dataset in (Pairs(images, 0), Streamed(images)):
        samples = open_samples(dataset, "X")
        assert samples.dtype == np.float64
        np.testing.assert_array_equal(samples[:], images)


@pytest.mark.parametrize(
    "sample", [np.zeros(0), np.array(["a", "b"]), np.float64(3), np.array([None])]
)
def test_streams_of_unsupported_samples_are_rejected_at_once(sample):
    def endless():
        while True:
            yield sample

    with pytest.raises(ValueError, match="of type Streamed, yields samples of"):
        open_samples(Streamed(endless()), "X")


@pytest.mark.parametrize(
    "dataset",
    [
        Streamed([]),
        Streamed([np.zeros(0)]),
        Streamed([np.eye(8) * 1j]),
        Streamed([np.eye(8), np.eye(9)]),
        Items([np.eye(8), np.eye(9)]),
        Items([np.eye(8), np.full((8, 8), np.nan)]),
        Items([np.eye(8), None]),
    ],
)
def test_errors_name_the_parameter_of_the_caller(dataset):
    with pytest.raises((TypeError, ValueError), match=r"\bX_new\b") as refused:
        open_samples(dataset, "X_new")[:]
    assert re.search(r"\bX\b", str(refused.value)) is None
