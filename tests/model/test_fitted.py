import numpy as np
import pytest

from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._evaluation.sample_silhouette import sample_silhouette
from contrastive_clustering._model import fitted as _fitted
from contrastive_clustering._utils.grouping import Grouping


@pytest.fixture(scope="module")
def model(fitted_digits):
    return fitted_digits._model


@pytest.fixture(scope="module")
def images(digits):
    return digits[0][:60]


def test_methods_agree_with_the_latents(model, images):
    latents = model.net.encode(ArrayDataset(images, model.scaler))
    np.testing.assert_array_equal(model.encode(images), latents)
    rows = np.array([5, 3])
    np.testing.assert_array_equal(model.encode(images, rows=rows), latents[rows])
    labels = model.clustering.predict(latents)
    np.testing.assert_array_equal(model.predict(images), labels)
    np.testing.assert_array_equal(
        model.predict_proba(images), model.clustering.predict_proba(latents)
    )
    np.testing.assert_array_equal(
        model.score_samples(images), model.density.score_samples(latents)
    )
    np.testing.assert_array_equal(
        model.decode(latents), model.net.decode(latents, model.scaler.unscale)
    )
    np.testing.assert_array_equal(model.project(images), model.net.project(latents))


def test_score_uses_random_samples_of_large_sets(model, images, monkeypatch):
    labels = model.predict(images)
    whole = sample_silhouette(images, labels, model.scaler)
    assert model.score(images) == whole
    first, second = np.argsort(-np.bincount(labels))[:2]
    alternating = np.empty((60, *images.shape[1:]), images.dtype)
    alternating[::2] = np.resize(images[labels == first], alternating[::2].shape)
    alternating[1::2] = np.resize(images[labels == second], alternating[1::2].shape)
    monkeypatch.setattr(_fitted, "MAX_SCORED", 30)
    found = model.score(alternating)
    assert found > 0
    assert found == model.score(alternating)
    assert found != sample_silhouette(
        alternating, model.predict(alternating), model.scaler
    )


def test_score_uses_as_many_groups_as_possible(model, images, monkeypatch):
    # The first patient has 31 of 60 images; half of the images would miss others.
    patients = Grouping.read(np.maximum(np.arange(60) - 30, 0), 60)
    monkeypatch.setattr(_fitted, "MAX_SCORED", 30)
    seen = []

    def record(samples, labels, scaler, groups):
        seen.append(groups)
        return 0.0

    monkeypatch.setattr(_fitted, "sample_silhouette", record)
    model.score(images, patients)
    (groups,) = seen
    assert len(groups.codes) == groups.n_groups == 30


def test_interpolation_takes_even_steps(model):
    start, end = model.centers[0], model.centers[1]
    steps = model.interpolate(start, end, 3)
    middle = ((start.astype("f8") + end) / 2).astype("f4")
    expected = model.decode(np.stack([start, middle, end]))
    np.testing.assert_allclose(steps, expected, atol=1e-4)


def test_latents_that_are_not_finite_raise(model, images, monkeypatch):
    def overflow(net, dataset, function, out=None):
        return function(np.full((len(dataset), 2), np.inf, np.float32))

    monkeypatch.setattr(type(model.net), "map_latents", overflow)
    for method in (model.encode, model.predict, model.score_samples):
        with pytest.raises(ValueError, match="latents of X are not finite"):
            method(images)
