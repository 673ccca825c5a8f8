"""The metrics by which `small_sets.py` judges the result of a method."""

import numpy as np
from quality_methods import Result
from quality_metrics import judge
from quality_sets import Data
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    balanced_accuracy_score,
)
from small_sets_samples import Sample

from contrastive_clustering.metrics import map_clusters_to_labels


def judge_sample(
    sample: Sample, result: Result, share: float | None
) -> dict[str, float]:
    """Return the metrics of a result on the new images, by name.

    `share` is the fraction of marked images for which the precision is calculated.
    """
    data = sample.data
    metrics = {"class_ami": adjusted_mutual_info_score(data.y_new, result.new)}
    if sample.marked is None:
        return metrics | judge_classes(data, result, np.ones(len(data.y_new), bool))
    train, new = sample.marked
    metrics |= judge_marks(train, new, result, share)
    if np.array_equal(new, data.y_new):  # the mark is the rare class
        return metrics | judge_classes(data, result, np.ones(len(new), bool))
    mapped = map_clusters_to_labels(data.y_train, result.train, result.new)
    return {
        **metrics,
        **judge_classes(data, result, ~new),
        "balanced_marked": balanced_accuracy_score(data.y_new[new], mapped[new]),
        "mark_ami": adjusted_mutual_info_score(new, result.new),
    }


def judge_classes(data: Data, result: Result, rows: np.ndarray) -> dict[str, float]:
    """Return how well the classes of some of the new images are found."""
    part = Data(data.X_train, data.y_train, data.X_new[rows], data.y_new[rows])
    latents = result.latents and (result.latents[0], result.latents[1][rows])
    judged = judge(part, Result(result.train, result.new[rows], latents))
    names = ("balanced", "balanced_se", "neighbors_balanced")
    return {name: judged[name] for name in names if name in judged}


def judge_marks(
    train: np.ndarray, new: np.ndarray, result: Result, share: float
) -> dict[str, float]:
    """Return whether marked images have strata of their own.

    These are the strata in which most training images are marked. The recall is the
    fraction of the marked new images that are in them; the precision, the fraction of
    marked images there, if a share of all images is marked. It is left out if no new
    image is there.
    """
    strata = np.unique(result.train)
    is_marked = np.array([train[result.train == each].mean() > 0.5 for each in strata])
    inside = np.isin(result.new, strata[is_marked])
    recall, false_alarms = inside[new].mean(), inside[~new].mean()
    metrics = {"marked_strata": int(is_marked.sum()), "recall": float(recall)}
    if inside.any():
        found = share * recall
        metrics["precision"] = float(found / (found + (1 - share) * false_alarms))
    return metrics


def agreements(partitions: list[np.ndarray]) -> list[float]:
    """Return the mean adjusted Rand index of each partition with the others."""
    index = [[adjusted_rand_score(a, b) for a in partitions] for b in partitions]
    n_others = len(partitions) - 1
    return [(sum(row) - 1) / n_others for row in index]
