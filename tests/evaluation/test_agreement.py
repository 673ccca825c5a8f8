import numpy as np
from sklearn.metrics import (
    accuracy_score,
    adjusted_rand_score,
    balanced_accuracy_score,
    normalized_mutual_info_score,
)

from contrastive_clustering._evaluation.agreement import list_metrics
from contrastive_clustering.metrics import clustering_accuracy

CLASSES = np.array(["benign", "malignant", "normal"])


def test_metrics_of_class_codes_are_those_of_the_classes():
    rng = np.random.default_rng(0)
    y, mapped, merged, probed = CLASSES[rng.integers(0, 3, size=(4, 90))]
    strata = rng.integers(-1, 5, size=90)
    probes = {"knn": probed, "linear": None}
    metrics = list_metrics(strata, mapped, merged, probes, CLASSES)
    codes = np.searchsorted(CLASSES, y)
    assert {name: score(codes, p) for name, (score, p) in metrics.items()} == {
        "mapped_accuracy": accuracy_score(y, mapped),
        "balanced_accuracy": balanced_accuracy_score(y, mapped),
        "merged_accuracy": accuracy_score(y, merged),
        "one_to_one_accuracy": clustering_accuracy(y, strata),
        "normalized_mutual_info": normalized_mutual_info_score(y, strata),
        "adjusted_rand": adjusted_rand_score(y, strata),
        "knn_accuracy": accuracy_score(y, probed),
        "knn_balanced_accuracy": balanced_accuracy_score(y, probed),
    }


def test_metrics_that_are_not_defined_are_left_out():
    y = CLASSES[[0, 1]]
    metrics = list_metrics(np.array([0, 1]), y, None, {"knn": None}, CLASSES)
    assert not {"merged_accuracy", "knn_accuracy"} & set(metrics)
