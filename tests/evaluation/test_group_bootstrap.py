from functools import partial

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from contrastive_clustering._evaluation import group_bootstrap
from contrastive_clustering._evaluation.group_agreement import (
    group_adjusted_rand,
    normalized_mutual_info,
)
from contrastive_clustering._evaluation.group_bootstrap import group_intervals
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.weighted_tables import mean_recall


def accuracy(y, predicted, weights):
    return float(np.average(y == predicted, weights=weights))


def balanced(y, predicted, weights):
    return balanced_accuracy_score(y, predicted, sample_weight=weights)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, size=120)
    predicted = np.where(rng.random(120) < 0.7, y, rng.integers(0, 3, size=120))
    return y, predicted, rng.integers(0, 25, size=120)


def test_it_matches_resamples_that_are_put_together_group_by_group(data, monkeypatch):
    monkeypatch.setattr(group_bootstrap, "N_RESAMPLES", 50)
    y, predicted, groups = data
    grouping = Grouping.read(groups, len(y))
    metrics = {
        name: (score, predicted)
        for name, score in (
            ("accuracy", accuracy),
            ("balanced", balanced),
            ("rand", partial(group_adjusted_rand, groups=grouping.codes)),
        )
    }
    found = group_intervals(metrics, y, grouping, 3)
    rng = np.random.RandomState(3)
    members = [np.flatnonzero(grouping.codes == g) for g in range(grouping.n_groups)]
    sizes = np.bincount(grouping.codes)
    drawn = {name: [] for name in metrics}
    for _ in range(50):
        groups_drawn = rng.randint(grouping.n_groups, size=grouping.n_groups)
        rows = np.concatenate([members[g] for g in groups_drawn])
        # Each draw is a group of its own, and weighs as one.
        draws = np.repeat(np.arange(len(groups_drawn)), sizes[groups_drawn])
        weights = 1 / np.bincount(draws)[draws]
        pair = y[rows], predicted[rows]
        drawn["accuracy"].append(accuracy_score(*pair, sample_weight=weights))
        drawn["balanced"].append(balanced(*pair, weights))
        drawn["rand"].append(group_adjusted_rand(*pair, weights, draws))
    for name, values in drawn.items():
        expected = np.percentile(values, [2.5, 97.5])
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=1e-10)


def test_intervals_of_biased_metrics_are_reflected(data):
    y, predicted, groups = data
    arguments = {"a": (accuracy, predicted)}, y, Grouping.read(groups, len(y)), 0
    low, high = group_intervals(*arguments)["a"]
    value = accuracy(y, predicted, arguments[2].weights())
    reflected = group_intervals(*arguments, biased=["a"])["a"]
    assert reflected == pytest.approx((2 * value - high, 2 * value - low), abs=1e-12)


@pytest.mark.parametrize(("value", "limit"), [(0.02, 0.0), (0.74, 1.0)])
def test_reflected_intervals_stay_in_the_range_of_the_metric(value, limit):
    def score(y, predicted, weights):
        is_observed = np.allclose(weights, 1)
        return value if is_observed else 0.5 - 0.1 * (weights[0] == 0)

    arguments = {"a": (score, np.zeros(20))}, np.zeros(20), Grouping(np.arange(20), 20)
    assert limit in group_intervals(*arguments, 0, biased=["a"])["a"]


def test_a_value_without_any_error_has_no_interval():
    """All of 20 patients would also be correct in 36 % at an accuracy of 0.95."""
    y = np.repeat([0, 1], 10)
    metrics = {
        name: (score, predicted)
        for name, score, predicted in (
            ("perfect", accuracy, y),
            ("information", normalized_mutual_info, y),
            ("one error", accuracy, np.r_[1, y[1:]]),
            # A single predicted class has this recall whatever the patients are.
            ("single class", mean_recall, np.zeros(20, int)),
        )
    }
    grouping = Grouping(np.arange(20), 20)
    found = group_intervals(metrics, y, grouping, 0, biased=["information"])
    assert np.isnan(found["perfect"] + found["information"]).all()
    assert found["one error"][1] == 1
    assert found["one error"][0] < 0.95
    assert found["single class"] == (0.5, 0.5)


def test_copies_within_groups_do_not_narrow_the_interval(data):
    y, predicted, _ = data
    copies = np.repeat(np.arange(120), 8)
    alone, copied, unaware = (
        group_intervals({"a": (accuracy, p)}, t, Grouping(codes, len(set(codes))), 0)
        for t, p, codes in (
            (y, predicted, np.arange(120)),
            (y[copies], predicted[copies], copies),
            (y[copies], predicted[copies], np.arange(960)),
        )
    )
    assert copied["a"] == pytest.approx(alone["a"], abs=1e-12)
    low, high = unaware["a"]
    assert high - low < 0.5 * (copied["a"][1] - copied["a"][0])


def test_the_interval_of_an_accuracy_is_that_of_a_binomial_distribution():
    """Independent samples of which 80 % are correct."""
    y = np.zeros(200)
    predicted = np.repeat([0, 1], [160, 40])
    found = group_intervals(
        {"a": (accuracy, predicted)}, y, Grouping(np.arange(200), 200), 0
    )
    expected = binom(200, 0.8).ppf([0.025, 0.975]) / 200
    np.testing.assert_allclose(found["a"], expected, atol=0.01)
