import numpy as np
import pytest
from sklearn.cluster import (
    DBSCAN,
    AgglomerativeClustering,
    BisectingKMeans,
    KMeans,
    MiniBatchKMeans,
)
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

from contrastive_clustering._latent import (
    fit_clustering,
    fit_latent_space,
    nearest_members,
    resolve_clusterer,
)

SPACES = [(False, False), (True, False), (False, True), (True, True)]


@pytest.fixture(scope="module")
def blobs():
    """Three blobs of 60 latents in 6 dimensions, of unequal size; and their labels."""
    X, y = make_blobs([100, 50, 30], 6, cluster_std=0.8, random_state=3)
    return X.astype(np.float32), y


def cluster(latents, clusterer="kmeans", n_clusters=3, whiten=False, normalize=False):
    return fit_clustering(
        latents, n_clusters, clusterer, whiten=whiten, normalize=normalize, seed=0
    )


@pytest.mark.parametrize(("whiten", "normalize"), SPACES)
@pytest.mark.parametrize(
    "clusterer",
    [
        "kmeans",
        "gaussian_mixture",
        MiniBatchKMeans(batch_size=64),
        BisectingKMeans(),
        BayesianGaussianMixture(),
        AgglomerativeClustering(),
    ],
    ids=str,
)
def test_clusterers_find_blobs_and_agree_with_themselves(
    blobs, clusterer, whiten, normalize
):
    latents, y = blobs
    fitted = cluster(latents, clusterer, whiten=whiten, normalize=normalize)
    assert adjusted_rand_score(y, fitted.labels) > 0.95
    assert sorted(set(fitted.labels)) == [0, 1, 2]
    np.testing.assert_array_equal(fitted.predict(latents), fitted.labels)
    proba = fitted.predict_proba(latents)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(proba.argmax(axis=1), fitted.labels)
    for label in range(3):
        np.testing.assert_allclose(
            fitted.latent_centers[label],
            latents[fitted.labels == label].mean(axis=0),
            rtol=1e-5,
            atol=1e-5,
        )


def test_samples_do_not_depend_on_their_company(blobs):
    latents, _ = blobs
    for clusterer in ("kmeans", "gaussian_mixture", AgglomerativeClustering()):
        fitted = cluster(latents, clusterer, whiten=True)
        alone = np.concatenate([fitted.predict_proba(row[None]) for row in latents])
        np.testing.assert_allclose(fitted.predict_proba(latents), alone, atol=1e-6)


def test_kmeans_soft_assignment_is_the_posterior_of_round_gaussians(blobs):
    latents, _ = blobs
    fitted = cluster(latents)
    prepared, centers = fitted.prepare(latents), fitted.clusterer.cluster_centers_
    members = prepared - centers[fitted.labels]
    variance = np.mean(members**2)
    densities = np.array(
        [
            [np.exp(-np.sum((x - c) ** 2) / (2 * variance)) for c in centers]
            for x in prepared
        ]
    )
    expected = densities / densities.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fitted.predict_proba(latents), expected, atol=1e-5)


def test_noise_stays_noise(blobs):
    latents, _ = blobs
    outlier = np.full((1, 6), 100, dtype=np.float32)
    with_noise = np.concatenate([latents, outlier])
    fitted = cluster(with_noise, DBSCAN(eps=0.5))
    assert fitted.n_clusters == 3
    assert fitted.labels[-1] == -1
    np.testing.assert_array_equal(fitted.predict(with_noise), fitted.labels)
    np.testing.assert_allclose(fitted.predict_proba(with_noise).sum(1), 1, atol=1e-5)


def test_only_noise_is_an_error(blobs):
    with pytest.raises(ValueError, match="found no cluster"):
        cluster(blobs[0], DBSCAN(eps=1e-9))


def test_empty_clusters_leave_no_gap():
    # Two places only: the mixture's third component stays without a member.
    latents = np.repeat(
        np.array([[0.0, 0.0], [5.0, 5.0]], dtype=np.float32), 30, axis=0
    )
    latents += np.random.default_rng(0).normal(scale=1e-3, size=latents.shape)
    mixture = BayesianGaussianMixture(weight_concentration_prior=1e-6, max_iter=500)
    fitted = cluster(latents, mixture, n_clusters=6)
    assert fitted.n_clusters < 6
    assert sorted(set(fitted.labels)) == list(range(fitted.n_clusters))
    far = np.random.default_rng(1).uniform(-20, 20, size=(200, 2)).astype(np.float32)
    assert fitted.predict_proba(far).shape == (200, fitted.n_clusters)
    assert set(fitted.predict(far)) <= set(range(fitted.n_clusters))
    np.testing.assert_allclose(fitted.predict_proba(far).sum(1), 1, atol=1e-5)


def test_whitening_and_normalising(blobs):
    latents, _ = blobs
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


def test_number_of_clusters_and_seed_are_handed_over():
    assert resolve_clusterer(KMeans(7), 3, 5).get_params()["n_clusters"] == 3
    mixture = resolve_clusterer(GaussianMixture(7), 3, 5)
    assert (mixture.n_components, mixture.random_state) == (3, 5)
    assert resolve_clusterer(KMeans(random_state=9), 3, 5).random_state == 9
    mine = KMeans(7)
    resolve_clusterer(mine, 3, 5)
    assert mine.n_clusters == 7


def test_nearest_members():
    latents = np.array([[0.0], [1.0], [2.0], [9.0]])
    nearest = nearest_members(
        latents, np.array([0, 0, 1, -1]), np.array([[0.9], [9.0], [5.0]])
    )
    assert nearest.tolist() == [1, 2, -1]
