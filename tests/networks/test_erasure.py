import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.linear_model import LinearRegression, LogisticRegression

from contrastive_clustering._networks import erasure
from contrastive_clustering._networks.erasure import LatentErasure


def make(seed=0, n_samples=300, n_levels=3, dim=6):
    rng = np.random.default_rng(seed)
    site = rng.integers(0, n_levels, n_samples)
    mixing = rng.normal(size=(dim, dim))
    shifts = rng.normal(size=(n_levels, dim))
    latents = rng.normal(size=(n_samples, dim)) @ mixing + shifts[site]
    return latents.astype(np.float32), np.eye(n_levels)[site], site


def slow_matrix(latents, indicators, weights):
    """Theorem 4.3 of the paper, term by term, with SciPy's matrix functions."""
    X, Z = latents.astype(np.float64), indicators
    shares = weights / weights.sum()
    cov_xx = np.zeros((X.shape[1], X.shape[1]))
    cov_xz = np.zeros((X.shape[1], Z.shape[1]))
    mean_x, mean_z = shares @ X, shares @ Z
    for share, x, z in zip(shares, X, Z, strict=True):
        cov_xx += share * np.outer(x - mean_x, x - mean_x)
        cov_xz += share * np.outer(x - mean_x, z - mean_z)
    W = scipy.linalg.pinv(scipy.linalg.sqrtm(cov_xx).real, rtol=1e-6)
    M = W @ cov_xz
    P = M @ scipy.linalg.pinv(M, rtol=1e-6)
    return scipy.linalg.pinv(W, rtol=1e-6) @ P @ W


@pytest.mark.parametrize("weighted", [False, True])
def test_the_matrix_is_that_of_the_theorem(weighted):
    latents, indicators, _ = make()
    weights = np.random.default_rng(1).random(300) if weighted else np.ones(300)
    fitted = LatentErasure.fit(latents, indicators, weights if weighted else None)
    expected = slow_matrix(latents, indicators, weights)
    np.testing.assert_allclose(fitted.matrix, expected, atol=1e-6)


def test_no_linear_model_predicts_the_nuisance():
    latents, indicators, site = make()
    erased = LatentErasure.fit(latents, indicators)(torch.from_numpy(latents)).numpy()
    before = LinearRegression().fit(latents, indicators)
    after = LinearRegression().fit(erased, indicators)
    assert before.score(latents, indicators) > 0.3
    assert after.score(erased, indicators) < 1e-9
    counts = np.bincount(site)
    logistic = LogisticRegression(C=1e3, max_iter=1000).fit(erased, site)
    np.testing.assert_allclose(
        logistic.predict_proba(erased).mean(axis=0), counts / counts.sum(), atol=1e-3
    )
    np.testing.assert_allclose(logistic.predict_proba(erased).std(axis=0), 0, atol=1e-2)


def test_no_other_map_that_erases_changes_latents_less():
    latents, indicators, _ = make(n_levels=2)
    fitted = LatentErasure.fit(latents, indicators)
    X = latents.astype(np.float64) - latents.mean(axis=0)
    A = fitted.matrix.double().numpy()
    least = np.mean(np.square(X @ A.T))
    shift = X[indicators[:, 0] == 1].mean(axis=0) - X[indicators[:, 0] == 0].mean(
        axis=0
    )
    rng = np.random.default_rng(2)
    for _ in range(50):
        # Any matrix that maps the shift to itself erases the nuisance.
        B = A + 0.1 * rng.normal(size=A.shape)
        B += np.outer(shift - B @ shift, shift) / (shift @ shift)
        np.testing.assert_allclose(B @ shift, shift, atol=1e-9)
        assert np.mean(np.square(X @ B.T)) > least


def test_the_mean_and_directions_without_nuisance_stay():
    rng = np.random.default_rng(0)
    site = np.arange(400) % 2
    latents = rng.normal(size=(400, 3)).astype(np.float32)
    latents[:, 0] += 10 * site
    latents[:, 1:] -= (
        LinearRegression().fit(site[:, None], latents[:, 1:]).predict(site[:, None])
    )
    latents = latents.astype(np.float32)
    erased = LatentErasure.fit(latents, np.eye(2)[site])(torch.from_numpy(latents))
    np.testing.assert_allclose(erased.mean(dim=0), latents.mean(axis=0), atol=1e-4)
    assert abs(erased[site == 1, 0].mean() - erased[site == 0, 0].mean()) < 1e-4


def test_weights_are_the_same_as_repeated_samples():
    latents, indicators, _ = make(n_samples=60)
    times = np.random.default_rng(1).integers(1, 5, 60)
    weighted = LatentErasure.fit(latents, indicators, times.astype(float))
    repeated = LatentErasure.fit(
        np.repeat(latents, times, axis=0), np.repeat(indicators, times, axis=0)
    )
    np.testing.assert_allclose(weighted.matrix, repeated.matrix, atol=1e-6)
    np.testing.assert_allclose(weighted.mean, repeated.mean, atol=1e-6)


def test_two_variables_are_erased_together():
    latents, site, _ = make(n_levels=2)
    view = np.eye(2)[np.random.default_rng(3).integers(0, 2, 300)]
    latents = (latents + 2 * view[:, :1]).astype(np.float32)
    fitted = LatentErasure.fit(latents, np.hstack([site, view]))
    erased = fitted(torch.from_numpy(latents)).numpy().astype(np.float64)
    for indicators in (site, view):
        covariance = (erased - erased.mean(axis=0)).T @ indicators / 300
        assert np.abs(covariance).max() < 1e-5


@pytest.mark.parametrize("constant", [0, 3])
def test_latents_without_variance_in_some_directions(constant):
    latents, indicators, _ = make()
    latents[:, constant:] = 1.0
    erased = LatentErasure.fit(latents, indicators)(torch.from_numpy(latents)).numpy()
    assert np.isfinite(erased).all()
    np.testing.assert_allclose(erased[:, constant:], 1.0, atol=1e-5)
    covariance = (erased - erased.mean(axis=0)).T @ indicators / 300
    assert np.abs(covariance).max() < 1e-5


@pytest.mark.parametrize("block", [1, 7, 300])
def test_blocks_do_not_affect_the_map(monkeypatch, block):
    latents, indicators, _ = make()
    expected = LatentErasure.fit(latents, indicators)
    monkeypatch.setattr(erasure, "BLOCK", block)
    found = LatentErasure.fit(latents, indicators)
    np.testing.assert_allclose(found.matrix, expected.matrix, atol=1e-6)
    np.testing.assert_allclose(found.mean, expected.mean, atol=1e-6)


def test_rounding_errors_are_not_differences_between_levels():
    """Each sample occurs in both levels, but for the last bits of float32."""
    rng = np.random.default_rng(0)
    latents = np.tile(rng.normal(size=(50, 4)), (2, 1))
    latents *= 1 + 1e-7 * rng.normal(size=latents.shape)
    fitted = LatentErasure.fit(
        latents.astype(np.float32), np.eye(2)[np.repeat([0, 1], 50)]
    )
    np.testing.assert_array_equal(fitted.matrix, np.zeros((4, 4)))


@pytest.mark.parametrize("unit", [1e-8, 1e8])
def test_the_matrix_does_not_depend_on_the_unit_of_latents(unit):
    latents, indicators, _ = make()
    expected = LatentErasure.fit(latents, indicators)
    found = LatentErasure.fit(unit * latents, indicators)
    np.testing.assert_allclose(found.matrix, expected.matrix, atol=1e-6)
    assert found.matrix.dtype == found.mean.dtype == torch.float32


def test_dependent_latents_are_erased_as_one():
    latents, indicators, _ = make(dim=3)
    fitted = LatentErasure.fit(np.hstack([latents, latents]), indicators)
    half = LatentErasure.fit(latents, indicators).matrix / 2
    np.testing.assert_allclose(fitted.matrix, np.tile(half, (2, 2)), atol=1e-6)
