import numpy as np
import pytest
from custom_clusterers import NamedByFit
from sklearn.cluster import AgglomerativeClustering, Birch, KMeans
from trees import assert_rejected, changed, through_a_file

from contrastive_clustering import ClusterNumberSearch
from contrastive_clustering._io.schema import Scope
from contrastive_clustering._saving.fitted_parts import (
    CLUSTERING,
    DENSITY,
    MAX_STRATA,
    SEARCH,
    clustering_from_tree,
    clustering_to_tree,
    density_from_tree,
    density_to_tree,
    search_from_tree,
    search_to_tree,
)

LATENTS = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32) * 3


@pytest.fixture(scope="module")
def fitted(fit_tiny):
    """A fitted estimator for each kind of strata; do not modify it."""
    return {
        "kmeans": fit_tiny(),
        "prepared": fit_tiny(
            clusterer="gaussian_mixture", whiten=True, normalize=True, kl_weight=0.1
        ),
        "voters": fit_tiny(clusterer=AgglomerativeClustering(2)),
        "names": fit_tiny(clusterer=NamedByFit(2, names=("b", "a"))),
        "floats": fit_tiny(clusterer=NamedByFit(2, names=(2.5, 0.5))),
        "birch": fit_tiny(clusterer=Birch()),
        "prototypes": fit_tiny(refinement_epochs=1),
        "search": fit_tiny(n_clusters=ClusterNumberSearch(max_clusters=3)),
    }


KINDS = [
    "kmeans",
    "prepared",
    "voters",
    "names",
    "floats",
    "birch",
    "prototypes",
    "search",
]


@pytest.mark.parametrize("kind", KINDS)
def test_strata_survive_a_roundtrip_to_the_bit(fitted, tmp_path, kind):
    clustering = fitted[kind]._model.clustering
    tree = through_a_file(clustering_to_tree(clustering, []), tmp_path)
    CLUSTERING.check(tree, "strata", Scope({"latent_dim": 4}))
    found = clustering_from_tree(tree, [])
    assert type(found) is type(clustering)
    for method in ("predict", "predict_proba"):
        np.testing.assert_array_equal(
            getattr(found, method)(LATENTS), getattr(clustering, method)(LATENTS)
        )
    np.testing.assert_array_equal(found.labels, clustering.labels)
    np.testing.assert_array_equal(found.latent_centers, clustering.latent_centers)


@pytest.mark.parametrize(
    ("kind", "path", "value", "message"),
    [
        ("kmeans", "kind", "none", "the kind of the part is 'none'"),
        ("kmeans", "kind", "prototypes", "lacks 'prototypes'"),
        ("kmeans", "centers", np.zeros((3, 4)), "n_clusters=2, and not 3"),
        ("kmeans", "centers", np.zeros((2, 5)), "n_prepared=5, and not 4"),
        ("kmeans", "clusterer.centers", np.zeros((2, 9)), "n_prepared=9, and not 4"),
        ("kmeans", "clusterer.centers", np.zeros((1, 4)), "that are not below 1"),
        ("kmeans", "raw_labels", np.array([0, 2]), "that are not below 2"),
        ("kmeans", "raw_labels", np.array([0, 0]), "are not distinct"),
        ("kmeans", "raw_labels", np.array([-1, 0]), "do not match the labels of"),
        ("kmeans", "raw_labels", np.array([0.0, 1.0]), "do not match the labels of"),
        ("kmeans", "raw_labels", ["0", "1"], "do not match the labels of"),
        ("kmeans", "clusterer", {"kind": "voted"}, "if the clusterer cannot predict"),
        ("birch", "raw_labels", np.array([0, 10**6]), "do not match the labels of"),
        ("names", "raw_labels", ["a", "a"], "are not distinct"),
        ("names", "raw_labels", ["a", 1], "a string of up to 1000 characters"),
        ("names", "raw_labels", ["a", "b" * 1001], "a string of up to 1000"),
        ("names", "raw_labels", ["a"], "n_clusters=1, and not 2"),
        ("voters", "voters", None, "if the clusterer cannot predict"),
        ("kmeans", "raw_labels", np.array([0]), "n_clusters=1, and not 2"),
        ("kmeans", "latent_centers", np.zeros((2, 5), "f4"), "latent_dim=5, and not"),
        ("kmeans", "latent_centers", np.zeros((3, 4), "f4"), "n_clusters=3, and not"),
        ("kmeans", "latent_centers", np.zeros((2, 4)), "an array of f4"),
        ("kmeans", "labels", np.full(40, 2), "that are not below 2"),
        ("kmeans", "labels", np.full(40, -2), "values below -1"),
        ("kmeans", "labels", np.zeros(40), "an array of i1"),
        ("kmeans", "spread", 0.0, "a finite number > 0.0"),
        ("kmeans", "spread", float("nan"), "a finite number > 0.0"),
        ("kmeans", "space.size", -1.0, "a finite number > 0.0"),
        ("kmeans", "more", 1, "an unknown field 'more'"),
        ("prepared", "space.whitening", None, "n_prepared="),
        ("prepared", "space.whitening.mean", np.zeros(5), "latent_dim=5, and not 4"),
        ("voters", "voters.y", np.zeros(40, int), "a cluster without a voter"),
        ("voters", "voters.X", np.zeros((40, 5)), "n_prepared=5, and not 4"),
        ("prototypes", "origin", np.zeros(5), "latent_dim=5, and not 4"),
        ("prototypes", "temperature", 0.0, "a finite number > 0.0"),
        ("prototypes", "prototypes", np.zeros((3, 1, 4)), "n_clusters=2, and not 3"),
        ("prototypes", "prototypes", np.zeros((2, 4)), "an array of f8"),
        ("prototypes", "prototypes", np.full((2, 1, 4), np.inf), "is not finite"),
    ],
)
def test_forged_strata_are_rejected(fitted, kind, path, value, message):
    tree = clustering_to_tree(fitted[kind]._model.clustering, [])
    assert_rejected(CLUSTERING, changed(tree, path, value), message, latent_dim=4)


def test_the_number_of_strata_is_limited(fitted):
    tree = clustering_to_tree(fitted["prototypes"]._model.clustering, [])
    for n_strata in (MAX_STRATA, MAX_STRATA + 1):
        tree["prototypes"] = np.zeros((n_strata, 1, 4))
        tree["latent_centers"] = np.zeros((n_strata, 4), "f4")
        if n_strata == MAX_STRATA:
            CLUSTERING.check(tree, "strata", Scope())
    assert_rejected(CLUSTERING, tree, f"more than {MAX_STRATA} strata")


class CustomKMeans(KMeans):
    """A class that must be trusted."""


def test_a_trusted_clusterer_must_match_the_latents(fit_tiny):
    clustering = fit_tiny(clusterer=CustomKMeans(2))._model.clustering
    trusted = [f"{CustomKMeans.__module__}.CustomKMeans"]
    tree = clustering_to_tree(clustering, trusted)
    tree["clusterer"]["object"]["state"]["cluster_centers_"] = np.zeros((2, 9))
    CLUSTERING.check(tree, "strata", Scope({"latent_dim": 4}))
    with pytest.raises(ValueError, match=r"centers of shape \(2, 9\), but prepared"):
        clustering_from_tree(tree, trusted)


def test_densities_survive_a_roundtrip_to_the_bit(fitted, tmp_path):
    density = fitted["kmeans"]._model.density
    tree = through_a_file(density_to_tree(density), tmp_path)
    DENSITY.check(tree, "the density", Scope({"latent_dim": 4, "n_clusters": 2}))
    found = density_from_tree(tree)
    np.testing.assert_array_equal(
        found.score_samples(LATENTS), density.score_samples(LATENTS)
    )
    for given, expected in zip(
        *(d.sample(9, None, np.random.RandomState(0)) for d in (found, density)),
        strict=True,
    ):
        np.testing.assert_array_equal(given, expected)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("means", lambda old: old[:, :3], "latent_dim=3, and not 4"),
        ("means", lambda old: old[:-1], "n_components="),
        ("factors", lambda old: old[:, :, :3], "latent_dim=3, and not 4"),
        ("factors", lambda old: -old, "the diagonals of factors are not positive"),
        ("factors", lambda old: old[0], "an array of f8"),
        ("log_weights", lambda old: old[:-1], "n_components="),
        ("log_weights", lambda old: old + 50, "a weight is above one"),
        ("log_weights", lambda old: old - np.inf, "is not finite"),
        ("strata", lambda old: old + 1, "that are not below 2"),
        ("strata", lambda old: old - 1, "values below 0"),
        ("strata", lambda old: old[::-1], "strata are not in ascending order"),
        ("strata", lambda old: old.astype(float), "an array of i1"),
    ],
)
def test_forged_densities_are_rejected(fitted, name, change, message):
    tree = density_to_tree(fitted["kmeans"]._model.density)
    tree[name] = change(tree[name])
    assert_rejected(DENSITY, tree, message, latent_dim=4, n_clusters=2)


def test_searches_survive_a_roundtrip(fitted, tmp_path):
    search = fitted["search"].cluster_number_search_
    tree = through_a_file(search_to_tree(search), tmp_path)
    SEARCH.check(tree, "the search", Scope())
    found = search_from_tree(tree)
    assert (found.n_clusters, found.criterion) == (search.n_clusters, search.criterion)
    np.testing.assert_array_equal(found.candidates, search.candidates)
    np.testing.assert_array_equal(found.scores, search.scores)
    assert search_to_tree(None) is None
    assert search_from_tree(None) is None


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("n_clusters", 0, "an integer from 1"),
        ("candidates", np.array([3, 2]), "candidates are not in ascending order"),
        ("candidates", np.array([0, 1]), "values below 1"),
        ("scores", np.zeros(7), "n_candidates=7, and not 2"),
        ("criterion", "os.system", "one of ["),
    ],
)
def test_forged_searches_are_rejected(fitted, name, value, message):
    tree = search_to_tree(fitted["search"].cluster_number_search_)
    assert_rejected(SEARCH, {**tree, name: value}, message)
