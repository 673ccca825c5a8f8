from fractions import Fraction

import numpy as np
import pytest
from sklearn import config_context, get_config
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.utils._param_validation import StrOptions

from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.param_validation import (
    MAX_COUNT,
    Count,
    InstanceOf,
    InstanceWith,
    Number,
    WholeNumber,
    check_parameters,
    validate_params,
)


@pytest.mark.parametrize("value", [1, 5, np.int8(1), np.uint64(7), MAX_COUNT])
def test_integers_satisfy_count(value):
    assert Count(1).is_satisfied_by(value)


@pytest.mark.parametrize("value", [0, True, np.True_, 1.0, "1", None, 2**31, 10**400])
def test_other_values_do_not_satisfy_count(value):
    assert not Count(1).is_satisfied_by(value)


@pytest.mark.parametrize("value", [0, -1, np.int8(1), 10**400])
def test_integers_are_whole_numbers(value):
    assert WholeNumber().is_satisfied_by(value)


@pytest.mark.parametrize("value", [True, np.True_, 1.0, "1", None, Fraction(2)])
def test_other_values_are_not_whole_numbers(value):
    constraints = {"n": [WholeNumber(), None]}
    if value is not None:
        with pytest.raises(ValueError, match="must be an int or None"):
            check_parameters(constraints, {"n": value}, "caller")
    assert not WholeNumber().is_satisfied_by(value)


def test_a_class_is_described_in_words():
    constraints = {"n": [None, InstanceOf(Count, "a count")]}
    check_parameters(constraints, {"n": Count(1)}, "caller")
    with pytest.raises(ValueError, match=r"must be None or a count\. Got 'many'"):
        check_parameters(constraints, {"n": "many"}, "caller")


def test_a_class_is_not_an_instance_with_methods():
    constraints = {"estimator": [InstanceWith("predict")]}
    check_parameters(constraints, {"estimator": KMeans()}, "caller")
    for wrong in (KMeans, PCA()):
        with pytest.raises(ValueError, match=r"an instance of a class .* 'predict'"):
            check_parameters(constraints, {"estimator": wrong}, "caller")


@pytest.mark.parametrize("value", [0, 0.5, np.float32(0.5), np.int64(0)])
def test_numbers_within_limits_are_valid(value):
    assert Number(0, 1, closed="left").is_satisfied_by(value)


@pytest.mark.parametrize(
    "value", [1, -0.1, True, Fraction(1, 2), 10**400, -(10**400), np.nan, "0", None, 0j]
)
def test_other_values_are_invalid(value):
    assert not Number(0, 1, closed="left").is_satisfied_by(value)


@pytest.mark.parametrize("value", [np.inf, np.nan, 10**400])
def test_numbers_without_a_limit_are_finite(value):
    assert not Number(0, None, closed="left").is_satisfied_by(value)


class Noisy:
    def __repr__(self):
        raise RuntimeError("no description")


@pytest.mark.parametrize("value", [np.full((28, 28), 0.5), Noisy(), [0.5] * 100])
def test_rejected_values_are_described(value):
    constraints = {"n": [Count(1), StrOptions({"auto"}), None]}
    for good in (3, "auto", None):
        check_parameters(constraints, {"n": good, "other": value}, "caller")
    with pytest.raises(ValueError, match="'n' parameter of caller must be") as info:
        check_parameters(constraints, {"n": value}, "caller")
    assert show(value) in str(info.value)
    assert len(str(info.value)) < 200


def test_functions_check_their_parameters_once():
    @validate_params({"n": [Count(1)]})
    def count(X, n=1):
        return get_config()["skip_parameter_validation"], n

    assert count(None) == (True, 1)
    assert count(None, n=2) == (True, 2)
    with pytest.raises(ValueError, match=r"'n' parameter of .*count must be"):
        count(None, 0)
    with pytest.raises(TypeError, match=r"count\(\) got an unexpected"):
        count(None, m=0)
    with pytest.raises(TypeError, match=r"count\(\) takes from 1 to 2 positional"):
        count(None, 1, 2)
    with config_context(skip_parameter_validation=True):
        assert count(None, 0) == (True, 0)


def test_messages_name_the_class_of_the_object_not_that_of_the_method():
    class Mixin:
        @validate_params({"n": [Count(1)]})
        def draw(self, n):
            return n

    class Estimator(Mixin):
        pass

    assert Estimator().draw(1) == 1
    with pytest.raises(ValueError, match=r"parameter of Estimator\.draw must be"):
        Estimator().draw(0)
