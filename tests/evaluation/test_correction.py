import warnings
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from contrastive_clustering._evaluation.correction import (
    correct,
    warn_of_few_permutations,
)

METHODS = {"holm": "holm", "bh": "fdr_bh"}


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=12),
    st.integers(1, 4),
    st.sampled_from(sorted(METHODS)),
)
def test_corrections_agree_with_statsmodels(numerators, n_searched, method):
    p = np.array(numerators) / 50
    # statsmodels collects garbage in each call, which takes long among many objects.
    with mock.patch("gc.collect"):
        result = multipletests(np.minimum(1, p * n_searched), method=METHODS[method])
    expected = result[1]
    np.testing.assert_allclose(correct(p, n_searched, method), expected, rtol=1e-10)


def test_variables_that_were_not_tested_do_not_count():
    p = np.array([0.01, np.nan, 0.03])
    np.testing.assert_allclose(correct(p, 1, "holm"), [0.02, np.nan, 0.03])
    np.testing.assert_allclose(correct(p, 1, "bh"), [0.02, np.nan, 0.03])
    np.testing.assert_allclose(correct(p, 10, None), [0.1, np.nan, 0.3])
    for method in ("holm", "bh", None):
        assert np.isnan(correct(np.array([np.nan]), 1, method)).all()


@pytest.mark.parametrize(
    ("n_permutations", "n_searched", "method", "least"),
    [(99, 1, "holm", 119), (199, 11, "bh", 219), (99, 6, None, 119)],
)
def test_too_few_permutations_cause_a_warning(
    n_permutations, n_searched, method, least
):
    p = np.array([0.5] * 6 + [np.nan] * 2)
    with pytest.warns(UserWarning, match=f"n_permutations to at least {least}"):
        warn_of_few_permutations(p, n_permutations, n_searched, method)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_few_permutations(p, least, n_searched, method)
    with pytest.warns(UserWarning, match=r"the smallest is 0\.0504|0\.0502"):
        warn_of_few_permutations(p, least - 1, n_searched, method)


def test_a_smallest_p_value_at_the_level_is_small_enough():
    p = np.array([0.5])
    with pytest.warns(UserWarning, match="the smallest is 0.0526"):
        warn_of_few_permutations(p, 18, 1, "holm")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_few_permutations(p, 19, 1, "holm")  # 1 / 20
