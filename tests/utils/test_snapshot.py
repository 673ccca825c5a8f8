import numpy as np
import pytest

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    EmbeddingDisplay,
    clustering_report,
)
from contrastive_clustering._estimator import generation as _generation
from contrastive_clustering._estimator import persistence as _persistence
from contrastive_clustering._estimator import prediction as _prediction
from contrastive_clustering._utils.snapshot import reads_fitted_state, snapshot


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(40, 8, 8)).cumsum(axis=1)


@pytest.fixture(scope="module")
def two_fits(images):
    """Return two fits that differ in their strata and in latent_dim."""
    parameters = {"clusterer": "kmeans", "max_epochs": 1, "refinement_epochs": 0}
    return [
        ContrastiveAutoencoderClusterer(
            n_clusters, latent_dim=latent_dim, random_state=0, **parameters
        ).fit(images)
        for n_clusters, latent_dim in ((3, 4), (5, 6))
    ]


CALLS = {
    "predict": lambda clusterer, X: clusterer.predict(X),
    "predict_proba": lambda clusterer, X: clusterer.predict_proba(X),
    "transform": lambda clusterer, X: clusterer.transform(X),
    "inverse_transform": lambda clusterer, _: clusterer.inverse_transform(
        np.ones((2, 4))
    ),
    "labels_at": lambda clusterer, X: clusterer.labels_at(2, X),
    "score": lambda clusterer, X: clusterer.score(X),
    "score_samples": lambda clusterer, X: clusterer.score_samples(X),
    "sample": lambda clusterer, _: clusterer.sample(4, random_state=0)[0],
    "interpolate": lambda clusterer, _: clusterer.interpolate(0, 2, n_steps=3),
}


@pytest.mark.filterwarnings("ignore:.*generated samples")
@pytest.mark.parametrize("name", CALLS)
def test_methods_use_one_model_during_a_concurrent_fit(
    two_fits, images, name, monkeypatch
):
    old, new = two_fits
    expected = CALLS[name](old, images)
    shared = snapshot(old)

    def end_of_another_fit(estimator):
        shared.__dict__ = vars(new).copy()

    for module in (_prediction, _generation):
        monkeypatch.setattr(module, "check_is_fitted", end_of_another_fit)
    np.testing.assert_array_equal(CALLS[name](shared, images), expected)
    monkeypatch.undo()
    assert shared.n_clusters_ == 5


def test_files_contain_one_model(two_fits, tmp_path, monkeypatch):
    old, new = two_fits
    shared = snapshot(old)

    def end_of_another_fit(estimator):
        shared.__dict__ = vars(new).copy()

    monkeypatch.setattr(_persistence, "check_is_fitted", end_of_another_fit)
    shared.save(tmp_path / "model")
    loaded = ContrastiveAutoencoderClusterer.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.labels_, old.labels_)
    assert loaded.n_clusters == 3


@pytest.mark.parametrize(
    "draw",
    [
        lambda clusterer, X, path: EmbeddingDisplay.from_estimator(
            clusterer, X, method="pca"
        ),
        lambda clusterer, X, path: clustering_report(clusterer, X, path=path),
    ],
)
def test_displays_show_one_model(two_fits, images, tmp_path, draw, monkeypatch):
    old, new = two_fits
    shared = snapshot(old)
    read = ContrastiveAutoencoderClusterer._read

    def end_of_another_fit(self, X):
        shared.__dict__ = vars(new).copy()
        return read(self, X)

    monkeypatch.setattr(ContrastiveAutoencoderClusterer, "_read", end_of_another_fit)
    # Latents of the old network would not fit the centers of the new one.
    draw(shared, images, tmp_path / "report.html")
    assert shared.n_clusters_ == 5


def test_fit_replaces_the_model_atomically(two_fits, images):
    clusterer = snapshot(two_fits[0]).set_params(store_examples=True)
    before = vars(clusterer)
    clusterer.fit(images)
    assert hasattr(clusterer, "examples_")
    assert "examples_" not in before
    clusterer.set_params(store_examples=False).fit(images)
    assert not hasattr(clusterer, "examples_")


def test_snapshots_are_shallow_copies():
    class Counter:
        n = 0

        @reads_fitted_state
        def count(self, step, *, twice=False):
            """Count."""
            self.n += step * (1 + twice)
            return self.n

    counter = Counter()
    assert counter.count(2, twice=True) == 4
    assert counter.n == 0
    assert Counter.count.__doc__ == "Count."
    counter.items = []
    assert snapshot(counter).items is counter.items
