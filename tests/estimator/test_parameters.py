import inspect
import re

import pytest

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._estimator.parameters import (
    PARAMETER_CONSTRAINTS,
    EstimatorParameters,
)
from contrastive_clustering._utils.param_validation import check_parameters


def test_each_parameter_has_a_constraint_that_its_default_satisfies():
    signature = inspect.signature(EstimatorParameters.__init__)
    defaults = {
        name: parameter.default
        for name, parameter in signature.parameters.items()
        if parameter.default is not parameter.empty
    }
    assert defaults.keys() == PARAMETER_CONSTRAINTS.keys()
    check_parameters(PARAMETER_CONSTRAINTS, defaults, "the estimator")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_clusters": "many"}, "{'auto'} or a ClusterNumberSearch. Got 'many'"),
        ({"refinement": 3}, "or a refinement such as SelfTrainingRefinement"),
        ({"channel_axis": True}, "an int, a str among {'auto'} or None. Got True"),
    ],
)
def test_messages_name_no_private_module_and_booleans_are_no_axes(params, message):
    with pytest.raises(ValueError, match=re.escape(message)) as info:
        check_parameters(PARAMETER_CONSTRAINTS, params, "the estimator")
    assert "._" not in str(info.value)


def test_the_constructor_only_assigns():
    values = {name: object() for name in PARAMETER_CONSTRAINTS}
    clusterer = ContrastiveAutoencoderClusterer(**values)
    assert vars(clusterer) == values


def test_only_the_first_parameter_is_positional():
    with pytest.raises(TypeError, match="positional"):
        ContrastiveAutoencoderClusterer(10, "kmeans")
