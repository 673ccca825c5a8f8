"""Convert fitted mixtures of scikit-learn to plain values and arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

from contrastive_clustering._io.schema import Array, Fields, Node, Real, Relation
from contrastive_clustering._saving.fitted_centers import CENTERS, Kind, Tree

_CHOLESKY_SHAPES: dict[str, tuple[str, ...]] = {
    "full": ("n_raw", "n_prepared", "n_prepared"),
    "tied": ("n_prepared", "n_prepared"),
    "diag": ("n_raw", "n_prepared"),
    "spherical": ("n_raw",),
}

# The log-density takes the logarithm of these values.
_TINY = float(np.finfo(np.float64).tiny)


def _mixture_to_tree(mixture: GaussianMixture) -> Tree:
    return {
        "kind": f"gaussian_mixture_{mixture.covariance_type}",
        "weights": mixture.weights_,
        "means": mixture.means_,
        "precisions_cholesky": mixture.precisions_cholesky_,
    }


def _mixture_of(covariance_type: str) -> Callable[[Tree], GaussianMixture]:
    def from_tree(tree: Tree) -> GaussianMixture:
        mixture = GaussianMixture(len(tree["means"]), covariance_type=covariance_type)
        mixture.weights_ = tree["weights"]
        mixture.means_ = tree["means"]
        mixture.precisions_cholesky_ = tree["precisions_cholesky"]
        mixture.n_features_in_ = tree["means"].shape[1]
        return mixture

    return from_tree


def _bayesian_to_tree(mixture: BayesianGaussianMixture) -> Tree:
    concentration = mixture.weight_concentration_
    is_process = mixture.weight_concentration_prior_type == "dirichlet_process"
    degrees = mixture.degrees_of_freedom_
    return {
        "kind": (
            f"bayesian_mixture_{mixture.weight_concentration_prior_type}"
            f"_{mixture.covariance_type}"
        ),
        "means": mixture.means_,
        "mean_precision": mixture.mean_precision_,
        # A single number if components share their covariance.
        "degrees_of_freedom": degrees if np.ndim(degrees) else float(degrees),
        "precisions_cholesky": mixture.precisions_cholesky_,
        "concentration": concentration[0] if is_process else concentration,
        **({"concentration_of_rest": concentration[1]} if is_process else {}),
    }


def _bayesian_of(prior: str, covariance_type: str) -> Callable[[Tree], Any]:
    def from_tree(tree: Tree) -> BayesianGaussianMixture:
        mixture = BayesianGaussianMixture(
            n_components=len(tree["means"]),
            covariance_type=covariance_type,
            weight_concentration_prior_type=prior,
        )
        mixture.means_ = tree["means"]
        mixture.mean_precision_ = tree["mean_precision"]
        mixture.degrees_of_freedom_ = tree["degrees_of_freedom"]
        mixture.precisions_cholesky_ = tree["precisions_cholesky"]
        mixture.weight_concentration_ = tree["concentration"]
        if "concentration_of_rest" in tree:
            mixture.weight_concentration_ = (
                tree["concentration"],
                tree["concentration_of_rest"],
            )
        mixture.n_features_in_ = tree["means"].shape[1]
        return mixture

    return from_tree


_ENOUGH_DEGREES: Relation = (
    lambda tree: bool(np.min(tree["degrees_of_freedom"]) > tree["means"].shape[1] - 1),
    "there are too few degrees of freedom",
)


def _bayesian_fields(prior: str, covariance_type: str) -> Fields:
    each = Array(("n_raw",), dtypes=("f8",), low=_TINY)
    degrees: Node = Real(0.0, open=True) if covariance_type == "tied" else each
    fields: dict[str, Node] = {
        "means": CENTERS,
        "mean_precision": each,
        "degrees_of_freedom": degrees,
        "precisions_cholesky": Array(_CHOLESKY_SHAPES[covariance_type]),
        "concentration": each,
    }
    if prior == "dirichlet_process":
        fields["concentration_of_rest"] = each
    return Fields(fields, relations=(_ENOUGH_DEGREES,))


MIXTURE_KINDS: dict[str, Kind] = {
    **{
        f"gaussian_mixture_{name}": Kind(
            GaussianMixture,
            Fields(
                {
                    "means": CENTERS,
                    "weights": Array(("n_raw",), low=0.0),
                    "precisions_cholesky": Array(shape),
                }
            ),
            _mixture_to_tree,
            _mixture_of(name),
        )
        for name, shape in _CHOLESKY_SHAPES.items()
    },
    **{
        f"bayesian_mixture_{prior}_{name}": Kind(
            BayesianGaussianMixture,
            _bayesian_fields(prior, name),
            _bayesian_to_tree,
            _bayesian_of(prior, name),
        )
        for prior in ("dirichlet_process", "dirichlet_distribution")
        for name in _CHOLESKY_SHAPES
    },
}
