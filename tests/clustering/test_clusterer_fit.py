import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import (
    DBSCAN,
    AgglomerativeClustering,
    BisectingKMeans,
    KMeans,
    MiniBatchKMeans,
)
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from contrastive_clustering import ConsensusClustering
from contrastive_clustering._clustering.clusterer_fit import fit_clusterer
from contrastive_clustering._utils.grouping import Grouping

X = np.random.default_rng(0).normal(size=(40, 3))
GROUPS = Grouping.read(np.arange(40) // 4, 40)


class Recorder(ClusterMixin, BaseEstimator):
    """Keeps what its fit receives."""

    def fit(self, X, y=None):
        return self._keep(X)

    def _keep(self, X, **params):
        self.seen_, self.params_ = X, params
        self.labels_ = np.zeros(len(X), dtype=int)
        return self


class TakesWeights(Recorder):
    def fit(self, X, y=None, sample_weight=None):
        return self._keep(X, sample_weight=sample_weight)


class TakesBoth(Recorder):
    def fit(self, X, y=None, *, groups=None, sample_weight=None):
        return self._keep(X, groups=groups, sample_weight=sample_weight)


class OwnFitPredict(TakesWeights):
    def fit_predict(self, X, y=None):
        return self.fit(X).labels_


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize(
    ("clusterer", "expected"),
    [
        (TakesWeights(), {"sample_weight": np.full(40, 0.25)}),
        (TakesBoth(), {"groups": GROUPS.codes, "sample_weight": None}),
    ],
    ids=["weights", "groups"],
)
def test_parameters_reach_the_last_step(clusterer, expected, depth):
    whole = clusterer
    for _ in range(depth):
        whole = make_pipeline(StandardScaler(with_mean=False, with_std=False), whole)
    labels, rows = fit_clusterer(whole, X, GROUPS)
    assert rows is None
    assert len(labels) == 40
    np.testing.assert_array_equal(clusterer.seen_, X)
    for name, value in expected.items():
        np.testing.assert_array_equal(clusterer.params_[name], value)


@pytest.mark.parametrize("clusterer", [Recorder(), OwnFitPredict()])
def test_others_are_fitted_to_the_sample_nearest_to_the_mean_of_its_group(clusterer):
    labels, rows = fit_clusterer(clusterer, X, GROUPS)
    expected = []
    for group in range(10):
        members = np.flatnonzero(GROUPS.codes == group)
        center = X[members].mean(axis=0)
        expected.append(
            min(members, key=lambda row, c=center: np.linalg.norm(X[row] - c))
        )
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_array_equal(clusterer.seen_, X[rows])
    assert len(labels) == 10


@pytest.mark.parametrize(
    ("clusterer", "sees_all"),
    [
        (KMeans(3), True),
        (MiniBatchKMeans(3, batch_size=64), True),
        (BisectingKMeans(3), True),
        (DBSCAN(), True),
        (ConsensusClustering(3, n_members=4), True),
        (make_pipeline(StandardScaler(), KMeans(3)), True),
        (GaussianMixture(3), False),
        (AgglomerativeClustering(3), False),
        (make_pipeline(StandardScaler(), AgglomerativeClustering(3)), False),
        (make_pipeline(StandardScaler(), Normalizer(), KMeans(3)), True),
        (make_pipeline(StandardScaler(), PCA(2), GaussianMixture(3)), False),
    ],
    ids=str,
)
def test_known_clusterers(clusterer, sees_all):
    labels, rows = fit_clusterer(clusterer, X, GROUPS)
    assert (rows is None) == sees_all
    assert len(labels) == (40 if sees_all else 10)


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_samples_stay_if_a_clusterer_modifies_them(groups):
    samples = X.copy()
    scaler = StandardScaler(copy=False)
    fit_clusterer(make_pipeline(scaler, KMeans(3)), samples, groups)
    np.testing.assert_array_equal(samples, X)


def test_without_groups_nothing_is_passed():
    clusterer = TakesBoth()
    _, rows = fit_clusterer(clusterer, X, None)
    assert rows is None
    assert clusterer.params_ == {"groups": None, "sample_weight": None}


def test_a_failure_names_the_clusterer_and_what_it_saw():
    with pytest.raises(ValueError, match=r"cannot cluster latents of shape \(10, 3\)"):
        fit_clusterer(GaussianMixture(11), X, GROUPS)
