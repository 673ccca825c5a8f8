from itertools import permutations

import numpy as np
import pytest

from contrastive_clustering._evaluation import resampling
from contrastive_clustering._evaluation.resampling import (
    bootstrap_interval,
    permutation_p,
    simultaneous_margins,
)

LABELS = np.array([0, 0, 1, 1, 1, 2])
VALUES = np.array([1.0, 2.0, 4.0, 8.0, 5.0, 9.0])


def weighted_sum(labels):
    return labels @ VALUES


def enumerate_p(blocks):
    """Return the share of all permutations within blocks that are at least as large."""
    sums = []
    for order in permutations(range(6)):
        if (blocks[list(order)] == blocks).all():
            sums.append(VALUES @ LABELS[list(order)])
    return np.mean(np.array(sums) >= VALUES @ LABELS)


@pytest.mark.parametrize("blocks", [[0, 0, 0, 0, 0, 0], [0, 1, 0, 1, 1, 0]])
def test_p_agrees_with_exhaustive_enumeration(blocks):
    blocks = np.array(blocks)
    exact = enumerate_p(blocks)
    n = 40_000
    p, _ = permutation_p(weighted_sum, LABELS, blocks, n, np.random.default_rng(0))
    assert abs(p - exact) < 4 * np.sqrt(exact * (1 - exact) / n)


def test_labels_stay_in_their_block():
    blocks = np.array([0, 0, 0, 1, 1, 1])
    seen = []

    def remember(labels):
        seen.append(labels)
        return labels.sum(axis=1)

    permutation_p(remember, LABELS, blocks, 50, np.random.default_rng(0))
    permuted = np.concatenate(seen[1:])
    assert permuted.shape == (50, 6)
    np.testing.assert_array_equal(np.sort(permuted[:, :3]), [[0, 0, 1]] * 50)
    np.testing.assert_array_equal(np.sort(permuted[:, 3:]), [[1, 1, 2]] * 50)
    assert len(np.unique(permuted, axis=0)) == 9


@pytest.mark.parametrize(("sign", "expected"), [(1, 1.0), (-1, 1 / 100)])
def test_p_counts_the_observed_labels_and_ties(sign, expected):
    """Equal statistics exceed; with larger ones only in the data, p is the smallest."""
    calls = []

    def statistic(labels):
        calls.append(len(labels))
        is_observed = len(calls) == 1
        return np.full(len(labels), 1.0 if is_observed or sign > 0 else 0.5)

    blocks = np.zeros(6, int)
    p, _ = permutation_p(statistic, LABELS, blocks, 99, np.random.default_rng(0))
    assert p == expected


@pytest.mark.parametrize("scale", [1e-12, 7.0, 7e9])
def test_rounding_does_not_separate_equal_statistics(scale):
    calls = []

    def statistic(labels):
        calls.append(labels)
        return np.full(len(labels), scale * (1 - 1e-13 * (len(calls) > 1)))

    blocks = np.zeros(6, int)
    p, _ = permutation_p(statistic, LABELS, blocks, 9, np.random.default_rng(0))
    assert p == 1


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("labels", [[0, 0, 0, 1, 1, 1], [0, 1, 0, 1, 0, 1]])
def test_the_smallest_p_does_not_depend_on_the_data(scale, labels):
    """The largest of the differences of two triples is that of 2 of 20 labelings."""

    def statistic(labels):
        return scale * np.abs(labels @ VALUES - VALUES.sum() / 2)

    labels, blocks, rng = np.array(labels), np.zeros(6, int), np.random.default_rng(0)
    p, smallest = permutation_p(statistic, labels, blocks, 20_000, rng)
    assert smallest == pytest.approx(2 / 20, abs=0.01)
    assert p >= smallest


def test_blocks_of_single_units_have_no_small_p():
    rng = np.random.default_rng(0)
    assert permutation_p(weighted_sum, LABELS, np.arange(6), 99, rng) == (1, 1)


def test_few_permutations_do_not_show_the_smallest_p():
    values = np.random.default_rng(0).normal(size=6)
    rng, blocks = np.random.default_rng(1), np.zeros(6, int)
    assert permutation_p(lambda x: x @ values, LABELS, blocks, 9, rng).smallest == 0


def test_interval_of_a_mean_agrees_with_the_normal_distribution():
    values = np.random.default_rng(0).normal(3, 2, 400)
    low, high = bootstrap_interval(
        lambda rows: values[rows].mean(axis=1),
        400,
        4000,
        0.9,
        np.random.default_rng(1),
    )
    half = 1.645 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.01)
    assert high == pytest.approx(values.mean() + half, abs=0.01)


def test_resamples_without_an_effect_do_not_count():
    def effects(rows):
        return np.where(rows[:, 0] < 2, np.nan, 5.0)

    interval = bootstrap_interval(effects, 4, 100, 0.95, np.random.default_rng(0))
    assert interval == (5, 5)

    def none(rows):
        return np.full(len(rows), np.nan)

    assert np.isnan(bootstrap_interval(none, 4, 9, 0.9, np.random.default_rng(0))).all()


def test_margins_of_all_differences_agree_with_a_slow_version():
    rng = np.random.default_rng(0)
    estimates = np.array([1.0, 3.0, 2.0, 7.0])
    resampled = estimates + rng.normal(0.1, [1, 2, 3, 0.5], (200, 4))
    resampled[:20, 1] = np.nan
    pairs = [(i, j) for i in range(4) for j in range(i)]
    errors = {
        (i, j): [
            each[i] - each[j] - (estimates[i] - estimates[j])
            for each in resampled
            if not np.isnan(each[i] - each[j])
        ]
        for i, j in pairs
    }
    scales = {pair: np.mean(np.square(each)) ** 0.5 for pair, each in errors.items()}
    largest = [
        np.nanmax(
            [
                abs(each[i] - each[j] - (estimates[i] - estimates[j])) / scales[i, j]
                for i, j in pairs
            ]
        )
        for each in resampled
    ]
    margins = simultaneous_margins(estimates, resampled, 0.9)
    for i, j in pairs:
        expected = np.quantile(largest, 0.9) * scales[i, j]
        assert margins[i, j] == margins[j, i] == pytest.approx(expected, rel=1e-10)
    assert (np.diag(margins) == 0).all()
    # In other units, all margins change alike.
    small = simultaneous_margins(estimates / 1000, resampled / 1000, 0.9)
    np.testing.assert_allclose(small, margins / 1000, rtol=1e-9)


def test_margins_require_two_resamples_with_both_estimates():
    resampled = np.array([[1.0, 2.0, 4.0], [2.0, 2.5, np.nan], [5.0, np.nan, np.nan]])
    margins = simultaneous_margins(np.zeros(3), resampled, 0.9)
    assert margins[0, 1] > 0
    assert np.isnan(margins[:2, 2]).all()


def test_margins_hold_for_all_differences_at_once():
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(400, 6))
    ranges = np.ptp(drawn, axis=1)
    # Resamples scatter about the estimates as these do about the truth.
    resampled = rng.normal(size=(2000, 6))
    margins = simultaneous_margins(np.zeros(6), resampled, 0.95)
    assert 0.92 <= np.mean(ranges <= margins[0, 1]) <= 0.98


def test_equal_and_missing_estimates_have_margins():
    resampled = np.tile([1.0, 1.0, np.nan], (9, 1))
    margins = simultaneous_margins(np.array([1.0, 1.0, 2.0]), resampled, 0.95)
    assert margins[0, 1] == 0
    assert np.isnan(margins[:2, 2]).all()
    none = simultaneous_margins(np.zeros(2), np.full((9, 2), np.nan), 0.95)
    assert np.isnan(none[0, 1])


def test_batches_are_small_and_complete(monkeypatch):
    monkeypatch.setattr(resampling, "MAX_ENTRIES", 20)
    sizes = []

    def count(labels):
        sizes.append(len(labels))
        return np.zeros(len(labels))

    permutation_p(count, LABELS, np.zeros(6, int), 10, np.random.default_rng(0))
    assert sizes == [1, 3, 3, 3, 1]
