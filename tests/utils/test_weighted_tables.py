import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.metrics.cluster import contingency_matrix

from contrastive_clustering._utils.weighted_tables import (
    accuracy,
    contingency_table,
    first_of_largest,
    mean_recall,
)

samples = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-1, 3), st.integers(1, 4)),
    min_size=1,
    max_size=25,
)


@settings(max_examples=25)
@given(samples)
def test_a_weight_counts_like_copies(rows):
    y, found, times = np.array(rows).T
    copies = np.repeat(np.arange(len(y)), times)
    weights = times / 3
    np.testing.assert_allclose(
        contingency_table(y, found, weights) * 3,
        contingency_matrix(y[copies], found[copies]),
        atol=1e-10,
    )
    assert accuracy(y, found, weights) == pytest.approx(
        accuracy_score(y[copies], found[copies]), abs=1e-10
    )
    classes = np.unique(y)
    recalls = [np.mean(found[copies][y[copies] == c] == c) for c in classes]
    expected = np.mean(recalls)
    assert mean_recall(y, found, weights) == pytest.approx(expected, abs=1e-10)


def test_without_weights_samples_are_counted_exactly():
    rng = np.random.default_rng(0)
    y, found = rng.integers(0, 4, size=(2, 300))
    table = contingency_table(y, found)
    np.testing.assert_array_equal(table, contingency_matrix(y, found), strict=True)
    assert accuracy(y, found) == accuracy_score(y, found)
    assert mean_recall(y, found) == balanced_accuracy_score(y, found)


def test_classes_without_weight_do_not_count_in_the_recall():
    y, found = np.array([0, 0, 1]), np.array([0, 1, 0])
    assert mean_recall(y, found, np.array([1.0, 1, 0])) == 0.5


def test_ties_of_sums_that_are_rounded_differently_go_to_the_first():
    # Python 3.12 rounds the result of `sum` once; an addition rounds in each version.
    added = 0.1 + 0.2
    assert added != 0.3
    for column in ([added, 0.3], [0.3, added], [0.0, 0.0], [3.0, 1.0]):
        assert first_of_largest(np.array([column]).T) == 0
    assert first_of_largest(np.array([[2], [3]])) == 1
    sums = np.array([[added, 30, 1], [0.3, 10, 2]])
    assert first_of_largest(sums).tolist() == [0, 0, 1]
