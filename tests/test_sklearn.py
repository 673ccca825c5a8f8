"""The estimator with scikit-learn's tools: pipelines, searches and metrics."""

import inspect
import pickle

import joblib
import numpy as np
import pytest
from sklearn import metrics
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_val_score,
    train_test_split,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering.metrics import clustering_accuracy_scorer


@pytest.fixture(scope="module")
def flat_digits(digits):
    images, y = digits
    return images[:400].reshape(400, -1), y[:400]


@pytest.fixture
def flat_clusterer():
    return ContrastiveAutoencoderClusterer(
        10,
        image_shape=(8, 8),
        clusterer="kmeans",  # faster than the default, which other tests use
        max_epochs=4,
        refinement_epochs=2,
        latent_dim=16,
        random_state=0,
    )


def test_pipeline_with_a_scaler(flat_digits, flat_clusterer):
    X, y = flat_digits
    pipeline = Pipeline([("scaler", MinMaxScaler()), ("clusterer", flat_clusterer)])
    labels = pipeline.fit_predict(X)
    np.testing.assert_array_equal(pipeline.predict(X), labels)
    assert pipeline.predict_proba(X).shape == (400, 10)
    assert -1 <= pipeline.score(X, y) <= 1
    decoded = pipeline.inverse_transform(pipeline.transform(X))
    assert decoded.shape == X.shape
    assert np.mean((decoded - X) ** 2) < X.var()


def test_latents_are_features_for_a_classifier(digits):
    images, y = digits
    X = images.reshape(len(images), -1)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    clusterer = ContrastiveAutoencoderClusterer(
        image_shape=(8, 8),
        clusterer="kmeans",
        max_epochs=10,
        refinement_epochs=1,
        random_state=0,
    )
    classifier = make_pipeline(
        clusterer, StandardScaler(), LogisticRegression(max_iter=1000)
    )
    assert classifier.fit(X_train, y_train).score(X_test, y_test) > 0.93


@pytest.mark.slow
@pytest.mark.parametrize(
    "scoring",
    [clustering_accuracy_scorer, "adjusted_rand_score", None],
    ids=lambda scoring: getattr(scoring, "__name__", str(scoring)),
)
def test_grid_search_in_two_processes(flat_digits, flat_clusterer, scoring):
    X, y = flat_digits
    search = GridSearchCV(
        flat_clusterer.set_params(max_epochs=2),
        {"n_clusters": [2, 10], "latent_dim": [8], "temperature": [0.5]},
        scoring=scoring,
        cv=2,
        n_jobs=2,
        error_score="raise",
    )
    search.fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.predict(X).shape == (400,)
    again = clone(search.best_estimator_).fit(X)
    np.testing.assert_array_equal(again.labels_, search.best_estimator_.labels_)


def test_grid_search_finds_the_better_value(flat_digits, flat_clusterer):
    X, y = flat_digits
    grid = {"n_clusters": [2, 10]}
    search = GridSearchCV(flat_clusterer, grid, scoring="adjusted_rand_score", cv=2)
    assert search.fit(X, y).best_params_ == {"n_clusters": 10}


def test_cross_validation(flat_digits, flat_clusterer):
    X, y = flat_digits
    flat_clusterer.set_params(max_epochs=2)
    assert cross_val_predict(flat_clusterer, X, cv=2).shape == (400,)
    proba = cross_val_predict(flat_clusterer, X, cv=2, method="predict_proba")
    assert proba.shape == (400, 10)
    assert np.isfinite(cross_val_score(flat_clusterer, X, y, cv=2)).all()


def clustering_metrics():
    """Return the clustering metrics that take two lists of labels, or X and labels."""
    # These take biclusters, a contingency table, or a single list of labels.
    others = {"consensus_score", "expected_mutual_information", "entropy"}
    return sorted(set(metrics.cluster.__all__) - others)


@pytest.mark.parametrize("name", clustering_metrics())
def test_every_clustering_metric(fitted_digits, digits, name):
    images, y = digits
    function = getattr(metrics.cluster, name)
    labels = fitted_digits.predict(images)
    if "X" in inspect.signature(function).parameters:
        value = function(fitted_digits.transform(images), labels)
    else:
        value = function(y, labels)
    assert np.isfinite(np.asarray(value, dtype=float)).all()


@pytest.mark.parametrize(
    "name", ["accuracy_score", "confusion_matrix", "classification_report", "log_loss"]
)
def test_metrics_of_classifiers(fitted_digits, digits, name):
    images, y = digits
    method = "predict_proba" if name == "log_loss" else "predict"
    assert getattr(metrics, name)(y, getattr(fitted_digits, method)(images)) is not None


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(fitted_digits, digits, protocol):
    images, _ = digits
    loaded = pickle.loads(pickle.dumps(fitted_digits, protocol))
    np.testing.assert_array_equal(
        loaded.predict_proba(images), fitted_digits.predict_proba(images)
    )


def test_joblib(fitted_digits, digits, tmp_path):
    images, _ = digits
    joblib.dump(fitted_digits, tmp_path / "clusterer.joblib", compress=3)
    loaded = joblib.load(tmp_path / "clusterer.joblib")
    np.testing.assert_array_equal(
        loaded.transform(images), fitted_digits.transform(images)
    )
    n_epochs = len(loaded.history_)
    loaded.set_params(warm_start=True, max_epochs=1, refinement_epochs=2)
    loaded.fit(images[:200])
    assert len(loaded.history_) == n_epochs + 3
