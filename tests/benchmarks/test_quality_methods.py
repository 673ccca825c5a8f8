import numpy as np
import pytest
from sklearn.decomposition import PCA


@pytest.fixture
def methods(benchmark_module):
    return benchmark_module("quality_methods")


@pytest.fixture
def make_job(benchmark_module, methods):
    """Return a function that makes a job on images of random gray values."""
    sets = benchmark_module("quality_sets")

    def make(n=40, side=8, n_clusters=2):
        rng = np.random.default_rng(0)
        X = rng.integers(0, 256, (n + 10, side, side), dtype=np.uint8)
        y = np.arange(n + 10) % 3 + 5
        data = sets.Data(X[:n], y[:n], X[n:], y[n:])
        image_set = sets.ImageSet("noise", "noise", 3, (2,), None, label_epochs=2)
        return methods.Job(image_set, data, n_clusters, 0)

    return make


def test_components_are_those_of_the_training_part(methods, make_job):
    job = make_job(60, 8)
    result = methods.components(job)
    train, new = job.data.flat()
    pca = PCA(50, svd_solver="full").fit(train)
    assert [X.shape for X in result.latents] == [(60, 50), (10, 50)]
    np.testing.assert_allclose(
        np.abs(result.latents[1]), np.abs(pca.transform(new)), atol=1e-4
    )


def test_components_are_as_many_as_the_set_allows(methods, make_job):
    assert methods.components(make_job(20, 8)).latents[0].shape == (20, 20)
    assert methods.components(make_job(20, 3)).latents[0].shape == (20, 9)


@pytest.mark.parametrize(
    "name",
    [
        "k-means on pixels",
        "Gaussian mixture on pixels",
        "k-means on components",
        "Gaussian mixture on components",
    ],
)
def test_baselines_label_both_parts(methods, make_job, name):
    (method,) = (m for m in methods.OTHER_METHODS if m.name == name)
    result = method.run(make_job(30, 4))
    assert (len(result.train), len(result.new)) == (30, 10)
    assert set(result.train) == {0, 1}


def test_reconstruction_error_of_the_mean_image_is_1(methods):
    X = np.random.default_rng(0).normal(size=(5, 3))
    assert methods.relative_error(X.mean(axis=0), X) == pytest.approx(1)
    assert methods.relative_error(X, X) == 0


@pytest.mark.slow
def test_the_encoder_with_labels_predicts_classes(methods, make_job):
    result = methods.with_labels(make_job(30, 8, n_clusters=None))
    assert result.train is None
    assert len(result.new) == 10
    assert set(result.new) <= {5, 6, 7}
