"""Convert fitted clusterers that predict by centers to plain values and arrays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn.cluster import (
    AffinityPropagation,
    Birch,
    BisectingKMeans,
    KMeans,
    MeanShift,
    MiniBatchKMeans,
)
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads
from sklearn.utils.extmath import row_norms

from contrastive_clustering._io.schema import INTEGERS, Array, Fields, Scope

Tree = dict[str, Any]

CENTERS = Array(("n_raw", "n_prepared"), dtypes=("f8",))

# scikit-learn descends a tree of clusters by recursion, whose depth Python limits.
MAX_LEVELS = 300


class Kind(NamedTuple):
    """A kind of clusterer: its class, its schema, and the conversions."""

    type: type
    fields: Fields
    to_tree: Callable[[Any], Tree]
    from_tree: Callable[[Tree], Any]


def _centers_to_tree(clusterer: Any) -> Tree:
    return {"centers": clusterer.cluster_centers_}


def kmeans_of(
    centers: np.ndarray, kind: type[KMeans | MiniBatchKMeans] = KMeans
) -> KMeans | MiniBatchKMeans:
    """Return a fitted k-means that predicts the nearest of the given centers."""
    kmeans = kind(len(centers))
    kmeans.cluster_centers_ = np.ascontiguousarray(centers)
    kmeans.n_features_in_ = centers.shape[1]
    kmeans._n_features_out = len(centers)
    kmeans._n_threads = _openmp_effective_n_threads()
    return kmeans


def _nearest_of(kind: type[AffinityPropagation | MeanShift]) -> Callable[[Tree], Any]:
    def from_tree(tree: Tree) -> AffinityPropagation | MeanShift:
        clusterer = kind()
        clusterer.cluster_centers_ = tree["centers"]
        clusterer.n_features_in_ = tree["centers"].shape[1]
        return clusterer

    return from_tree


def _birch_to_tree(birch: Birch) -> Tree:
    labels = np.asarray(birch.subcluster_labels_)
    if labels.dtype.kind not in "iu":
        raise ValueError(
            f"clusterer=Birch(...) cannot be saved: its n_clusters, a "
            f"{type(birch.n_clusters).__name__}, labels subclusters with dtype "
            f"{labels.dtype}, not with integers. Use pickle or joblib, whose files run "
            "code when they are loaded."
        )
    return {"centers": birch.subcluster_centers_, "labels": labels}


def _birch_from_tree(tree: Tree) -> Birch:
    birch = Birch()
    birch.subcluster_centers_ = tree["centers"]
    birch.subcluster_labels_ = tree["labels"]
    birch._subcluster_norms = row_norms(tree["centers"], squared=True)
    birch._n_features_out, birch.n_features_in_ = tree["centers"].shape
    return birch


class _Nodes(Fields):
    """A binary tree of clusters, parents before children and left before right."""

    def __init__(self) -> None:
        super().__init__(
            {
                "centers": Array(("n_nodes", "n_prepared"), dtypes=("f8",)),
                "is_leaf": Array(("n_nodes",), dtypes=("b1",)),
            }
        )

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        super().check(tree, where, scope)
        # Levels of the nodes that must still follow.
        levels = [0]
        for is_leaf in tree["is_leaf"].tolist():
            if not levels:
                raise ValueError(f"{where} has too many nodes for a binary tree")
            level = levels.pop()
            if level > MAX_LEVELS:
                raise ValueError(f"{where} has more than {MAX_LEVELS} levels")
            if not is_leaf:
                levels += [level + 1, level + 1]
        if levels:
            raise ValueError(f"{where} has too few nodes for a binary tree")
        scope.bind("n_raw", int(tree["is_leaf"].sum()), where)


@dataclass
class _Cluster:
    """A node of the tree of BisectingKMeans, with the attributes `predict` reads."""

    center: np.ndarray
    label: int | None = None
    left: "_Cluster | None" = None
    right: "_Cluster | None" = None


def _bisecting_to_tree(bisecting: BisectingKMeans) -> Tree:
    nodes, remaining = [], [bisecting._bisecting_tree]
    while remaining:
        node = remaining.pop()
        nodes.append(node)
        if node.left is not None:
            remaining += [node.right, node.left]
    # Centers are relative to the mean, which `predict` adds.
    mean = getattr(bisecting, "_X_mean", 0.0)
    return {
        "centers": np.stack([node.center for node in nodes]) + mean,
        "is_leaf": np.array([node.left is None for node in nodes]),
    }


def _bisecting_from_tree(tree: Tree) -> BisectingKMeans:
    root: _Cluster | None = None
    incomplete: list[_Cluster] = []  # nodes that lack a child
    n_leaves = 0
    for center, is_leaf in zip(tree["centers"], tree["is_leaf"].tolist(), strict=True):
        node = _Cluster(center)
        if root is None:
            root = node
        elif incomplete[-1].left is None:
            incomplete[-1].left = node
        else:
            incomplete.pop().right = node
        if is_leaf:
            node.label, n_leaves = n_leaves, n_leaves + 1
        else:
            incomplete.append(node)
    bisecting = BisectingKMeans(n_leaves)
    bisecting._bisecting_tree = root
    bisecting.cluster_centers_ = tree["centers"][tree["is_leaf"]]
    bisecting.n_features_in_ = tree["centers"].shape[1]
    bisecting._n_features_out = n_leaves
    bisecting._n_threads = _openmp_effective_n_threads()
    return bisecting


_NEAREST = Fields({"centers": CENTERS})

CENTER_KINDS: dict[str, Kind] = {
    "kmeans": Kind(
        KMeans, _NEAREST, _centers_to_tree, lambda tree: kmeans_of(tree["centers"])
    ),
    "mini_batch_kmeans": Kind(
        MiniBatchKMeans,
        _NEAREST,
        _centers_to_tree,
        lambda tree: kmeans_of(tree["centers"], MiniBatchKMeans),
    ),
    "mean_shift": Kind(MeanShift, _NEAREST, _centers_to_tree, _nearest_of(MeanShift)),
    "affinity_propagation": Kind(
        AffinityPropagation,
        _NEAREST,
        _centers_to_tree,
        _nearest_of(AffinityPropagation),
    ),
    "bisecting_kmeans": Kind(
        BisectingKMeans, _Nodes(), _bisecting_to_tree, _bisecting_from_tree
    ),
    "birch": Kind(
        Birch,
        Fields(
            {
                "centers": Array(("n_subclusters", "n_prepared"), dtypes=("f8",)),
                "labels": Array(("n_subclusters",), dtypes=INTEGERS),
            }
        ),
        _birch_to_tree,
        _birch_from_tree,
    ),
}
