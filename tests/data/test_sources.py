"""Samples that are read on demand give the same results as the array."""

import h5py
import numpy as np
import pytest
import torch
import zarr
from torch.utils.data import ConcatDataset, Dataset, IterableDataset, TensorDataset

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    cluster_stability,
    evaluate_clustering,
)
from contrastive_clustering._data.lazy_array import LazyArray
from contrastive_clustering._data.sliced_array import SlicedArray
from contrastive_clustering._data.sources import open_samples
from contrastive_clustering._data.torch_datasets import DatasetArray
from contrastive_clustering._data.validation import check_samples


class Listed(Dataset):
    """Samples of a list, with or without a target."""

    def __init__(self, samples, target=None):
        self.samples = samples
        self.target = target

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        if self.target is None:
            return self.samples[index]
        return self.samples[index], self.target


class Streamed(IterableDataset):
    def __init__(self, samples):
        self.samples = samples

    def __iter__(self):
        yield from self.samples


def as_hdf5(images, folder):
    file = h5py.File(folder / "images.h5", "w")
    return file.create_dataset("images", data=images, chunks=(7, *images.shape[1:]))


def as_zarr(images, folder):
    return zarr.create_array(str(folder / "images"), data=images, chunks=(7, 8, 8))


def as_memory_map(images, folder):
    np.save(folder / "images.npy", images)
    return np.load(folder / "images.npy", mmap_mode="r")


SOURCES = {
    "hdf5": as_hdf5,
    "zarr": as_zarr,
    "tensors": lambda images, _: TensorDataset(torch.from_numpy(images)),
    "concatenated": lambda images, _: ConcatDataset(
        [Listed(images[:13]), Listed(images[13:])]
    ),
    "with targets": lambda images, _: Listed(images, target=1),
    "iterable": lambda images, _: Streamed(images),
    "iterable of tuples": lambda images, _: Streamed([(image, 0) for image in images]),
    "memory map": as_memory_map,
}


@pytest.fixture(params=SOURCES)
def source(request):
    return SOURCES[request.param]


@pytest.fixture(scope="module")
def images(digits):
    return digits[0][:40].astype(np.uint8)


@pytest.fixture(scope="module")
def fitted(images, fit_fast):
    return fit_fast(images, batch_size=16)


def evaluate(fitted, X):
    """Return an evaluation and a stability; both depend on the order of the samples."""
    y = np.repeat([0, 1], 20)
    evaluation = evaluate_clustering(fitted, X, y, X, y)
    stability = cluster_stability(fitted, X, n_resamples=2, random_state=0)
    return str(evaluation), stability.jaccard


@pytest.fixture(scope="module")
def evaluated(fitted, images):
    return evaluate(fitted, images)


def test_fit_and_predict_match_the_array(source, images, fitted, fit_fast, tmp_path):
    X = source(images, tmp_path)
    found = fit_fast(X, batch_size=16)
    np.testing.assert_array_equal(found.labels_, fitted.labels_)
    np.testing.assert_array_equal(found.transform(X), fitted.transform(images))
    np.testing.assert_array_equal(found.predict(X), fitted.labels_)
    assert found.score(X) == fitted.score(images)


def test_evaluation_and_stability_match_the_array(
    source, images, fitted, evaluated, tmp_path
):
    evaluation, jaccard = evaluate(fitted, source(images, tmp_path))
    assert evaluation == evaluated[0]
    np.testing.assert_array_equal(jaccard, evaluated[1])


@pytest.mark.parametrize("name", SOURCES)
def test_sources_are_not_read_as_a_whole(name, tiny_images, tmp_path):
    X = check_samples(SOURCES[name](tiny_images, tmp_path))
    assert isinstance(X if isinstance(X, LazyArray) else X.base, LazyArray | np.memmap)


@pytest.mark.parametrize("name", ["hdf5", "tensors"])
def test_sources_are_converted_to_arrays(name, tiny_images, tmp_path):
    X = open_samples(SOURCES[name](tiny_images, tmp_path), "X")
    np.testing.assert_array_equal(np.asarray(X), tiny_images)
    assert np.asarray(X, dtype=np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="requires a copy"):
        np.array(X, copy=False)


@pytest.mark.parametrize("name", ["zarr", "tensors", "memory map"])
def test_workers_read_sources(name, tiny_images, fast, tmp_path):
    parameters = {**fast, "batch_size": 16}
    expected = ContrastiveAutoencoderClusterer(**parameters).fit(tiny_images)
    X = SOURCES[name](tiny_images, tmp_path)
    found = ContrastiveAutoencoderClusterer(
        **parameters, iterator_train__num_workers=2
    ).fit(X)
    np.testing.assert_array_equal(found.labels_, expected.labels_)
    np.testing.assert_array_equal(found.transform(X), expected.transform(tiny_images))


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8", "?"])
@pytest.mark.parametrize("name", SOURCES)
def test_indices_are_read_in_the_given_order(name, dtype, tmp_path):
    images = np.random.default_rng(0).integers(0, 200, (30, 8, 8)).astype(dtype)
    X = check_samples(SOURCES[name](images, tmp_path))
    assert (X.shape, X.dtype, X.ndim, len(X)) == (images.shape, images.dtype, 3, 30)
    for indices in (
        np.array([5, 2, 29, 2, 0]),
        np.array([4, 5, 6]),
        slice(3, 17),
        slice(None, None, 7),
        12,
        np.arange(30),
    ):
        np.testing.assert_array_equal(X[indices], images[indices])


def test_tables_can_be_read_by_slices(fast, tmp_path):
    table = np.random.default_rng(0).normal(size=(60, 5))
    table[30:] += 9
    X = h5py.File(tmp_path / "table.h5", "w").create_dataset("table", data=table)
    found = ContrastiveAutoencoderClusterer(**fast).fit(X)
    expected = ContrastiveAutoencoderClusterer(**fast).fit(table)
    assert found.n_features_in_ == 5
    np.testing.assert_array_equal(found.labels_, expected.labels_)


class Endless(Dataset):
    def __getitem__(self, index):
        return np.zeros((8, 8))


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (Endless(), TypeError, "Endless without a length"),
        (Listed([]), ValueError, "n_samples=0"),
        (Listed([np.eye(8)]), ValueError, "n_samples=1, but at least 2"),
        (Listed([np.eye(8), np.eye(9)]), ValueError, r"X\[1\] is .* \(9, 9\)"),
        (Listed([np.eye(8), np.eye(8, dtype="f4")]), ValueError, "one shape and type"),
        (Listed([1.0, 2.0]), ValueError, r"samples of shape \(\)"),
        (Listed([np.eye(8) * 1j] * 9), ValueError, "complex128"),
        (Listed([np.eye(8), np.full((8, 8), np.nan)]), ValueError, "NaN or infinity"),
        (Listed([np.eye(8), np.full((8, 8), 1e200)]), ValueError, "Scale X down"),
        (Listed(["a", "b"]), TypeError, r"X\[0\] is a str. Let the data set open"),
        (Streamed([]), ValueError, "yielded no sample"),
        (Streamed([np.eye(8), np.eye(9)]), ValueError, "Sample 1 of X is .* one shape"),
        (Streamed([np.eye(8), np.full((8, 8), np.nan)]), ValueError, "NaN"),
        (Streamed([np.eye(8) * 1j] * 9), ValueError, "Complex data not supported. Let"),
    ],
)
def test_invalid_sources_are_named(X, error, message, fast):
    clusterer = ContrastiveAutoencoderClusterer(**fast)
    with pytest.raises(error, match=message):
        clusterer.fit(X)
    assert not hasattr(clusterer, "net_")


def test_predict_rejects_samples_of_another_shape(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    with pytest.raises(ValueError, match="shape"):
        clusterer.predict(Listed(np.zeros((3, 9, 9))))
    with pytest.raises(ValueError, match="units"):
        clusterer.predict(Listed(np.full((3, 8, 8), 1e5)))


def test_only_requested_samples_are_read(tiny_images):
    class Counting(Listed):
        n_read = 0

        def __getitem__(self, index):
            self.n_read += 1
            return super().__getitem__(index)

    dataset = Counting(tiny_images)
    X = DatasetArray(dataset)
    dataset.n_read = 0
    X[np.array([3, 7])]
    assert dataset.n_read == 2

    class Slices:
        shape, dtype = tiny_images.shape, tiny_images.dtype

        def __init__(self):
            self.read = []

        def __getitem__(self, index):
            self.read.append(index)
            return tiny_images[index]

    slices = Slices()
    X = SlicedArray(slices)
    slices.read.clear()
    X[np.array([9, 3, 9])]
    X[np.array([3, 4, 5])]
    assert slices.read == [([3, 9], slice(None), slice(None)), slice(3, 6)]
