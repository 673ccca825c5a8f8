from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._display.fitted import (
    check_classes,
    check_column,
    check_fitted,
    check_sample_strata,
    check_strata,
    check_table,
    encode,
)


def test_only_fitted_estimators_are_accepted(fitted_kind):
    _, estimator = fitted_kind("gray")
    assert vars(check_fitted(estimator, "Caller")) == vars(estimator)
    with pytest.raises(NotFittedError):
        check_fitted(ContrastiveAutoencoderClusterer(), "Caller")
    for wrong in (KMeans(), ContrastiveAutoencoderClusterer, None):
        with pytest.raises(TypeError, match="Caller needs a fitted Contrastive"):
            check_fitted(wrong, "Caller")


def test_all_samples_are_encoded(fitted_kind):
    X, estimator = fitted_kind("gray")
    encoded = encode(estimator, X)
    np.testing.assert_array_equal(encoded.latents, estimator.transform(X))
    np.testing.assert_array_equal(encoded.labels, estimator.predict(X))
    np.testing.assert_array_equal(encoded.take(np.array([3, 1])), X[[3, 1]])


def test_random_selection_depends_on_the_seed(fitted_kind):
    X, estimator = fitted_kind("gray")
    parts = [encode(estimator, X, 9, np.random.RandomState(seed)) for seed in (0, 0, 1)]
    for part in parts:
        assert len(np.unique(part.rows)) == 9
        np.testing.assert_array_equal(part.rows, np.sort(part.rows))
        np.testing.assert_array_equal(part.latents, estimator.transform(X)[part.rows])
        np.testing.assert_array_equal(part.take(np.array([2])), X[part.rows[[2]]])
    np.testing.assert_array_equal(parts[0].rows, parts[1].rows)
    assert not np.array_equal(parts[0].rows, parts[2].rows)


def test_strata():
    np.testing.assert_array_equal(check_strata(None, 3), [0, 1, 2])
    np.testing.assert_array_equal(check_strata([2, 0], 3), [2, 0])
    column = pd.Series([2.0, 0.0])
    np.testing.assert_array_equal(check_strata(column, 3), [2, 0])
    with pytest.raises(ValueError, match=r"strata\[1\] is 3, but there are 3 strata"):
        check_strata([0, 3], 3)
    with pytest.raises(ValueError, match=r"strata\[0\] is -1"):
        check_strata([-1], 3)
    for wrong in ([], [0.5], [[0]], ["a"], {0}):
        with pytest.raises(ValueError, match="is not a list of strata"):
            check_strata(wrong, 3)


def test_column():
    np.testing.assert_array_equal(check_column([[1], [2]], 2, "y"), [1, 2])
    assert check_column(["a", "b"], 2, "y").tolist() == ["a", "b"]
    for wrong in ([1, 2, 3], [[1, 2], [3, 4]], 5):
        with pytest.raises(ValueError, match=r"y has shape .* there are 2 samples"):
            check_column(wrong, 2, "y")
    with pytest.raises(ValueError, match="y cannot be read as one value"):
        check_column([[1], [1, 2]], 2, "y")


def test_classes():
    classes, codes = check_classes(["b", "a", "b"], 3)
    assert classes.tolist() == ["a", "b"]
    assert codes.tolist() == [1, 0, 1]
    mixed = np.array(["a", None, 3.0], dtype=object)
    with pytest.raises(ValueError, match=r"one kind.*str at index 0 and float at inde"):
        check_classes(mixed, 3)
    with pytest.raises(ValueError, match=r"int at index 0 and str at index 1"):
        check_classes([1, "1", 1], 3)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
@pytest.mark.parametrize("kind", [list, pd.Series, partial(np.array, dtype=object)])
def test_missing_labels_are_a_class_in_any_form(kind, missing):
    classes, codes = check_classes(kind(["b", missing, "a"]), 3)
    assert classes.tolist()[:2] == ["a", "b"]
    assert np.isnan(classes[2])
    assert codes.tolist() == [1, 2, 0]


def test_strata_of_samples():
    for strata in (
        [0, 2, -1],
        [[0.0], [2.0], [-1.0]],
        pd.Series([0, 2, -1], dtype=object),
    ):
        np.testing.assert_array_equal(check_sample_strata(strata, 3), [0, 2, -1])
    for wrong in (["a", "b"], [0, -2], [0, 10**9], [True, False]):
        with pytest.raises(ValueError, match=r"strata has dtype .* in strata\[\d\]"):
            check_sample_strata(wrong, 2)
    with pytest.raises(ValueError, match=r"strata\[1\] is not a whole number"):
        check_sample_strata([1, 0.5], 2)
    for wrong in ([], [[0, 1]], 3, [0, None], [0, np.nan]):
        with pytest.raises(ValueError, match=r"^strata "):
            check_sample_strata(wrong, 2)
    with pytest.raises(ValueError, match=r"strata has 1 values.* 2 samples"):
        check_sample_strata([0], 2)


def test_objects_with_nan_are_sorted():
    values = [2.0, np.nan, 1.0, 2.0, np.nan, 1.0]
    classes, codes = check_classes(np.array(values, dtype=object), 6)
    assert classes.tolist()[:2] == [1.0, 2.0]
    assert np.isnan(classes[2])
    np.testing.assert_array_equal(codes, [1, 2, 0, 1, 2, 0])


def test_missing_latents_are_named():
    with pytest.raises(ValueError, match=r"NaN or infinity in latents\[2\] .*column 1"):
        check_table([[0.0, 1.0], [1.0, 0.0], [0.0, np.nan]])


def test_dates_and_text_are_not_latents():
    for latents in (np.zeros((3, 2), "M8[D]"), np.full((3, 2), "1")):
        with pytest.raises(
            ValueError, match=r"latents cannot be .* in latents\[0, 0\]"
        ):
            check_table(latents)
