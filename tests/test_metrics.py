from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contrastive_clustering.metrics import (
    clustering_accuracy,
    clustering_accuracy_scorer,
    map_clusters_to_labels,
    mapped_accuracy,
    match_clusters,
)

labels = st.integers(2, 30).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 3), min_size=n, max_size=n),
        st.lists(st.integers(0, 4), min_size=n, max_size=n),
    )
)


@given(labels)
def test_clustering_accuracy_is_the_best_of_all_matchings(arrays):
    y_true, y_pred = map(np.array, arrays)
    best = max(
        np.mean(np.array(names)[y_pred] == y_true) for names in permutations(range(5))
    )
    assert clustering_accuracy(y_true, y_pred) == pytest.approx(best)


@given(labels)
def test_mapping_gives_each_cluster_its_most_frequent_class(arrays):
    y_true, y_pred = arrays
    mapped = map_clusters_to_labels(y_true, y_pred)
    for cluster in set(y_pred):
        members = [t for t, p in zip(y_true, y_pred, strict=True) if p == cluster]
        most_frequent = max(sorted(set(members)), key=members.count)
        assert all(mapped[np.array(y_pred) == cluster] == most_frequent)


def test_mapping_is_learned_on_train_and_applied_to_new():
    new = map_clusters_to_labels(["b", "b", "a"], [5, 5, 2], [2, 5, 9])
    assert new.tolist() == [
        "a",
        "b",
        "b",
    ]  # 9 has no member


def test_mapped_accuracy_of_a_test_set():
    train, test = ([0, 0, 0, 1], [0, 0, 1, 2]), ([0, 0, 0, 1], [0, 1, 2, 2])
    assert mapped_accuracy(*train) == 1.0
    assert mapped_accuracy(*train, *test) == 0.75
    assert mapped_accuracy(*train, *test, balanced=True) == pytest.approx(5 / 6)


weighted = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 3)),
    min_size=2,
    max_size=30,
).filter(lambda rows: any(times for *_, times in rows))


@settings(max_examples=40)
@given(weighted, weighted)
def test_a_weight_counts_like_copies(rows, new_rows):
    """Weights of thirds, whose sums are rounded, resolve ties like whole numbers."""
    (y, strata, times), (y_new, new, times_new) = (
        np.array(each).T for each in (rows, new_rows)
    )
    copies, copies_new = (np.repeat(np.arange(len(t)), t) for t in (times, times_new))
    train, test = (y[copies], strata[copies]), (y_new[copies_new], new[copies_new])
    found = map_clusters_to_labels(y, strata, new, sample_weight=times / 3)
    np.testing.assert_array_equal(found, map_clusters_to_labels(*train, new))
    assert clustering_accuracy(y, strata, sample_weight=times / 7) == pytest.approx(
        clustering_accuracy(*train), abs=1e-10
    )
    for balanced in (False, True):
        weights = {"sample_weight": times / 3, "sample_weight_new": times_new / 7}
        score = mapped_accuracy(y, strata, y_new, new, balanced=balanced, **weights)
        expected = mapped_accuracy(*train, *test, balanced=balanced)
        assert score == pytest.approx(expected, abs=1e-10)
        score = mapped_accuracy(y, strata, balanced=balanced, sample_weight=times / 3)
        expected = mapped_accuracy(*train, balanced=balanced)
        assert score == pytest.approx(expected, abs=1e-10)


def test_patients_with_many_images_do_not_outvote_the_others():
    """One ill patient with three images, and two well ones with one each."""
    y, strata = ["ill", "ill", "ill", "well", "well"], [0, 0, 0, 0, 0]
    weights = [1 / 3, 1 / 3, 1 / 3, 1, 1]
    assert set(map_clusters_to_labels(y, strata)) == {"ill"}
    assert set(map_clusters_to_labels(y, strata, sample_weight=weights)) == {"well"}
    score = clustering_accuracy(y, strata, sample_weight=weights)
    assert score == pytest.approx(2 / 3)


@pytest.mark.parametrize("weights", [[1.0], [1, np.nan], [-1, 2], [0, 0]])
@pytest.mark.parametrize(
    "function", [clustering_accuracy, map_clusters_to_labels, mapped_accuracy]
)
def test_bad_weights_are_errors(function, weights):
    with pytest.raises(ValueError, match=r"^sample_weight "):
        function([0, 1], [0, 1], sample_weight=weights)


def test_bad_weights_of_a_test_set_are_errors():
    test = {"y_true_new": [0, 1], "y_pred_new": [0, 1]}
    with pytest.raises(ValueError, match=r"^sample_weight_new has shape \(1,\)"):
        mapped_accuracy([0, 1], [0, 1], **test, sample_weight_new=[1])
    with pytest.raises(ValueError, match=r"^sample_weight_new weighs a test set"):
        mapped_accuracy([0, 1], [0, 1], sample_weight_new=[1, 1])


def test_strings_and_negative_labels():
    assert clustering_accuracy(["a", "a", "b"], [-1, -1, 7]) == 1.0


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (([], []), "^y_true is empty"),
        (([0, 1], [0]), "^y_true and y_pred have inconsistent numbers of samples"),
        (([[0, 1], [1, 0]], [0, 1]), "^y_true has shape"),
        (([0, 1], [0.0, 0.5]), r"^y_pred does not hold labels: y_pred\[1\] is not"),
    ],
)
@pytest.mark.parametrize(
    "function", [clustering_accuracy, map_clusters_to_labels, mapped_accuracy]
)
def test_bad_labels_are_errors(function, arrays, message):
    with pytest.raises(ValueError, match=message):
        function(*arrays)


def test_half_a_test_set_is_an_error():
    with pytest.raises(ValueError, match="both y_true_new and y_pred_new"):
        mapped_accuracy([0, 1], [0, 1], [0, 1])


def test_numbers_and_strings_in_both_sets_are_an_error():
    with pytest.raises(ValueError, match="y_true and y_true_new have labels of diff"):
        mapped_accuracy([0, 1], [0, 1], ["0", "1"], [0, 1])
    with pytest.raises(ValueError, match="y_pred and y_pred_new have labels of diff"):
        mapped_accuracy([0, 1], [0, 1], [0, 1], ["0", "1"])
    with pytest.raises(ValueError, match="y_pred and y_pred_new have labels of diff"):
        map_clusters_to_labels([0, 1], [0, 1], ["0", "1"])
    assert mapped_accuracy([0, 1], [0, 1], np.array([0, 1], object), [0, 1]) == 1.0


def test_the_scorer_returns_the_metric(fitted_digits, digits):
    images, y = digits
    predicted = fitted_digits.predict(images)
    score = clustering_accuracy_scorer(fitted_digits, images, y)
    assert score == clustering_accuracy(y, predicted)


def test_clusters_of_two_fits_are_matched():
    first = np.array([0, 0, 0, 1, 1, 2, -1])
    second = np.array([7, 7, 3, 0, 0, 0, 3])
    assert match_clusters(first, second).tolist() == [0, 0, 3, 1, 1, 1, 3]
    assert match_clusters(first, first).tolist() == first.tolist()
    assert match_clusters([0, 0], [-1, 4]).tolist() == [-1, 0]
    assert match_clusters([-1, -1], [4, 4]).tolist() == [0, 0]


@given(st.lists(st.integers(-1, 5), min_size=1, max_size=30), st.permutations(range(6)))
def test_matching_undoes_a_renumbering(labels, numbers):
    labels = np.array(labels)
    other = np.append(numbers, -1)[labels]
    np.testing.assert_array_equal(match_clusters(labels, other), labels)


@pytest.mark.parametrize(
    ("labels_a", "labels_b", "message"),
    [
        ([0, 1], [0], "inconsistent numbers of samples"),
        (["a", "b"], [0, 1], "labels_a has dtype .* Pass integers"),
        ([0, 1], [0.0, 1.5], r"labels_b\[1\] is not a whole number. Pass integers"),
        ([0, 1], [1, -2], "labels_b has a value below -1 at index 1. Pass integers"),
    ],
)
def test_labels_that_cannot_be_matched_are_errors(labels_a, labels_b, message):
    with pytest.raises(ValueError, match=message):
        match_clusters(labels_a, labels_b)


@pytest.mark.parametrize(("dtype", "largest"), [(np.uint8, 255), (np.int8, 127)])
def test_unmatched_clusters_are_numbered_beyond_small_dtypes(dtype, largest):
    kept = np.array([0, 0, largest, largest], dtype=dtype)
    found = match_clusters(kept, [3, 3, 9, 7])
    assert sorted(found.tolist()) == [0, 0, largest, largest + 1]
