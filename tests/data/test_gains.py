import warnings

import numpy as np
import pytest

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._data.gains import doubts_of_gains
from contrastive_clustering._data.layout import read_layout


def find_doubts(X):
    return doubts_of_gains(X, read_layout(X.shape))


def multiply(images, sigma):
    """Multiply each image by a factor of its own."""
    factors = np.random.default_rng(1).lognormal(sigma=sigma, size=len(images))
    return images * factors.reshape(-1, *[1] * (images.ndim - 1))


@pytest.fixture(params=[(12, 12), (12, 12, 3), (8, 10, 9)])
def images(request):
    return np.random.default_rng(0).uniform(size=(200, *request.param))


def test_factors_are_named(images):
    assert find_doubts(images) == []
    assert find_doubts(multiply(images, 0.3)) == []
    found = multiply(images, 1.0)
    (doubt,) = find_doubts(found)
    spread = np.log(np.ptp(found.reshape(200, -1), axis=1))
    ratio = np.exp(np.subtract(*np.quantile(spread, [0.9, 0.1])))
    assert float(doubt.split("factor of ")[1].split()[0]) == pytest.approx(ratio, 0.1)
    assert find_doubts(multiply(images - 0.5, 1.0)) != []
    axes = tuple(range(1, images.ndim))
    assert find_doubts(found / found.std(axis=axes, keepdims=True)) == []


def test_two_units_are_named(images):
    images[:40] *= 10
    assert len(find_doubts(images)) == 1


def test_offsets_and_contrasts_are_no_factors(images):
    draws = np.random.default_rng(2).uniform(0, 3, size=200)
    draws = draws.reshape(-1, *[1] * (images.ndim - 1))
    assert find_doubts(images + draws) == []
    # The background of each image is white.
    assert find_doubts(10 - images * draws) == []


def test_a_few_images_that_are_almost_empty_are_no_factors(images):
    images[:15] *= 1e-3
    assert find_doubts(images) == []


def test_images_without_common_factors():
    masks = np.zeros((60, 12, 12))
    masks[:, 3:6, 3:6] = 1
    assert find_doubts(masks) == []
    assert find_doubts(np.ones((60, 12, 12))) == []


def test_tables_few_images_and_values_of_8_bits_are_not_measured(images):
    found = multiply(images, 1.0)
    assert find_doubts(found[:49]) == []
    assert find_doubts((found * 255 / found.max()).astype(np.uint8)) == []
    assert find_doubts(found.reshape(200, -1)) == []


def test_a_first_fit_warns_before_training(images):
    clusterer = ContrastiveAutoencoderClusterer(
        2, clusterer="kmeans", max_epochs=1, refinement_epochs=0, random_state=0
    )
    found = multiply(images, 1.0)
    with pytest.warns(UserWarning, match="differ by a factor of .* between the 10%"):
        clusterer.fit(found)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clusterer.set_params(warm_start=True).fit(found)


@pytest.mark.parametrize(
    "name",
    ["pneumoniamnist", "retinamnist", "bloodcells", "hippocampus3d"],
)
def test_real_images_raise_no_doubt(real_images, name):
    X, _ = real_images(name, n=1000)
    assert find_doubts(X.astype(np.float32)) == []
    assert len(find_doubts(multiply(X.astype(np.float32), 0.8))) == 1
