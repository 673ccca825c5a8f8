from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.cluster import DBSCAN, BisectingKMeans, KMeans, MiniBatchKMeans
from sklearn.datasets import make_blobs
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

from contrastive_clustering import ConsensusClustering
from contrastive_clustering._clustering.latent_clustering import fit_clustering
from contrastive_clustering._model.onnx_assignment import make_assignment
from contrastive_clustering._refinement.prototypes import PrototypeClustering


@pytest.fixture(scope="module")
def latents():
    """Touching blobs, far from the origin, with different spreads along each axis."""
    X, _ = make_blobs(400, 6, centers=4, cluster_std=2.5, random_state=0)
    return (X * [1, 2, 0.1, 1, 5, 1] + 30).astype(np.float32)


def cluster(latents, clusterer, *, whiten=False, normalize=False):
    return fit_clustering(
        latents, 4, clusterer, whiten=whiten, normalize=normalize, seed=0
    )


def assert_same(clustering, latents):
    """Compare the module with the clustering, also far from the training set."""
    assignment = make_assignment(clustering)
    latents = np.concatenate([latents, 20 * latents, np.zeros_like(latents[:1])])
    proba, labels = assignment(torch.from_numpy(latents).double())
    assert proba.dtype == torch.float64
    np.testing.assert_allclose(
        proba.numpy(), clustering.predict_proba(latents), rtol=0, atol=1e-6
    )
    np.testing.assert_array_equal(labels.numpy(), clustering.predict(latents))
    assert len(np.unique(labels)) == clustering.n_clusters


@pytest.mark.parametrize("n_prototypes", [1, 3])
def test_assignment_by_prototypes(latents, n_prototypes):
    rng = np.random.default_rng(0)
    prototypes = rng.normal(size=(4, n_prototypes, 6))
    prototypes /= np.linalg.norm(prototypes, axis=2, keepdims=True)
    clustering = PrototypeClustering(
        prototypes=prototypes,
        origin=latents.mean(axis=0).astype(np.float64),
        temperature=0.1,
        labels=np.zeros(400, dtype=int),
        latent_centers=np.zeros((4, 6)),
    )
    assert_same(clustering, latents)


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("clusterer", ["kmeans", "gaussian_mixture"])
def test_assignment_of_prepared_latents(latents, clusterer, whiten, normalize):
    assert_same(
        cluster(latents, clusterer, whiten=whiten, normalize=normalize), latents
    )


@pytest.mark.parametrize(
    "clusterer",
    [
        KMeans(n_init=1, random_state=0),
        MiniBatchKMeans(n_init=1, random_state=0),
        *(
            GaussianMixture(covariance_type=kind)
            for kind in ("full", "tied", "diag", "spherical")
        ),
    ],
    ids=str,
)
def test_assignment_by_clusterers_of_scikit_learn(latents, clusterer):
    assert_same(cluster(latents, clusterer), latents)


@pytest.mark.parametrize("clusterer", ["kmeans", "gaussian_mixture"])
def test_clusters_without_members_are_not_strata(latents, clusterer):
    whole = cluster(latents, clusterer)
    kept = [0, 1, 3]
    without = replace(
        whole,
        raw_labels=whole.raw_labels[kept],
        centers=whole.centers[kept],
        latent_centers=whole.latent_centers[kept],
    )
    # Some latents belong to the dropped cluster, a few of them with probability one.
    assert (whole.predict(latents) == 2).any()
    assert_same(without, latents)


@pytest.mark.parametrize(
    "clusterer",
    [
        ConsensusClustering(4, random_state=0),
        DBSCAN(eps=5),
        BisectingKMeans(random_state=0),
        BayesianGaussianMixture(random_state=0),
    ],
    ids=lambda clusterer: type(clusterer).__name__,
)
def test_other_assignments_cannot_be_exported(latents, clusterer):
    clustering = cluster(latents, clusterer)
    method = f"a {type(clusterer).__name__}"
    if isinstance(clusterer, DBSCAN):
        method = "voting neighbors"
    with pytest.raises(ValueError, match=f"assigned by {method}, which cannot be exp"):
        make_assignment(clustering)
