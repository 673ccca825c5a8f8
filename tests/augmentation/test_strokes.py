import numpy as np
import pytest

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._augmentation import strokes
from contrastive_clustering._augmentation.auto import GrayImageAugmentation
from contrastive_clustering._augmentation.strokes import has_uniform_background
from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._estimator.settings import resolve_settings


def make(X, rows=None):
    return ArrayDataset(X, Scaler.fit(X, read_layout(X.shape)), rows)


def on_background(shape, background):
    """Return noise with a given fraction of background pixels in each sample."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape).reshape(shape[0], -1)
    for sample in X:
        n_empty = round(background * len(sample))
        sample[rng.permutation(len(sample))[:n_empty]] = 7.0
    return X.reshape(shape)


@pytest.mark.parametrize(("background", "is_strokes"), [(0.76, True), (0.75, False)])
def test_more_than_three_quarters_of_the_pixels_are_background(background, is_strokes):
    assert (
        has_uniform_background(make(on_background((300, 10, 10), background)))
        is is_strokes
    )


@pytest.mark.parametrize("shape", [(30, 100), (30, 8, 8, 3), (30, 8, 8, 8)])
def test_other_samples_never_have_a_uniform_background(shape):
    assert not has_uniform_background(make(on_background(shape, 0.9)))


def test_only_the_rows_of_the_training_set_count():
    X = on_background((40, 10, 10), 0.8)
    X[20:] = np.random.default_rng(1).normal(size=(20, 10, 10))
    assert has_uniform_background(make(X, np.arange(20)))
    assert not has_uniform_background(make(X, np.arange(20, 40)))


def test_both_kinds_of_alternating_images_are_checked():
    X = on_background((2 * strokes.N_CHECKED - 1, 10, 10), 0.8)
    X[1::2] = np.random.default_rng(1).normal(size=X[1::2].shape)
    assert not has_uniform_background(make(X))


@pytest.mark.parametrize("chunk", [3000, 300], ids=["several", "less than an image"])
def test_large_images_are_read_in_parts_and_thinned_out(monkeypatch, chunk):
    wanted = {
        background: has_uniform_background(
            make(on_background((40, 20, 20), background))
        )
        for background in (0.6, 0.9)
    }
    assert wanted == {0.6: False, 0.9: True}
    monkeypatch.setattr(strokes, "PIXELS_CHECKED", 100)
    monkeypatch.setattr(strokes, "CHUNK_VALUES", chunk)
    for background, is_uniform in wanted.items():
        X = on_background((40, 20, 20), background)
        assert has_uniform_background(make(X)) is is_uniform


def test_fit_erases_only_strokes(fast):
    for background, preset in (
        (0.8, GrayImageAugmentation(translate=0.1, erase=0.8)),
        (0.2, GrayImageAugmentation()),
    ):
        X = on_background((60, 8, 8), background)
        estimator = ContrastiveAutoencoderClusterer(**fast)
        settings = resolve_settings(estimator, make(X), seed=0)
        assert settings.training.augmentation == preset


@pytest.mark.parametrize(
    ("name", "is_strokes"), [("mnist", True), ("pneumoniamnist", False)]
)
def test_digits_have_a_uniform_background_and_x_rays_do_not(
    real_images, name, is_strokes
):
    X, _ = real_images(name, n=2000)
    assert has_uniform_background(make(X)) is is_strokes
