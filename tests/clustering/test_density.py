import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal
from sklearn.covariance import ledoit_wolf, ledoit_wolf_shrinkage
from sklearn.mixture import GaussianMixture

from contrastive_clustering._clustering import density as _density
from contrastive_clustering._clustering.density import VARIANCE_FLOOR, LatentDensity
from contrastive_clustering._utils.grouping import Grouping


def blobs(sizes, dim, seed=0, distance=6.0):
    """Return standard normal blobs along the first direction as float32."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    latents = rng.normal(size=(len(labels), dim))
    latents[:, 0] += distance * labels
    return latents.astype(np.float32), labels


def slow_log_density(density, latents):
    """Compute the definition, a sum over Gaussians, with SciPy's density."""
    total = np.zeros(len(latents))
    for log_weight, mean, factor in zip(
        density.log_weights, density.means, density.factors, strict=True
    ):
        gaussian = multivariate_normal(mean, factor @ factor.T)
        total += np.exp(log_weight) * gaussian.pdf(latents)
    return np.log(total)


def test_score_is_the_log_density_of_the_mixture():
    latents, labels = blobs([60, 30], dim=3)
    density = LatentDensity.fit(latents, labels, 2, seed=0)
    scores = density.score_samples(latents)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, slow_log_density(density, latents), rtol=1e-8)


def test_density_integrates_to_one():
    latents, labels = blobs([50, 20], dim=2)
    density = LatentDensity.fit(latents, labels, 2, seed=0)
    step = 0.1
    axis = np.arange(-15, 25, step)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    mass = np.exp(density.score_samples(grid)).sum() * step**2
    assert mass == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("sizes", [[30, 5, 1], [2]])
def test_covariances_are_shrunk_towards_the_pooled_one(sizes):
    latents, labels = blobs(sizes, dim=4)
    exact = latents.astype(np.float64)
    members = [exact[labels == stratum] for stratum in range(len(sizes))]
    residuals = np.concatenate([rows - rows.mean(axis=0) for rows in members])
    pooled = ledoit_wolf(residuals, assume_centered=True)[0]
    pooled += VARIANCE_FLOOR * exact.var(axis=0).mean() * np.eye(4)
    density = LatentDensity.fit(latents, labels, len(sizes), seed=0)
    np.testing.assert_allclose(
        np.exp(density.log_weights), np.array(sizes) / sum(sizes), rtol=1e-12
    )
    for rows, m, mean, factor in zip(
        members, sizes, density.means, density.factors, strict=True
    ):
        own = np.cov(rows.T, bias=True) if m > 1 else 0
        np.testing.assert_allclose(
            factor @ factor.T, (m * own + 4 * pooled) / (m + 4), rtol=1e-8
        )
        np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=1e-8)


def test_two_humps_get_two_gaussians_and_one_hump_one():
    humps, _ = blobs([300, 300], dim=4, distance=10)
    hump, _ = blobs([400], dim=4, seed=1)
    latents = np.concatenate([humps, hump + 40])
    labels = np.repeat([0, 1], [600, 400])
    density = LatentDensity.fit(latents, labels, 2, seed=0)
    assert density.strata.tolist() == [0, 0, 1]
    # The density is lower between the humps, which one Gaussian could not represent.
    on, between = density.score_samples(np.array([[0.0] * 4, [5.0, 0, 0, 0]]))
    assert on > between + 3


def test_a_cluster_has_at_most_three_gaussians():
    humps, _ = blobs([200, 200, 200, 200], dim=2, distance=40)
    density = LatentDensity.fit(humps, np.zeros(800, dtype=int), 1, seed=0)
    assert len(density.means) == 3


def test_the_criterion_is_the_bic():
    rows = blobs([150, 50], dim=3)[0].astype(np.float64)
    mixture = GaussianMixture(2, random_state=0).fit(rows)
    members = _density._Members(rows, None, slice(None))
    factors = np.linalg.cholesky(mixture.covariances_)
    found = _density._information_criterion(
        members, np.log(mixture.weights_), mixture.means_, factors
    )
    assert found == pytest.approx(mixture.bic(rows))


def test_a_cluster_is_drawn_from_by_the_weights_of_its_gaussians():
    humps, _ = blobs([450, 150], dim=2, distance=40)
    latents = np.concatenate([humps, humps[:200] + 500])
    labels = np.repeat([0, 1], [600, 200])
    density = LatentDensity.fit(latents, labels, 2, seed=0)
    drawn, _ = density.sample(10_000, 0, np.random.RandomState(0))
    assert np.mean(drawn[:, 0] > 20) == pytest.approx(0.25, abs=0.02)


def test_without_any_spread_the_resolution_of_float32_is_that_of_the_largest_value():
    latents = np.full((5, 2), [-1000, 0], dtype=np.float32)
    density = LatentDensity.fit(latents, np.zeros(5, dtype=int), 1, seed=0)
    # Five members without spread, and the prior with the weight of two.
    variance = 2 / 7 * (1000 * np.finfo(np.float32).eps) ** 2
    np.testing.assert_allclose(density.factors[0] ** 2, variance * np.eye(2))


def test_samples_have_the_moments_of_their_cluster():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(3, 3))
    latents = (rng.normal(size=(3000, 3)) @ mixing + [1, 2, 3]).astype(np.float32)
    latents = np.concatenate([latents, latents[:1000] + 50])
    labels = np.repeat([0, 1], [3000, 1000])
    density = LatentDensity.fit(latents, labels, 2, seed=0)
    drawn, strata = density.sample(20_000, 0, np.random.RandomState(0))
    assert drawn.dtype == np.float32
    assert set(strata) == {0}
    np.testing.assert_allclose(drawn.mean(axis=0), [1, 2, 3], atol=0.2)
    np.testing.assert_allclose(np.cov(drawn.T), mixing.T @ mixing, atol=0.3)
    _, strata = density.sample(20_000, None, np.random.RandomState(0))
    assert np.mean(strata == 1) == pytest.approx(0.25, abs=0.02)


def test_samples_depend_only_on_the_generator():
    latents, labels = blobs([40, 20], dim=3)
    density = LatentDensity.fit(latents, labels, 2, seed=0)
    first, same, other = (
        density.sample(5, None, np.random.RandomState(seed))[0] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.allclose(first, other)


def test_noise_is_ignored():
    latents, labels = blobs([40, 20], dim=3)
    noisy = np.concatenate([latents, np.full((10, 3), 1e6, dtype=np.float32)])
    with_noise = np.concatenate([labels, np.full(10, -1)])
    density = LatentDensity.fit(noisy, with_noise, 2, seed=0)
    clean = LatentDensity.fit(latents, labels, 2, seed=0)
    np.testing.assert_array_equal(
        density.score_samples(latents), clean.score_samples(latents)
    )


def test_large_clusters_are_subsampled_but_keep_their_weight(monkeypatch):
    monkeypatch.setattr(_density, "MAX_MEMBERS", 100)
    latents, labels = blobs([900, 100], dim=3)
    density = LatentDensity.fit(latents, labels, 2, seed=0)
    shares = [np.exp(density.log_weights[density.strata == i]).sum() for i in (0, 1)]
    np.testing.assert_allclose(shares, [0.9, 0.1])
    other = LatentDensity.fit(latents, labels, 2, seed=1)
    assert not np.allclose(density.means[0], other.means[0])


def test_samples_of_nearly_degenerate_latents_stay_in_the_subspace():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(64, 64)))[0]
    sizes = np.r_[np.full(7, 10.0), np.full(57, 0.05)]
    latents = ((rng.normal(size=(600, 64)) * sizes) @ basis).astype(np.float32)
    labels = (rng.random(600) < 0.3).astype(int)
    density = LatentDensity.fit(latents[:500], labels[:500], 2, seed=0)
    inside = density.score_samples(latents[500:])
    outside = density.score_samples(latents[500:] + 5 * basis[20])
    assert inside.min() > outside.max()


@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    dim=st.integers(1, 70),
    n_constant=st.integers(0, 70),
    repeats=st.integers(1, 3),
    units=st.tuples(
        st.sampled_from([0.0, 1e-12, 1.0, 1e12]), st.sampled_from([0.0, 1e4])
    ),
)
@settings(max_examples=60)
def test_always_finite_and_positive_definite(sizes, dim, n_constant, repeats, units):
    scale, offset = units
    latents, labels = blobs(sizes, dim)
    latents[:, :n_constant] = 0
    latents = np.repeat(latents * np.float32(scale) + np.float32(offset), repeats, 0)
    density = LatentDensity.fit(latents, np.repeat(labels, repeats), len(sizes), seed=0)
    for factor in density.factors:
        assert np.isfinite(factor).all()
        assert np.diag(factor).min() > 0
    assert np.isfinite(density.score_samples(latents)).all()
    drawn, strata = density.sample(20, None, np.random.RandomState(0))
    assert np.isfinite(drawn).all()
    assert set(strata) <= set(range(len(sizes)))


def test_many_copies_of_few_points():
    points = np.float32([[0, 0], [3, 1]])
    latents = np.concatenate([np.repeat(points, 100, 0), np.full((90, 2), 9.0)])
    labels = np.repeat([0, 1], [200, 90])
    density = LatentDensity.fit(latents.astype(np.float32), labels, 2, seed=0)
    assert np.isfinite(density.score_samples(latents)).all()


def test_scores_do_not_depend_on_other_rows():
    latents, labels = blobs([50, 40], dim=20)
    density = LatentDensity.fit(latents, labels, 2, seed=0)
    alone = np.concatenate([density.score_samples(row[None]) for row in latents])
    np.testing.assert_allclose(density.score_samples(latents), alone, rtol=1e-9)


def test_survives_pickling():
    latents, labels = blobs([20, 10], dim=3)
    density = LatentDensity.fit(latents, labels, 2, seed=0)
    again = pickle.loads(pickle.dumps(density))
    np.testing.assert_array_equal(
        density.score_samples(latents), again.score_samples(latents)
    )


def test_stratum_without_members_is_named():
    latents, labels = blobs([5, 5], dim=3)
    with pytest.raises(ValueError, match=r"strata \[2\] of n_clusters=3"):
        LatentDensity.fit(latents, labels, 3, seed=0)


def test_global_generators_are_unchanged():
    latents, labels = blobs([200, 50], dim=3)
    before = np.random.get_state()[1].copy()
    density = LatentDensity.fit(latents, labels, 2, seed=0)
    density.sample(5, None, np.random.RandomState(0))
    np.testing.assert_array_equal(before, np.random.get_state()[1])


def test_moments_are_weighted_by_group():
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(70, 3)) @ rng.normal(size=(3, 3))
    labels, codes = rng.integers(0, 2, 70), rng.integers(0, 25, 70)
    groups = Grouping.read(codes, 70)
    weights = groups.weights()
    density = LatentDensity.fit(latents, labels, 2, seed=0, groups=groups)
    residuals, independent = np.empty((70, 3)), []
    for stratum in range(2):
        rows = np.flatnonzero(labels == stratum)
        center = np.average(latents[rows], axis=0, weights=weights[rows])
        residuals[rows] = latents[rows] - center
        for code in set(codes[rows].tolist()):
            members = rows[codes[rows] == code]
            distances = latents[members] - latents[members].mean(axis=0)
            # The first of a pair, whose distances differ only by rounding errors.
            nearest = members[np.linalg.norm(distances, axis=1).round(9).argmin()]
            independent.append(residuals[nearest])
        np.testing.assert_allclose(density.means[stratum], center, rtol=1e-10)
    shrinkage = ledoit_wolf_shrinkage(np.array(independent), assume_centered=True)
    pooled = (residuals * weights[:, None]).T @ residuals / weights.sum()
    pooled = (1 - shrinkage) * pooled + shrinkage * np.trace(pooled) / 3 * np.eye(3)
    pooled += VARIANCE_FLOOR * latents.var(axis=0).mean() * np.eye(3)
    for stratum in range(2):
        rows = labels == stratum
        mass = weights[rows].sum()
        scatter = (residuals[rows] * weights[rows, None]).T @ residuals[rows]
        factor = density.factors[stratum]
        np.testing.assert_allclose(
            factor @ factor.T, (scatter + 3 * pooled) / (mass + 3), rtol=1e-10
        )
        np.testing.assert_allclose(
            np.exp(density.log_weights[stratum]), mass / weights.sum(), rtol=1e-10
        )


def test_copies_of_a_sample_change_nothing():
    humps, _ = blobs([300, 300], dim=4, distance=10)
    hump, _ = blobs([400], dim=4, seed=1)
    latents = np.concatenate([humps, hump + 40])
    labels = np.repeat([0, 1], [600, 400])
    once = LatentDensity.fit(latents, labels, 2, seed=0)
    rows = np.append(np.arange(1000), np.repeat([3, 700], 500))
    groups = Grouping.read(rows, len(rows))
    grouped, ungrouped = (
        LatentDensity.fit(latents[rows], labels[rows], 2, seed=0, groups=some)
        for some in (groups, None)
    )
    assert grouped.strata.tolist() == once.strata.tolist() == [0, 0, 1]
    for name in ("log_weights", "means", "factors"):
        np.testing.assert_allclose(
            getattr(grouped, name), getattr(once, name), rtol=1e-4, atol=1e-4
        )
    scores = once.score_samples(latents)
    np.testing.assert_allclose(grouped.score_samples(latents), scores, atol=1e-3)
    assert np.abs(ungrouped.score_samples(latents) - scores).max() > 0.5


def test_groups_keep_their_weight_in_a_subset(monkeypatch):
    monkeypatch.setattr(_density, "MAX_MEMBERS", 60)
    rng = np.random.default_rng(0)
    codes = np.append(np.zeros(900, dtype=int), np.arange(1, 31))
    latents = rng.normal(size=(930, 2)) + (codes == 0)[:, None] * 50
    groups = Grouping.read(codes, 930)
    labels = np.zeros(930, dtype=int)
    density = LatentDensity.fit(latents, labels, 1, seed=0, groups=groups)
    singles = latents[900:].mean(axis=0)
    expected = (30 * singles + latents[:900].mean(axis=0)) / 31
    np.testing.assert_allclose(density.means[0], expected, atol=0.05)


def test_groups_of_one_sample_each_give_the_same_density():
    latents, labels = blobs([120, 40], dim=3)
    alone = LatentDensity.fit(latents, labels, 2, seed=0)
    groups = Grouping.read(np.arange(160), 160)
    grouped = LatentDensity.fit(latents, labels, 2, seed=0, groups=groups)
    np.testing.assert_allclose(
        grouped.score_samples(latents), alone.score_samples(latents), rtol=1e-9
    )
