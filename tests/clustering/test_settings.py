import pytest
from sklearn.cluster import DBSCAN, KMeans

from contrastive_clustering import ClusterNumberSearch
from contrastive_clustering._clustering.settings import NOT_ASKED_FOR, resolve_number

SEARCH = ClusterNumberSearch(min_clusters=2, max_clusters=4)


@pytest.mark.parametrize(
    ("n_clusters", "clusterer", "resolved"),
    [
        (5, "kmeans", 5),
        (5, DBSCAN(), 5),
        (SEARCH, "consensus", SEARCH),
        ("auto", "kmeans", ClusterNumberSearch()),
        ("auto", KMeans(), ClusterNumberSearch()),
        ("auto", DBSCAN(), NOT_ASKED_FOR),
    ],
)
def test_auto_is_a_search_unless_the_clusterer_takes_no_number(
    n_clusters, clusterer, resolved
):
    assert resolve_number(n_clusters, clusterer) == resolved
