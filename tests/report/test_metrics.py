import numpy as np
import pytest

from contrastive_clustering import ContrastiveAutoencoderClusterer, evaluate_clustering
from contrastive_clustering._data import scaling as _scaling
from contrastive_clustering._report.data import choose_samples
from contrastive_clustering._report.metrics import (
    measure_against_classes,
    measure_strata,
)


@pytest.fixture(scope="module")
def measured(digits):
    images, y = digits[0][:200], digits[1][:200]
    estimator = ContrastiveAutoencoderClusterer(
        12, clusterer="kmeans", max_epochs=2, refinement_epochs=1, random_state=0
    ).fit(images)
    chosen = choose_samples(estimator, images, images, y, max_samples=1000, seed=0)
    return estimator, images, y, chosen


def test_metrics_match_the_evaluation(measured, monkeypatch):
    estimator, images, y, chosen = measured
    monkeypatch.setattr(_scaling, "CHUNK_VALUES", 64 * 7)  # seven images at a time
    expected = evaluate_clustering(estimator, images, y, images, y, random_state=0)
    metrics = measure_strata(estimator, chosen, 0)
    metrics += measure_against_classes(chosen.labels, y, estimator.linkage_)
    assert {metric.name: metric.value for metric in metrics} == pytest.approx(
        {
            "Silhouette": expected.silhouette,
            "Davies-Bouldin index": expected.davies_bouldin,
            "Reconstruction error": expected.reconstruction_error,
            "Mapped accuracy": expected.mapped_accuracy,
            "Balanced accuracy": expected.balanced_accuracy,
            "Merged accuracy": expected.merged_accuracy,
            "One-to-one accuracy": expected.one_to_one_accuracy,
            "Normalized mutual information": expected.normalized_mutual_info,
            "Adjusted Rand index": expected.adjusted_rand,
        },
        abs=1e-5,
    )
    assert all(metric.interpretation.endswith(".") for metric in metrics)


def test_undefined_metrics_are_nan(measured):
    estimator, images, _, _ = measured
    alike = images[:1].repeat(20, axis=0)
    part = choose_samples(estimator, alike, alike, None, max_samples=99, seed=0)
    metrics = measure_strata(estimator, part, 0)
    assert np.isnan([metric.value for metric in metrics]).all()
