import functools
import operator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import Subset

from contrastive_clustering._data.dataset import (
    ArrayDataset,
    EvenBatchLoader,
    EvenBatchSampler,
)
from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.metadata import Metadata
from contrastive_clustering._data.scaling import Scaler


@given(
    n_samples=st.integers(1, 500),
    batch_size=st.integers(1, 60),
    shuffle=st.booleans(),
)
def test_batches_are_even_and_hold_each_sample_once(n_samples, batch_size, shuffle):
    sampler = EvenBatchSampler(range(n_samples), batch_size, shuffle=shuffle)
    batches = list(sampler)
    sizes = [len(batch) for batch in batches]
    assert len(batches) == len(sampler)
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    indices = functools.reduce(operator.iadd, batches, [])
    assert sorted(indices) == list(range(n_samples))
    assert shuffle or indices == sorted(indices)


def test_order_depends_only_on_seed_and_epoch():
    def order(seed, epoch):
        sampler = EvenBatchSampler(range(50), 7, shuffle=True, seed=seed)
        sampler.epoch = epoch
        return list(sampler)

    assert order(0, 3) == order(0, 3)
    assert order(0, 3) != order(0, 4)
    assert order(0, 3) != order(1, 3)


def make(dtype):
    X = np.random.default_rng(0).integers(0, 200, size=(23, 9, 8)).astype(dtype)
    X.flags.writeable = False
    return X, ArrayDataset(X, Scaler.fit(X, read_layout(X.shape)))


@pytest.mark.parametrize("dtype", ["u1", "u2", "i8", "f2", "f4", "f8", "?", ">f8"])
def test_batches_are_standardized_float32_or_raw_bytes(dtype):
    X, dataset = make(dtype)
    batch, target = dataset.__getitems__([3, 0])
    assert batch.shape == (2, 1, 9, 8)
    assert len(target) == 2
    if dtype == "u1":
        np.testing.assert_array_equal(batch[:, 0], X[[3, 0]])
    else:
        assert batch.dtype == torch.float32
        expected = (X[[3, 0]].astype("f8") - X.mean(dtype="f8")) / X.std(dtype="f8")
        np.testing.assert_allclose(batch[:, 0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_ranges_give_the_samples_at_their_indices(dtype):
    _, dataset = make(dtype)
    for found, expected in zip(
        dataset.__getitems__(range(4, 19)),
        dataset.__getitems__([*range(4, 19)]),
        strict=True,
    ):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    part = dataset.take(np.array([5, 2, 9, 1]))
    np.testing.assert_array_equal(
        part.__getitems__(range(1, 3))[0], dataset.__getitems__([2, 9])[0]
    )


def test_ranges_of_bytes_are_not_copied_unless_needed():
    X, dataset = make("u1")
    for given_X, is_shared in (
        (X, False),  # read-only
        (X.copy()[::-1], False),
        (X.copy()[:, ::-1], False),
        (np.repeat(X, 2, axis=2)[:, :, ::2], True),
        (X.copy(), True),
    ):
        dataset = ArrayDataset(given_X, dataset.scaler)
        for rows in (range(4, 19), range(7, 8)):
            batch, _ = dataset.__getitems__(rows)
            np.testing.assert_array_equal(batch[:, 0], given_X[rows])
            assert np.shares_memory(batch.numpy(), given_X) == is_shared


@pytest.mark.parametrize("num_workers", [0, 2])
def test_loader_yields_all_batches(num_workers):
    X, dataset = make("u1")
    state = torch.get_rng_state()
    loader = EvenBatchLoader(dataset, 10, num_workers=num_workers)
    batches = [batch for batch, _ in loader]
    assert [len(batch) for batch in batches] == [8, 8, 7]
    np.testing.assert_array_equal(torch.cat(batches)[:, 0], X)
    assert torch.equal(torch.get_rng_state(), state)


def test_subsets_are_loaded_in_whole_batches():
    X, dataset = make("u1")
    loader = EvenBatchLoader(Subset(dataset, [5, 2, 9]), 2)
    np.testing.assert_array_equal(
        torch.cat([batch for batch, _ in loader])[:, 0], X[[5, 2, 9]]
    )


def test_single_samples_can_be_indexed():
    X, dataset = make("u1")
    sample, _ = dataset[4]
    np.testing.assert_array_equal(sample[0], X[4])


def test_batches_with_partners_hold_each_sample_and_another_of_its_group():
    groups = np.random.default_rng(0).integers(0, 4, 23)
    X, plain = make("u1")
    metadata = Metadata.read(groups, None, 23)
    dataset = ArrayDataset(X, plain.scaler, metadata=metadata)
    loader = EvenBatchLoader(dataset, 6, shuffle=True, group_positives=True)
    seen = []
    for samples, indices in loader:
        own, partners = indices.chunk(2)
        np.testing.assert_array_equal(samples[:, 0], X[indices])
        np.testing.assert_array_equal(groups[own], groups[partners])
        assert (own != partners).all()
        seen += own.tolist()
    assert sorted(seen) == list(range(23))


def test_partners_are_of_the_same_part():
    groups = np.arange(23) // 3
    X, plain = make("u1")
    dataset = ArrayDataset(X, plain.scaler, metadata=Metadata.read(groups, None, 23))
    rows = [0, 1, 2, 9, 10]
    loader = EvenBatchLoader(Subset(dataset, rows), 5, group_positives=True)
    ((_, indices),) = loader
    assert set(indices.tolist()) == set(rows)
    own, partners = indices.chunk(2)
    np.testing.assert_array_equal(groups[own], groups[partners])


def test_without_groups_there_are_no_partners():
    _, dataset = make("u1")
    batches = EvenBatchLoader(dataset, 6, group_positives=True)
    assert sum(len(indices) for _, indices in batches) == 23


def test_metadata_follow_the_samples_that_are_taken():
    X, plain = make("u1")
    metadata = Metadata.read(np.arange(23) // 3, None, 23)
    dataset = ArrayDataset(X, plain.scaler, metadata=metadata)
    taken = dataset.take(np.array([0, 3, 4])).metadata
    assert taken.groups.codes.tolist() == [0, 1, 1]
