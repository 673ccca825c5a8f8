"""The metrics by which `quality.py` judges the result of a method."""

import warnings

import numpy as np
from quality_methods import Result
from quality_sets import Data
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    adjusted_rand_score,
    balanced_accuracy_score,
    normalized_mutual_info_score,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contrastive_clustering.metrics import clustering_accuracy, map_clusters_to_labels

N_NEIGHBORS = 15


def judge(data: Data, result: Result) -> dict[str, float]:
    """Return the metrics of a result on the second part of the data, by name."""
    metrics: dict[str, float] = {}
    if result.new is not None:
        metrics |= judge_strata(data, result.train, result.new)
    if result.latents is not None:
        metrics |= judge_latents(data, *result.latents)
    if result.reconstruction_error is not None:
        metrics["reconstruction_error"] = result.reconstruction_error
    return metrics


def judge_strata(
    data: Data, train: np.ndarray | None, new: np.ndarray
) -> dict[str, float]:
    y = data.y_new
    mapped = new if train is None else map_clusters_to_labels(data.y_train, train, new)
    return {
        "mapped": float(np.mean(mapped == y)),
        "balanced": float(balanced_accuracy_score(y, mapped)),
        "balanced_se": standard_error(y, mapped),
        "one_to_one": float(clustering_accuracy(y, new)),
        "ari": float(adjusted_rand_score(y, new)),
        "nmi": float(normalized_mutual_info_score(y, new)),
    }


def judge_latents(data: Data, train: np.ndarray, new: np.ndarray) -> dict[str, float]:
    """Return what classifiers that learn from the latents know of new ones."""
    probes = {
        "neighbors": KNeighborsClassifier(N_NEIGHBORS),
        "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    }
    metrics = {}
    for name, probe in probes.items():
        with warnings.catch_warnings():
            # Further steps change such a probe little.
            warnings.simplefilter("ignore", ConvergenceWarning)
            predicted = probe.fit(train, data.y_train).predict(new)
        metrics |= {
            f"{name}_accuracy": float(np.mean(predicted == data.y_new)),
            f"{name}_balanced": float(balanced_accuracy_score(data.y_new, predicted)),
            f"{name}_se": standard_error(data.y_new, predicted),
        }
    return metrics


def standard_error(y: np.ndarray, predicted: np.ndarray) -> float:
    """Return the standard error of the balanced accuracy.

    The recall of each class is a binomial proportion, and the balanced accuracy is
    their mean. Images count as independent, also those of the same patient.
    """
    recalls_by_class = [(predicted[y == c] == c) for c in np.unique(y)]
    variances = [
        hits.mean() * (1 - hits.mean()) / len(hits) for hits in recalls_by_class
    ]
    return float(np.sqrt(np.sum(variances)) / len(variances))
