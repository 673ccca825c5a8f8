"""The estimator's own behaviour: what goes in, what comes out, what is refused."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import dendrogram, is_valid_linkage
from sklearn.base import clone
from sklearn.cluster import AgglomerativeClustering, MiniBatchKMeans
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score

from contrastive_clustering import (
    ClusterNumberSearch,
    ContrastiveAutoencoderClusterer,
)
from contrastive_clustering.metrics import clustering_accuracy


def make(fast, **parameters):
    return ContrastiveAutoencoderClusterer(**{**fast, **parameters})


def test_strata_of_digits_are_digits(fitted_digits, digits):
    images, y = digits
    assert clustering_accuracy(y, fitted_digits.labels_) > 0.7
    assert fitted_digits.score(images) > 0.15


def test_attributes_agree_with_each_other(fitted_digits, digits):
    images, _ = digits
    labels, proba = fitted_digits.predict(images), fitted_digits.predict_proba(images)
    np.testing.assert_array_equal(labels, fitted_digits.labels_)
    np.testing.assert_array_equal(proba.argmax(axis=1), labels)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    assert sorted(set(labels)) == list(range(10))
    latents = fitted_digits.transform(images)
    assert latents.shape == (1797, 64)
    assert latents.dtype == np.float32
    for label, center in enumerate(fitted_digits.cluster_centers_):
        np.testing.assert_allclose(center, latents[labels == label].mean(0), atol=1e-4)


def test_reconstruction_is_near_the_image_and_in_its_units(fitted_digits, digits):
    images, _ = digits
    decoded = fitted_digits.inverse_transform(fitted_digits.transform(images))
    assert decoded.shape == images.shape
    assert decoded.dtype == images.dtype
    assert np.mean((decoded - images) ** 2) < 0.35 * images.var()
    assert decoded.min() >= images.min()
    assert decoded.max() <= images.max()
    centers = fitted_digits.inverse_transform(fitted_digits.cluster_centers_)
    members = [images[fitted_digits.labels_ == label].mean(0) for label in range(10)]
    correlation = [
        np.corrcoef(a.ravel(), b.ravel())[0, 1]
        for a, b in zip(centers, members, strict=True)
    ]
    assert min(correlation) > 0.8


@pytest.mark.parametrize("side", [8, 9, 13, 31, 64])
def test_any_side(fast, side):
    X = np.random.default_rng(0).integers(0, 256, size=(6, side, side + 1), dtype="u1")
    clusterer = make(fast, max_epochs=1).fit(X)
    assert clusterer.inverse_transform(clusterer.transform(X)).shape == X.shape


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(255, 255), (256, 256), (256, 8), (224, 224, 3)])
def test_large_sides(fast, shape):
    X = np.random.default_rng(0).integers(0, 256, size=(6, *shape), dtype="u1")
    clusterer = make(fast, max_epochs=1).fit(X)
    assert clusterer.inverse_transform(clusterer.transform(X)).shape == X.shape


@pytest.mark.parametrize(
    ("shape", "parameters"),
    [
        ((12, 5), {}),
        ((12, 9, 8), {}),
        ((12, 8, 9, 3), {}),
        ((12, 8, 9, 10), {}),
        ((12, 8, 9, 10, 3), {}),
        ((12, 3, 8, 9), {"channel_axis": 1}),
        ((12, 5, 8, 9), {"channel_axis": -3}),
        ((12, 72), {"image_shape": (8, 9)}),
        ((12, 216), {"image_shape": (8, 9, 3)}),
        ((12, 216), {"image_shape": (3, 8, 9), "channel_axis": 1}),
        ((12, 720), {"image_shape": (8, 9, 10)}),
    ],
)
def test_shapes_come_back_as_they_went_in(fast, shape, parameters):
    X = np.random.default_rng(0).normal(50, 20, size=shape)
    clusterer = make(fast, **parameters).fit(X)
    decoded = clusterer.inverse_transform(clusterer.transform(X[:5]))
    assert decoded.shape == X[:5].shape
    assert 20 < decoded.mean() < 80
    assert clusterer.n_features_in_ == X[0].size
    np.testing.assert_array_equal(clusterer.predict(X), clusterer.labels_)


def test_reading_does_not_change_the_result(fast):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, size=(20, 8, 9, 3), dtype="u1")
    latents = make(fast).fit(X).transform(X)
    for other, parameters in [
        (np.moveaxis(X, -1, 1), {"channel_axis": 1}),
        (X.reshape(20, -1), {"image_shape": (8, 9, 3)}),
    ]:
        same = make(fast, **parameters).fit(other).transform(other)
        np.testing.assert_array_equal(same, latents)


@pytest.mark.parametrize(
    "convert",
    [
        lambda X: X.astype(np.uint16),
        lambda X: X.astype(np.int64),
        lambda X: X.astype(np.float16),
        lambda X: X.astype(np.float32),
        lambda X: X.astype(">f8"),
        lambda X: X.tolist(),
        np.asfortranarray,
        lambda X: np.repeat(X, 2, axis=0)[::2],
        torch.from_numpy,
        lambda X: torch.from_numpy(X).float().requires_grad_(),
    ],
)
def test_wrapping_makes_no_difference(tiny_images, fast, convert):
    expected = make(fast).fit(tiny_images)
    given_images = convert(tiny_images)
    clusterer = make(fast).fit(given_images)
    np.testing.assert_allclose(
        clusterer.transform(given_images), expected.transform(tiny_images), atol=1e-4
    )
    np.testing.assert_array_equal(clusterer.labels_, expected.labels_)


def test_booleans_are_images(tiny_images, fast):
    mask = tiny_images > 100
    clusterer = make(fast).fit(mask)
    decoded = clusterer.inverse_transform(clusterer.transform(mask))
    assert 0 <= decoded.min() <= decoded.max() <= 1


def test_memory_maps_and_read_only_arrays_are_read_in_place(
    tmp_path, tiny_images, fast
):
    path = tmp_path / "images.npy"
    np.save(path, tiny_images)
    expected = make(fast).fit(tiny_images)
    clusterer = make(fast).fit(np.load(path, mmap_mode="r"))
    np.testing.assert_array_equal(
        clusterer.transform(np.load(path, mmap_mode="r")),
        expected.transform(tiny_images),
    )
    np.testing.assert_array_equal(np.load(path), tiny_images)


def test_input_is_never_changed(tiny_images, fast):
    X = tiny_images.astype(np.float64)
    kept = X.copy()
    clusterer = make(fast).fit(X)
    Z = clusterer.transform(X)
    kept_latents = Z.copy()
    clusterer.predict(X), clusterer.inverse_transform(Z)
    np.testing.assert_array_equal(X, kept)
    np.testing.assert_array_equal(Z, kept_latents)


def test_frames_give_names(fast):
    X, y = make_blobs(60, 4, centers=2, random_state=0)
    frame = pd.DataFrame(X, columns=list("abcd"))
    clusterer = make(fast, max_epochs=20).set_output(transform="pandas").fit(frame)
    assert clusterer.feature_names_in_.tolist() == list("abcd")
    latents = clusterer.transform(frame)
    assert latents.columns.tolist() == clusterer.get_feature_names_out().tolist()
    assert latents.columns[0] == "contrastiveautoencoderclusterer0"
    assert adjusted_rand_score(y, clusterer.labels_) > 0.9
    with pytest.raises(ValueError, match="feature names should match"):
        clusterer.predict(frame.rename(columns={"a": "z"}))
    clusterer.fit(np.random.default_rng(0).normal(size=(9, 8, 8)))
    assert not hasattr(clusterer, "feature_names_in_")
    assert isinstance(clusterer.transform(np.zeros((1, 8, 8))), pd.DataFrame)


@pytest.mark.parametrize(
    "clusterer",
    ["gaussian_mixture", MiniBatchKMeans(3), AgglomerativeClustering()],
    ids=str,
)
@pytest.mark.parametrize("whiten", [False, True])
def test_clusterers(tiny_images, fast, clusterer, whiten):
    fitted = make(fast, clusterer=clusterer, whiten=whiten, normalize=whiten)
    fitted.fit(tiny_images)
    assert fitted.n_clusters_ == 2
    np.testing.assert_array_equal(fitted.predict(tiny_images), fitted.labels_)
    np.testing.assert_allclose(fitted.predict_proba(tiny_images).sum(1), 1, atol=1e-5)


def test_two_kinds_of_images_are_two_strata(tiny_images, fast):
    labels = make(fast, max_epochs=30).fit_predict(tiny_images)
    assert adjusted_rand_score(np.repeat([0, 1], 20), labels) == 1.0


def test_score_is_worst_where_there_is_nothing_to_compare(tiny_images, fast):
    clusterer = make(fast).fit(tiny_images)
    assert clusterer.score(tiny_images[:1]) == -1.0
    assert make(fast, n_clusters=1).fit(tiny_images).score(tiny_images) == -1.0


def test_html_repr_names_the_estimator(fast):
    assert "ContrastiveAutoencoderClusterer" in make(fast)._repr_html_()


BAD_ARRAYS = [
    (np.full((9, 8, 8), np.nan), ValueError, "X contains NaN"),
    (np.full((9, 8, 8), np.inf), ValueError, "X contains infinity"),
    (scipy.sparse.csr_matrix(np.eye(9)), TypeError, "[Ss]parse"),
    (np.ones((9, 8, 8), dtype=complex), ValueError, "Complex data"),
    ([["a", "b"], ["c", "d"]], ValueError, "numeric"),
    (np.empty((0, 8, 8)), ValueError, "0 sample"),
    (np.ones((1, 8, 8)), ValueError, "1 sample"),
    (np.float64(1.0), ValueError, "scalar array"),
    ([[1, 2], [3]], ValueError, "ragged list"),
    (np.random.default_rng(0).normal(size=(9, 7, 8)), ValueError, "at least 8 pixels"),
    (np.ones((9, 8, 8)), ValueError, r"the same \(constant\)"),
    (np.full((9, 5), 3), ValueError, r"the same \(constant\)"),
    (
        np.random.default_rng(0).normal(size=(3, 8, 8)),
        ValueError,
        "fewer than n_clusters",
    ),
]


@pytest.mark.parametrize(("X", "kind", "message"), BAD_ARRAYS)
@pytest.mark.parametrize("method", ["fit", "partial_fit", "fit_predict"])
def test_bad_arrays_are_errors_and_leave_nothing(fast, X, kind, message, method):
    clusterer = make(fast, n_clusters=5)
    before = dict(vars(clusterer))
    with pytest.raises(kind, match=message):
        getattr(clusterer, method)(X)
    assert vars(clusterer) == before


def test_failed_fit_keeps_the_fit_before(tiny_images, fast):
    clusterer = make(fast).fit(tiny_images)
    latents = clusterer.transform(tiny_images)
    with pytest.raises(ValueError, match="NaN"):
        clusterer.fit(np.full((9, 8, 8), np.nan))
    np.testing.assert_array_equal(clusterer.transform(tiny_images), latents)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "transform", "score"])
@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((3, 8, 9)), r"samples of shape \(8, 9\).*fitted to samples of shape"),
        (np.zeros((3, 64)), r"samples of shape \(64,\)"),
        (np.zeros((3, 8, 8, 1)), r"samples of shape \(8, 8, 1\)"),
        (np.full((3, 8, 8), np.nan), "NaN"),
        (np.linspace(0, 1, 128).reshape(2, 8, 8), "Bring X to the units"),
        (np.full((2, 8, 8), 1e6), "Bring X to the units"),
        (np.empty((0, 8, 8)), "0 sample"),
        (np.float64(1), "scalar array"),
    ],
)
def test_other_samples_than_in_fit_are_errors(tiny_images, fast, method, X, message):
    clusterer = make(fast, max_epochs=1).fit(tiny_images)
    with pytest.raises(ValueError, match=message):
        getattr(clusterer, method)(X)


@pytest.mark.parametrize(
    ("Z", "message"),
    [
        (np.zeros((2, 3)), "Z has 3 columns.*latent_dim=4"),
        (np.zeros(4), "Reshape your data"),
        (np.full((2, 4), np.nan), "Z contains NaN"),
        ([["a", "b", "c", "d"]], "could not convert"),
    ],
)
def test_bad_latents_are_errors(tiny_images, fast, Z, message):
    clusterer = make(fast, max_epochs=1).fit(tiny_images)
    with pytest.raises(ValueError, match=message):
        clusterer.inverse_transform(Z)


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "transform", "score", "inverse_transform"]
)
def test_nothing_works_before_fit(tiny_images, fast, method):
    with pytest.raises(NotFittedError):
        getattr(make(fast), method)(tiny_images)
    with pytest.raises(NotFittedError):
        _ = make(fast).history_


@settings(deadline=None, max_examples=15)
@given(
    n_samples=st.integers(3, 12),
    batch_size=st.integers(2, 13),
    dtype=st.sampled_from(["u1", "i4", "f4", "f8"]),
    seed=st.integers(0, 1000),
)
def test_small_and_odd_numbers_of_samples(n_samples, batch_size, dtype, seed):
    X = (
        np.random.default_rng(seed)
        .integers(0, 256, size=(n_samples, 8, 8))
        .astype(dtype)
    )
    clusterer = ContrastiveAutoencoderClusterer(
        n_clusters=2, max_epochs=1, latent_dim=3, batch_size=batch_size, random_state=0
    ).fit(X)
    assert np.isfinite(clusterer.transform(X)).all()
    np.testing.assert_array_equal(clusterer.predict(X), clusterer.labels_)


def test_clone_knows_the_parameters_and_nothing_learnt(fitted_digits):
    copy = clone(fitted_digits)
    assert copy.get_params() == fitted_digits.get_params()
    assert not hasattr(copy, "net_")


def test_coarser_strata_are_unions_of_finer_ones(fitted_digits, digits):
    images, _ = digits
    assert is_valid_linkage(fitted_digits.linkage_)
    assert len(fitted_digits.linkage_) == 9
    dendrogram(fitted_digits.linkage_, no_plot=True)
    finer = fitted_digits.labels_
    np.testing.assert_array_equal(fitted_digits.labels_at(10), finer)
    for n in range(9, 0, -1):
        coarser = fitted_digits.labels_at(n)
        assert sorted(set(coarser)) == list(range(n))
        assert all(len(set(coarser[finer == k])) == 1 for k in set(finer))
        np.testing.assert_array_equal(fitted_digits.labels_at(n, images), coarser)
        finer = coarser
    for n in (0, 11):
        with pytest.raises(ValueError, match=f"n={n} "):
            fitted_digits.labels_at(n)


def test_number_of_strata_is_searched_for(digits):
    images, _ = digits
    search = ClusterNumberSearch(low=3, high=5, n_jobs=2)
    clusterer = ContrastiveAutoencoderClusterer(
        search, max_epochs=2, refinement_epochs=0, random_state=0
    ).fit(images[:500])
    result = clusterer.cluster_number_search_
    assert result.candidates.tolist() == [3, 4, 5]
    assert clusterer.n_clusters_ == result.n_clusters
    assert np.isfinite(result.scores).all()
    clusterer.set_params(n_clusters=4).fit(images[:500])
    assert clusterer.n_clusters_ == 4
    assert clusterer.cluster_number_search_ is None


def test_variational_setting_does_all_that_the_other_does(digits):
    images, _ = digits
    clusterer = ContrastiveAutoencoderClusterer(
        10, kl_weight=1e-3, max_epochs=6, refinement_epochs=2, random_state=0
    )
    latents = clusterer.fit(images).transform(images)
    assert latents.shape == (1797, 64)
    np.testing.assert_array_equal(clusterer.transform(images), latents)
    np.testing.assert_array_equal(clusterer.predict(images), clusterer.labels_)
    history = clusterer.history_
    assert all(row["train_kl_loss"] > 0 for row in history)
    # The weight rises over the first two of six epochs; the total shows it.
    for row, scale in zip(history[:3], (0.5 / 0.9, 1.0, 1.0), strict=True):
        total = row["train_contrastive_loss"] + 0.1 * row["train_reconstruction_loss"]
        assert row["train_loss"] - total == pytest.approx(
            scale * 1e-3 * row["train_kl_loss"], rel=1e-2
        )
    decoded = clusterer.inverse_transform(latents)
    assert np.mean((decoded - images) ** 2) < 0.6 * images.var()
    again = clone(clusterer).fit(images)
    np.testing.assert_array_equal(again.transform(images), latents)


def test_divergence_draws_latents_to_the_standard_gaussian(digits):
    images, _ = digits
    spread = [
        ContrastiveAutoencoderClusterer(
            10, kl_weight=weight, max_epochs=6, refinement_epochs=0, random_state=0
        )
        .fit(images)
        .transform(images)
        for weight in (1e-4, 1e-1)
    ]
    assert np.square(spread[1]).mean() < 0.5 * np.square(spread[0]).mean()


@pytest.mark.parametrize("n_images", [1, 7, 8, 9, 40])
def test_blocks_of_latents_change_nothing(tiny_images, fast, monkeypatch, n_images):
    X = tiny_images[:n_images]
    clusterer = ContrastiveAutoencoderClusterer(**fast, batch_size=8).fit(tiny_images)
    methods = ("transform", "predict", "predict_proba", "score_samples")
    expected = [getattr(clusterer, method)(X) for method in methods]
    monkeypatch.setattr("contrastive_clustering._training.LATENT_BLOCK", 9)
    for method, result in zip(methods, expected, strict=True):
        np.testing.assert_array_equal(getattr(clusterer, method)(X), result)
    decoded = clusterer.inverse_transform(expected[0])
    alone = [clusterer.inverse_transform(latent[None])[0] for latent in expected[0]]
    np.testing.assert_allclose(decoded, alone, atol=1e-3)


def test_results_are_written_where_asked(fitted_digits, digits, tmp_path):
    images, _ = digits
    latents = np.lib.format.open_memmap(
        tmp_path / "latents.npy", mode="w+", dtype="f4", shape=(len(images), 64)
    )
    labels = np.full(len(images), -7)
    assert fitted_digits.transform(images, out=latents) is latents
    assert fitted_digits.predict(images, out=labels) is labels
    np.testing.assert_array_equal(labels, fitted_digits.labels_)
    latents.flush()
    np.testing.assert_array_equal(
        np.load(tmp_path / "latents.npy"), fitted_digits.transform(images)
    )


@pytest.mark.parametrize(
    ("method", "out", "error", "message"),
    [
        (
            "transform",
            np.empty((3, 64)),
            ValueError,
            r"out has shape \(3, 64\)",
        ),
        ("transform", np.empty((5, 64), "f2"), TypeError, "out is float16.*float32"),
        ("transform", [[0.0] * 64] * 5, TypeError, "out is list"),
        ("predict", np.empty((5, 1), "i8"), ValueError, r"out has shape \(5, 1\)"),
        ("predict", np.empty(5), TypeError, "out is float64; pass an array of int64"),
        ("predict", np.empty(5, "i4"), TypeError, "out is int32"),
        ("predict", np.broadcast_to(np.int64(0), 5), ValueError, "out is read-only"),
    ],
)
def test_what_cannot_be_written_to_is_named(
    fitted_digits, digits, *, method, out, error, message
):
    with pytest.raises(error, match=message):
        getattr(fitted_digits, method)(digits[0][:5], out=out)
