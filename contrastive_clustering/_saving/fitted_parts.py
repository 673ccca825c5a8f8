"""Convert the clustering, the density and the search of a fit to trees and back."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from contrastive_clustering._clustering.criteria import CRITERIA
from contrastive_clustering._clustering.density import LatentDensity
from contrastive_clustering._clustering.latent_clustering import (
    CENTERED,
    LatentClustering,
)
from contrastive_clustering._clustering.n_clusters_search import ClusterNumberResult
from contrastive_clustering._io.schema import (
    FLOATS,
    INTEGERS,
    Array,
    Fields,
    Integer,
    Items,
    Kinds,
    Maybe,
    Node,
    OneOf,
    Real,
    Relation,
    Scope,
    Text,
)
from contrastive_clustering._refinement.prototypes import PrototypeClustering
from contrastive_clustering._saving.fitted_clusterers import (
    CLUSTERER,
    VOTED,
    clusterer_from_tree,
    clusterer_to_tree,
)
from contrastive_clustering._saving.fitted_space import (
    SPACE,
    VOTERS,
    Tree,
    space_from_tree,
    space_to_tree,
    voters_from_tree,
    voters_to_tree,
)
from contrastive_clustering._utils.numbering import NOISE

_LABELS = Array(("n_samples",), dtypes=INTEGERS, low=NOISE, below="n_clusters")
_LATENT_CENTERS = Array(("n_clusters", "latent_dim"), dtypes=("f4",))


# Largest number of characters in a label of the clusterer.
MAX_LABEL_LENGTH = 1000

# The hierarchy of strata compares all pairs.
MAX_STRATA = 2**12

_FEW_STRATA: Relation = (
    lambda tree: len(tree["latent_centers"]) <= MAX_STRATA,
    f"there are more than {MAX_STRATA} strata",
)


def _ascends(name: str) -> Any:
    return lambda tree: bool((np.diff(tree[name]) > 0).all())


class _RawLabels(Node):
    """The clusterer's own label of each stratum: numbers or strings."""

    # `n_raw` is known for clusterers whose labels are numbered from 0.
    _numbers = Array(("n_clusters",), dtypes=(*FLOATS, *INTEGERS), below="n_raw")
    # NumPy gives each string of an array as much memory as the longest.
    _strings = Items(
        Text(MAX_LABEL_LENGTH), least=1, most=MAX_STRATA, size="n_clusters"
    )

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        node = self._strings if isinstance(tree, list) else self._numbers
        node.check(tree, where, scope)
        if len(np.unique(np.asarray(tree))) < len(tree):
            raise ValueError(f"{where} are not distinct")


def _has_votes_for_each(tree: Mapping[str, Any]) -> bool:
    voters = tree["voters"]
    strata = np.arange(len(tree["centers"]))
    return voters is None or bool(np.isin(strata, voters["y"]).all())


def _has_labels_of_clusterer(tree: Mapping[str, Any]) -> bool:
    clusterer, raw_labels = tree["clusterer"], tree["raw_labels"]
    if clusterer["kind"] in ("other", VOTED):
        return True
    if isinstance(raw_labels, list) or raw_labels.dtype.kind not in "iu":
        return False
    if clusterer["kind"] == "birch":
        return bool(np.isin(raw_labels, clusterer["labels"]).all())
    return bool(raw_labels.min() >= 0)


CLUSTERING = Kinds(
    {
        "prototypes": Fields(
            {
                "prototypes": Array(
                    ("n_clusters", "n_prototypes", "latent_dim"), dtypes=("f8",)
                ),
                "origin": Array(("latent_dim",), dtypes=("f8",)),
                "temperature": Real(0.0, open=True),
                "latent_centers": _LATENT_CENTERS,
                "labels": _LABELS,
            },
            relations=(_FEW_STRATA,),
        ),
        "latent": Fields(
            {
                "space": SPACE,
                "centers": Array(("n_clusters", "n_prepared"), dtypes=("f8",)),
                "spread": Real(0.0, open=True),
                "clusterer": CLUSTERER,
                "voters": Maybe(VOTERS),
                "raw_labels": _RawLabels(),
                "latent_centers": _LATENT_CENTERS,
                "labels": _LABELS,
            },
            relations=(
                _FEW_STRATA,
                (_has_votes_for_each, "there is a cluster without a voter"),
                (
                    lambda tree: (
                        (tree["voters"] is None) == (tree["clusterer"]["kind"] != VOTED)
                    ),
                    "there must be voters if and only if the clusterer cannot predict",
                ),
                (
                    _has_labels_of_clusterer,
                    "raw_labels do not match the labels of the clusterer",
                ),
            ),
        ),
    }
)

DENSITY = Fields(
    {
        "means": Array(("n_components", "latent_dim"), dtypes=("f8",)),
        "factors": Array(("n_components", "latent_dim", "latent_dim"), dtypes=("f8",)),
        "log_weights": Array(("n_components",), dtypes=("f8",)),
        "strata": Array(("n_components",), dtypes=INTEGERS, low=0, below="n_clusters"),
    },
    relations=(
        (
            lambda tree: bool((np.diff(tree["strata"]) >= 0).all()),
            "strata are not in ascending order",
        ),
        (
            lambda tree: bool(
                (np.diagonal(tree["factors"], axis1=1, axis2=2) > 0).all()
            ),
            "the diagonals of factors are not positive",
        ),
        (
            lambda tree: tree["log_weights"].max() <= 1e-6,
            "a weight is above one",
        ),
    ),
)

SEARCH = Fields(
    {
        "n_clusters": Integer(1),
        "candidates": Array(("n_candidates",), dtypes=INTEGERS, low=1),
        "scores": Array(("n_candidates",), finite=False),
        "criterion": OneOf(tuple(CRITERIA)),
    },
    relations=((_ascends("candidates"), "candidates are not in ascending order"),),
)


def clustering_to_tree(
    clustering: LatentClustering | PrototypeClustering, trusted: Collection[str]
) -> Tree:
    """Return a tree for strata, which fits `CLUSTERING`; see `clusterer_to_tree`."""
    common = {
        "latent_centers": clustering.latent_centers,
        "labels": clustering.labels,
    }
    if isinstance(clustering, PrototypeClustering):
        return {
            "kind": "prototypes",
            "prototypes": clustering.prototypes,
            "origin": clustering.origin,
            "temperature": float(clustering.temperature),
            **common,
        }
    return {
        "kind": "latent",
        "space": space_to_tree(clustering.space),
        "centers": clustering.centers,
        "spread": float(clustering.spread),
        "clusterer": clusterer_to_tree(clustering.clusterer, trusted),
        "voters": voters_to_tree(clustering.voters),
        "raw_labels": _raw_labels_to_tree(clustering.raw_labels),
        **common,
    }


def _raw_labels_to_tree(raw_labels: np.ndarray) -> np.ndarray | list[str]:
    if raw_labels.dtype.kind == "U":
        return [str(label) for label in raw_labels]
    # Files hold no wider floating-point numbers.
    is_float = raw_labels.dtype.kind == "f"
    return raw_labels.astype(np.float64) if is_float else raw_labels


def clustering_from_tree(
    tree: Tree, trusted: Collection[str]
) -> LatentClustering | PrototypeClustering:
    """Return the strata that a checked tree describes; see `clusterer_from_tree`.

    A ValueError is also raised if the shape of the clusterer does not match the
    latents.
    """
    common = {"labels": tree["labels"], "latent_centers": tree["latent_centers"]}
    if tree["kind"] == "prototypes":
        return PrototypeClustering(
            prototypes=tree["prototypes"],
            origin=tree["origin"],
            temperature=tree["temperature"],
            **common,
        )
    clusterer = clusterer_from_tree(tree["clusterer"], trusted)
    n_prepared = tree["centers"].shape[1]
    if isinstance(clusterer, CENTERED):
        # Otherwise compiled code would read beyond the end of an array.
        shape = np.shape(clusterer.cluster_centers_)
        if shape[1:] != (n_prepared,):
            raise ValueError(
                f"the clusterer has centers of shape {shape}, but prepared latents "
                f"have {n_prepared} dimensions"
            )
    return LatentClustering(
        space=space_from_tree(tree["space"]),
        clusterer=clusterer,
        voters=voters_from_tree(tree["voters"]),
        raw_labels=np.array(tree["raw_labels"]),
        centers=tree["centers"],
        spread=tree["spread"],
        **common,
    )


def density_to_tree(density: LatentDensity) -> Tree:
    """Return a tree for a density, which fits `DENSITY`."""
    return dict(vars(density))


def density_from_tree(tree: Tree) -> LatentDensity:
    """Return the density that a checked tree describes."""
    return LatentDensity(**tree)


def search_to_tree(search: ClusterNumberResult | None) -> Tree | None:
    """Return a tree for a search, which fits `SEARCH`, or None."""
    if search is None:
        return None
    return {**vars(search), "n_clusters": int(search.n_clusters)}


def search_from_tree(tree: Tree | None) -> ClusterNumberResult | None:
    """Return the search that a checked tree describes, or None."""
    return None if tree is None else ClusterNumberResult(**tree)
