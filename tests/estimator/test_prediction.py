"""Predictions of a fitted estimator, and errors for invalid input."""

import joblib
import numpy as np
import pytest
import torch
from scipy.cluster.hierarchy import dendrogram, is_valid_linkage
from sklearn.exceptions import NotFittedError

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
)


def make(fast, **parameters):
    return ContrastiveAutoencoderClusterer(**{**fast, **parameters})


def test_attributes_and_predictions_are_consistent(fitted_digits, digits):
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


@pytest.mark.parametrize("refinement_epochs", [0, 1])
def test_a_group_weighs_as_one_in_the_centers(tiny_images, fast, refinement_epochs):
    groups = np.repeat(np.arange(10), [1, 1, 2, 2, 3, 4, 5, 6, 7, 9])
    weights = 1 / np.bincount(groups)[groups]
    clusterer = make(fast, refinement_epochs=refinement_epochs)
    latents = clusterer.fit_transform(tiny_images, groups=groups)
    for label, center in enumerate(clusterer.cluster_centers_):
        members = clusterer.labels_ == label
        mean = np.average(latents[members], axis=0, weights=weights[members])
        np.testing.assert_allclose(center, mean, atol=1e-5)


def test_reconstructions_are_similar_to_the_images(fitted_digits, digits):
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


def test_score_is_minus_one_if_no_samples_can_be_compared(tiny_images, fast):
    clusterer = make(fast).fit(tiny_images)
    assert clusterer.score(tiny_images[:1]) == -1.0
    assert make(fast, n_clusters=1).fit(tiny_images).score(tiny_images) == -1.0


@pytest.mark.parametrize("method", ["predict", "predict_proba", "transform", "score"])
@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((3, 8, 9)), r"samples of shape \(8, 9\).*fitted to samples of shape"),
        (np.zeros((3, 64)), r"samples of shape \(64,\)"),
        (np.zeros((3, 8, 8, 1)), r"samples of shape \(8, 8, 1\)"),
        (np.full((3, 8, 8), np.nan), "NaN"),
        (np.linspace(0, 1, 128).reshape(2, 8, 8), "Convert X to the units"),
        (np.full((2, 8, 8), 1e6), "Convert X to the units"),
        (np.empty((0, 8, 8)), "0 sample"),
        (np.float64(1), r"X has shape \(\)"),
    ],
)
def test_samples_unlike_those_of_fit_raise(tiny_images, fast, method, X, message):
    clusterer = make(fast, max_epochs=1).fit(tiny_images)
    with pytest.raises(ValueError, match=message):
        getattr(clusterer, method)(X)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((2, 3)), "X has 3 columns.*latent_dim=4"),
        (np.zeros(4), "Reshape your data"),
        (np.full((2, 4), np.nan), "X contains NaN"),
        ([["a", "b", "c", "d"]], "holds text, first in X"),
    ],
)
def test_invalid_latents_raise(tiny_images, fast, X, message):
    clusterer = make(fast, max_epochs=1).fit(tiny_images)
    with pytest.raises(ValueError, match=message):
        clusterer.inverse_transform(X=X)


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "transform", "score", "inverse_transform"]
)
def test_methods_raise_before_fit(tiny_images, fast, method):
    with pytest.raises(NotFittedError):
        getattr(make(fast), method)(tiny_images)
    with pytest.raises(NotFittedError):
        _ = make(fast).history_


def test_models_in_memory_maps_work_without_warnings(tiny_images, fast, tmp_path):
    fitted = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    joblib.dump(fitted, tmp_path / "model")
    warns_always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        loaded = joblib.load(tmp_path / "model", mmap_mode="r")
        assert isinstance(loaded.cluster_centers_, np.memmap)
        decoded = loaded.inverse_transform(loaded.transform(tiny_images))
        loaded.save(tmp_path / "model.safetensors")
        labels = loaded.predict(tiny_images)
        loaded.partial_fit(tiny_images)
    finally:
        torch.set_warn_always(warns_always)
    np.testing.assert_array_equal(labels, fitted.labels_)
    np.testing.assert_array_equal(
        decoded, fitted.inverse_transform(fitted.transform(tiny_images))
    )


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
        with pytest.raises(ValueError, match=f"^n_clusters={n} "):
            fitted_digits.labels_at(n)
    with pytest.raises(TypeError, match=r"^n_clusters must be .* int, not bool\."):
        fitted_digits.labels_at(True)


@pytest.mark.parametrize("n_images", [1, 7, 8, 9, 40])
def test_blocks_do_not_affect_predictions(tiny_images, fast, monkeypatch, n_images):
    X = tiny_images[:n_images]
    clusterer = ContrastiveAutoencoderClusterer(**fast, batch_size=8).fit(tiny_images)
    methods = ("transform", "predict", "predict_proba", "score_samples")
    expected = [getattr(clusterer, method)(X) for method in methods]
    monkeypatch.setattr(
        "contrastive_clustering._training.inference_net.LATENT_BLOCK", 9
    )
    for method, result in zip(methods, expected, strict=True):
        np.testing.assert_array_equal(getattr(clusterer, method)(X), result)
    decoded = clusterer.inverse_transform(expected[0])
    alone = [clusterer.inverse_transform(latent[None])[0] for latent in expected[0]]
    np.testing.assert_allclose(decoded, alone, atol=1e-3)


def test_results_are_written_to_out(fitted_digits, digits, tmp_path):
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
        ("predict", np.empty(5), TypeError, "out is float64. Pass an array of int64"),
        ("predict", np.empty(5, "i4"), TypeError, "out is int32"),
        ("predict", np.broadcast_to(np.int64(0), 5), ValueError, "out is read-only"),
    ],
)
def test_an_invalid_out_is_named(fitted_digits, digits, *, method, out, error, message):
    with pytest.raises(error, match=message):
        getattr(fitted_digits, method)(digits[0][:5], out=out)


PATIENT = np.arange(40) // 4


def test_groups_are_predicted_from_their_samples(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(**fast)
    clusterer.fit(tiny_images, groups=PATIENT)
    names = np.array([f"p{code}" for code in PATIENT])
    table = clusterer.predict_groups(tiny_images, names)
    assert table.index.tolist() == [f"p{code}" for code in range(10)]
    np.testing.assert_array_equal(table["stratum"], clusterer.group_labels_)
    proba = clusterer.predict_proba(tiny_images).astype(float)
    for code in range(10):
        members = clusterer.labels_[code == PATIENT]
        row = table.iloc[code]
        counts = np.bincount(members, minlength=2)
        assert counts[int(row["stratum"])] == counts.max()
        assert row["agreement"] == counts.max() / 4
        assert row["n_samples"] == 4
        np.testing.assert_allclose(
            row[["proba_0", "proba_1"]].astype(float),
            proba[code == PATIENT].mean(axis=0),
            rtol=1e-12,
        )
    part = clusterer.predict_groups(tiny_images[:2], ["x", None])
    assert part.index.tolist() == ["x", "sample 1"]
    with pytest.raises(ValueError, match="groups has 3 values, but there are 2"):
        clusterer.predict_groups(tiny_images[:2], [1, 2, 3])


def test_the_score_compares_samples_of_different_groups(fast):
    noise = np.random.default_rng(0).normal(size=(60, 8, 8))
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(noise)
    plain = clusterer.score(noise)
    assert clusterer.score(noise, groups=np.arange(60)) == plain
    copies = np.concatenate([noise, np.repeat(noise[:2], 30, axis=0)])
    groups = np.concatenate([np.arange(60), np.repeat([0, 1], 30)])
    inflated = clusterer.score(copies) - plain
    assert inflated > 0.2
    assert abs(clusterer.score(copies, groups=groups) - plain) < inflated / 10
