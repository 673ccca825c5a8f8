"""Metrics that compare strata with reference classes, as scores of predictions."""

import numpy as np
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from contrastive_clustering._evaluation.group_bootstrap import Metric
from contrastive_clustering.metrics import clustering_accuracy, mean_recall


def accuracy(y: np.ndarray, predicted: np.ndarray) -> float:
    """Return the fraction of correct classes."""
    return float(np.mean(predicted == y))


# In 150 simulated data sets of 20 to 200 groups each, the true normalized mutual
# information was in the percentile interval of 25 to 79 %, in the reflected one of 89
# to 93 %. For the adjusted Rand index it was 89 to 94 % and 81 to 91 %.
BIASED = ("normalized_mutual_info",)

# Scores of predicted classes.
ACCURACIES = {"accuracy": accuracy, "balanced_accuracy": mean_recall}


def list_metrics(
    strata: np.ndarray,
    mapped: np.ndarray,
    merged: np.ndarray | None,
    probes: dict[str, np.ndarray | None],
    classes: np.ndarray,
) -> dict[str, Metric]:
    """Return the metrics that compare strata and predicted classes with true ones.

    Parameters
    ----------
    strata : ndarray of shape (n_samples,)
        Strata of the samples.

    mapped : ndarray of shape (n_samples,)
        Classes that the strata are mapped to.

    merged : ndarray of shape (n_samples,) or None
        The same after merging strata along the hierarchy; None if there is none.

    probes : dict of str to ndarray of shape (n_samples,) or None
        Classes predicted by probes; None for probes without latents.

    classes : ndarray of shape (n_classes,)
        All classes, sorted.

    Returns
    -------
    metrics : dict of str to tuple
        Score and predictions of each metric that is defined. The true classes that the
        scores need, and the predicted ones, are indices in `classes`.
    """
    mapped = np.searchsorted(classes, mapped)
    metrics: dict[str, Metric] = {
        "mapped_accuracy": (accuracy, mapped),
        "balanced_accuracy": (mean_recall, mapped),
        "one_to_one_accuracy": (clustering_accuracy, strata),
        "normalized_mutual_info": (normalized_mutual_info_score, strata),
        "adjusted_rand": (adjusted_rand_score, strata),
    }
    if merged is not None:
        metrics["merged_accuracy"] = accuracy, np.searchsorted(classes, merged)
    for name, predicted in probes.items():
        if predicted is not None:
            codes = np.searchsorted(classes, predicted)
            metrics |= {f"{name}_{kind}": (s, codes) for kind, s in ACCURACIES.items()}
    return metrics
