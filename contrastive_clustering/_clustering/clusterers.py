"""The clusterer of latents before it is fitted: its number of clusters and its seed."""

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
    FEWEST_MEMBERS,
    ConsensusClustering,
)
from contrastive_clustering._utils.messages import reason_of, show

NAMED_CLUSTERERS = ("consensus", "kmeans", "gaussian_mixture")

# Regularization of a mixture's covariances. Latents are brought to unit mean square
# per direction first, so this is a part of a direction's own variance.
MIXTURE_REGULARIZATION = 1e-3


PRECOMPUTED = ("precomputed", "precomputed_nearest_neighbors")


def resolve_clusterer(
    clusterer: str | BaseEstimator,
    n_clusters: int,
    seed: int,
    n_members: int = FEWEST_MEMBERS,
) -> BaseEstimator:
    """Return an unfitted clusterer with the number of clusters and the seed set.

    Parameters
    ----------
    clusterer : {"consensus", "kmeans", "gaussian_mixture"} or scikit-learn clusterer
        What to make, or to clone.

    n_clusters : int
        Set where the clusterer takes a number of clusters: as its own `n_clusters`, as
        the `n_components` of a mixture, or as that of the final step of a pipeline or
        of the one clusterer that it wraps.

    seed : int
        Set wherever a `random_state`, nested ones among them, is None.

    n_members : int, default=32
        Members of the consensus, if it is one that is to be made.

    Returns
    -------
    clusterer : estimator
        A new clusterer.

    Raises
    ------
    ValueError
        If agglomerative clustering has a `distance_threshold` and would be asked for a
        number of clusters as well.
    """
    if isinstance(clusterer, str):
        if clusterer == "consensus":
            return ConsensusClustering(
                n_clusters, n_members=n_members, directions=0.5, random_state=seed
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
                f"clusterer={show(clusterer)} has a distance_threshold and would be "
                "asked for n_clusters as well. Set its n_clusters to None, so that it "
                "finds their number, or its distance_threshold to None."
            )
        holder.set_params(**{name: n_clusters})
    _set_seeds(clusterer, seed)
    return clusterer


def takes_number(clusterer: str | BaseEstimator) -> bool:
    """Return whether a clusterer is asked for a number of clusters.

    Parameters
    ----------
    clusterer : str or scikit-learn clusterer
        The parameter of the estimator.

    Returns
    -------
    takes_number : bool
        False if it finds the number itself, as density-based clusterers do.
    """
    return isinstance(clusterer, str) or _find_number(clusterer) is not None


def check_clusterer(clusterer: Any, n_features: int | None = None) -> None:
    """Raise a ValueError unless a clusterer can be cloned and has valid parameters.

    Parameters
    ----------
    clusterer : str or scikit-learn clusterer
        The parameter of the estimator.

    n_features : int, default=None
        Number of columns that it will be given, if that is known.

    Raises
    ------
    ValueError
        If it is a class or cannot be cloned, or a parameter of it or of an estimator
        within is invalid or asks for distances in place of samples, or if it starts
        from centers of another width.
    """
    if isinstance(clusterer, str):
        return
    if isinstance(clusterer, type) or not hasattr(clusterer, "get_params"):
        raise ValueError(
            f"clusterer={show(clusterer)} is not a scikit-learn estimator that could "
            "be cloned. Pass an instance such as KMeans()."
        )
    try:
        clone(clusterer)
    except (AttributeError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"clusterer={show(clusterer)} cannot be cloned: {reason_of(error)}. Its "
            "constructor has to take each parameter by name and to keep it unchanged."
        ) from error
    # Any number and any seed will do: they are set to the real ones later.
    resolved = resolve_clusterer(clusterer, 2, 0)
    params = resolved.get_params(deep=True)
    # In a pipeline, a step before may compute them.
    for name in ("affinity", "metric"):
        value = params.get(name)
        if isinstance(value, str) and value in PRECOMPUTED:
            raise ValueError(
                f"clusterer={show(clusterer)} has {name}={value!r}, but it is given "
                "latents, and not the distances or neighbors of samples. Choose "
                f"another {name}."
            )
    start = params.get("init")
    if (
        isinstance(start, np.ndarray)
        and start.ndim == 2
        and n_features not in (None, start.shape[1])
    ):
        raise ValueError(
            f"clusterer={show(clusterer)} has init={show(start)}, but it is given "
            f"latents of {n_features} columns (latent_dim). Pass centers of as many."
        )
    for part in (resolved, *params.values()):
        if hasattr(part, "_parameter_constraints") and not isinstance(part, type):
            part._validate_params()


def _find_number(clusterer: Any) -> tuple[Any, str] | None:
    """Return the estimator that takes the number of clusters, and as which parameter.

    The estimator is the clusterer or one within.
    """
    if isinstance(clusterer, Pipeline):
        return _find_number(clusterer.steps[-1][1])
    if not hasattr(clusterer, "get_params") or isinstance(clusterer, type):
        return None
    params = clusterer.get_params(deep=False)
    if "n_clusters" in params:
        number = params["n_clusters"]
        if hasattr(number, "fit_predict"):  # of Birch, which merges subclusters by it
            return _find_number(number)
        # None and the like in place of a default: the clusterer finds the number.
        is_set = isinstance(number, Integral) or _is_default(clusterer, number)
        return (clusterer, "n_clusters") if is_set else None
    if "n_components" in params:
        # Elsewhere it is the number of dimensions of an embedding.
        is_mixture = isinstance(clusterer, DensityMixin)
        return (clusterer, "n_components") if is_mixture else None
    wrapped = [part for part in params.values() if hasattr(part, "fit_predict")]
    return _find_number(wrapped[0]) if len(wrapped) == 1 else None


def _is_default(clusterer: Any, number: Any) -> bool:
    """Return whether `n_clusters` is as the constructor sets it."""
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
