import numpy as np
import pytest


@pytest.fixture
def metrics(benchmark_module):
    return benchmark_module("small_sets_metrics")


@pytest.fixture
def make_result(benchmark_module):
    """Return a function that makes the result of given strata."""
    result = benchmark_module("quality_methods").Result
    return lambda train, new: result(np.array(train), np.array(new))


def test_recall_and_precision_of_strata_with_mostly_marked_images(metrics, make_result):
    train = np.array([True, True, False, False, False, True])
    new = np.array([True, True, True, True, False, False, False, False])
    # Stratum 0 is mostly marked; half of stratum 2 is, which is not enough.
    result = make_result([0, 0, 0, 1, 2, 2], [0, 0, 0, 1, 0, 1, 1, 2])
    judged = metrics.judge_marks(train, new, result, 0.1)
    assert judged["marked_strata"] == 1
    assert judged["recall"] == 3 / 4
    assert judged["precision"] == pytest.approx(0.075 / (0.075 + 0.9 / 4))


def test_without_a_stratum_of_marked_images_there_is_no_precision(metrics, make_result):
    marked = np.array([True, False, False])
    judged = metrics.judge_marks(marked, marked, make_result([0] * 3, [0] * 3), 0.1)
    assert judged == {"marked_strata": 0, "recall": 0.0}


@pytest.fixture
def make_sample(benchmark_module):
    """Return a function that makes a sample whose first half is class 0."""
    data = benchmark_module("quality_sets").Data
    sample = benchmark_module("small_sets_samples").Sample

    def make(marked_train=None, marked_new=None):
        y = np.repeat([0, 1], 4)
        X = np.zeros((8, 2, 2))
        marked = None if marked_train is None else (marked_train, marked_new)
        return sample(data(X, y, X, y), marked)

    return make


def test_classes_are_judged_on_usual_and_on_marked_images(
    metrics, make_sample, make_result
):
    marked = np.arange(8) % 2 == 1
    # Usual images lie in the strata of their classes, marked ones in a third.
    strata = [0, 2, 0, 2, 1, 2, 1, 2]
    judged = metrics.judge_sample(
        make_sample(marked, marked), make_result(strata, strata), 0.5
    )
    assert judged["balanced"] == 1
    assert judged["balanced_marked"] == 0.5
    assert judged["recall"] == judged["precision"] == 1
    assert judged["mark_ami"] > judged["class_ami"] > 0


def test_all_images_are_judged_if_the_mark_is_the_class(
    metrics, make_sample, make_result
):
    rare = np.arange(8) >= 4
    strata = [0, 0, 0, 0, 0, 1, 1, 1]
    judged = metrics.judge_sample(
        make_sample(rare, rare), make_result(strata, strata), 0.5
    )
    assert judged["balanced"] == 7 / 8
    assert judged["recall"] == 3 / 4
    assert "balanced_marked" not in judged


def test_nothing_is_marked(metrics, make_sample, make_result):
    strata = [0, 0, 0, 0, 1, 1, 1, 1]
    judged = metrics.judge_sample(make_sample(), make_result(strata, strata), None)
    assert judged == {"balanced": 1, "balanced_se": 0, "class_ami": pytest.approx(1)}


def test_agreement_is_the_mean_over_the_other_partitions(metrics):
    a, b = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    # The index of a and b is -0.5.
    assert metrics.agreements([a, 1 - a, b]) == pytest.approx([0.25, 0.25, -0.5])
