import copy
import re

import numpy as np
import pytest
from sklearn.cluster import (
    DBSCAN,
    HDBSCAN,
    OPTICS,
    AffinityPropagation,
    Birch,
    BisectingKMeans,
    KMeans,
    MeanShift,
    MiniBatchKMeans,
)
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from trees import through_a_file

from contrastive_clustering._clustering.consensus import ConsensusClustering
from contrastive_clustering._io.schema import Scope
from contrastive_clustering._saving.fitted_clusterers import (
    CLUSTERER,
    clusterer_from_tree,
    clusterer_to_tree,
)


class CustomKMeans(KMeans):
    """A class that must be trusted."""


CUSTOM = f"{CustomKMeans.__module__}.CustomKMeans"

rng = np.random.default_rng(0)
X = np.concatenate([rng.normal(size=(30, 3)) + 4 * shift for shift in range(3)])
OTHERS = rng.normal(size=(50, 3)) * 6 + 4

COVARIANCE_TYPES = ("full", "tied", "diag", "spherical")

CLUSTERERS = {
    "kmeans": KMeans(3, n_init=1, random_state=0),
    "mini_batch_kmeans": MiniBatchKMeans(3, n_init=1, random_state=0),
    "mean_shift": MeanShift(bandwidth=2.0),
    "affinity_propagation": AffinityPropagation(random_state=0),
    "bisecting_kmeans": BisectingKMeans(7, random_state=0),
    "birch": Birch(n_clusters=3, threshold=0.4),
    **{
        f"gaussian_mixture_{kind}": GaussianMixture(
            3, covariance_type=kind, random_state=0
        )
        for kind in COVARIANCE_TYPES
    },
    **{
        f"bayesian_mixture_{prior}_{kind}": BayesianGaussianMixture(
            n_components=3,
            covariance_type=kind,
            weight_concentration_prior_type=prior,
            random_state=0,
        )
        for prior in ("dirichlet_process", "dirichlet_distribution")
        for kind in COVARIANCE_TYPES
    },
    "consensus": ConsensusClustering(
        3, n_members=6, cosine_fraction=0.5, kmeans_fraction=0.4, random_state=0
    ),
    "other": CustomKMeans(3, n_init=1, random_state=0),
}


@pytest.fixture(scope="module", params=CLUSTERERS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def trees():
    """The tree of each fitted clusterer; do not modify it."""
    return {
        kind: clusterer_to_tree(clusterer.fit(X), [CUSTOM])
        for kind, clusterer in CLUSTERERS.items()
    }


def check(tree, **sizes):
    CLUSTERER.check(tree, "the clusterer", Scope({"n_prepared": 3, **sizes}))


def test_clusterers_survive_a_roundtrip_to_the_bit(trees, kind, tmp_path):
    tree = through_a_file(trees[kind], tmp_path)
    assert tree["kind"] == kind
    check(tree)
    found, fitted = clusterer_from_tree(tree, [CUSTOM]), CLUSTERERS[kind]
    assert type(found) is type(fitted)
    assert found.n_features_in_ == 3
    np.testing.assert_array_equal(found.predict(OTHERS), fitted.predict(OTHERS))
    for method in ("transform", "predict_proba", "score_samples"):
        if hasattr(fitted, method):
            np.testing.assert_array_equal(
                getattr(found, method)(OTHERS), getattr(fitted, method)(OTHERS)
            )
    if kind == "consensus":
        np.testing.assert_array_equal(
            found._directions(OTHERS), fitted._directions(OTHERS)
        )


def test_other_clusterers_must_be_trusted(trees):
    with pytest.raises(ValueError, match=rf"clusterer .*trusted=\['{CUSTOM}'\]"):
        clusterer_to_tree(CLUSTERERS["other"], [])
    check(trees["other"])
    with pytest.raises(ValueError, match=rf"names '{CUSTOM}'"):
        clusterer_from_tree(trees["other"], [])


@pytest.mark.parametrize("clusterer", [DBSCAN(), HDBSCAN(copy=True), OPTICS()])
def test_clusterers_that_cannot_predict_are_not_saved(clusterer):
    tree = clusterer_to_tree(clusterer.fit(X), [])
    assert tree == {"kind": "voted"}
    check(tree)
    assert clusterer_from_tree(tree, []) is None


def test_numbers_of_numpy_become_numbers_of_python(tmp_path):
    consensus = ConsensusClustering(
        np.int64(3),
        n_members=np.int32(2),
        cosine_fraction=np.float32(0.5),
        random_state=0,
    )
    tree = through_a_file(clusterer_to_tree(consensus.fit(X), []), tmp_path)
    check(tree)
    found = clusterer_from_tree(tree, [])
    assert (type(found.n_clusters), type(found.cosine_fraction)) == (int, float)


BAYESIAN = "bayesian_mixture_dirichlet_process_full"

FORGED = [
    ("kmeans", "centers", np.zeros((1, 8)), "n_prepared=8, and not 3"),
    ("kmeans", "centers", np.zeros((1, 10**6)), "n_prepared=1000000, and not 3"),
    ("kmeans", "centers", np.zeros((0, 3)), "and not an array of f8"),
    ("kmeans", "centers", np.zeros(3), "and not an array of f8"),
    ("kmeans", "centers", np.zeros((3, 3), "f4"), "and not an array of f8"),
    ("kmeans", "centers", np.zeros((3, 3), "i8"), "and not an array of f8"),
    ("kmeans", "centers", np.full((3, 3), np.nan), "is not finite"),
    ("kmeans", "n_threads", 10**6, "an unknown field 'n_threads'"),
    ("kmeans", "kind", "k-means", "the kind of the clusterer is 'k-means'"),
    ("kmeans", "kind", "consensus", "lacks 'n_clusters'"),
    ("kmeans", "kind", "voted", "an unknown field 'centers'"),
    ("mini_batch_kmeans", "centers", np.zeros((3, 4)), "n_prepared=4, and not 3"),
    ("mean_shift", "centers", np.zeros((3, 4)), "n_prepared=4, and not 3"),
    ("affinity_propagation", "centers", np.zeros((0, 3)), "an array of f8"),
    ("birch", "centers", np.zeros((3, 4)), "n_prepared=4, and not 3"),
    ("birch", "centers", np.zeros((1, 3)), "and not 1"),
    ("birch", "labels", np.zeros(1, "i8"), "n_subclusters=1, and not"),
    ("birch", "labels", np.zeros(3), "an array of i1"),
    ("bisecting_kmeans", "centers", np.zeros((13, 4)), "n_prepared=4, and not 3"),
    ("bisecting_kmeans", "is_leaf", np.zeros(12, bool), "n_nodes=12, and not 13"),
    ("bisecting_kmeans", "is_leaf", np.zeros(13), "an array of b1"),
    ("bisecting_kmeans", "is_leaf", np.zeros(13, bool), "too few nodes for a binary"),
    ("bisecting_kmeans", "is_leaf", np.ones(13, bool), "too many nodes for a binary"),
    (BAYESIAN, "mean_precision", np.zeros(3), "values below"),
    (BAYESIAN, "mean_precision", np.ones(4), "n_raw=4, and not 3"),
    (BAYESIAN, "degrees_of_freedom", np.full(3, 2.0), "too few degrees of freedom"),
    (BAYESIAN, "degrees_of_freedom", 9.0, "an array of f8"),
    (BAYESIAN, "concentration", np.ones(2), "n_raw=2, and not 3"),
    (BAYESIAN, "concentration", -np.ones(3), "values below"),
    (BAYESIAN, "concentration_of_rest", np.ones(2), "n_raw=2, and not 3"),
    (BAYESIAN, "precisions_cholesky", np.zeros((3, 3)), "an array of"),
    (BAYESIAN.replace("full", "tied"), "degrees_of_freedom", 0.5, "too few degrees"),
    ("gaussian_mixture_full", "weights", np.ones(4), "n_raw=4, and not 3"),
    ("gaussian_mixture_full", "weights", np.full(3, -1.0), "below 0.0"),
    ("gaussian_mixture_full", "means", np.zeros((4, 3)), "n_raw=3, and not 4"),
    ("gaussian_mixture_full", "precisions_cholesky", np.zeros((3, 3)), "an array of"),
    (
        "gaussian_mixture_full",
        "precisions_cholesky",
        np.zeros((3, 3, 4)),
        "n_prepared=4, and not 3",
    ),
    (
        "gaussian_mixture_tied",
        "precisions_cholesky",
        np.zeros((2, 2)),
        "n_prepared=2, and not 3",
    ),
    (
        "gaussian_mixture_diag",
        "precisions_cholesky",
        np.zeros((2, 3)),
        "n_raw=2, and not 3",
    ),
    (
        "gaussian_mixture_spherical",
        "precisions_cholesky",
        np.zeros(2),
        "n_raw=2, and not 3",
    ),
    ("gaussian_mixture_diag", "kind", "gaussian_mixture_spherical", "an array of"),
    ("consensus", "mean", np.zeros(4), "n_prepared=4, and not 3"),
    ("consensus", "n_clusters", 4, "n_raw=3, and not 4"),
    ("consensus", "n_clusters", 0, "an integer from 1"),
    ("consensus", "n_neighbors", 0, "an integer from 1"),
    ("consensus", "cosine_fraction", -1.0, "a finite number"),
    ("consensus", "kmeans_fraction", -1.0, "a finite number"),
    ("consensus", "members", [], "a list of 1 items or more"),
    ("consensus", "members", {}, "a list of 1 items or more"),
    ("other", "object", 2**70, "an integer"),
    ("other", "object", {"$type": "Pipeline", "state": {}}, "the type of object"),
]


@pytest.mark.parametrize(("kind", "name", "value", "message"), FORGED)
def test_forged_clusterers_are_rejected(trees, kind, name, value, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        check({**trees[kind], name: value})
    assert "the clusterer" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("centers", np.zeros((1, 8)), "n_prepared=8, and not 3"),
        ("centers", np.zeros((1, 3)), "has n_fine="),
        ("merged", np.zeros(1, "i8"), "has n_fine=1, and not "),
        ("merged", np.full(9, 0.0), "an array of i1"),
        ("shares", np.zeros((2, 2)), "has n_raw=2, and not 3"),
        ("shares", np.zeros((3, 2)), "has n_raw=2, and not 3"),
        ("shares", np.full((3, 3), -1.0), "below 0.0"),
        ("by_direction", 1, "a boolean"),
    ],
)
@pytest.mark.parametrize("number", [0, -1])
def test_forged_members_of_a_consensus_are_rejected(
    trees, number, name, value, message
):
    tree = copy.deepcopy(trees["consensus"])
    tree["members"][number][name] = value
    with pytest.raises(ValueError, match=re.escape(message)):
        check(tree)


@pytest.mark.parametrize("index", [-1, 3])
def test_members_are_merged_into_existing_clusters(trees, index):
    tree = copy.deepcopy(trees["consensus"])
    tree["members"][1]["merged"] = tree["members"][1]["merged"].copy()
    tree["members"][1]["merged"][0] = index
    with pytest.raises(ValueError, match=r"merged of item 1 of members .*holds values"):
        check(tree)
