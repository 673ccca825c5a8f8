import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import adjusted_mutual_info_score, mutual_info_score
from sklearn.metrics.cluster import contingency_matrix

from contrastive_clustering._evaluation.group_parts import GroupParts
from contrastive_clustering._evaluation.nuisance_agreement import (
    agree,
    mutual_information,
)
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.weighted_tables import count


def simulate(rng, n_groups=40, *, varies):
    """Return strata, sites and groups; sites differ in the number of samples."""
    site = rng.integers(2, size=n_groups)
    sizes = np.where(site == 0, rng.integers(1, 5, n_groups), 8)
    groups = np.repeat(np.arange(n_groups), sizes)
    favorite = rng.random(n_groups) < 0.5
    strata = np.where(rng.random(len(groups)) < 0.9, favorite[groups], 0)
    levels = rng.integers(2, size=len(groups)) if varies else site[groups]
    return strata.astype(int), levels, groups


def p_of(strata, levels, groups, rng, n_permutations=99):
    parts = GroupParts.of(Grouping(groups, groups.max() + 1), levels)
    return agree(strata, parts, n_permutations, rng)[1].p


def test_counts_and_mutual_information_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    strata, levels = rng.integers(4, size=60), rng.integers(3, size=(5, 60))
    counts = count(strata, levels, (4, 3))
    for row, table in zip(levels, counts, strict=True):
        np.testing.assert_array_equal(table, contingency_matrix(strata, row))
        assert mutual_information(table[None])[0] == pytest.approx(
            mutual_info_score(strata, row), abs=1e-12
        )


def test_agreement_of_single_samples_is_adjusted_mutual_information():
    rng = np.random.default_rng(0)
    strata, levels = rng.integers(4, size=60), rng.integers(3, size=60)
    parts = GroupParts.of(Grouping(np.arange(60), 60), levels)
    agreement, _ = agree(strata, parts, 9, rng)
    expected = adjusted_mutual_info_score(strata, levels)
    assert agreement == pytest.approx(expected, abs=1e-10)


def test_another_measure_is_averaged_over_the_draws_where_it_is_defined():
    groups, levels = np.repeat(np.arange(20), 2), np.repeat(np.arange(20) % 2, 2)
    codes = np.random.default_rng(0).integers(2, size=40)
    parts = GroupParts.of(Grouping(groups, 20), levels)
    values = []

    def measure(of_parts, drawn):
        assert of_parts.tolist() == (np.arange(20) % 2).tolist()
        values.append(np.nan if not values else drawn.mean())
        return values[-1]

    found = agree(codes, parts, 9, np.random.default_rng(0), measure)
    assert found[0] == pytest.approx(np.mean(values[1:]), abs=1e-12)
    assert len(set(values[1:])) > 1
    assert found[1] == agree(codes, parts, 9, np.random.default_rng(0))[1]
    undefined, _ = agree(codes, parts, 9, np.random.default_rng(0), lambda *_: np.nan)
    assert np.isnan(undefined)


def test_p_agrees_with_a_loop_over_permutations():
    rng = np.random.default_rng(3)
    levels = rng.integers(3, size=30)
    strata = np.where(rng.random(30) < 0.3, levels, rng.integers(3, size=30))
    observed = mutual_info_score(strata, levels) - 1e-9
    null = [mutual_info_score(strata, rng.permutation(levels)) for _ in range(800)]
    exact = np.mean(np.array(null) >= observed)
    p = p_of(strata, levels, np.arange(30), rng, 800)
    assert 0.01 < exact < 0.5
    assert abs(p - exact) < 4 * np.sqrt(2 * exact * (1 - exact) / 800)


def test_identical_partitions_have_the_smallest_p():
    levels = np.repeat([0, 1], 20)
    parts = GroupParts.of(Grouping(np.arange(40), 40), levels)
    rng = np.random.default_rng(0)
    agreement, test = agree(1 - levels, parts, 99, rng)
    assert (agreement, test.p) == pytest.approx((1, 0.01))


def test_a_level_that_varies_within_every_group_can_agree():
    """Each group has one sample at each level, so that majorities would be ties."""
    levels, groups = np.tile([0, 1], 20), np.repeat(np.arange(20), 2)
    assert p_of(levels, levels, groups, np.random.default_rng(0)) == 0.01


@pytest.mark.parametrize("varies", [False, True])
def test_false_alarms_with_groups_are_at_most_five_percent(varies):
    rng = np.random.default_rng(0)
    n_sets = 50
    alarms = sum(
        p_of(*simulate(rng, varies=varies), rng) <= 0.05 for _ in range(n_sets)
    )
    assert alarms <= binom.ppf(0.995, n_sets, 0.05)


def test_false_alarms_of_single_samples_are_five_percent():
    rng = np.random.default_rng(0)
    n_sets = 200
    alarms = 0
    for _ in range(n_sets):
        strata, levels = rng.integers(8, size=60), rng.integers(8, size=60)
        alarms += p_of(strata, levels, np.arange(60), rng) <= 0.05
    low, high = binom.ppf([0.005, 0.995], n_sets, 0.05)
    assert low <= alarms <= high


def test_groups_that_count_as_independent_samples_cause_false_alarms():
    """The null data are so grouped that the test above is not trivial."""
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(100):
        strata, levels, groups = simulate(rng, varies=False)
        alarms += p_of(strata, levels, np.arange(len(groups)), rng) <= 0.05
    assert alarms > binom.ppf(0.995, 100, 0.05)


@pytest.mark.parametrize("varies", [False, True])
def test_the_smallest_p_is_that_of_the_most_extreme_permutation(varies):
    """One group of 12, of which 6 are at each of two sites, is in another stratum."""
    groups, levels = np.repeat(np.arange(12), 2), np.repeat(np.arange(12) % 2, 2)
    strata = (groups == 0).astype(int)
    strata[0] = not varies
    parts = GroupParts.of(Grouping(groups, 12), levels)
    _, (p, smallest) = agree(strata, parts, 99, np.random.default_rng(0))
    assert p == smallest == 1
