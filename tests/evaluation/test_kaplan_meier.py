import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.duration.survfunc import SurvfuncRight

from contrastive_clustering._evaluation.kaplan_meier import kaplan_meier

RNG = np.random.default_rng(0)
TIME = np.ceil(RNG.exponential(10, 60))  # with ties
EVENT = RNG.random(60) < 0.6


def test_curve_agrees_with_statsmodels():
    curve = kaplan_meier(TIME, EVENT, 0.9)
    expected = SurvfuncRight(TIME, EVENT)
    found = curve.survival_at(expected.surv_times)
    np.testing.assert_allclose(found, expected.surv_prob, atol=1e-10)
    assert curve.count_at_risk(expected.surv_times).tolist() == list(expected.n_risk)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_limits_are_those_of_the_log_log_transform(level):
    curve = kaplan_meier(TIME, EVENT, level)
    expected = SurvfuncRight(TIME, EVENT)
    s, se = expected.surv_prob, expected.surv_prob_se
    inside = s > 0
    s, se = s[inside], se[inside]
    spread = norm.ppf((1 + level) / 2) * se / (s * np.log(s))
    rows = np.searchsorted(curve.times, expected.surv_times[inside])
    limits = [s ** np.exp(sign * spread) for sign in (-1, 1)]
    np.testing.assert_allclose(curve.low[rows], np.minimum(*limits), atol=1e-10)
    np.testing.assert_allclose(curve.high[rows], np.maximum(*limits), atol=1e-10)


def test_curve_starts_at_one_and_has_limits_while_nobody_has_an_event():
    curve = kaplan_meier(
        np.array([1, 2, 3, 4]), np.array([False, True, True, True]), 0.95
    )
    assert curve.times.tolist() == [0, 1, 2, 3, 4]
    assert curve.survival[:2].tolist() == [1, 1]
    assert curve.low[:2].tolist() == curve.high[:2].tolist() == [1, 1]
    assert np.isnan(curve.low[-1])
    assert curve.survival[-1] == 0
    assert curve.censored.tolist() == [1]


def test_times_are_sorted():
    curve = kaplan_meier(
        np.array([7, 9, 2, 5]), np.array([False, True, True, False]), 0.95
    )
    assert curve.censored.tolist() == [5, 7]
    assert curve.unit_times.tolist() == [2, 5, 7, 9]


def test_times_of_zero_and_no_events():
    curve = kaplan_meier(np.array([0.0, 2.0]), np.array([True, False]), 0.95)
    assert curve.times.tolist() == [0, 2]
    assert curve.survival.tolist() == [0.5, 0.5]
    curve = kaplan_meier(np.array([1.0, 2.0]), np.array([False, False]), 0.95)
    assert curve.survival.tolist() == curve.low.tolist() == [1, 1, 1]


def test_units_are_at_risk_until_their_own_time():
    curve = kaplan_meier(np.array([1, 2, 2, 5]), np.array([True] * 4), 0.95)
    times = np.array([0, 1, 1.5, 2, 5, 6])
    assert curve.count_at_risk(times).tolist() == [4, 4, 3, 3, 1, 0]


def test_units_are_at_risk_at_their_own_time_in_spite_of_rounding():
    time = np.arange(1, 10) / 10
    curve = kaplan_meier(time, np.ones(9, dtype=bool), 0.95)
    ticks = 0.1 * np.arange(1, 10)  # 3 * 0.1 exceeds 0.3
    assert curve.count_at_risk(ticks).tolist() == list(range(9, 0, -1))
