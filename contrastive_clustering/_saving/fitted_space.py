"""Convert the preparation of latents and the voting neighbors to plain values."""

from typing import Any

from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer

from contrastive_clustering._clustering.latent_clustering import VOTING_NEIGHBORS
from contrastive_clustering._clustering.latent_space import (
    WHITENED_VARIANCE,
    RootMeanSquare,
)
from contrastive_clustering._io.schema import (
    INTEGERS,
    Array,
    Boolean,
    Fields,
    Integer,
    Maybe,
    Node,
    Real,
    Scope,
)
from contrastive_clustering._utils.numbering import NOISE

Tree = dict[str, Any]


class _Space(Node):
    """The preparation of latents, which sets the number of the clusterer's features."""

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
        self._fields.check(tree, where, scope)
        latent_dim = scope.get("latent_dim")
        if tree["whitening"] is None and latent_dim is not None:
            scope.bind("n_prepared", latent_dim, where)


SPACE = _Space()

VOTERS = Fields(
    {
        "n_neighbors": Integer(1, VOTING_NEIGHBORS),
        "X": Array(("n_voters", "n_prepared")),
        # Strata, as integers.
        "y": Array(("n_voters",), dtypes=INTEGERS, low=NOISE, below="n_clusters"),
    },
    relations=(
        (
            lambda tree: tree["n_neighbors"] <= len(tree["X"]),
            "n_neighbors is larger than the number of voters",
        ),
    ),
)


def space_to_tree(space: Pipeline) -> Tree:
    """Return a tree for the preparation of latents, which fits `SPACE`."""
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
    if tree["whitening"] is not None:
        whitening = PCA(WHITENED_VARIANCE, whiten=True, svd_solver="full")
        whitening.components_ = tree["whitening"]["components"]
        whitening.mean_ = tree["whitening"]["mean"]
        whitening.explained_variance_ = tree["whitening"]["variance"]
        shape = whitening.components_.shape
        whitening.n_components_, whitening.n_features_in_ = shape
        steps.append(whitening)
    if tree["normalize"]:
        steps.append(Normalizer())
    steps.append(FunctionTransformer(RootMeanSquare(tree["size"])))
    return make_pipeline(*steps)


def voters_to_tree(voters: KNeighborsClassifier | None) -> Tree | None:
    """Return a tree for the voting neighbors, which fits `VOTERS`, or None."""
    if voters is None:
        return None
    # The search tree is not a plain value, but is quickly rebuilt from these values.
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
