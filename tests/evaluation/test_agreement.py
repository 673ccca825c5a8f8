import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    adjusted_rand_score,
    balanced_accuracy_score,
    normalized_mutual_info_score,
)

from contrastive_clustering._evaluation.agreement import list_metrics
from contrastive_clustering._evaluation.group_agreement import group_adjusted_rand
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering.metrics import clustering_accuracy

CLASSES = np.array(["benign", "malignant", "normal"])


def test_metrics_of_class_codes_are_those_of_the_classes():
    rng = np.random.default_rng(0)
    y, mapped, merged, probed = CLASSES[rng.integers(0, 3, size=(4, 90))]
    strata = rng.integers(-1, 5, size=90)
    probes = {"knn": probed, "linear": None}
    metrics = list_metrics(strata, mapped, merged, probes, CLASSES)
    codes = np.searchsorted(CLASSES, y)
    found = {name: score(codes, p, None) for name, (score, p) in metrics.items()}
    assert found == {
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


def test_a_group_weighs_as_one():
    """Scores of copies, such that all groups have the same number of samples."""
    rng = np.random.default_rng(0)
    codes, mapped = rng.integers(0, 3, size=(2, 90))
    strata, groups = rng.integers(-1, 5, size=90), rng.integers(0, 20, size=90)
    grouping = Grouping.read(groups, 90)
    sizes = np.bincount(grouping.codes)
    copies = np.repeat(np.arange(90), np.lcm.reduce(sizes) // sizes[grouping.codes])
    metrics = list_metrics(
        strata, CLASSES[mapped], None, {}, CLASSES, grouping=grouping
    )
    found = {
        name: score(codes, p, grouping.weights())
        for name, (score, p) in metrics.items()
    }
    y, mapped, of_copies = codes[copies], mapped[copies], strata[copies]
    assert found == pytest.approx(
        {
            "mapped_accuracy": accuracy_score(y, mapped),
            "balanced_accuracy": balanced_accuracy_score(y, mapped),
            "one_to_one_accuracy": clustering_accuracy(y, of_copies),
            "normalized_mutual_info": normalized_mutual_info_score(y, of_copies),
            "adjusted_rand": group_adjusted_rand(
                codes, strata, grouping.weights(), grouping.codes
            ),
        },
        abs=1e-10,
    )
