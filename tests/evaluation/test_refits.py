import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.cluster import DBSCAN, KMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError

from contrastive_clustering._evaluation.refits import (
    fit_labels,
    fit_reference,
    fit_subset,
    seeded_clone,
)

POINTS = np.arange(12.0).reshape(6, 2)


def test_seeds_are_set_in_nested_estimators():
    nested = make_pipeline(StandardScaler(), KMeans(2))
    assert seeded_clone(nested, 3).get_params()["kmeans__random_state"] == 3
    given = KMeans(2, random_state=0)
    assert seeded_clone(given, 3).random_state == 3
    assert seeded_clone(given, 3, only_missing=True).random_state == 0
    assert given.random_state == 0


def test_labels_are_those_of_the_rows():
    labels = fit_labels(KMeans(2, random_state=0), POINTS, np.array([0, 1, 5]))
    assert labels.shape == (3,)
    assert labels[0] == labels[1] != labels[2]


def test_errors_about_parameters_stay_as_they_are():
    with pytest.raises(InvalidParameterError, match=r"^The 'n_clusters' parameter"):
        fit_reference(KMeans(0), POINTS)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((9, 3), dtype="V4"), "arrays of bytes/strings"),
        (np.ones((9, 3)).view(np.matrix), "np.matrix is not supported"),
    ],
)
def test_errors_of_other_clusterers_name_the_estimator_and_x(X, message):
    with pytest.raises(
        (TypeError, ValueError), match=rf"estimator=DBSCAN.* fitted to X: .*{message}"
    ):
        fit_reference(DBSCAN(), X)


class Given(BaseEstimator):
    """Returns the given labels."""

    def __init__(self, labels):
        self.labels = labels

    def fit_predict(self, X):
        return self.labels


def test_errors_of_a_subset_name_the_fraction_and_the_size():
    with pytest.raises(
        ValueError,
        match=r"^estimator=KMeans\(...\) could be fitted to all 6 samples of X, but "
        r"not to a subset of 2 \(sample_fraction=0.4\): n_samples=2 should be >= .*"
        r"If the subset is too small, raise sample_fraction.$",
    ):
        fit_subset(KMeans(3), POINTS, np.array([0, 1]), None, 0.4)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, r"returned labels of shape \(\) for 6 samples"),
        (np.zeros((6, 1)), r"returned labels of shape \(6, 1\) for 6 samples.*Pass a"),
        (np.zeros(5), r"returned labels of shape \(5,\) for 6 samples"),
        (np.full(6, np.nan), "cannot be read as labels. Some labels are missing"),
        (np.array([1, "b"] * 3, dtype=object), "cannot .* different types: int at"),
        ([1, "1"] * 3, "cannot be read as labels. Labels have different types: int"),
    ],
)
def test_unusable_labels_name_the_estimator(labels, message):
    message = rf"estimator=Given\(...\) {message}"
    with pytest.raises(ValueError, match=message):
        fit_reference(Given(labels), POINTS)
    with pytest.raises(ValueError, match=message):
        fit_subset(Given(labels), np.repeat(POINTS, 2, axis=0), np.arange(6), None, 0.5)
