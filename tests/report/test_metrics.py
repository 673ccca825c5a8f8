import numpy as np
import pytest

from contrastive_clustering import ContrastiveAutoencoderClusterer, evaluate_clustering
from contrastive_clustering._evaluation import group_bootstrap
from contrastive_clustering._report.data import choose_samples
from contrastive_clustering._report.metrics import (
    measure_against_classes,
    measure_strata,
)
from contrastive_clustering._utils import chunks
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering.metrics import mapped_accuracy


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
    monkeypatch.setattr(chunks, "CHUNK_VALUES", 64 * 7)  # seven images at a time
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


def test_a_group_weighs_as_one(measured, monkeypatch):
    monkeypatch.setattr(group_bootstrap, "N_RESAMPLES", 2)  # not compared
    estimator, images, y, chosen = measured
    groups = np.repeat(np.arange(45), np.tile(np.arange(1, 10), 5))[:200]
    grouping = Grouping.read(groups, 200)
    expected = evaluate_clustering(estimator, images, y, images, y, groups_test=groups)
    metrics = measure_strata(estimator, chosen, 0, grouping)
    metrics += measure_against_classes(chosen.labels, y, estimator.linkage_, grouping)
    found = {metric.name: metric.value for metric in metrics}
    for name, value in (
        ("Silhouette", expected.silhouette),
        ("Davies-Bouldin index", expected.davies_bouldin),
        ("Reconstruction error", expected.reconstruction_error),
        ("One-to-one accuracy", expected.one_to_one_accuracy),
        ("Normalized mutual information", expected.normalized_mutual_info),
        ("Adjusted Rand index", expected.adjusted_rand),
    ):
        assert found[name] == pytest.approx(value, abs=1e-5)
    weights, merged = grouping.weights(), estimator.labels_at(10)
    for name, strata, balanced in (
        ("Mapped accuracy", chosen.labels, False),
        ("Balanced accuracy", chosen.labels, True),
        ("Merged accuracy", merged, False),
    ):
        score = mapped_accuracy(y, strata, balanced=balanced, sample_weight=weights)
        assert found[name] == pytest.approx(score, abs=1e-10)


def test_undefined_metrics_are_nan(measured):
    estimator, images, _, _ = measured
    alike = images[:1].repeat(20, axis=0)
    part = choose_samples(estimator, alike, alike, None, max_samples=99, seed=0)
    metrics = measure_strata(estimator, part, 0)
    assert np.isnan([metric.value for metric in metrics]).all()
