import sys
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA

from contrastive_clustering._display.projection import (
    mean_latents,
    project,
)


@pytest.fixture(scope="module")
def blobs():
    latents, labels = make_blobs(60, 5, centers=3, random_state=0)
    centers = np.stack([latents[labels == k].mean(axis=0) for k in range(3)])
    return latents.astype(np.float32), labels, centers


def rng():
    return np.random.RandomState(0)


def test_pca_maps_centers_themselves(blobs):
    latents, labels, centers = blobs
    projection = project(latents, labels, centers, "pca", rng())
    means = [projection.positions[labels == k].mean(axis=0) for k in range(3)]
    np.testing.assert_allclose(projection.center_positions, means, atol=1e-4)
    part = PCA(2).fit(latents.astype(np.float64)).explained_variance_ratio_[0]
    assert projection.axis_labels[0] == f"component 1 ({part:.0%} of variance)"


def test_tsne_keeps_groups_together_and_puts_centers_on_members(blobs):
    latents, labels, centers = blobs
    with_empty = np.vstack([centers, centers[:1]])  # stratum 3 is empty
    projection = project(latents, labels, with_empty, "tsne", rng())
    assert projection.positions.shape == (60, 2)
    assert projection.axis_labels == ("t-SNE 1", "t-SNE 2")
    for stratum in range(3):
        distances = np.linalg.norm(latents - centers[stratum], axis=1)
        distances[labels != stratum] = np.inf
        np.testing.assert_array_equal(
            projection.center_positions[stratum],
            projection.positions[distances.argmin()],
        )
    assert np.isnan(projection.center_positions[3]).all()
    again = project(latents, labels, with_empty, "tsne", rng())
    np.testing.assert_array_equal(projection.positions, again.positions)


def test_umap_gets_its_parameters(blobs, monkeypatch):
    asked = {}

    class Fake:
        def __init__(self, **parameters):
            asked.update(parameters)

        def fit_transform(self, latents):
            return latents[:, :2]

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Fake))
    latents, labels, centers = blobs
    projection = project(latents[:8], labels[:8], centers, "umap", rng())
    np.testing.assert_array_equal(projection.positions, latents[:8, :2])
    assert asked["n_neighbors"] == 7
    assert asked["n_jobs"] == 1
    assert projection.axis_labels == ("UMAP 1", "UMAP 2")


@pytest.mark.release  # compiles itself
# It warns of this when imported; TensorFlow is not needed here.
@pytest.mark.filterwarnings("ignore:Tensorflow not installed:ImportWarning")
def test_umap_itself(blobs):
    latents, labels, centers = blobs
    projection = project(latents, labels, centers, "umap", rng())
    assert np.isfinite(projection.positions).all()


def test_missing_umap_is_reported(blobs, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match="pip install umap-learn"):
        project(*blobs, "umap", rng())


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_one_latent_is_mapped_to_a_line(method):
    latents = np.linspace(0, 1, 12)[:, None]
    labels = np.repeat([0, 1], 6)
    projection = project(latents, labels, np.array([[0.2], [0.8]]), method, rng())
    assert projection.positions.shape == (12, 2)
    assert np.isfinite(projection.positions).all()
    assert projection.center_positions.shape == (2, 2)


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_three_samples_are_enough(method):
    latents = np.eye(3)
    projection = project(latents, np.arange(3), latents, method, rng())
    assert np.isfinite(projection.positions).all()


def test_latents_that_cannot_be_mapped_are_reported():
    with pytest.raises(ValueError, match=r"needs at least 3 samples, .* n_samples=2"):
        project(np.eye(2), np.zeros(2), np.eye(2), "pca", rng())
    with pytest.raises(ValueError, match="All 5 latents are equal"):
        project(np.ones((5, 2)), np.zeros(5), np.eye(2), "tsne", rng())


def test_empty_strata_have_no_mean():
    latents = np.array([[0.0], [1.0], [2.0], [9.0]])
    means = mean_latents(latents, np.array([0, 0, 2, -1]))
    np.testing.assert_array_equal(means, [[0.5], [np.nan], [2.0]])


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_empty_strata_have_no_position(blobs, method):
    latents, labels, centers = blobs
    centers = np.vstack([centers, np.full((1, centers.shape[1]), np.nan)])
    positions = project(latents, labels, centers, method, rng()).center_positions
    assert np.isfinite(positions[:-1]).all()
    assert np.isnan(positions[-1]).all()
