import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from contrastive_clustering._clustering.labels import (
    classes_of,
    columns_of,
    is_noise,
    number_labels,
    read_labels,
)

CLUSTERER = KMeans()


class WithoutColumns:
    def __init__(self, classes):
        self.classes_ = classes


class WithClasses(WithoutColumns):
    def predict_proba(self, X):
        """Not called."""


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        ([3, -2, 1], "i"),
        (np.array([3, 2, 1], "u1"), "u"),
        ([True, False, True], "i"),
        ([0.5, 1.5, -2.0], "f"),
        (["b", "a", "long name"], "U"),
        (np.array(["b", "a", "c"], object), "U"),
        (np.array([3, 2, 1], object), "i"),
        (np.array([np.int8(3), np.float32(0.5), True], object), "f"),
        (np.array([np.True_, np.False_, np.True_], object), "i"),
        (np.array(["b", "a", "c"], np.dtypes.StringDType()), "U"),
    ],
)
def test_labels_of_many_dtypes_are_read(found, kind):
    labels = read_labels(found, 3, CLUSTERER)
    assert labels.dtype.kind == kind
    assert labels.tolist() == np.asarray(found).tolist()


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([0, 1], r"shape \(2,\) for 3 samples"),
        ([[0], [1], [2]], r"shape \(3, 1\) for 3 samples"),
        (None, r"shape \(\) for 3 samples"),
        (np.array([0, "a", 1], object), "of mixed types"),
        (np.array([0, None, 1], object), "of mixed types"),
        (np.array([0, 1, 2], "M8[s]"), "dtype datetime64"),
        ([0.0, 1.0, np.nan], "not finite, the first of them for sample 2"),
    ],
)
def test_invalid_labels_are_rejected(found, message):
    with pytest.raises(ValueError, match=message):
        read_labels(found, 3, CLUSTERER)


def test_minus_one_is_noise_unless_it_is_a_class():
    labels = np.array([-1, 0, -2, -1])
    assert is_noise(labels, None).tolist() == [True, False, False, True]
    assert is_noise(labels.astype(float), None).tolist() == [True, False, False, True]
    assert is_noise(labels.astype(str), None).tolist() == [False] * 4
    assert is_noise(labels.astype(str), np.array(["-1", "0"])).tolist() == [False] * 4
    assert is_noise(labels, np.array([0, -2])).tolist() == [True, False, False, True]
    assert is_noise(labels, np.array([0, -1, -2])).tolist() == [False] * 4


def test_classes_are_the_columns_of_predict_proba():
    assert classes_of(KMeans()) is None
    assert classes_of(GaussianMixture()) is None
    assert classes_of(WithClasses(["b", "a"])).tolist() == ["b", "a"]
    assert classes_of(WithoutColumns([0, 1])) is None
    for wrong in ([0, 0], [[0, 1]], [0, None]):
        with pytest.raises(ValueError, match="array of distinct labels"):
            classes_of(WithClasses(wrong))


def test_labels_are_numbered_in_their_order():
    strata, is_unknown = number_labels(
        np.array(["b", "z", "a"]), np.array(["a", "b"]), CLUSTERER
    )
    assert strata[[0, 2]].tolist() == [1, 0]
    assert is_unknown.tolist() == [False, True, False]
    with pytest.raises(ValueError, match="must be the same labels"):
        number_labels(np.array(["0"]), np.array([0, 1]), CLUSTERER)


@pytest.mark.parametrize(
    ("raw_labels", "n_columns", "classes", "columns"),
    [
        ([0, 1, 2], 3, None, [0, 1, 2]),
        ([1, 2, 3], 3, None, [0, 1, 2]),
        (["a", "b"], 2, None, [0, 1]),
        ([0, 2], 4, None, [0, 2]),  # of components, some are empty
        ([-3, 2], 4, None, None),
        ([0, 2], 1, None, None),
        ([0, 4], 4, None, None),
        ([0.5, 1.5], 3, None, None),
        ([0, 1, 2], 3, [2, 0, 1], [1, 2, 0]),
        ([3, 22, 32], 3, [22, 3, 32], [1, 0, 2]),
        ([-3, -1], 3, [-1, 0, -3], [2, 0]),
        (["a", "c"], 3, ["c", "b", "a"], [2, 0]),
        ([0, 1], 2, ["0", "1"], None),
        ([0, 5], 2, [0, 1], None),
        ([0, 1], 3, [0, 1], None),
    ],
)
def test_columns(raw_labels, n_columns, classes, columns):
    given = None if classes is None else np.array(classes)
    found = columns_of(np.array(raw_labels), n_columns, given)
    assert (found if found is None else found.tolist()) == columns
