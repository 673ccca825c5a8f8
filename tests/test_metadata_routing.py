"""Groups and nuisance variables reach the estimator by scikit-learn's routing."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contrastive_clustering import ContrastiveAutoencoderClusterer

PATIENT = np.arange(40) // 4
SITE = np.tile([0, 1], 20)


@pytest.fixture
def received(monkeypatch):
    """The metadata that each fit received."""
    seen = []
    original = ContrastiveAutoencoderClusterer._fit

    def recorded(self, X, groups, nuisance, **kwargs):
        seen.append((groups, nuisance))
        return original(self, X, groups, nuisance, **kwargs)

    monkeypatch.setattr(ContrastiveAutoencoderClusterer, "_fit", recorded)
    return seen


@pytest.fixture
def clusterer(fast):
    return ContrastiveAutoencoderClusterer(**{**fast, "image_shape": (8, 8)})


@pytest.fixture
def table(tiny_images):
    return tiny_images.reshape(40, -1).astype(np.float64)


def test_a_pipeline_routes_metadata(table, clusterer, received):
    with config_context(enable_metadata_routing=True):
        asks = clusterer.set_fit_request(groups=True, nuisance=True)
        pipeline = make_pipeline(StandardScaler(), asks)
        pipeline.fit(table, groups=PATIENT, nuisance=SITE)
    ((groups, nuisance),) = received
    np.testing.assert_array_equal(groups, PATIENT)
    np.testing.assert_array_equal(nuisance, SITE)


def test_a_pipeline_passes_metadata_by_the_name_of_the_step(table, clusterer, received):
    pipeline = make_pipeline(StandardScaler(), clusterer)
    pipeline.fit(table, contrastiveautoencoderclusterer__groups=PATIENT)
    np.testing.assert_array_equal(received[0][0], PATIENT)


def test_a_grid_search_splits_and_routes_groups(table, clusterer, received):
    with config_context(enable_metadata_routing=True):
        asks = clusterer.set_fit_request(groups=True, nuisance=True)
        asks = asks.set_score_request(groups=True)
        search = GridSearchCV(asks, {"max_epochs": [1, 2]}, cv=GroupKFold(2))
        search.fit(table, groups=PATIENT, nuisance=SITE)
    assert len(received) == 5
    for groups, nuisance in received[:4]:
        assert len(groups) == len(nuisance) == 20
        assert len(np.unique(groups)) == 5
    assert len(received[4][0]) == 40
    assert np.isfinite(search.best_score_)


def test_cross_validation_routes_groups(table, clusterer, received):
    with config_context(enable_metadata_routing=True):
        asks = clusterer.set_fit_request(groups=True).set_score_request(groups=False)
        result = cross_validate(
            asks, table, cv=GroupKFold(2), params={"groups": PATIENT}
        )
    assert np.isfinite(result["test_score"]).all()
    assert [len(np.unique(groups)) for groups, _ in received] == [5, 5]


def test_fit_predict_and_fit_transform_pass_metadata(table, clusterer, received):
    clusterer.fit_predict(table, groups=PATIENT)
    with config_context(enable_metadata_routing=True):
        clusterer.fit_transform(table, groups=PATIENT, nuisance=SITE)
    assert received[0][1] is None
    for groups, _ in received:
        np.testing.assert_array_equal(groups, PATIENT)
