import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import silhouette_score

from contrastive_clustering._evaluation.group_silhouette import (
    group_silhouette,
    is_defined,
)
from contrastive_clustering._utils.grouping import Grouping


def slow_silhouette(points, labels, groups):
    """Follow the formula sample by sample."""
    n = len(points)
    weights = [1 / list(groups).count(g) for g in groups]

    def mean_distance(i, stratum):
        others = [
            j for j in range(n) if labels[j] == stratum and groups[j] != groups[i]
        ]
        if not others:
            return np.inf
        distances = [weights[j] * np.linalg.norm(points[i] - points[j]) for j in others]
        return sum(distances) / sum(weights[j] for j in others)

    total = 0
    for i in range(n):
        a = mean_distance(i, labels[i])
        b = min(mean_distance(i, c) for c in set(labels) if c != labels[i])
        if np.isfinite(a) and np.isfinite(b) and max(a, b) > 0:
            total += weights[i] * (b - a) / max(a, b)
    return total / sum(weights)


samples = st.lists(
    st.tuples(st.integers(0, 5), st.integers(-1, 2)), min_size=4, max_size=25
)


@given(samples, st.integers(0, 99))
def test_it_matches_the_formula(both, seed):
    groups, labels = np.array(both).T
    labels[:2] = 0, 1
    known, codes = np.unique(groups, return_inverse=True)
    # Few positions, so that some samples coincide.
    points = np.random.default_rng(seed).integers(0, 3, size=(len(labels), 2)) * 1.0
    found = group_silhouette(points, labels, Grouping(codes, len(known)))
    assert found == pytest.approx(slow_silhouette(points, labels, groups), abs=1e-10)


@pytest.fixture
def points():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, size=60)
    return rng.normal(labels[:, None], 1, size=(60, 4)), labels


def test_groups_of_one_sample_give_the_usual_silhouette(points):
    X, labels = points
    found = group_silhouette(X, labels, Grouping(np.arange(60), 60))
    assert found == pytest.approx(silhouette_score(X, labels), abs=1e-10)


def test_copies_within_groups_do_not_matter(points):
    X, labels = points
    copies = np.repeat(np.arange(60), np.random.default_rng(1).integers(1, 8, size=60))
    found = group_silhouette(X[copies], labels[copies], Grouping(copies, 60))
    assert found == pytest.approx(silhouette_score(X, labels), abs=1e-7)
    assert silhouette_score(X[copies], labels[copies]) > found + 0.04


def test_a_stratum_of_one_group_has_no_silhouette():
    points, codes = np.array([[0.0], [1], [5], [6], [7]]), np.array([0, 1, 2, 2, 2])
    labels = np.array([0, 0, 1, 1, 1])
    a, b = 1, [6, 5]
    expected = ((b[0] - a) / b[0] + (b[1] - a) / b[1] + 0) / 3
    found = group_silhouette(points, labels, Grouping(codes, 3))
    assert found == pytest.approx(expected, abs=1e-12)


def test_it_is_defined_with_two_strata_and_two_members_of_one():
    labels = np.array([0, 0, 1])
    assert is_defined(labels)
    assert not is_defined(labels[1:])
    assert not is_defined(labels[:2])
    assert is_defined(labels, Grouping(np.array([0, 1, 1]), 2))
    assert not is_defined(labels, Grouping(np.array([0, 0, 1]), 2))
