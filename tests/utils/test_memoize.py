import numpy as np
import pytest

from contrastive_clustering._utils.memoize import Memoized, memoizing


@pytest.fixture
def calls():
    return []


@pytest.fixture
def add(calls):
    def add(samples, n):
        calls.append(n)
        return samples + n

    return add


def test_results_are_shared_for_equal_samples_and_arguments(calls, add):
    samples = np.arange(6.0).reshape(3, 2)
    with memoizing():
        first = Memoized(samples).compute(add, 1)
        assert Memoized(samples.copy()).compute(add, 1) is first
        assert calls == [1]
        np.testing.assert_array_equal(Memoized(samples).compute(add, 2), samples + 2)
        np.testing.assert_array_equal(Memoized(-samples).compute(add, 1), 1 - samples)
        of_float32 = Memoized(samples.astype(np.float32)).compute(add, 1)
        assert of_float32.dtype == np.float32
    assert calls == [1, 2, 1, 1]


def test_results_are_not_shared_between_functions(add):
    samples = np.arange(3)
    with memoizing():
        assert Memoized(samples).compute(np.sum) == 3
        assert Memoized(samples).compute(np.max) == 2
        np.testing.assert_array_equal(Memoized(samples).compute(add, 1), samples + 1)


def test_results_are_kept_only_within_the_context(calls, add):
    samples = np.arange(3)
    Memoized(samples).compute(add, 1)
    with memoizing():
        Memoized(samples).compute(add, 1)
        with memoizing():  # has nothing of the one around it
            Memoized(samples).compute(add, 1)
        Memoized(samples).compute(add, 1)
    Memoized(samples).compute(add, 1)
    assert calls == [1, 1, 1, 1]


def test_failed_calls_are_repeated():
    def fail(samples):
        raise ZeroDivisionError

    with memoizing():
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                Memoized(np.arange(3)).compute(fail)
