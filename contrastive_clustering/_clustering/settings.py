"""How latents are clustered: the estimator's parameters that concern it."""

from dataclasses import dataclass

from sklearn.base import BaseEstimator

from contrastive_clustering._clustering.clusterers import takes_number
from contrastive_clustering._clustering.n_clusters_search import ClusterNumberSearch

# The number of clusters that is passed where the clusterer finds the number itself.
NOT_ASKED_FOR = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class ClusteringSettings:
    """Settings of the clustering of latents.

    Attributes
    ----------
    n_clusters : int or ClusterNumberSearch
        Number of clusters to ask for, or the search that chooses it.

    clusterer : str or scikit-learn clusterer
        See :func:`resolve_clusterer`.

    whiten, normalize : bool
        See :func:`fit_latent_space`.

    kmeans_fraction : float
        See :func:`resolve_clusterer`.
    """

    n_clusters: int | ClusterNumberSearch
    clusterer: str | BaseEstimator
    whiten: bool
    normalize: bool
    kmeans_fraction: float = 0.0


def resolve_number(
    n_clusters: int | str | ClusterNumberSearch, clusterer: str | BaseEstimator
) -> int | ClusterNumberSearch:
    """Return the number of clusters, or the search, that a parameter stands for.

    Parameters
    ----------
    n_clusters : int, "auto" or ClusterNumberSearch
        The parameter.

    clusterer : str or scikit-learn clusterer
        The clusterer; "auto" leaves the number to one that takes none.

    Returns
    -------
    n_clusters : int or ClusterNumberSearch
        `NOT_ASKED_FOR` where the clusterer finds the number itself.
    """
    if not isinstance(n_clusters, str):
        return n_clusters
    return ClusterNumberSearch() if takes_number(clusterer) else NOT_ASKED_FOR
