import numpy as np
import pytest
from sklearn.datasets import make_blobs

from contrastive_clustering._clustering.latent_space import fit_latent_space
from contrastive_clustering._utils.grouping import Grouping


def test_whitening_and_normalizing():
    latents, _ = make_blobs(200, 5, centers=3, random_state=0)
    whitened = fit_latent_space(latents, whiten=True, normalize=False).transform(
        latents
    )
    np.testing.assert_allclose(
        np.cov(whitened.T, ddof=0), np.eye(whitened.shape[1]), atol=1e-3
    )
    unit = fit_latent_space(latents, whiten=False, normalize=True).transform(latents)
    lengths = np.linalg.norm(unit, axis=1)
    np.testing.assert_allclose(lengths, lengths[0], rtol=1e-5)
    directions = unit / lengths[:, None]
    np.testing.assert_allclose(
        directions, latents / np.linalg.norm(latents, axis=1, keepdims=True), atol=1e-5
    )


@pytest.mark.parametrize("groups", [None, Grouping(np.repeat(np.arange(100), 2), 100)])
def test_latents_of_any_scale_are_whitened(groups):
    latents, _ = make_blobs(200, 5, centers=3, random_state=0)
    once, tiny = (
        fit_latent_space(scaled, whiten=True, normalize=False, groups=groups).transform(
            scaled.astype(np.float64)
        )
        for scaled in (latents, (latents * 1e-12).astype(np.float32))
    )
    np.testing.assert_allclose(tiny, once, atol=1e-4)


def test_all_latents_are_divided_by_one_number():
    latents = np.random.default_rng(0).normal(3, 5, size=(50, 4))
    space = fit_latent_space(latents, whiten=False, normalize=False)
    prepared = space.transform(latents)
    assert np.mean(prepared.var(axis=0)) == pytest.approx(1)
    np.testing.assert_allclose(prepared / latents, (prepared / latents)[0, 0])


def test_equal_latents_stay_finite():
    latents = np.ones((5, 3))
    space = fit_latent_space(latents, whiten=False, normalize=False)
    np.testing.assert_array_equal(space.transform(latents), latents)


def test_a_group_weighs_as_one():
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(40, 5)) * [5, 3, 1, 1, 0.1]
    repeated = np.concatenate([latents, np.repeat(latents[:1], 60, axis=0) + 0])
    groups = Grouping.read(np.append(np.arange(40), np.zeros(60)), 100)
    for whiten in (False, True):
        for normalize in (False, True):
            once = fit_latent_space(latents, whiten=whiten, normalize=normalize)
            grouped = fit_latent_space(
                repeated, whiten=whiten, normalize=normalize, groups=groups
            )
            np.testing.assert_allclose(
                grouped.transform(latents), once.transform(latents), rtol=1e-10
            )


def test_the_scale_is_that_of_all_samples_by_weight():
    rng = np.random.default_rng(0)
    latents, codes = rng.normal(size=(50, 4)), rng.integers(0, 9, 50)
    groups = Grouping.read(codes, 50)
    space = fit_latent_space(latents, whiten=False, normalize=False, groups=groups)
    covariance = np.cov(latents, rowvar=False, aweights=groups.weights(), ddof=0)
    scale = np.sqrt(np.trace(covariance) / 4)
    np.testing.assert_allclose(space.transform(latents), latents / scale, rtol=1e-10)
