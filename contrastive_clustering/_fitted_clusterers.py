"""Fitted clusterers as plain values and arrays: what each predicts by, and no more.

scikit-learn's compiled code trusts the shapes of an estimator's attributes. So they are
not copied from a file as they are: a schema compares them with each other, and a new
estimator is made of those that have passed.
"""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

from contrastive_clustering._codec import VALUE, decode, encode
from contrastive_clustering._consensus import ConsensusClustering, Member
from contrastive_clustering._latent import (
    VOTING_NEIGHBOURS,
    WHITENED_VARIANCE,
    RootMeanSquare,
)
from contrastive_clustering._schema import (
    FLOATS,
    INTEGERS,
    Array,
    Boolean,
    Fields,
    Integer,
    Items,
    Kinds,
    Maybe,
    Node,
    Real,
    Scope,
)

Tree = dict[str, Any]

# Parameters of a consensus that tell how it predicts.
_CONSENSUS_PARAMETERS = (
    "n_clusters",
    "n_members",
    "directions",
    "n_neighbors",
    "max_samples",
)

_CHOLESKY_SHAPES: dict[str, tuple[str, ...]] = {
    "full": ("n_raw", "n_prepared", "n_prepared"),
    "tied": ("n_prepared", "n_prepared"),
    "diag": ("n_raw", "n_prepared"),
    "spherical": ("n_raw",),
}


class _Space(Node):
    """The preparation of latents, which sets how many directions clusterers see."""

    _fields = Fields(
        {
            "whitening": Maybe(
                Fields(
                    {
                        "components": Array(("n_prepared", "latent_dim")),
                        "mean": Array(("latent_dim",)),
                        "variance": Array(("n_prepared",), low=0.0),
                    }
                )
            ),
            "normalize": Boolean(),
            "size": Real(0.0, open=True),
        }
    )

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        """Raise a ValueError unless a tree fits."""
        self._fields.check(tree, where, scope)
        latent_dim = scope.find("latent_dim")
        if tree["whitening"] is None and latent_dim is not None:
            scope.bind("n_prepared", latent_dim, where)


SPACE = _Space()

VOTERS = Fields(
    {
        "n_neighbors": Integer(1, VOTING_NEIGHBOURS),
        "X": Array(("n_voters", "n_prepared")),
        "y": Array(("n_voters",), dtypes=(*FLOATS, *INTEGERS)),
    },
    relations=(
        (
            lambda tree: tree["n_neighbors"] <= len(tree["X"]),
            "it asks for more neighbors than there are",
        ),
    ),
)

_CENTERS = Array(("n_raw", "n_prepared"), dtypes=("f8",))

_MEMBER = Fields(
    {
        "centers": Array(("n_fine", "n_prepared"), dtypes=("f8",)),
        "merged": Array(("n_fine",), dtypes=INTEGERS, low=0, below="n_raw"),
        "by_direction": Boolean(),
        "shares": Array(("n_raw", "n_raw"), dtypes=("f8",), low=0.0),
    }
)


class _Kind(NamedTuple):
    """A kind of clusterer: its class, its schema, to a tree and back."""

    type: type
    fields: Fields
    to_tree: Callable[[Any], Tree]
    from_tree: Callable[[Tree], Any]


def _fitted_kmeans(centers: np.ndarray) -> KMeans:
    kmeans = KMeans(len(centers))
    kmeans.cluster_centers_ = np.ascontiguousarray(centers)
    kmeans.n_features_in_ = centers.shape[1]
    kmeans._n_features_out = len(centers)
    kmeans._n_threads = _openmp_effective_n_threads()
    return kmeans


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


def _consensus_to_tree(consensus: ConsensusClustering) -> Tree:
    params = consensus.get_params()
    # NumPy's numbers would not go into JSON.
    numbers = {name: params[name] for name in _CONSENSUS_PARAMETERS}
    return {
        **{
            name: float(value) if name == "directions" else int(value)
            for name, value in numbers.items()
        },
        "mean": consensus._mean,
        "members": [
            {
                "centers": member.fine.cluster_centers_,
                "merged": member.merged,
                "by_direction": member.by_direction,
                "shares": shares,
            }
            for member, shares in zip(
                consensus._members, consensus._shares, strict=True
            )
        ],
    }


def _consensus_from_tree(tree: Tree) -> ConsensusClustering:
    consensus = ConsensusClustering(
        **{name: tree[name] for name in _CONSENSUS_PARAMETERS}
    )
    consensus._validate_params()
    consensus._mean = tree["mean"]
    consensus._members = [
        Member(
            _fitted_kmeans(member["centers"]), member["merged"], member["by_direction"]
        )
        for member in tree["members"]
    ]
    consensus._shares = [member["shares"] for member in tree["members"]]
    consensus.n_features_in_ = len(tree["mean"])
    return consensus


_KINDS: dict[str, _Kind] = {
    "kmeans": _Kind(
        KMeans,
        Fields({"centers": _CENTERS}),
        lambda kmeans: {"centers": kmeans.cluster_centers_},
        lambda tree: _fitted_kmeans(tree["centers"]),
    ),
    **{
        f"gaussian_mixture_{name}": _Kind(
            GaussianMixture,
            Fields(
                {
                    "means": _CENTERS,
                    "weights": Array(("n_raw",), low=0.0),
                    "precisions_cholesky": Array(shape),
                }
            ),
            _mixture_to_tree,
            _mixture_of(name),
        )
        for name, shape in _CHOLESKY_SHAPES.items()
    },
    "consensus": _Kind(
        ConsensusClustering,
        Fields(
            {
                "n_clusters": Integer(1, size="n_raw"),
                "n_members": Integer(1),
                "directions": Real(0.0),
                "n_neighbors": Integer(1),
                "max_samples": Integer(2),
                "mean": Array(("n_prepared",), dtypes=("f8",)),
                "members": Items(_MEMBER, least=1),
            }
        ),
        _consensus_to_tree,
        _consensus_from_tree,
    ),
}

# Any other clusterer is an object of a trusted class.
CLUSTERER = Kinds(
    {
        **{name: kind.fields for name, kind in _KINDS.items()},
        "other": Fields({"object": VALUE}),
    }
)


def clusterer_to_tree(clusterer: Any, trusted: Collection[str]) -> Tree:
    """Return a tree for a fitted clusterer, which fits `CLUSTERER`.

    Parameters
    ----------
    clusterer : estimator
        A fitted clusterer.

    trusted : collection of str
        Import paths of classes that may be named.

    Returns
    -------
    tree : dict
        What it predicts by.

    Raises
    ------
    ValueError
        If its class is neither known nor trusted, or it keeps what cannot be saved.
    """
    for name, kind in _KINDS.items():
        if type(clusterer) is kind.type:
            return {"kind": name, **kind.to_tree(clusterer)}
    return {"kind": "other", "object": encode(clusterer, trusted, "clusterer")}


def clusterer_from_tree(tree: Tree, trusted: Collection[str]) -> Any:
    """Return the fitted clusterer that a checked tree describes.

    Parameters
    ----------
    tree : dict
        A tree that fits `CLUSTERER`.

    trusted : collection of str
        Import paths of classes that may be imported.

    Returns
    -------
    clusterer : estimator
        A fitted clusterer.

    Raises
    ------
    ValueError
        If its class is neither known nor trusted.
    """
    if tree["kind"] == "other":
        return decode(tree["object"], trusted)
    return _KINDS[tree["kind"]].from_tree(tree)


def space_to_tree(space: Pipeline) -> Tree:
    """Return a tree for how latents are prepared, which fits `SPACE`."""
    steps = [step for _, step in space.steps]
    whitening = next((step for step in steps if isinstance(step, PCA)), None)
    return {
        "whitening": None
        if whitening is None
        else {
            "components": whitening.components_,
            "mean": whitening.mean_,
            "variance": whitening.explained_variance_,
        },
        "normalize": any(isinstance(step, Normalizer) for step in steps),
        "size": float(steps[-1].func.size),
    }


def space_from_tree(tree: Tree) -> Pipeline:
    """Return the fitted transformer that a checked tree describes."""
    steps: list[Any] = []
    n_inputs = None
    if tree["whitening"] is not None:
        components = tree["whitening"]["components"]
        n_components, n_inputs = components.shape
        whitening = PCA(WHITENED_VARIANCE, whiten=True, svd_solver="full")
        whitening.components_ = components
        whitening.mean_ = tree["whitening"]["mean"]
        whitening.explained_variance_ = tree["whitening"]["variance"]
        whitening.n_components_ = n_components
        whitening.n_features_in_ = n_inputs
        steps.append(whitening)
    if tree["normalize"]:
        steps.append(Normalizer())
    steps.append(FunctionTransformer(RootMeanSquare(tree["size"])))
    return make_pipeline(*steps)


def voters_to_tree(voters: KNeighborsClassifier | None) -> Tree | None:
    """Return a tree for neighbors that vote, which fits `VOTERS`, or None."""
    if voters is None:
        return None
    # Its search tree is not a plain value, and is quickly built from these.
    return {
        "n_neighbors": int(voters.n_neighbors),
        "X": voters._fit_X,
        "y": voters.classes_[voters._y],
    }


def voters_from_tree(tree: Tree | None) -> KNeighborsClassifier | None:
    """Return the fitted voters that a checked tree describes, or None."""
    if tree is None:
        return None
    voters = KNeighborsClassifier(tree["n_neighbors"], weights="distance")
    return voters.fit(tree["X"], tree["y"])
