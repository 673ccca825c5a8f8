import numpy as np
import pytest
from sklearn.datasets import make_blobs

from contrastive_clustering._clustering.latent_space import fit_latent_space


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
