"""Set the number of clusters and the seed of a clusterer, and validate it."""

import inspect
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin, clone
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

from contrastive_clustering._clustering.consensus import (
    MIN_MEMBERS,
    ConsensusClustering,
)
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.messages import reason_of, show
from contrastive_clustering._utils.param_validation import check_parameters

NAMED_CLUSTERERS = ("consensus", "kmeans", "gaussian_mixture")

# Regularization of a mixture's covariances. Latents are scaled to unit mean square per
# direction first, so the value is relative to the variance of a direction.
MIXTURE_REGULARIZATION = 1e-3


# Parameters of scikit-learn's clusterers that hold a row for each cluster.
STARTS = ("init", "means_init", "weights_init", "precisions_init")

PRECOMPUTED = ("precomputed", "precomputed_nearest_neighbors")


def resolve_clusterer(
    clusterer: str | BaseEstimator,
    n_clusters: int,
    seed: int,
    n_members: int = MIN_MEMBERS,
    kmeans_fraction: float = 0.0,
) -> BaseEstimator:
    """Return an unfitted clusterer with its number of clusters and its seed set.

    Parameters
    ----------
    clusterer : {"consensus", "kmeans", "gaussian_mixture"} or scikit-learn clusterer
        Name of the clusterer to create, or clusterer to clone.

    n_clusters : int
        Number of clusters, set if the clusterer takes one: as `n_clusters`, as
        `n_components` of a mixture, or on the final step of a pipeline or the single
        clusterer that it wraps.

    seed : int
        Seed, set wherever a `random_state` is None, including nested ones.

    n_members : int, default=32
        Number of members of a new consensus clusterer.

    kmeans_fraction : float, default=0.0
        Fraction of its members that are k-means partitions.

    Returns
    -------
    clusterer : estimator
        A new clusterer.

    Raises
    ------
    ValueError
        If agglomerative clustering would have both a `distance_threshold` and a number
        of clusters.
    """
    if isinstance(clusterer, str):
        if clusterer == "consensus":
            return ConsensusClustering(
                n_clusters,
                n_members=n_members,
                cosine_fraction=0.5,
                kmeans_fraction=kmeans_fraction,
                random_state=seed,
            )
        if clusterer == "kmeans":
            return KMeans(n_clusters, n_init=10, random_state=seed)
        return GaussianMixture(
            n_clusters,
            n_init=5,
            reg_covar=MIXTURE_REGULARIZATION,
            random_state=seed,
        )
    clusterer = clone(clusterer)
    found = _find_number(clusterer)
    if found is not None:
        holder, name = found
        if (
            isinstance(holder, AgglomerativeClustering)
            and holder.distance_threshold is not None
        ):
            raise ValueError(
                f"clusterer={show(clusterer)} has both a distance_threshold and "
                "n_clusters. Set its n_clusters to None to let it find the number of "
                "clusters, or its distance_threshold to None."
            )
        holder.set_params(**{name: n_clusters})
    _set_seeds(clusterer, seed)
    return clusterer


def takes_number(clusterer: str | BaseEstimator) -> bool:
    """Return whether a clusterer takes a number of clusters.

    Parameters
    ----------
    clusterer : str or scikit-learn clusterer
        Parameter of the estimator.

    Returns
    -------
    takes_number : bool
        False if the clusterer finds the number itself, like density-based ones.
    """
    return isinstance(clusterer, str) or _find_number(clusterer) is not None


def check_n_groups(
    n_clusters: int, groups: Grouping | None, clusterer: str | BaseEstimator
) -> None:
    """Raise a ValueError if a clusterer must find more clusters than there are groups.

    Parameters
    ----------
    n_clusters : int
        Number of clusters.

    groups : Grouping or None
        Groups of the samples; None if they are independent.

    clusterer : str or scikit-learn clusterer
        Parameter of the estimator.
    """
    if groups is None or not takes_number(clusterer):
        return
    if groups.n_groups < n_clusters:
        raise ValueError(
            f"n_clusters={n_clusters} is more than the number of groups, "
            f"{groups.n_groups}. Lower n_clusters or pass samples of more groups."
        )


def check_clusterer(
    clusterer: Any, n_features: int | None = None, n_clusters: Any = None
) -> None:
    """Raise a ValueError unless a clusterer can be cloned and its parameters are valid.

    Parameters
    ----------
    clusterer : str or scikit-learn clusterer
        Parameter of the estimator.

    n_features : int, default=None
        Number of columns of the latents, if known.

    n_clusters : int, "auto" or ClusterNumberSearch, default=None
        The estimator's number of clusters, if known.

    Raises
    ------
    ValueError
        If the clusterer is a class or cannot be cloned; if a parameter of it or of a
        nested estimator is invalid or expects distances instead of samples; or if its
        initial centers have another number of columns, or are those of another number
        of clusters.
    """
    if isinstance(clusterer, str):
        return
    if isinstance(clusterer, type) or not hasattr(clusterer, "get_params"):
        raise ValueError(
            f"clusterer={show(clusterer)} is not an instance of a scikit-learn "
            "estimator. Pass an instance such as KMeans()."
        )
    try:
        clone(clusterer)
    except (AttributeError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"clusterer={show(clusterer)} cannot be cloned: {reason_of(error)}. Its "
            "constructor must take each parameter by name and store it unchanged."
        ) from error
    # Placeholders for the number of clusters and the seed, which are set later.
    resolved = resolve_clusterer(clusterer, 2, 0)
    params = resolved.get_params(deep=True)
    # In a pipeline, an earlier step may compute distances.
    for name in ("affinity", "metric"):
        value = params.get(name)
        if isinstance(value, str) and value in PRECOMPUTED:
            raise ValueError(
                f"clusterer={show(clusterer)} has {name}={value!r}, but its input is "
                "latents, not distances or neighbors of samples. Choose another "
                f"{name}."
            )
    for name in ("init", "means_init"):
        _check_columns(clusterer, name, params.get(name), n_features)
    for part in (resolved, *params.values()):
        if hasattr(part, "_parameter_constraints") and not isinstance(part, type):
            check_parameters(
                part._parameter_constraints,
                part.get_params(deep=False),
                type(part).__name__,
            )
    if n_clusters is not None:
        _check_start(clusterer, n_clusters)


def _check_columns(
    clusterer: BaseEstimator, name: str, start: Any, n_features: int | None
) -> None:
    """Raise a ValueError if initial centers are not in the space of the latents."""
    if (
        isinstance(start, np.ndarray)
        and start.ndim == 2
        and n_features not in (None, start.shape[1])
    ):
        raise ValueError(
            f"clusterer={show(clusterer)} has {name}={show(start)}, but its input "
            f"has {n_features} columns (latent_dim). Pass centers with "
            f"{n_features} columns."
        )


def _check_start(clusterer: BaseEstimator, n_clusters: Any) -> None:
    """Raise a ValueError if a clusterer starts with another number of clusters.

    It would fail when the network has been trained.
    """
    found = _find_number(clusterer)
    if found is None:
        return
    holder, _ = found
    wanted = {n_clusters}
    if not isinstance(n_clusters, Integral):  # a search, by name or as an object
        wanted = {
            getattr(n_clusters, f"{end}_clusters", None) for end in ("min", "max")
        }
    for name in STARTS:
        start = getattr(holder, name, None)
        # One matrix, whatever the number of clusters.
        is_tied = getattr(holder, "covariance_type", None) == "tied"
        is_shared = is_tied and name == "precisions_init"
        if isinstance(start, np.ndarray) and not is_shared and wanted != {len(start)}:
            raise ValueError(
                f"clusterer={show(clusterer)} has {name}={show(start)} for "
                f"{len(start)} clusters, but n_clusters={show(n_clusters)}. Set "
                f"n_clusters={len(start)}, or leave out {name}."
            )


def _find_number(clusterer: Any) -> tuple[Any, str] | None:
    """Return the estimator and the parameter that take the number of clusters.

    The estimator is the clusterer itself or nested in it.
    """
    if isinstance(clusterer, Pipeline):
        return _find_number(clusterer.steps[-1][1])
    if not hasattr(clusterer, "get_params") or isinstance(clusterer, type):
        return None
    params = clusterer.get_params(deep=False)
    if "n_clusters" in params:
        number = params["n_clusters"]
        if hasattr(number, "fit_predict"):  # Birch merges subclusters by it
            return _find_number(number)
        # Other values than an integer or the default let the clusterer find the number.
        is_set = isinstance(number, Integral) or _is_default(clusterer, number)
        return (clusterer, "n_clusters") if is_set else None
    if "n_components" in params:
        # Other estimators use it for the dimension of an embedding.
        is_mixture = isinstance(clusterer, DensityMixin)
        return (clusterer, "n_components") if is_mixture else None
    wrapped = [part for part in params.values() if hasattr(part, "fit_predict")]
    return _find_number(wrapped[0]) if len(wrapped) == 1 else None


def _is_default(clusterer: Any, number: Any) -> bool:
    """Return whether `n_clusters` has the default value of the constructor."""
    parameters = inspect.signature(type(clusterer)).parameters
    if "n_clusters" not in parameters:
        return False
    default = parameters["n_clusters"].default
    return number is default or (isinstance(number, str) and number == default)


def _set_seeds(clusterer: BaseEstimator, seed: int) -> None:
    rng = check_random_state(seed)
    seeds = {}
    for name, value in sorted(clusterer.get_params(deep=True).items()):
        if value is None and name == "random_state":
            seeds[name] = seed
        elif value is None and name.endswith("__random_state"):
            seeds[name] = int(rng.randint(2**31 - 1))
    clusterer.set_params(**seeds)
