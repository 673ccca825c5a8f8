"""Clusterers whose parameters a file may set: those of scikit-learn and the consensus.

Their fitted attributes are the subject of `fitted_clusterers`.
"""

from collections.abc import Mapping
from typing import Any

from sklearn.cluster import (
    DBSCAN,
    HDBSCAN,
    OPTICS,
    AffinityPropagation,
    AgglomerativeClustering,
    Birch,
    BisectingKMeans,
    KMeans,
    MeanShift,
    MiniBatchKMeans,
    SpectralClustering,
)
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

from contrastive_clustering._clustering.consensus import ConsensusClustering
from contrastive_clustering._io.schema import shown

KNOWN_CLUSTERERS: dict[str, Any] = {
    clusterer.__name__: clusterer
    for clusterer in (
        AffinityPropagation,
        AgglomerativeClustering,
        BayesianGaussianMixture,
        Birch,
        BisectingKMeans,
        ConsensusClustering,
        DBSCAN,
        GaussianMixture,
        HDBSCAN,
        KMeans,
        MeanShift,
        MiniBatchKMeans,
        OPTICS,
        SpectralClustering,
    )
}

# A file must neither start processes nor name a folder: joblib unpickles the files in
# its cache folder.
_NOT_WRITTEN = {"memory", "n_jobs"}


def is_known(value: Any) -> bool:
    """Return whether an object is an unfitted clusterer of a known class."""
    is_fitted = any(name.endswith("_") for name in getattr(value, "__dict__", ()))
    return KNOWN_CLUSTERERS.get(type(value).__name__) is type(value) and not is_fitted


def written_params(clusterer: Any) -> dict[str, Any]:
    """Return the parameters of a known clusterer that are written to a file."""
    params = clusterer.get_params(deep=False)
    return {name: params[name] for name in params if name not in _NOT_WRITTEN}


def make_clusterer(kind: str, params: Mapping[str, object]) -> Any:
    """Return a clusterer with the parameters of a file.

    Raises
    ------
    ValueError
        If a parameter is unknown, is not valid, or must not be set by a file.
    """
    clusterer = KNOWN_CLUSTERERS[kind]()
    unknown = params.keys() - written_params(clusterer).keys()
    if unknown:
        raise ValueError(f"a {kind} has unknown parameters, {shown(sorted(unknown))}")
    clusterer.set_params(**params)
    clusterer._validate_params()
    return clusterer
