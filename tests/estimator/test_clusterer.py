"""The estimator's behavior for all kinds of input, output and parameters."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
)
from contrastive_clustering.metrics import clustering_accuracy


def make(fast, **parameters):
    return ContrastiveAutoencoderClusterer(**{**fast, **parameters})


def test_strata_match_digits(fitted_digits, digits):
    images, y = digits
    assert clustering_accuracy(y, fitted_digits.labels_) > 0.7
    assert fitted_digits.score(images) > 0.15


@pytest.mark.parametrize("side", [8, 9, 13, 31, 64])
def test_images_may_have_any_side(fast, side):
    X = np.random.default_rng(0).integers(0, 256, size=(6, side, side + 1), dtype="u1")
    clusterer = make(fast, max_epochs=1).fit(X)
    assert clusterer.inverse_transform(clusterer.transform(X)).shape == X.shape


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(255, 255), (256, 256), (256, 8), (224, 224, 3)])
def test_images_may_be_large(fast, shape):
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
def test_decoded_samples_have_the_original_shape(fast, shape, parameters):
    X = np.random.default_rng(0).normal(50, 20, size=shape)
    clusterer = make(fast, **parameters).fit(X)
    decoded = clusterer.inverse_transform(clusterer.transform(X[:5]))
    assert decoded.shape == X[:5].shape
    assert 20 < decoded.mean() < 80
    assert clusterer.n_features_in_ == X[0].size
    np.testing.assert_array_equal(clusterer.predict(X), clusterer.labels_)


def test_the_layout_does_not_affect_the_result(fast):
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
def test_the_container_does_not_affect_the_result(tiny_images, fast, convert):
    expected = make(fast).fit(tiny_images)
    converted = convert(tiny_images)
    clusterer = make(fast).fit(converted)
    np.testing.assert_allclose(
        clusterer.transform(converted), expected.transform(tiny_images), atol=1e-4
    )
    np.testing.assert_array_equal(clusterer.labels_, expected.labels_)


@pytest.mark.filterwarnings("ignore:.*exact copies")  # two kinds of masks
def test_images_may_be_boolean(tiny_images, fast):
    mask = tiny_images > 100
    clusterer = make(fast).fit(mask)
    decoded = clusterer.inverse_transform(clusterer.transform(mask))
    assert 0 <= decoded.min() <= decoded.max() <= 1


def test_memory_maps_and_read_only_arrays_are_accepted(tmp_path, tiny_images, fast):
    path = tmp_path / "images.npy"
    np.save(path, tiny_images)
    expected = make(fast).fit(tiny_images)
    clusterer = make(fast).fit(np.load(path, mmap_mode="r"))
    np.testing.assert_array_equal(
        clusterer.transform(np.load(path, mmap_mode="r")),
        expected.transform(tiny_images),
    )
    np.testing.assert_array_equal(np.load(path), tiny_images)


def test_input_is_not_modified(tiny_images, fast):
    X = tiny_images.astype(np.float64)
    X_before = X.copy()
    clusterer = make(fast).fit(X)
    Z = clusterer.transform(X)
    Z_before = Z.copy()
    clusterer.predict(X), clusterer.inverse_transform(Z)
    np.testing.assert_array_equal(X, X_before)
    np.testing.assert_array_equal(Z, Z_before)


def test_html_repr_names_the_estimator(fast):
    assert "ContrastiveAutoencoderClusterer" in make(fast)._repr_html_()


@pytest.mark.slow
@settings(max_examples=15)
@given(
    n_samples=st.integers(3, 12),
    batch_size=st.integers(2, 13),
    dtype=st.sampled_from(["u1", "i4", "f4", "f8"]),
    seed=st.integers(0, 1000),
)
def test_any_number_of_samples_and_batch_size(n_samples, batch_size, dtype, seed):
    X = (
        np.random.default_rng(seed)
        .integers(0, 256, size=(n_samples, 8, 8))
        .astype(dtype)
    )
    clusterer = ContrastiveAutoencoderClusterer(
        n_clusters=2,
        max_epochs=1,
        refinement_epochs=1,
        latent_dim=3,
        batch_size=batch_size,
        random_state=0,
    ).fit(X)
    assert np.isfinite(clusterer.transform(X)).all()
    np.testing.assert_array_equal(clusterer.predict(X), clusterer.labels_)


def test_clones_have_the_parameters_but_no_fitted_attributes(fitted_digits):
    copy = clone(fitted_digits)
    assert copy.get_params() == fitted_digits.get_params()
    assert not hasattr(copy, "net_")


def test_variational_setting(digits):
    images = digits[0][:500]
    clusterer = ContrastiveAutoencoderClusterer(
        10,
        clusterer="kmeans",
        kl_weight=1e-3,
        max_epochs=6,
        refinement_epochs=2,
        random_state=0,
    )
    latents = clusterer.fit(images).transform(images)
    assert latents.shape == (500, 64)
    np.testing.assert_array_equal(clusterer.transform(images), latents)
    np.testing.assert_array_equal(clusterer.predict(images), clusterer.labels_)
    history = clusterer.history_
    assert all(row["train_kl_loss"] > 0 for row in history)
    # The weight of the divergence increases over the first two of six epochs.
    for row, scale in zip(history[:3], (0.5 / 0.9, 1.0, 1.0), strict=True):
        total = (
            row["train_contrastive_loss"]
            + 0.03 * row["train_decorrelation_loss"]
            + 0.1 * row["train_reconstruction_loss"]
        )
        assert row["train_loss"] - total == pytest.approx(
            scale * 1e-3 * row["train_kl_loss"], rel=1e-2
        )
    decoded = clusterer.inverse_transform(latents)
    assert np.mean((decoded - images) ** 2) < 0.6 * images.var()
    again = clone(clusterer).fit(images)
    np.testing.assert_array_equal(again.transform(images), latents)


def test_a_larger_kl_weight_moves_latents_toward_a_standard_gaussian(digits):
    images = digits[0][:500]
    spread = [
        ContrastiveAutoencoderClusterer(
            10,
            clusterer="kmeans",
            kl_weight=weight,
            max_epochs=6,
            refinement_epochs=0,
            random_state=0,
        )
        .fit(images)
        .transform(images)
        for weight in (1e-4, 1e-1)
    ]
    assert np.square(spread[1]).mean() < 0.5 * np.square(spread[0]).mean()
