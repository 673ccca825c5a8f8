import numpy as np
import pytest

from contrastive_clustering._utils.memoize import WorkOn, reusing_work


@pytest.fixture
def calls():
    return []


@pytest.fixture
def add(calls):
    def add(samples, n):
        calls.append(n)
        return samples + n

    return add


def test_equal_samples_and_arguments_are_worked_on_once(calls, add):
    samples = np.arange(6.0).reshape(3, 2)
    with reusing_work():
        first = WorkOn(samples).once(add, 1)
        assert WorkOn(samples.copy()).once(add, 1) is first
        assert calls == [1]
        np.testing.assert_array_equal(WorkOn(samples).once(add, 2), samples + 2)
        np.testing.assert_array_equal(WorkOn(-samples).once(add, 1), 1 - samples)
        of_float32 = WorkOn(samples.astype(np.float32)).once(add, 1)
        assert of_float32.dtype == np.float32
    assert calls == [1, 2, 1, 1]


def test_other_functions_share_nothing(add):
    samples = np.arange(3)
    with reusing_work():
        assert WorkOn(samples).once(np.sum) == 3
        assert WorkOn(samples).once(np.max) == 2
        np.testing.assert_array_equal(WorkOn(samples).once(add, 1), samples + 1)


def test_nothing_is_kept_without_or_after_the_context(calls, add):
    samples = np.arange(3)
    WorkOn(samples).once(add, 1)
    with reusing_work():
        WorkOn(samples).once(add, 1)
        with reusing_work():  # has nothing of the one around it
            WorkOn(samples).once(add, 1)
        WorkOn(samples).once(add, 1)
    WorkOn(samples).once(add, 1)
    assert calls == [1, 1, 1, 1]


def test_what_fails_is_tried_again():
    def fail(samples):
        raise ZeroDivisionError

    with reusing_work():
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                WorkOn(np.arange(3)).once(fail)
