import warnings

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from contrastive_clustering._utils.caller_warnings import warn


def test_the_caller_is_named():
    with pytest.warns(UserWarning, match="careful") as caught:
        warn("careful")
    assert caught[0].filename == __file__


def test_the_category_is_kept():
    with pytest.warns(RuntimeWarning):
        warn("careful", RuntimeWarning)


def test_the_caller_of_a_pipeline_is_named(fitted_digits):
    # `transform` is wrapped by scikit-learn and by this package.
    pipeline = make_pipeline(FunctionTransformer(), fitted_digits)
    X = np.zeros((3, *fitted_digits._model.scaler.layout.sample_shape))
    for method in (fitted_digits.transform, pipeline.transform, pipeline.predict):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            method(X)
        assert {warning.filename for warning in caught} == {__file__}
