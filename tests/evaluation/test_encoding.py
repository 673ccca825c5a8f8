import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix

from contrastive_clustering._evaluation.encoding import encode, predict_strata

X = np.random.default_rng(0).normal(size=(20, 3)) + 0.123456


class Returning:
    """Passes samples to a function as its latents."""

    def __init__(self, function):
        self.transform = function


def with_gap(value):
    def fill(samples):
        return np.where(samples == X[7], value, samples)

    return fill


@pytest.mark.parametrize(
    "convert",
    [
        np.asarray,
        pd.DataFrame,
        torch.tensor,
        np.ndarray.tolist,
        lambda samples: samples.astype(object),
        lambda samples: samples.astype(np.float32),
        lambda samples: samples > 0,
    ],
)
def test_latents_of_any_library_are_floats(convert):
    latents = encode(Returning(convert), X, "X")
    assert latents.dtype.kind == "f"
    np.testing.assert_array_equal(latents, np.asarray(convert(X)).astype(latents.dtype))


def test_some_rows_are_encoded():
    rows = np.array([2, 5])
    np.testing.assert_array_equal(encode(Returning(np.asarray), X, "X", rows), X[rows])


def test_objects_without_the_method_have_no_latents():
    assert encode(object(), X, "X") is None
    assert encode(Returning(np.asarray), X, "X", method="_project") is None


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda samples: None, r"returned an array of shape \(\) for 20 samples"),
        (lambda samples: samples[:, 0], r"returned an array of shape \(20,\)"),
        (lambda samples: samples[:, :, None], r"shape \(20, 3, 1\) for 20 samples"),
        (lambda samples: samples[:5], r"shape \(5, 3\) for 20 samples"),
        (lambda samples: samples[:, :0], r"shape \(20, 0\) for 20 samples"),
        (lambda samples: samples + 1j, "an array of dtype complex128"),
        (lambda samples: samples.astype(str), "an array of dtype <U"),
        (lambda samples: np.full((20, 2), "Doe", dtype=object), "of dtype object"),
        (lambda samples: samples.astype("M8[s]"), r"of dtype datetime64\[s\]"),
        (csr_matrix, "returned a sparse matrix"),
        (with_gap(np.nan), r"NaN or infinity for X_test\[7\] \(1 of 20 samples\)"),
        (with_gap(np.inf), r"NaN or infinity for X_test\[7\] \(1 of 20 samples\)"),
    ],
)
def test_unusable_latents_name_the_method(function, message):
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        encode(Returning(function), X, "X_test")
    text = str(caught.value)
    assert text.startswith("estimator.transform returned")
    assert "an estimator whose transform returns a dense array" in text
    assert "123456" not in text
    assert "Doe" not in text


def test_samples_are_named_by_their_index_in_all_samples():
    with pytest.raises(ValueError, match=r"for X\[7\] \(1 of 2 samples\)"):
        encode(Returning(with_gap(np.nan)), X, "X", np.array([3, 7]))


def test_values_whose_squares_overflow_are_reported():
    with pytest.raises(ValueError, match=r"^estimator.transform\(X\) has values as"):
        encode(Returning(lambda samples: samples * 1e200), X, "X")


def test_ragged_lists_are_reported():
    with pytest.raises(ValueError, match=r"^The result of estimator.transform cannot"):
        encode(Returning(lambda samples: [[0.0, 1.0], [0.0]]), X, "X")


def test_errors_of_the_method_name_the_samples():
    def refuse(samples):
        raise ValueError(f"bad: {samples}")

    with pytest.raises(ValueError, match=r"^X cannot be read as samples") as caught:
        encode(Returning(refuse), X, "X")
    assert "123456" not in str(caught.value)


class Predicting:
    """Returns the given labels."""

    def __init__(self, labels):
        self.labels = labels

    def predict(self, X):
        return self.labels


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(5, dtype=int), "returned 5 labels for 20 samples of X_test"),
        (
            np.zeros((20, 2), dtype=int),
            r"estimator.predict\(X_test\) .*shape \(20, 2\)",
        ),
        (np.full(20, np.nan), r"estimator.predict\(X_test\) .* missing.* index 0"),
        (["a", 1] * 10, r"estimator.predict\(X_test\) .* different types"),
    ],
)
def test_other_predictions_than_one_label_a_sample_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        predict_strata(Predicting(labels), X, "X_test")


def test_predicted_strata_are_returned():
    assert (
        predict_strata(Predicting(["a", "b"] * 10), X, "X").tolist() == ["a", "b"] * 10
    )
