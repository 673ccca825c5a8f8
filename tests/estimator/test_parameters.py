import inspect

import pytest

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._estimator.parameters import (
    PARAMETER_CONSTRAINTS,
    EstimatorParameters,
)
from contrastive_clustering._utils.param_validation import check_parameters


def test_each_parameter_has_a_constraint_that_its_default_meets():
    signature = inspect.signature(EstimatorParameters.__init__)
    defaults = {
        name: parameter.default
        for name, parameter in signature.parameters.items()
        if parameter.default is not parameter.empty
    }
    assert defaults.keys() == PARAMETER_CONSTRAINTS.keys()
    check_parameters(PARAMETER_CONSTRAINTS, defaults, "the estimator")


def test_the_constructor_only_assigns():
    values = {name: object() for name in PARAMETER_CONSTRAINTS}
    clusterer = ContrastiveAutoencoderClusterer(**values)
    assert vars(clusterer) == values


def test_all_but_the_first_parameter_are_named():
    with pytest.raises(TypeError, match="positional"):
        ContrastiveAutoencoderClusterer(10, "kmeans")
