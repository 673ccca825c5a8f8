import numpy as np
import pytest
from custom_clusterers import NamedByFit
from sklearn.cluster import DBSCAN, Birch, BisectingKMeans

from contrastive_clustering._io.schema import Scope
from contrastive_clustering._saving.fitted_centers import (
    CENTER_KINDS,
    MAX_LEVELS,
    kmeans_of,
)

BISECTING, BIRCH = CENTER_KINDS["bisecting_kmeans"], CENTER_KINDS["birch"]

rng = np.random.default_rng(0)
X = np.concatenate([rng.normal(size=(30, 3)) + 4 * shift for shift in range(3)])
OTHERS = rng.normal(size=(50, 3)) * 6 + 4


def test_kmeans_predicts_the_nearest_center():
    centers = np.array([[0.0, 0.0], [4.0, 0.0]])
    labels = kmeans_of(centers).predict(np.array([[1.0, 0.0], [3.0, 9.0]]))
    assert labels.tolist() == [0, 1]


@pytest.mark.parametrize("n_clusters", [1, 2, 3, 12])
@pytest.mark.parametrize("strategy", ["biggest_inertia", "largest_cluster"])
def test_trees_of_any_shape_survive_a_roundtrip(n_clusters, strategy):
    fitted = BisectingKMeans(
        n_clusters, bisecting_strategy=strategy, random_state=0
    ).fit(X)
    tree = BISECTING.to_tree(fitted)
    scope = Scope({"n_prepared": 3})
    BISECTING.fields.check(tree, "the tree", scope)
    assert scope.get("n_raw") == n_clusters
    found = BISECTING.from_tree(tree)
    np.testing.assert_array_equal(found.predict(OTHERS), fitted.predict(OTHERS))
    np.testing.assert_array_equal(found.cluster_centers_, fitted.cluster_centers_)


@pytest.mark.parametrize("n_levels", [MAX_LEVELS, MAX_LEVELS + 1])
@pytest.mark.parametrize("left_first", [True, False])
def test_trees_have_a_limited_depth(n_levels, left_first):
    if left_first:
        is_leaf = [False] * n_levels + [True] * (n_levels + 1)
    else:
        is_leaf = [False, True] * n_levels + [True]
    centers = np.arange(3.0 * len(is_leaf)).reshape(-1, 3)
    tree = {"centers": centers, "is_leaf": np.array(is_leaf)}
    if n_levels > MAX_LEVELS:
        with pytest.raises(ValueError, match="more than 300 levels"):
            BISECTING.fields.check(tree, "the tree", Scope())
    else:
        BISECTING.fields.check(tree, "the tree", Scope())
        labels = BISECTING.from_tree(tree).predict(centers)
        assert labels[-1] == n_levels


def test_subclusters_may_be_noise():
    fitted = Birch(n_clusters=DBSCAN(eps=1.0), threshold=0.4).fit(X)
    assert -1 in fitted.subcluster_labels_
    tree = BIRCH.to_tree(fitted)
    BIRCH.fields.check(tree, "the tree", Scope({"n_prepared": 3}))
    found = BIRCH.from_tree(tree)
    np.testing.assert_array_equal(found.predict(OTHERS), fitted.predict(OTHERS))


def test_subclusters_labeled_by_strings_are_rejected():
    fitted = Birch(n_clusters=NamedByFit(names=("a", "b", "c")), threshold=0.4).fit(X)
    with pytest.raises(ValueError, match="NamedByFit, labels subclusters with dtype"):
        BIRCH.to_tree(fitted)
