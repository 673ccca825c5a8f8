import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from contrastive_clustering._utils.labels import (
    check_alike,
    check_labels,
    check_weights,
)


def test_columns_and_lists_are_accepted():
    first, second = check_labels(y_true=[["a"], ["b"]], y_pred=np.array([1, 2]))
    assert first.tolist() == ["a", "b"]
    assert second.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": np.zeros((2, 2))}, r"^y has shape \(2, 2\)"),
        ({"y": None}, r"^y has shape \(\)"),
        ({"y": [[1, "a"]]}, r"^y has shape \(1, 2\)"),
        ({"y": []}, "^y is empty"),
        ({"y": [1.0, np.nan]}, "^y cannot be read as labels. Some labels are missing"),
        (
            {"y": [1.0, np.inf]},
            r"^y does not hold labels: y\[1\] is not a whole number",
        ),
        ({"y": ["a", np.nan]}, r"^y cannot be read .* missing, the first at index 1\."),
        ({"y": [None, "a"]}, r"^y cannot be read .* missing, the first at index 0\."),
        ({"y": [[1.0], [np.nan]]}, "missing, the first at index 1"),
        ({"y": np.array(["a", pd.NA], dtype=object)}, "missing, the first at index 1"),
        ({"y": np.array(["2020", "NaT"], "M8[D]")}, "missing, the first at index 1"),
        ({"y": pd.Series([1, None], dtype="Int64")}, "missing, the first at index 1"),
        ({"y": [1, "1"]}, "^y cannot.* different types: int at index 0 and str at ind"),
        (
            {"y": [["a"], [2.5]]},
            "types: str at index 0 and float at index 1. Pass",
        ),
        (
            {"y": np.array([True, "a"], dtype=object)},
            "bool at index 0 and str at index",
        ),
        (
            {"y": [1.0, 0.5]},
            r"^y does not hold labels: y\[1\] is not a whole number. Pass integers or",
        ),
        (
            {"y": np.array([1.0, 0.5], dtype=object)},
            r"^y does not hold labels: y\[1\] is not a whole number. Pass integers or",
        ),
        ({"a": [1], "b": [1, 2]}, "^a and b have inconsistent numbers.*1 and 2"),
    ],
)
def test_invalid_labels_are_named(arrays, message):
    with pytest.raises(ValueError, match=message):
        check_labels(**arrays)


@pytest.mark.parametrize("wrong", [{0, 1}, {0: 1}, iter([0, 1]), csr_array([[0, 1]])])
def test_labels_without_an_order_are_refused(wrong):
    with pytest.raises(TypeError, match=r"^y is of type \w+. Pass one value for each"):
        check_labels(y=wrong)


def test_numbers_of_different_types_and_empty_strings_are_labels():
    numbers = np.array([1, 2.5, True, np.int8(3), np.bool_(False)], dtype=object)
    assert check_labels(y=numbers)[0].tolist() == numbers.tolist()
    assert check_labels(y=["", "a"])[0].tolist() == ["", "a"]
    assert check_labels(y=[b"", b"a"])[0].tolist() == [b"", b"a"]


def test_numbers_and_strings_are_not_compared():
    check_alike(a=np.array([1.0]), b=np.array([True]))
    with pytest.raises(ValueError, match=r"types: a has numbers, b has strings\."):
        check_alike(a=np.array([1]), b=np.array(["x"]))


def test_weights_become_floats():
    assert check_weights(None, 3, "sample_weight") is None
    found = check_weights([0, 2], 2, "sample_weight")
    np.testing.assert_array_equal(found, np.array([0.0, 2.0]), strict=True)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, 2.0], r"^w has shape \(2,\), but there are 3 samples. Pass one weight"),
        (2.0, r"^w has shape \(\)"),
        (np.ones((3, 1)), r"^w has shape \(3, 1\)"),
        ([1.0, -1.0, np.nan], "^w has 2 negative.*first is at index 1. Pass finite"),
        ([1.0, 1.0, np.inf], "^w has 1 negative.*first is at index 2"),
        ([0, 0, 0], "^w is 0 for all samples. Pass a weight above 0"),
        ([1e308, 1e308, 0], "^The sum of w overflows. Divide all weights"),
        (["a", "b", "c"], "^w cannot be read as weights"),
    ],
    ids=str,
)
def test_invalid_weights_are_named(weights, message):
    with pytest.raises(ValueError, match=message):
        check_weights(weights, 3, "w")


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (np.full(2, 1j), ValueError, r"Complex .* such as np\.abs\(w\)"),
        (np.ones(2, "m8[D]"), ValueError, r"dates or durations, first in w\[0\]\."),
        (["1", "2"], ValueError, r"holds text, first in w\[0\]\."),
        ([1, object()], TypeError, r"not 'object' as in w\[1\]\. Drop"),
        ({0, 1}, TypeError, "^w is of type set. Pass one value for each"),
        (iter([1, 2]), TypeError, "^w is of type list_iterator. Pass one value"),
    ],
)
def test_weights_are_real_numbers(weights, error, message):
    with pytest.raises(error, match=message):
        check_weights(weights, 2, "w")
