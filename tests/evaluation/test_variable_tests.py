import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, kruskal
from scipy.stats.contingency import crosstab

from contrastive_clustering._evaluation.resampling import bootstrap_interval
from contrastive_clustering._evaluation.variable_tests import (
    ChiSquaredTest,
    KruskalWallisTest,
    cramers_v,
)


def compact(codes):
    return np.unique(codes, return_inverse=True)[1]


@st.composite
def units(draw):
    """Labels and values of some units, each with at least two different entries."""
    n = draw(st.integers(4, 30))
    codes = st.lists(st.integers(0, 3), min_size=n, max_size=n)
    varied = codes.filter(lambda each: len(set(each)) > 1)
    return compact(draw(varied)), compact(draw(varied))


def draw_units(n=60, seed=0):
    rng = np.random.default_rng(seed)
    labels = compact(rng.choice(3, n))
    return labels, rng.integers(0, 8, n) + 1.5 * labels


@given(units())
def test_chi_squared_agrees_with_scipy(both):
    labels, values = both
    expected = chi2_contingency(crosstab(values, labels).count, correction=False)
    (statistic,) = ChiSquaredTest(values, labels).statistic(labels[None])
    assert statistic == pytest.approx(expected.statistic, rel=1e-10, abs=1e-10)


@given(units())
def test_kruskal_wallis_agrees_with_scipy(both):
    labels, values = both
    values = values * 0.1
    parts = [values[labels == stratum] for stratum in np.unique(labels)]
    (statistic,) = KruskalWallisTest(values, labels).statistic(labels[None])
    expected = kruskal(*parts).statistic
    assert statistic == pytest.approx(expected, rel=1e-10, abs=1e-10)


STRATA = np.tile([0, 1, 2], 10)


@given(units())
@example((STRATA, (STRATA == 2).astype(int)))
@example(((STRATA == 2).astype(int), STRATA))
def test_cramers_v_agrees_with_the_formula_of_bergsma(both):
    labels, values = both
    table = crosstab(values, labels).count
    n, (r, c) = table.sum(), table.shape
    phi2 = chi2_contingency(table, correction=False).statistic / n
    corrected = max(0, phi2 - (r - 1) * (c - 1) / (n - 1))
    r, c = (side - (side - 1) ** 2 / (n - 1) for side in (r, c))
    effect = ChiSquaredTest(values, labels).effect()
    if min(r, c) <= 1:
        assert np.isnan(effect)
    else:
        expected = min(1, np.sqrt(corrected / (min(r, c) - 1)))
        assert effect == pytest.approx(expected, rel=1e-10, abs=1e-10)


@given(units())
def test_epsilon_squared_agrees_with_its_formula(both):
    labels, values = both
    n = len(labels)
    h = kruskal(*(values[labels == stratum] for stratum in np.unique(labels))).statistic
    effect = KruskalWallisTest(values, labels).effect()
    assert effect == pytest.approx(h * (n + 1) / (n**2 - 1), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("kind", [ChiSquaredTest, KruskalWallisTest])
def test_batches_agree_with_single_labels(kind):
    labels, values = draw_units()
    values = compact(values) if kind is ChiSquaredTest else values
    test = kind(values, labels)
    rng = np.random.default_rng(1)
    batch = np.stack([rng.permutation(labels) for _ in range(5)])
    single = [kind(values, each).statistic(each[None])[0] for each in batch]
    np.testing.assert_allclose(test.statistic(batch), single, rtol=1e-12)


def test_resampled_cramers_v_is_corrected_twice():
    labels, values = draw_units()
    values = compact(values)
    rows = np.random.default_rng(0).integers(60, size=(4, 60))
    expected = [
        cramers_v(crosstab(values[r], labels[r]).count[None], n_corrections=2)[0]
        for r in rows
    ]
    resampled = ChiSquaredTest(values, labels).resampled_effects(rows)
    np.testing.assert_allclose(resampled, expected, rtol=1e-12)


def test_resampled_epsilon_squared_ranks_each_resample():
    labels, values = draw_units()
    rows = np.random.default_rng(0).integers(60, size=(4, 60))
    expected = []
    for r in rows:
        parts = [values[r][labels[r] == stratum] for stratum in range(3)]
        share = kruskal(*parts).statistic / 59
        expected.append(max(0, share - (1 - share) * 2 / 59))
    resampled = KruskalWallisTest(values, labels).resampled_effects(rows)
    np.testing.assert_allclose(resampled, expected, rtol=1e-12)


def test_perfect_association_and_none():
    labels = np.repeat([0, 1], 50)
    assert ChiSquaredTest(labels, labels).effect() == pytest.approx(1)
    assert ChiSquaredTest(np.tile([0, 1], 50), labels).effect() == 0
    effect = KruskalWallisTest(np.arange(100.0), labels).effect()
    between, total = 100 * 25**2, (100**3 - 100) / 12
    assert effect == pytest.approx(between / total, rel=1e-10)


def test_resamples_of_one_stratum_or_level_have_no_effect():
    labels, values = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    rows = np.array([[0, 0, 1, 1], [0, 2, 0, 2], [0, 0, 0, 0]])
    v = ChiSquaredTest(values, labels).resampled_effects(rows)
    assert np.isnan(v).all()
    epsilon = KruskalWallisTest(values.astype(float), labels).resampled_effects(rows)
    np.testing.assert_array_equal(epsilon, [np.nan, 0, np.nan])


@pytest.mark.parametrize(("shift", "least"), [(0.0, 0.9), (0.15, 0.9), (0.4, 0.9)])
def test_intervals_cover_the_effect_of_the_population(shift, least):
    """Sixty samples of 150 units against the effect in 200,000 units."""

    def draw(rng, n):
        labels = rng.choice(3, n, p=[0.5, 0.3, 0.2])
        levels = (rng.random(n) < 0.4 + shift * (labels == 2)).astype(int)
        return labels, levels, rng.normal(size=n) + 2 * shift * (labels == 2)

    labels, levels, numbers = draw(np.random.default_rng(0), 200_000)
    true = (
        ChiSquaredTest(levels, labels).effect(),
        KruskalWallisTest(numbers, labels).effect(),
    )
    covered = np.zeros((60, 2))
    for seed in range(60):
        rng = np.random.default_rng([1, seed])
        labels, levels, numbers = draw(rng, 150)
        tests = ChiSquaredTest(levels, labels), KruskalWallisTest(numbers, labels)
        for i, test in enumerate(tests):
            low, high = bootstrap_interval(test.resampled_effects, 150, 199, 0.95, rng)
            covered[seed, i] = low - 1e-3 <= true[i] <= high
    assert covered.mean(axis=0).min() >= least
