import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contrastive_clustering._evaluation import nuisance_probe
from contrastive_clustering._evaluation.group_parts import GroupParts
from contrastive_clustering._evaluation.nuisance_probe import probe_levels
from contrastive_clustering._utils.grouping import Grouping


def make(groups, levels, shift=1.0, seed=0):
    rng = np.random.default_rng(seed)
    latents = rng.normal(size=(len(levels), 4)) + shift * levels[:, None]
    parts = GroupParts.of(Grouping(groups, int(groups.max()) + 1), levels)
    return latents, parts


def test_accuracy_agrees_with_scikit_learn():
    groups = np.arange(90)
    levels = np.repeat([0, 1, 2], 30)
    latents, parts = make(groups, levels)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=3)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    # Equal levels weigh the same without weights, up to the sizes of the folds.
    predicted = cross_val_predict(model, latents, levels, groups=groups, cv=folds)
    found = nuisance_probe._predict_across_groups(
        latents, levels, groups, np.full(90, 1 / 30), 3
    )
    np.testing.assert_array_equal(found, predicted)
    probe = probe_levels(latents, parts, 0.95, 3)
    expected = balanced_accuracy_score(levels, predicted)
    assert probe.accuracy == pytest.approx(expected, abs=1e-10)
    assert probe.chance == pytest.approx(1 / 3)
    assert probe.low < probe.accuracy < probe.high


def test_groups_weigh_as_one_in_the_accuracy(monkeypatch):
    groups = np.repeat(np.arange(12), np.r_[[1] * 6, [5] * 6])
    levels = (groups % 2).astype(int)
    predicted = np.random.default_rng(0).integers(2, size=len(groups))
    monkeypatch.setattr(
        nuisance_probe, "_predict_across_groups", lambda *_args: predicted
    )
    latents, parts = make(groups, levels)
    recalls = [
        np.mean(
            [
                np.mean(predicted[groups == group] == level)
                for group in range(12)
                if group % 2 == level
            ]
        )
        for level in (0, 1)
    ]
    probe = probe_levels(latents, parts, 0.95, 0)
    assert probe.accuracy == pytest.approx(np.mean(recalls), abs=1e-12)


def test_interval_agrees_with_a_loop_over_resamples(monkeypatch):
    groups = np.repeat(np.arange(30), 3)
    levels = np.r_[groups[:45] % 2, np.tile([0, 1, 1], 15)]  # half of them vary
    predicted = np.random.default_rng(0).integers(2, size=90)
    monkeypatch.setattr(
        nuisance_probe, "_predict_across_groups", lambda *_args: predicted
    )
    latents, parts = make(groups, levels)
    probe = probe_levels(latents, parts, 0.9, 7)
    rng = np.random.default_rng([7, 1])
    accuracies = []
    for drawn in rng.integers(30, size=(999, 30)):
        recalls = []
        for level in (0, 1):
            shares = [
                np.mean(predicted[(groups == g) & (levels == level)] == level)
                for g in drawn
                if ((groups == g) & (levels == level)).any()
            ]
            recalls.append(np.mean(shares))
        accuracies.append(np.mean(recalls))
    expected = np.quantile(accuracies, [0.05, 0.95])
    np.testing.assert_allclose([probe.low, probe.high], expected, atol=1e-10)


def test_copies_in_a_group_do_not_leak_into_the_test_fold():
    """Without folds by group, a probe could recognize the patients."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 10)
    levels = rng.integers(2, size=40)[groups]
    latents = rng.normal(size=(40, 60))[groups]
    parts = GroupParts.of(Grouping(groups, 40), levels)
    assert probe_levels(latents, parts, 0.95, 0).accuracy < 0.75


def test_unbalanced_levels_weigh_the_same():
    levels = np.repeat([0, 1], [190, 10])
    latents, parts = make(np.arange(200), levels, shift=0.7)
    model = LogisticRegression().fit(latents, levels)
    without_weights = balanced_accuracy_score(levels, model.predict(latents))
    assert probe_levels(latents, parts, 0.95, 0).accuracy > without_weights + 0.1


def test_levels_with_few_groups_are_left_out():
    levels = np.repeat([0, 1, 2], [20, 20, 4])
    latents, parts = make(np.arange(44), levels)
    assert probe_levels(latents, parts, 0.95, 0).chance == 0.5
    latents, parts = make(np.arange(45), np.repeat([0, 1, 2], [20, 20, 5]))
    assert probe_levels(latents, parts, 0.95, 0).chance == pytest.approx(1 / 3)
    latents, parts = make(np.arange(24), np.repeat([0, 1], [20, 4]))
    assert np.isnan(probe_levels(latents, parts, 0.95, 0).accuracy)


def test_resamples_without_a_level_have_no_accuracy():
    correct, present = np.array([[1.0, 0], [0, 0.5]]), np.eye(2)
    counts = np.array([[2, 0], [1, 1], [1, 3]])
    found = nuisance_probe._balance(counts, correct, present)
    np.testing.assert_allclose(found, [np.nan, 0.75, 0.75])


def test_a_fold_may_leave_a_single_level_to_train_on():
    new = np.zeros((3, 2))
    predicted = nuisance_probe._fit_and_predict(
        np.ones((4, 2)), np.full(4, 2), np.ones(4), new
    )
    assert predicted.tolist() == [2, 2, 2]
