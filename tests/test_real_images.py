"""Behavior on real images; tests that take minutes are marked slow."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import balanced_accuracy_score

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    evaluate_clustering,
)
from contrastive_clustering.metrics import (
    clustering_accuracy,
    map_clusters_to_labels,
    mapped_accuracy,
)


def fit_and_use(X, X_new, **parameters):
    """Fit an estimator and use its methods; return it and the reconstruction error."""
    clusterer = ContrastiveAutoencoderClusterer(random_state=0, **parameters).fit(X)
    np.testing.assert_array_equal(clusterer.predict(X), clusterer.labels_)
    assert set(clusterer.predict(X_new)) <= set(range(clusterer.n_clusters_))
    proba = clusterer.predict_proba(X_new)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    decoded = clusterer.inverse_transform(clusterer.transform(X_new))
    assert decoded.shape == X_new.shape
    error = np.mean((decoded - X_new) ** 2) / X_new.var()
    centers = clusterer.inverse_transform(clusterer.cluster_centers_)
    assert centers.shape == (clusterer.n_clusters_, *X.shape[1:])
    return clusterer, error


@pytest.mark.slow
def test_chest_x_rays(real_images):
    X, y = real_images("pneumoniamnist", n=1000)
    X_new, y_new = real_images("pneumoniamnist", "test")
    clusterer, error = fit_and_use(
        X, X_new, n_clusters=10, max_epochs=8, refinement_epochs=2
    )
    assert error < 0.6
    strata = clusterer.predict(X_new)
    accuracy = mapped_accuracy(y, clusterer.labels_, y_new, strata, balanced=True)
    assert accuracy > 0.7


@pytest.mark.slow
def test_rgb_blood_cells(real_images):
    X, y = real_images("bloodcells", n=1000)
    X_new, y_new = real_images("bloodcells", "test")
    clusterer, error = fit_and_use(
        X, X_new, n_clusters=10, max_epochs=6, refinement_epochs=2
    )
    assert clusterer.net_.module_.encoder[0].in_channels == 3
    assert error < 1.0
    labels = map_clusters_to_labels(y, clusterer.labels_, clusterer.predict(X_new))
    assert balanced_accuracy_score(y_new, labels) > 0.5


@pytest.mark.slow
def test_volumes_of_adrenal_glands(real_images):
    X, _ = real_images("adrenalmnist3d", n=150)
    X_new, _ = real_images("adrenalmnist3d", "test", n=50)
    clusterer, error = fit_and_use(
        X, X_new, n_clusters=3, max_epochs=4, refinement_epochs=1, batch_size=32
    )
    assert clusterer.net_.module_.encoder[0].weight.ndim == 5
    assert error < 1.0


@pytest.mark.slow
# Decoded masks are smoother than the training masks.
@pytest.mark.filterwarnings("ignore:.*not look like the images")
def test_generated_and_decoded_volumes_keep_their_strata(real_images):
    X, _ = real_images("adrenalmnist3d", n=300)
    X_new, _ = real_images("adrenalmnist3d", "test", n=100)
    clusterer, error = fit_and_use(
        X, X_new, n_clusters=4, max_epochs=25, refinement_epochs=4
    )
    assert error < 0.95
    decoded = clusterer.inverse_transform(clusterer.transform(X))
    assert np.mean(clusterer.predict(decoded) == clusterer.labels_) > 0.7
    for cluster in range(4):
        generated, labels = clusterer.sample(20, stratum=cluster, random_state=0)
        assert np.mean(clusterer.predict(generated) == labels) >= 0.9


@pytest.mark.slow
def test_kinds_of_images_are_separated_better_than_by_pixels(real_images):
    """Views must not hide differences that the pixels show."""
    splits = []
    for split, n in (("train", 400), ("test", 150)):
        x_rays, _ = real_images("pneumoniamnist", split, n=n)
        digits, _ = real_images("mnist", split, n=n)
        cells, _ = real_images("bloodcells", split, n=n)
        glands, _ = real_images("adrenalmnist3d", split, n=n)
        gray_cells = cells.mean(axis=-1)[:, 2:-2, 2:-2]
        kinds = [x_rays, digits, gray_cells, glands[:, 14]]
        splits += [np.concatenate(kinds), np.repeat(range(4), n)]
    X, _, X_new, y_new = splits
    pixels = KMeans(4, n_init=10, random_state=0).fit(X.reshape(len(X), -1))
    by_pixels = clustering_accuracy(
        y_new, pixels.predict(X_new.reshape(len(X_new), -1))
    )
    clusterer, error = fit_and_use(
        X, X_new, n_clusters=4, max_epochs=10, refinement_epochs=2
    )
    assert error < 0.5
    accuracy = clustering_accuracy(y_new, clusterer.predict(X_new))
    assert accuracy > by_pixels > 0.9


@pytest.mark.release
def test_all_digits_are_found(real_images):
    X, _ = real_images("mnist", n=10_000)
    X_new, y_new = real_images("mnist", "test")
    clusterer, _ = fit_and_use(
        X, X_new, n_clusters=10, max_epochs=8, refinement_epochs=3
    )
    assert clustering_accuracy(y_new, clusterer.predict(X_new)) > 0.9


@pytest.mark.parametrize(
    ("name", "n", "low", "high"),
    [
        pytest.param("mnist", 10_000, 8, 12, marks=pytest.mark.release),
        pytest.param("bloodcells", 1000, 2, 6, marks=pytest.mark.slow),
    ],
)
def test_the_number_of_strata_is_close_to_the_expected(real_images, name, n, low, high):
    X, _ = real_images(name, n=n)
    clusterer = ContrastiveAutoencoderClusterer(
        "auto", max_epochs=15, refinement_epochs=0, random_state=0
    ).fit(X)
    assert low <= clusterer.n_clusters_ <= high


@pytest.mark.slow
def test_evaluation_on_chest_x_rays(real_images):
    X, y = real_images("pneumoniamnist", n=2000)
    X_new, y_new = real_images("pneumoniamnist", "test")
    clusterer = ContrastiveAutoencoderClusterer(
        6, max_epochs=10, refinement_epochs=3, random_state=0
    ).fit(X)
    result = evaluate_clustering(clusterer, X, y, X_new, y_new)
    strata = clusterer.predict(X_new)
    assert result.mapped_accuracy == mapped_accuracy(
        y, clusterer.labels_, y_new, strata
    )
    assert result.balanced_accuracy > 0.7
    assert result.probes["knn_latent_accuracy"] > 0.8
    assert result.probes["knn_projection_accuracy"] > 0.7
    assert 0 < result.reconstruction_error < 0.6
    merged = clusterer.labels_at(2, X), clusterer.labels_at(2, X_new)
    assert result.merged_accuracy == mapped_accuracy(y, merged[0], y_new, merged[1])
