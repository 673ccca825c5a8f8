import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering
from sklearn.neighbors import KNeighborsClassifier
from trees import through_a_file

from contrastive_clustering._clustering.latent_space import fit_latent_space
from contrastive_clustering._io.schema import Maybe, Scope
from contrastive_clustering._saving.fitted_space import (
    SPACE,
    VOTERS,
    space_from_tree,
    space_to_tree,
    voters_from_tree,
    voters_to_tree,
)

rng = np.random.default_rng(0)
X = np.concatenate([rng.normal(size=(30, 3)) + 4 * shift for shift in range(3)])
OTHERS = rng.normal(size=(50, 3)) * 6 + 4


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("normalize", [False, True])
def test_spaces_survive_a_roundtrip_to_the_bit(tmp_path, whiten, normalize):
    latents = X.astype("f4")
    space = fit_latent_space(latents, whiten=whiten, normalize=normalize)
    tree = through_a_file(space_to_tree(space), tmp_path)
    assert (tree["whitening"] is not None, tree["normalize"]) == (whiten, normalize)
    scope = Scope({"latent_dim": 3})
    SPACE.check(tree, "the space", scope)
    found = space_from_tree(tree)
    np.testing.assert_array_equal(found.transform(OTHERS), space.transform(OTHERS))
    assert scope.get("n_prepared") == space.transform(OTHERS).shape[1]


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
def test_forged_spaces_are_rejected(changes, message):
    space = fit_latent_space(X.astype("f4"), whiten=True, normalize=True)
    tree = space_to_tree(space)
    for name, value in changes.items():
        inner = tree if name in tree else tree["whitening"]
        inner[name] = value
    with pytest.raises(ValueError, match=message):
        SPACE.check(tree, "the space", Scope({"latent_dim": 3}))


def test_without_whitening_the_dimension_is_that_of_the_latents():
    tree = {"whitening": None, "normalize": False, "size": 1.0}
    with pytest.raises(ValueError, match="n_prepared=3, and not 2"):
        SPACE.check(tree, "the space", Scope({"latent_dim": 3, "n_prepared": 2}))


@pytest.fixture(scope="module")
def voters():
    labels = AgglomerativeClustering(3).fit_predict(X) - 1  # with noise
    return KNeighborsClassifier(5, weights="distance").fit(X, labels)


def test_voters_survive_a_roundtrip_to_the_bit(voters, tmp_path):
    tree = through_a_file(voters_to_tree(voters), tmp_path)
    VOTERS.check(tree, "voters", Scope({"n_prepared": 3, "n_clusters": 2}))
    found = voters_from_tree(tree)
    np.testing.assert_array_equal(found.predict(OTHERS), voters.predict(OTHERS))
    for given, expected in zip(
        found.kneighbors(OTHERS), voters.kneighbors(OTHERS), strict=True
    ):
        np.testing.assert_array_equal(given, expected)


def test_voters_are_optional():
    assert voters_to_tree(None) is None
    assert voters_from_tree(None) is None
    Maybe(VOTERS).check(None, "voters", Scope())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_neighbors": 0}, "an integer from 1 to 15"),
        # Prediction compares all pairs of neighbors, which takes quadratic time.
        ({"n_neighbors": 80}, "an integer from 1 to 15"),
        (
            {"X": np.zeros((4, 3)), "y": np.zeros(4, int)},
            "n_neighbors is larger than the number of voters",
        ),
        ({"X": np.zeros((90, 4))}, "n_prepared=4, and not 3"),
        ({"y": np.zeros(89, int)}, "n_voters=89, and not 90"),
        ({"y": np.zeros(90)}, "an array of"),
        ({"y": np.full(90, -2)}, "values below -1"),
        ({"y": np.full(90, 2)}, "that are not below 2"),
        ({"y": np.zeros((90, 2), int)}, "an array of"),
        ({"y": np.array(["a"] * 90)}, "an array of"),
    ],
)
def test_forged_voters_are_rejected(voters, changes, message):
    with pytest.raises(ValueError, match=message):
        VOTERS.check(
            {**voters_to_tree(voters), **changes},
            "voters",
            Scope({"n_prepared": 3, "n_clusters": 2}),
        )
