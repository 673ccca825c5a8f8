import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from contrastive_clustering._evaluation.probes import (
    PROBES,
    check_neighbors,
    predict_probes,
)
from contrastive_clustering._utils.grouping import Grouping


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(300, centers=3, cluster_std=4, random_state=0)


def test_probes_without_groups(blobs):
    X, y, new = blobs[0][:200], blobs[1][:200], blobs[0][200:]
    scaler = StandardScaler().fit(X)
    linear = LogisticRegression().fit(scaler.transform(X), y)
    found = predict_probes(X, y, new, 5)
    assert tuple(found) == PROBES
    np.testing.assert_array_equal(
        found["knn"], KNeighborsClassifier(5).fit(X, y).predict(new)
    )
    np.testing.assert_array_equal(
        found["linear"], linear.predict(scaler.transform(new))
    )


def test_copies_within_groups_do_not_matter(blobs):
    """One of the patients has 300 copies of an image with a wrong class."""
    X, y, new = blobs[0][:200], blobs[1][:200].copy(), blobs[0][200:]
    y[0] = (y[0] + 1) % 3
    copies = np.repeat(np.arange(200), [300] + [1, 3] * 99 + [2])
    alone = predict_probes(X, y, new, 5)
    found = predict_probes(X[copies], y[copies], new, 5, Grouping(copies, 200))
    unaware = predict_probes(X[copies], y[copies], new, 5)
    for probe in PROBES:
        np.testing.assert_array_equal(found[probe], alone[probe])
        assert np.mean(unaware[probe] != alone[probe]) > 0.05


def test_there_must_be_enough_groups():
    groups = Grouping(np.array([0, 0, 1, 2]), 3)
    check_neighbors(4, 4, None)
    check_neighbors(3, 4, groups)
    with pytest.raises(ValueError, match=r"n_neighbors=5 is larger.* samples, 4"):
        check_neighbors(5, 4, None)
    with pytest.raises(ValueError, match=r"n_neighbors=4 is larger.* groups, 3"):
        check_neighbors(4, 4, groups)
