import copy
import re

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering, KMeans, MiniBatchKMeans
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KNeighborsClassifier

from contrastive_clustering._consensus import ConsensusClustering
from contrastive_clustering._container import read_tree, write_tree
from contrastive_clustering._fitted_clusterers import (
    CLUSTERER,
    SPACE,
    VOTERS,
    clusterer_from_tree,
    clusterer_to_tree,
    space_from_tree,
    space_to_tree,
    voters_from_tree,
    voters_to_tree,
)
from contrastive_clustering._latent import fit_latent_space
from contrastive_clustering._schema import Maybe, Scope

MINI_BATCH = "sklearn.cluster._kmeans.MiniBatchKMeans"

rng = np.random.default_rng(0)
X = np.concatenate([rng.normal(size=(30, 3)) + 4 * shift for shift in range(3)])
OTHERS = rng.normal(size=(50, 3)) * 6 + 4

CLUSTERERS = {
    "kmeans": KMeans(3, n_init=1, random_state=0),
    **{
        f"gaussian_mixture_{kind}": GaussianMixture(
            3, covariance_type=kind, random_state=0
        )
        for kind in ("full", "tied", "diag", "spherical")
    },
    "consensus": ConsensusClustering(3, n_members=4, directions=0.5, random_state=0),
    "other": MiniBatchKMeans(3, n_init=1, random_state=0),
}


@pytest.fixture(scope="module", params=CLUSTERERS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def trees():
    """The tree of each fitted clusterer; not to be changed."""
    return {
        kind: clusterer_to_tree(clusterer.fit(X), [MINI_BATCH])
        for kind, clusterer in CLUSTERERS.items()
    }


def through_a_file(tree, folder):
    write_tree(folder / "file", "test", {"tree": tree})
    return read_tree(folder / "file", "test")["tree"]


def check(tree, **sizes):
    CLUSTERER.check(tree, "the clusterer", Scope(**{"n_prepared": 3, **sizes}))


def test_clusterers_come_back_to_the_bit(trees, kind, tmp_path):
    tree = through_a_file(trees[kind], tmp_path)
    assert tree["kind"] == kind
    check(tree)
    found, fitted = clusterer_from_tree(tree, [MINI_BATCH]), CLUSTERERS[kind]
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


def test_other_clusterers_have_to_be_trusted(trees):
    with pytest.raises(ValueError, match=rf"clusterer .*trusted=\['{MINI_BATCH}'\]"):
        clusterer_to_tree(CLUSTERERS["other"], [])
    check(trees["other"])
    with pytest.raises(ValueError, match=rf"names '{MINI_BATCH}'"):
        clusterer_from_tree(trees["other"], [])


def test_numbers_of_numpy_come_back_as_pythons(tmp_path):
    consensus = ConsensusClustering(
        np.int64(3), n_members=np.int32(2), directions=np.float32(0.5), random_state=0
    )
    tree = through_a_file(clusterer_to_tree(consensus.fit(X), []), tmp_path)
    check(tree)
    found = clusterer_from_tree(tree, [])
    assert (type(found.n_clusters), type(found.directions)) == (int, float)


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
    ("consensus", "directions", -1.0, "a finite number"),
    ("consensus", "members", [], "a list of 1 items or more"),
    ("consensus", "members", {}, "a list of 1 items or more"),
    ("other", "object", 2**70, "an integer"),
    ("other", "object", {"$type": "Pipeline", "state": {}}, "the type of object"),
]


@pytest.mark.parametrize(("kind", "name", "value", "message"), FORGED)
def test_forged_clusterers_are_refused(trees, kind, name, value, message):
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
def test_forged_members_of_a_consensus_are_refused(trees, number, name, value, message):
    tree = copy.deepcopy(trees["consensus"])
    tree["members"][number][name] = value
    with pytest.raises(ValueError, match=re.escape(message)):
        check(tree)


@pytest.mark.parametrize("index", [-1, 3])
def test_members_are_merged_into_clusters_that_there_are(trees, index):
    tree = copy.deepcopy(trees["consensus"])
    tree["members"][1]["merged"] = tree["members"][1]["merged"].copy()
    tree["members"][1]["merged"][0] = index
    with pytest.raises(ValueError, match=r"merged of item 1 of members .*holds values"):
        check(tree)


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("normalize", [False, True])
def test_spaces_come_back_to_the_bit(tmp_path, whiten, normalize):
    latents = X.astype("f4")
    space = fit_latent_space(latents, whiten=whiten, normalize=normalize)
    tree = through_a_file(space_to_tree(space), tmp_path)
    assert (tree["whitening"] is not None, tree["normalize"]) == (whiten, normalize)
    scope = Scope(latent_dim=3)
    SPACE.check(tree, "the space", scope)
    found = space_from_tree(tree)
    np.testing.assert_array_equal(found.transform(OTHERS), space.transform(OTHERS))
    assert scope.find("n_prepared") == space.transform(OTHERS).shape[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 0.0}, "a finite number > 0.0"),
        ({"size": np.ones(3)}, "a finite number > 0.0"),
        ({"normalize": None}, "a boolean"),
        ({"components": np.zeros((2, 4))}, "latent_dim=4, and not 3"),
        ({"mean": np.zeros(2)}, "latent_dim=2, and not 3"),
        ({"variance": np.ones(7)}, "n_prepared=7, and not"),
        ({"variance": -np.ones(2)}, "below 0.0"),
        ({"components": np.full((2, 3), np.inf)}, "is not finite"),
    ],
)
def test_forged_spaces_are_refused(changes, message):
    space = fit_latent_space(X.astype("f4"), whiten=True, normalize=True)
    tree = space_to_tree(space)
    for name, value in changes.items():
        inner = tree if name in tree else tree["whitening"]
        inner[name] = value
    with pytest.raises(ValueError, match=message):
        SPACE.check(tree, "the space", Scope(latent_dim=3))


def test_without_whitening_clusterers_see_the_latents():
    tree = {"whitening": None, "normalize": False, "size": 1.0}
    with pytest.raises(ValueError, match="n_prepared=3, and not 2"):
        SPACE.check(tree, "the space", Scope(latent_dim=3, n_prepared=2))


@pytest.fixture(scope="module")
def voters():
    labels = AgglomerativeClustering(3).fit_predict(X) * 2  # not 0 to 2
    return KNeighborsClassifier(5, weights="distance").fit(X, labels)


def test_voters_come_back_to_the_bit(voters, tmp_path):
    tree = through_a_file(voters_to_tree(voters), tmp_path)
    VOTERS.check(tree, "voters", Scope(n_prepared=3))
    found = voters_from_tree(tree)
    np.testing.assert_array_equal(found.predict(OTHERS), voters.predict(OTHERS))
    for given, expected in zip(
        found.kneighbors(OTHERS), voters.kneighbors(OTHERS), strict=True
    ):
        np.testing.assert_array_equal(given, expected)


def test_there_may_be_no_voters():
    assert voters_to_tree(None) is None
    assert voters_from_tree(None) is None
    Maybe(VOTERS).check(None, "voters", Scope())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_neighbors": 0}, "an integer from 1 to 15"),
        # Each pair of neighbors that vote is compared, which takes quadratic time.
        ({"n_neighbors": 80}, "an integer from 1 to 15"),
        ({"X": np.zeros((4, 3)), "y": np.zeros(4)}, "more neighbors than there are"),
        ({"X": np.zeros((90, 4))}, "n_prepared=4, and not 3"),
        ({"y": np.zeros(89)}, "n_voters=89, and not 90"),
        ({"y": np.full(90, np.nan)}, "is not finite"),
        ({"y": np.zeros((90, 2))}, "an array of"),
        ({"y": np.array(["a"] * 90)}, "an array of"),
    ],
)
def test_forged_voters_are_refused(voters, changes, message):
    with pytest.raises(ValueError, match=message):
        VOTERS.check(
            {**voters_to_tree(voters), **changes}, "voters", Scope(n_prepared=3)
        )
