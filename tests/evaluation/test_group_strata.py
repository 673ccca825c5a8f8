import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contrastive_clustering._evaluation.group_strata import (
    assign_groups,
    to_group_frame,
)
from contrastive_clustering._utils.grouping import Grouping


def assign_group_slowly(labels, proba):
    """Return the stratum of one group and the agreement of its samples with it."""
    found = [label for label in labels if label != -1]
    if not found:
        return -1, 1.0
    means = [sum(column) / len(labels) for column in zip(*proba, strict=True)]
    best = min(found, key=lambda k: (-found.count(k), -means[k]))
    return best, found.count(best) / len(labels)


# Probabilities that are multiples of 1/4 tie often, and their sums are exact.
rows = st.tuples(
    st.integers(0, 4),
    st.integers(-1, 2),
    st.lists(st.sampled_from([0, 0.25, 0.5, 1]), min_size=3, max_size=3),
)


@given(st.lists(rows, min_size=1, max_size=20))
def test_groups_match_counting(samples):
    groups, labels, proba = map(np.array, zip(*samples, strict=True))
    known, codes = np.unique(groups, return_inverse=True)
    strata = assign_groups(labels, proba, Grouping(codes, len(known)))
    for g in range(len(known)):
        members = codes == g
        stratum, agreement = assign_group_slowly(
            labels[members].tolist(), proba[members].tolist()
        )
        assert strata.labels[g] == stratum
        assert strata.agreement[g] == pytest.approx(agreement, abs=1e-12)
        assert strata.n_samples[g] == members.sum()
        np.testing.assert_allclose(
            strata.proba[g], proba[members].mean(axis=0), rtol=0, atol=1e-12
        )


def test_noise_is_the_stratum_of_groups_with_nothing_else():
    labels, proba = np.array([-1, -1, -1, 1, -1]), np.full((5, 2), 0.5)
    strata = assign_groups(labels, proba, Grouping(np.array([0, 0, 1, 1, 1]), 2))
    assert strata.labels.tolist() == [-1, 1]
    assert strata.agreement.tolist() == [1, 1 / 3]


def test_ties_go_to_the_larger_mean_probability_and_then_to_the_first_sample():
    grouping = Grouping(np.array([0, 0, 1, 1]), 2)
    proba = np.array([[0.6, 0.4], [0.3, 0.7], [0.7, 0.3], [0.3, 0.7]])
    strata = assign_groups(np.array([0, 1, 1, 0]), proba, grouping)
    assert strata.labels.tolist() == [1, 1]


def test_rows_of_probabilities_still_sum_to_one():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(4), size=300).astype(np.float32)
    grouping = Grouping.read(rng.integers(0, 50, size=300), 300)
    strata = assign_groups(proba.argmax(axis=1), proba, grouping)
    np.testing.assert_allclose(strata.proba.sum(axis=1), 1, atol=1e-6)


LABELS = np.array([0, 1, 1, 0, -1])
PROBA = np.eye(2)[[0, 1, 1, 0, 0]]


def test_frame():
    frame = to_group_frame(LABELS, PROBA, ["b", "a", "a", "b", "c"])
    expected = pd.DataFrame(
        {
            "stratum": [0, 1, -1],
            "n_samples": [2, 2, 1],
            "agreement": [1.0, 1.0, 1.0],
            "proba_0": [1.0, 0.0, 1.0],
            "proba_1": [0.0, 1.0, 0.0],
        },
        index=pd.Index(["b", "a", "c"], name="group"),
    )
    pd.testing.assert_frame_equal(frame, expected)


def test_groups_without_an_identifier_are_indexed_by_their_sample():
    frame = to_group_frame(LABELS, PROBA, [7, None, 9, np.nan, 7])
    assert frame.index.tolist() == [7, 9, "sample 1", "sample 3"]
    assert frame.loc[7, "agreement"] == 0.5
    assert frame.index.is_unique


def test_a_single_group_is_accepted():
    frame = to_group_frame(LABELS, PROBA, ["a"] * 5)
    assert frame.loc["a", ["stratum", "n_samples"]].tolist() == [0, 5]
    with pytest.raises(ValueError, match="groups has 1 values, but there are 5"):
        to_group_frame(LABELS, PROBA, ["a"])


def test_tuples_are_identifiers():
    frame = to_group_frame(LABELS[:2], PROBA[:2], [("a", 1), ("a", 2)])
    assert frame.index.tolist() == [("a", 1), ("a", 2)]


def test_frame_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        to_group_frame(LABELS, PROBA, list("abcde"))


def test_equal_means_stay_equal_despite_rounding():
    first = np.array([0.0, 0.0, 1.0, 1.0, 0.25])
    third = np.array([0.25, 0.25, 1.0, 0.25, 0.5])  # the sum is the same
    proba = np.stack([first, np.zeros(5), third], axis=1)
    grouping = Grouping(np.zeros(5, dtype=int), 1)
    strata = assign_groups(np.array([0, 0, 1, 2, 2]), proba, grouping)
    assert strata.labels.tolist() == [0]


def test_texts_that_say_that_groups_are_unknown_are_named():
    with pytest.warns(UserWarning, match=r"groups has .* 'None', which count as one"):
        to_group_frame(LABELS, PROBA, ["b", "None", "None", "b", "c"])
