from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import trapezoid
from scipy.stats import CensoredData, ecdf, logrank
from statsmodels.duration.survfunc import survdiff

from contrastive_clustering._evaluation.survival import (
    LogRankTest,
    draw_eventless_means,
    restricted_mean,
)

NAMES = ["a", "b", "c", "d"]
CHOSEN = "the two of 3 that differ most"


def draw_units(n_strata, n=80, seed=0, ties=True):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % n_strata)
    time = rng.exponential(5 + 3 * labels)
    time = np.ceil(time) if ties else time
    return time, rng.random(n) < 0.7, labels


def slow_log_rank(time, event, labels):
    """The quadratic form of observed minus expected events of all strata but one."""
    strata = np.unique(labels)
    excess = np.zeros(len(strata))
    covariance = np.zeros((len(strata), len(strata)))
    for t in np.unique(time[event]):
        n = np.sum(time >= t)
        d = np.sum(event & (time == t))
        for i, a in enumerate(strata):
            n_a = np.sum((time >= t) & (labels == a))
            excess[i] += np.sum(event & (time == t) & (labels == a)) - d * n_a / n
            for j, b in enumerate(strata):
                n_b = np.sum((time >= t) & (labels == b))
                if n > 1:
                    scale = d * (n - d) / (n - 1)
                    covariance[i, j] += scale * n_a / n * ((i == j) - n_b / n)
    return excess[:-1] @ np.linalg.solve(covariance[:-1, :-1], excess[:-1])


def slow_restricted_mean(time, event, horizon):
    """The area below the curve of SciPy, step by step."""
    curve = ecdf(CensoredData(uncensored=time[event], right=time[~event])).sf
    edges = np.unique([0, horizon, *time[time < horizon]])
    return sum((b - a) * float(curve.evaluate(a)) for a, b in pairwise(edges))


@pytest.mark.parametrize("n_strata", [2, 3, 4])
@pytest.mark.parametrize("ties", [True, False])
def test_statistic_agrees_with_statsmodels_and_the_formula(n_strata, ties):
    time, event, labels = draw_units(n_strata, ties=ties)
    (statistic,) = LogRankTest(time, event, labels, NAMES).statistic(labels[None])
    expected, _ = survdiff(time, event.astype(int), labels)
    assert statistic == pytest.approx(expected, rel=1e-10)
    assert statistic == pytest.approx(slow_log_rank(time, event, labels), rel=1e-10)


def test_few_units_agree_with_the_formula():
    """With an event among the last two units that are at risk."""
    time, labels = np.array([1.0, 2, 3, 4, 5]), np.array([0, 1, 0, 1, 0])
    event = np.ones(5, dtype=bool)
    (statistic,) = LogRankTest(time, event, labels, NAMES).statistic(labels[None])
    assert statistic == pytest.approx(slow_log_rank(time, event, labels), rel=1e-10)


def test_two_strata_agree_with_scipy():
    time, event, labels = draw_units(2)
    x, y = (
        CensoredData(uncensored=time[part & event], right=time[part & ~event])
        for part in (labels == 0, labels == 1)
    )
    (statistic,) = LogRankTest(time, event, labels, NAMES).statistic(labels[None])
    assert statistic == pytest.approx(logrank(x, y).statistic ** 2, rel=1e-10)


def test_batches_agree_with_single_labels():
    time, event, labels = draw_units(3)
    rng = np.random.default_rng(1)
    batch = np.stack([rng.permutation(labels) for _ in range(5)])
    expected = [slow_log_rank(time, event, each) for each in batch]
    result = LogRankTest(time, event, labels, NAMES).statistic(batch)
    np.testing.assert_allclose(result, expected, rtol=1e-10)


def test_a_stratum_that_leaves_before_the_first_event_adds_nothing():
    time, event, labels = draw_units(2)
    early = np.zeros(3)
    (expected,) = LogRankTest(time, event, labels, NAMES).statistic(labels[None])
    time = np.concatenate([time, early])
    event = np.concatenate([event, early.astype(bool)])
    labels = np.concatenate([labels, np.full(3, 2)])
    (statistic,) = LogRankTest(time, event, labels, NAMES).statistic(labels[None])
    assert statistic == pytest.approx(expected, rel=1e-10)


@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 2)),
        min_size=3,
        max_size=25,
    )
)
def test_odd_times_give_finite_statistics_and_effects(units):
    time, event, labels = (np.array(each) for each in zip(*units, strict=True))
    assume(event.any())
    labels = np.unique(labels, return_inverse=True)[1]
    assume(labels.max() > 0)
    test = LogRankTest(time.astype(float), event, labels, NAMES)
    (statistic,) = test.statistic(labels[None])
    assert np.isfinite(statistic)
    assert statistic >= -1e-10
    if len(test.compared) > 1:
        assert 0 <= test.effect() <= test.horizon
    else:
        assert np.isnan(test.effect())


@pytest.mark.parametrize("horizon", [3.0, 4.5, 30.0])
def test_restricted_mean_agrees_with_the_curve_of_scipy(horizon):
    time, event, _ = draw_units(2, n=25)
    order = np.argsort(time)
    time, event = time[order], event[order]
    (area,) = restricted_mean(time, event, np.ones((1, 25)), horizon)
    assert area == pytest.approx(slow_restricted_mean(time, event, horizon), rel=1e-10)


def test_restricted_mean_without_censoring_is_the_mean_of_cut_times():
    time = np.sort(np.random.default_rng(0).exponential(size=40))
    (area,) = restricted_mean(time, np.ones(40, bool), np.ones((1, 40)), 1.2)
    assert area == pytest.approx(np.minimum(time, 1.2).mean(), rel=1e-10)
    grid = np.linspace(0, 1.2, 100_001)
    curve = (time[:, None] > grid).mean(axis=0)
    assert area == pytest.approx(trapezoid(curve, grid), abs=1e-4)


def test_weights_count_units_several_times():
    time, event, _ = draw_units(2, n=12)
    order = np.argsort(time)
    time, event = time[order], event[order]
    weights = np.random.default_rng(0).integers(0, 3, (4, 12)).astype(float)
    weights[3] = 0
    expected = [
        slow_restricted_mean(
            time.repeat(row.astype(int)), event.repeat(row.astype(int)), 6.0
        )
        for row in weights[:3]
    ]
    areas = restricted_mean(time, event, weights, 6.0)
    np.testing.assert_allclose(areas[:3], expected, rtol=1e-10)
    assert np.isnan(areas[3])


def test_effect_compares_two_strata_even_if_means_are_equal():
    # The horizon, 2, is the time at which the first stratum was last observed.
    time, labels = np.r_[np.full(5, 2.0), np.arange(5.0, 15)], np.repeat([0, 1, 2], 5)
    test = LogRankTest(time, time > 2, labels, NAMES)
    assert test.note == f"stratum c minus stratum a, up to 2; {CHOSEN}"
    assert test.effect() == 0


def test_two_strata_are_not_chosen():
    time, labels = np.r_[np.full(5, 2.0), np.arange(5.0, 10)], np.repeat([0, 1], 5)
    test = LogRankTest(time, np.ones(10, bool), labels, NAMES)
    assert test.note == "stratum b minus stratum a, up to 2"


def test_small_strata_do_not_enter_the_effect():
    """A single unit that is observed for a short time would set the horizon."""
    time, event, labels = draw_units(3)
    expected = LogRankTest(time, event, labels, NAMES)
    time, event, labels = np.r_[time, 0], np.r_[event, False], np.r_[labels + 1, 0]
    test = LogRankTest(time, event, labels, ["z", *NAMES])
    assert test.horizon == expected.horizon > 0
    assert test.effect() == expected.effect() > 0
    assert test.note == f"{expected.note}; without 1 stratum of fewer than 5 times"
    low, high = test.interval(99, 0.95, np.random.default_rng(0))
    assert low < test.effect() < high


def test_fewer_than_two_strata_with_enough_units_have_no_effect():
    time, labels = np.arange(1.0, 13), np.repeat([0, 1, 2], [7, 4, 1])
    test = LogRankTest(time, np.ones(12, bool), labels, NAMES)
    (statistic,) = test.statistic(labels[None])
    assert statistic == pytest.approx(slow_log_rank(time, time > 0, labels), rel=1e-10)
    assert np.isnan(test.effect())
    assert np.isnan(test.interval(9, 0.95, np.random.default_rng(0))).all()
    assert test.note == "fewer than two strata have at least 5 times"


def test_effect_is_between_the_best_and_the_worst_stratum():
    time, event, labels = draw_units(3, n=300)
    test = LogRankTest(time, event, labels, NAMES)
    horizon = min(time[labels == stratum].max() for stratum in range(3))
    means = [
        slow_restricted_mean(time[labels == s], event[labels == s], horizon)
        for s in range(3)
    ]
    assert test.horizon == horizon
    assert (test.best, test.worst) == (2, 0)
    assert test.effect() == pytest.approx(means[2] - means[0], rel=1e-10)
    assert test.note == f"stratum c minus stratum a, up to {horizon:.4g}; {CHOSEN}"


def test_resampled_means_agree_with_the_curves_of_scipy():
    time, event, labels = draw_units(3, n=300)
    test = LogRankTest(time, event, labels, NAMES)
    rows = np.random.default_rng(0).integers(300, size=(3, 300))
    expected = [
        [
            slow_restricted_mean(
                time[row][labels[row] == s], event[row][labels[row] == s], test.horizon
            )
            for s in range(3)
        ]
        for row in rows
    ]
    np.testing.assert_allclose(test.resampled_means(rows), expected, rtol=1e-10)


def test_a_stratum_without_units_in_a_resample_has_no_mean():
    time, event, labels = draw_units(2, n=10)
    rows = np.flatnonzero(labels == 0)[[0, 1, 2, 3, 4, 0, 1, 2, 3, 4]][None]
    ((mean, none),) = LogRankTest(time, event, labels, NAMES).resampled_means(rows)
    assert np.isfinite(mean)
    assert np.isnan(none)


@pytest.mark.parametrize("n_strata", [2, 5])
def test_interval_of_chosen_strata_contains_no_difference(n_strata):
    # An interval that ignores the choice contains 0 in 69 % of sets with five strata.
    n_sets, n_units = 150, 30 * n_strata
    n_covered = 0
    for seed in range(n_sets):
        rng = np.random.default_rng(seed)
        time = rng.exponential(size=n_units)
        labels = np.arange(n_units) % n_strata
        test = LogRankTest(np.minimum(time, 1.5), time < 1.5, labels, list("abcde"))
        low, high = test.interval(199, 0.95, rng)
        effect = test.effect()
        assert low < effect < high
        assert high == pytest.approx(min(2 * effect - low, test.horizon))
        n_covered += low <= 0
    assert 0.89 <= n_covered / n_sets <= 0.99


def test_interval_contains_a_true_difference():
    n_covered = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        labels = np.arange(120) % 3
        rates = np.array([0.6, 1.0, 1.7])
        time = rng.exponential(1 / rates[labels])
        test = LogRankTest(np.minimum(time, 1.5), time < 1.5, labels, NAMES)
        low, high = test.interval(199, 0.95, rng)
        means = (1 - np.exp(-rates * test.horizon)) / rates
        n_covered += low <= means[test.best] - means[test.worst] <= high
    assert n_covered / 150 >= 0.92


def test_hazards_without_events_agree_with_rejected_simulations():
    """Hazards are drawn uniformly and kept if no unit happens to have an event."""
    rng = np.random.default_rng(0)
    time, horizon = np.array([1.0, 2.0, 4.0]), 3.0
    hazards = rng.uniform(0, 5, size=1_000_000)
    # Times beyond the horizon are cut: 1 + 2 + 3.
    has_none = rng.exponential(1 / hazards) > 6
    kept = hazards[has_none]
    expected = (1 - np.exp(-kept * horizon)) / kept
    found = draw_eventless_means(time, horizon, 200_000, rng)
    assert found.max() <= horizon
    levels = [0.025, 0.25, 0.5, 0.75, 0.975]
    np.testing.assert_allclose(
        np.quantile(found, levels), np.quantile(expected, levels), rtol=0.01
    )


def test_interval_without_events_in_a_stratum_contains_no_difference():
    """Resamples have no event either; their intervals miss 0 in a third of the sets."""
    missed = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        labels = (np.arange(60) < 9).astype(int)
        time, censored = rng.exponential(1, 60), rng.exponential(0.2, 60)
        event, time = time <= censored, np.minimum(time, censored)
        test = LogRankTest(time, event, labels, NAMES)
        if (event & (labels == 1) & (time < test.horizon)).any():
            continue
        low, high = test.interval(199, 0.95, np.random.default_rng(0))
        missed.append(not low <= 0 <= high)
    assert len(missed) > 20
    assert np.mean(missed) < 0.1


def test_nobody_with_an_event_before_the_horizon_leaves_the_difference_open():
    time = np.r_[np.full(5, 2.0), np.arange(5.0, 15)]
    test = LogRankTest(time, time > 2, np.repeat([0, 1, 2], 5), NAMES)
    low, high = test.interval(199, 0.95, np.random.default_rng(0))
    assert -test.horizon < low < 0 < high < test.horizon


def test_times_of_zero_have_an_interval_of_zero():
    labels = np.repeat([0, 1], 5)
    test = LogRankTest(np.zeros(10), np.ones(10, bool), labels, NAMES)
    assert test.interval(9, 0.95, np.random.default_rng(0)) == (0, 0)
