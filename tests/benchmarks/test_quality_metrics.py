import numpy as np
import pytest
from sklearn.metrics import recall_score


@pytest.fixture
def metrics(benchmark_module):
    return benchmark_module("quality_metrics")


@pytest.fixture
def make_result(benchmark_module):
    return benchmark_module("quality_methods").Result


@pytest.fixture
def data(benchmark_module):
    y = np.repeat([0, 1], [30, 20])
    X = np.zeros((50, 1))
    return benchmark_module("quality_sets").Data(X, y, X[:10], y[25:35])


def test_standard_error_is_that_of_repeated_samples(metrics):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [400, 100, 50])
    recalls = np.array([0.9, 0.5, 0.7])
    hits = rng.random((4000, len(y))) < recalls[y]
    predicted = np.where(hits, y, -1)
    spread = np.mean([hits[:, y == c].mean(axis=1) for c in range(3)], axis=0).std()
    estimates = [metrics.standard_error(y, row) for row in predicted[:100]]
    assert np.mean(estimates) == pytest.approx(spread, rel=0.05)


def test_strata_take_the_most_frequent_class_of_their_members(
    metrics, data, make_result
):
    train = np.repeat([0, 1, 2], [20, 15, 15])  # 1 holds ten of class 0, five of 1
    new = np.repeat([0, 1, 2], [3, 3, 4])
    found = metrics.judge(data, make_result(train=train, new=new))
    predicted = np.repeat([0, 1], [6, 4])
    assert found["mapped"] == np.mean(predicted == data.y_new)
    recalls = recall_score(data.y_new, predicted, average=None)
    assert found["balanced"] == pytest.approx(recalls.mean())
    assert found["one_to_one"] == 0.7
    assert "reconstruction_error" not in found
    assert "neighbors_balanced" not in found


def test_classes_are_judged_as_they_are(metrics, data, make_result):
    found = metrics.judge(data, make_result(new=1 - data.y_new))
    assert found["mapped"] == found["balanced"] == 0
    assert found["one_to_one"] == 1


def test_probes_learn_from_latents(metrics, data, make_result):
    latents = data.y_train[:, np.newaxis] * 10.0, data.y_new[:, np.newaxis] * 10.0
    found = metrics.judge(data, make_result(latents=latents, reconstruction_error=0.5))
    assert found["neighbors_balanced"] == found["linear_accuracy"] == 1
    assert found["reconstruction_error"] == 0.5
    assert "mapped" not in found
    shuffled = latents[0], np.zeros((10, 1))
    found = metrics.judge(data, make_result(latents=shuffled))
    assert found["neighbors_balanced"] == found["linear_balanced"] == 0.5
    assert found["linear_accuracy"] == 0.5
