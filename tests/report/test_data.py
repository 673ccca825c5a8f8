import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._data.lazy_array import LazyArray
from contrastive_clustering._report.data import (
    ChosenSamples,
    choose_samples,
    take_fingerprint,
)
from contrastive_clustering._utils import chunks
from contrastive_clustering._utils.grouping import Grouping


def stored(tmp_path, X):
    file = np.memmap(tmp_path / "X", X.dtype, "w+", shape=X.shape)
    file[:] = X
    return file


@pytest.mark.parametrize(
    "convert",
    [
        lambda X, _: X,
        lambda X, _: np.asfortranarray(X),
        lambda X, _: X[::-2, :, ::-1],
        lambda X, _: X.astype(">f4"),
        lambda X, _: X > 100,
        lambda X, folder: stored(folder, X),
    ],
    ids=["plain", "transposed", "reversed", "big-endian", "bool", "memmap"],
)
def test_fingerprint_is_the_hash_of_the_bytes(
    convert, tiny_images, tmp_path, monkeypatch
):
    X = convert(tiny_images, tmp_path)
    monkeypatch.setattr(chunks, "CHUNK_VALUES", 3 * 64)  # three samples at a time
    found = take_fingerprint(X)
    assert found.sha256 == hashlib.sha256(X.tobytes()).hexdigest()
    assert found.shape == X.shape
    assert np.dtype(found.dtype) == X.dtype
    assert (found.low, found.high) == (X.min(), X.max())


def test_fingerprints_of_different_samples_differ(tiny_images):
    other = tiny_images.copy()
    other[-1, -1, -1] ^= 1
    assert take_fingerprint(other).sha256 != take_fingerprint(tiny_images).sha256


@given(hnp.arrays(np.int64, 5, elements={"min_value": 0, "max_value": 4}))
def test_chosen_samples_are_indexed_like_an_array(indices):
    rows = np.array([2, 3, 5, 7, 11])
    X = np.arange(48.0).reshape(12, 2, 2)
    chosen = ChosenSamples(X, rows)
    np.testing.assert_array_equal(chosen[indices], X[rows[indices]])
    np.testing.assert_array_equal(np.asarray(chosen), X[rows])
    np.testing.assert_array_equal(chosen[1:4], X[rows[1:4]])
    np.testing.assert_array_equal(chosen[int(indices[0])], X[rows[indices[0]]])
    assert chosen[indices[:0]].shape == (0, 2, 2)


class RecordingArray(LazyArray):
    """Samples that record which of them were read."""

    def __init__(self, X):
        super().__init__(X.shape, X.dtype)
        self.X, self.seen = X, set()

    def _read(self, indices):
        self.seen |= set(indices.tolist())
        return self.X[indices]


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 200, size=(40, 8, 8), dtype=np.uint8)
    return ContrastiveAutoencoderClusterer(
        2, clusterer="kmeans", max_epochs=1, refinement_epochs=0, random_state=0
    ).fit(X)


def test_only_chosen_samples_are_read(fitted, tiny_images):
    X, y = RecordingArray(tiny_images), np.arange(40) % 3
    chosen = choose_samples(fitted, X, X, y, max_samples=10, seed=0)
    assert len(chosen.rows) == 10
    assert X.seen == set(chosen.rows.tolist())
    assert (np.diff(chosen.rows) > 0).all()
    expected = tiny_images[chosen.rows]
    np.testing.assert_array_equal(np.asarray(chosen.samples), expected)
    np.testing.assert_allclose(chosen.latents, fitted.transform(expected), atol=1e-5)
    np.testing.assert_array_equal(chosen.labels, fitted.predict(expected))
    np.testing.assert_array_equal(chosen.y, y[chosen.rows])


def test_choice_depends_only_on_the_seed(fitted, tiny_images):
    rows = [
        choose_samples(
            fitted, tiny_images, tiny_images, None, max_samples=10, seed=seed
        ).rows.tolist()
        for seed in (0, 0, 1)
    ]
    assert rows[0] == rows[1] != rows[2]


def test_samples_are_chosen_from_as_many_groups_as_possible(fitted, tiny_images):
    codes = np.maximum(np.arange(40) - 30, 0)  # the first patient has 31 images
    chosen = choose_samples(
        fitted,
        tiny_images,
        tiny_images,
        None,
        max_samples=10,
        seed=0,
        grouping=Grouping(codes, 10),
    )
    assert (np.diff(chosen.rows) > 0).all()
    assert np.unique(codes[chosen.rows]).tolist() == list(range(10))


def test_all_samples_are_chosen_if_they_fit(fitted, tiny_images):
    chosen = choose_samples(
        fitted, tiny_images, tiny_images, None, max_samples=40, seed=0
    )
    assert chosen.rows.tolist() == list(range(40))
    assert chosen.y is None


def test_column_names_are_kept():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(30, 3)), columns=["a", "b", "c"])
    estimator = ContrastiveAutoencoderClusterer(
        2, clusterer="kmeans", max_epochs=1, refinement_epochs=0, random_state=0
    ).fit(frame)
    chosen = choose_samples(
        estimator, frame, frame.to_numpy(), None, max_samples=5, seed=0
    )
    assert chosen.X.columns.tolist() == ["a", "b", "c"]
    assert chosen.X.index.tolist() == chosen.rows.tolist()
