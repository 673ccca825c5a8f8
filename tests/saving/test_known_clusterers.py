import pytest
from sklearn.cluster import OPTICS, AgglomerativeClustering, KMeans

from contrastive_clustering._saving.known_clusterers import (
    KNOWN_CLUSTERERS,
    is_known,
    make_clusterer,
    written_params,
)


class CustomKMeans(KMeans):
    """A subclass may have any behavior."""


@pytest.mark.parametrize("kind", KNOWN_CLUSTERERS)
def test_clusterers_are_created_from_their_parameters(kind):
    clusterer = KNOWN_CLUSTERERS[kind]()
    assert is_known(clusterer)
    made = make_clusterer(kind, written_params(clusterer))
    assert type(made) is type(clusterer)
    assert made.get_params() == clusterer.get_params()


def test_fitted_clusterers_and_other_classes_are_not_known():
    assert not is_known(CustomKMeans())
    assert not is_known(KMeans(1).fit([[0.0], [1.0]]))
    assert not is_known("KMeans")


@pytest.mark.parametrize("name", ["memory", "n_jobs"])
def test_parameters_that_concern_the_machine_are_not_written(name):
    clusterer = OPTICS(memory="cache", n_jobs=7)
    assert name not in written_params(clusterer)
    with pytest.raises(ValueError, match=name):
        make_clusterer("OPTICS", {name: None})


@pytest.mark.parametrize(
    ("kind", "params", "message"),
    [
        ("KMeans", {"n_cluster": 3}, "has unknown parameters"),
        ("KMeans", {"n_clusters": -1}, "n_clusters"),
        ("AgglomerativeClustering", {"memory": "cache"}, "memory"),
        ("HDBSCAN", {"n_jobs": 10**6}, "n_jobs"),
        ("Birch", {"threshold": "low"}, "threshold"),
    ],
)
def test_forged_parameters_are_rejected(kind, params, message):
    with pytest.raises(ValueError, match=message):
        make_clusterer(kind, params)


def test_the_cache_folder_is_not_saved():
    ward = AgglomerativeClustering(memory="cache")
    assert (
        make_clusterer("AgglomerativeClustering", written_params(ward)).memory is None
    )
