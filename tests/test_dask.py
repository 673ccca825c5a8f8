"""Searches and refits on a Dask cluster, through joblib's backend."""

import os

import joblib
import numpy as np
import pytest
from distributed import Client, LocalCluster
from sklearn.model_selection import GridSearchCV

from contrastive_clustering import (
    ClusterNumberSearch,
    ContrastiveAutoencoderClusterer,
    cluster_stability,
)


@pytest.fixture(scope="module")
def cluster():
    """A Dask cluster of two worker processes on this machine."""
    # With dashboard_address=None, the cluster would listen on port 8787, which another
    # cluster on this machine may use.
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="localhost:0"
        ) as two,
        Client(two) as client,
    ):
        yield client
        client.shutdown()


@pytest.fixture
def images(digits):
    return digits[0][:100]


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_grid_search_runs_on_the_workers(images, fast):
    def silhouette_and_process(clusterer, X, y=None):
        return {"silhouette": clusterer.score(X), "process": os.getpid()}

    search = GridSearchCV(
        ContrastiveAutoencoderClusterer(**fast),
        {"temperature": [0.2, 0.5]},
        scoring=silhouette_and_process,
        refit="silhouette",
        cv=2,
    )
    expected = search.fit(images).cv_results_["mean_test_silhouette"]
    assert (search.cv_results_["split0_test_process"] == os.getpid()).all()
    with joblib.parallel_config("dask"):
        found = search.fit(images).cv_results_
    np.testing.assert_allclose(found["mean_test_silhouette"], expected, atol=1e-3)
    for split in (0, 1):
        assert (found[f"split{split}_test_process"] != os.getpid()).all()


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_search_for_k_and_refits_give_the_same_results(images, fast):
    clusterer = ContrastiveAutoencoderClusterer(**fast)
    number = ClusterNumberSearch(min_clusters=3, max_clusters=5)

    def results():
        stability = cluster_stability(clusterer, images, n_resamples=3, random_state=0)
        parameters = {**fast, "n_clusters": number, "refinement_epochs": 0}
        search = ContrastiveAutoencoderClusterer(**parameters).fit(images)
        return stability.jaccard, search.cluster_number_search_.scores

    expected = results()
    with joblib.parallel_config("dask"):
        found = results()
    for result, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(result, other, atol=1e-3)
