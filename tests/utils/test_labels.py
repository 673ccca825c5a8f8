import numpy as np
import pytest

from contrastive_clustering._utils.labels import check_alike, check_labels


def test_columns_and_lists_are_accepted():
    first, second = check_labels(y_true=[["a"], ["b"]], y_pred=np.array([1, 2]))
    assert first.tolist() == ["a", "b"]
    assert second.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": np.zeros((2, 2))}, r"^y has shape \(2, 2\)"),
        ({"y": []}, "^y is empty"),
        ({"y": [1.0, np.nan]}, "^y cannot be read as labels. Some labels are missing"),
        ({"y": [1.0, np.inf]}, "^y cannot be read as labels. Some labels are infinite"),
        ({"a": [1], "b": [1, 2]}, "^a and b have inconsistent numbers.*1 and 2"),
    ],
)
def test_invalid_labels_are_named(arrays, message):
    with pytest.raises(ValueError, match=message):
        check_labels(**arrays)


def test_numbers_and_strings_are_not_compared():
    check_alike(a=np.array([1.0]), b=np.array([True]))
    with pytest.raises(ValueError, match=r"^a and b have labels of different types"):
        check_alike(a=np.array([1]), b=np.array(["x"]))
