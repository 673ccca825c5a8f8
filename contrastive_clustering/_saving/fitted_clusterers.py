"""Convert fitted clusterers to the plain values and arrays that they predict by.

scikit-learn's compiled code trusts the shapes of an estimator's attributes. Therefore a
schema checks the arrays of a file, and their consistency, before a new estimator is
created from them.
"""

from collections.abc import Collection
from typing import Any

from contrastive_clustering._clustering.consensus import ConsensusClustering
from contrastive_clustering._clustering.members import Member
from contrastive_clustering._io.schema import (
    INTEGERS,
    Array,
    Boolean,
    Fields,
    Integer,
    Items,
    Kinds,
    Real,
)
from contrastive_clustering._saving.codec import VALUE, from_tree, to_tree
from contrastive_clustering._saving.fitted_centers import (
    CENTER_KINDS,
    Kind,
    Tree,
    kmeans_of,
)
from contrastive_clustering._saving.fitted_mixtures import MIXTURE_KINDS

# Parameters of a consensus that affect its predictions.
_CONSENSUS_PARAMETERS = (
    "n_clusters",
    "n_members",
    "cosine_fraction",
    "kmeans_fraction",
    "n_neighbors",
    "max_samples",
)


_MEMBER = Fields(
    {
        "centers": Array(("n_fine", "n_prepared"), dtypes=("f8",)),
        "merged": Array(("n_fine",), dtypes=INTEGERS, low=0, below="n_raw"),
        "by_direction": Boolean(),
        "shares": Array(("n_raw", "n_raw"), dtypes=("f8",), low=0.0),
    }
)


def _consensus_to_tree(consensus: ConsensusClustering) -> Tree:
    params = consensus.get_params()
    # JSON cannot represent NumPy's numbers.
    numbers = {name: params[name] for name in _CONSENSUS_PARAMETERS}
    return {
        **{
            name: float(value) if name.endswith("_fraction") else int(value)
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
        Member(kmeans_of(member["centers"]), member["merged"], member["by_direction"])
        for member in tree["members"]
    ]
    consensus._shares = [member["shares"] for member in tree["members"]]
    consensus.n_features_in_ = len(tree["mean"])
    return consensus


_KINDS: dict[str, Kind] = {
    **CENTER_KINDS,
    **MIXTURE_KINDS,
    "consensus": Kind(
        ConsensusClustering,
        Fields(
            {
                "n_clusters": Integer(1, size="n_raw"),
                "n_members": Integer(1),
                "cosine_fraction": Real(0.0),
                "kmeans_fraction": Real(0.0),
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

# If a clusterer cannot predict, neighbors vote instead, and the clusterer is not saved.
VOTED = "voted"

# Any other clusterer is an object of a trusted class.
CLUSTERER = Kinds(
    {
        **{name: kind.fields for name, kind in _KINDS.items()},
        VOTED: Fields({}),
        "other": Fields({"object": VALUE}),
    }
)


def clusterer_to_tree(clusterer: Any, trusted: Collection[str]) -> Tree:
    """Return a tree of the values that a clusterer predicts by, which fits `CLUSTERER`.

    If the clusterer cannot predict, the tree has none of its state. A ValueError is
    raised if its class is neither known nor trusted, or if its state cannot be saved.
    """
    if not hasattr(clusterer, "predict"):
        return {"kind": VOTED}
    for name, kind in _KINDS.items():
        if type(clusterer) is kind.type:
            return {"kind": name, **kind.to_tree(clusterer)}
    return {"kind": "other", "object": to_tree(clusterer, trusted, "clusterer")}


def clusterer_from_tree(tree: Tree, trusted: Collection[str]) -> Any:
    """Return the fitted clusterer that a checked tree describes.

    It is None if the clusterer cannot predict. A ValueError is raised if its class is
    neither known nor trusted.
    """
    if tree["kind"] == VOTED:
        return None
    if tree["kind"] == "other":
        return from_tree(tree["object"], trusted)
    return _KINDS[tree["kind"]].from_tree(tree)
