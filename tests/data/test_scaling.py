from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from contrastive_clustering._data.appearance import Appearance
from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._data.sliced_array import SlicedArray
from contrastive_clustering._utils import chunks


def fit(X, **parameters):
    return Scaler.fit(X, read_layout(X.shape, **parameters))


@pytest.mark.parametrize("chunk", [1, 100, 10**6])
def test_statistics_match_numpy(monkeypatch, chunk):
    monkeypatch.setattr(chunks, "CHUNK_VALUES", chunk)
    X = np.random.default_rng(0).normal(1e3, 2.0, size=(31, 9, 8, 3))
    X[..., 1] *= 50
    scaler = fit(X)
    np.testing.assert_allclose(scaler.mean.ravel(), X.mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(scaler.std.ravel(), X.std((0, 1, 2)), rtol=1e-10)
    assert (scaler.low, scaler.high) == (X.min(), X.max())


def test_channels_are_standardized_and_come_first():
    X = np.random.default_rng(0).normal([1, 20, 300], [1, 5, 7], size=(10, 8, 9, 3))
    scaler = fit(X)
    scaled = scaler.scale(X)
    expected = (X - X.mean((0, 1, 2))) / X.std((0, 1, 2))
    np.testing.assert_allclose(scaled, np.moveaxis(expected, 3, 1), atol=1e-5)
    np.testing.assert_allclose(scaler.unscale(scaled), X, atol=1e-4)


def test_appearance_is_relative_to_the_moments_of_all_values():
    X = np.random.default_rng(0).normal([1, 20, 300], [1, 5, 7], size=(60, 8, 9, 3))
    scaler = fit(X)
    expected = Appearance.fit(X, scaler.layout, X.mean(), X.std())
    assert expected is not None
    for field in fields(Appearance):
        found, wanted = (getattr(a, field.name) for a in (scaler.appearance, expected))
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_outliers_are_clipped_at_a_million_standard_deviations():
    X = np.random.default_rng(0).normal(size=(20, 2))
    scaled = fit(X).scale(np.array([[1e12, -1e12]]))
    assert scaled.tolist() == [[1e6, -1e6]]


def test_tables_may_leave_the_training_range():
    X = np.random.default_rng(0).normal(size=(20, 2))
    scaler = fit(X)
    np.testing.assert_allclose(scaler.unscale(scaler.scale(9 * X)), 9 * X, atol=1e-4)


def test_integers_that_float64_represents_may_differ_little():
    X = 2**40 + np.arange(30).reshape(10, 3) ** 2 % 7
    assert fit(X).scale(X).std(0, correction=0).tolist() == pytest.approx([1.0] * 3)


@given(
    X=arrays(
        st.sampled_from(["u1", "i2", "i8", "f2", "f4", "f8", ">f4"]),
        st.tuples(st.integers(2, 6), st.integers(1, 4)),
        elements=st.integers(0, 100),
    )
)
def test_scaling_is_invertible(X):
    if (X[0] == X).all():
        with pytest.raises(ValueError, match="are identical"):
            fit(X)
        return
    scaler = fit(X)
    scaled = scaler.scale(X)
    assert scaled.dtype == torch.float32
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(scaler.unscale(scaled), X, atol=1e-3)


@pytest.mark.parametrize(
    ("dtype", "out"),
    [("u1", "f4"), (">f2", "f4"), ("f4", "f4"), (">f4", "f4"), (">i2", "f4")]
    + [(dtype, "f8") for dtype in ("f8", ">f8", "i4", ">i4", "i8", ">u8")],
)
def test_restored_dtype_is_float64_if_float32_loses_digits(dtype, out):
    X = np.arange(12).reshape(3, 4).astype(dtype)
    scaler = fit(X)
    assert scaler.unscale(scaler.scale(X)).dtype == np.dtype(out)


@given(
    X=arrays(
        "i8", st.tuples(st.integers(2, 5), st.just(3)), elements=st.integers(0, 99)
    ),
    dtype=st.sampled_from(["u1", "i1", "i2", "u4", "i8", "f2", "f4", "f8", "g"]),
    order=st.sampled_from("<>"),
    layout=st.sampled_from(["C", "F", "rows reversed", "columns reversed", "every"]),
)
def test_results_do_not_depend_on_the_representation(X, dtype, order, layout):
    if (X[0] == X).all():
        return
    expected = fit(X.astype("f8"))
    given_as = X.astype(np.dtype(dtype).newbyteorder(order))
    other = {
        "C": np.ascontiguousarray,
        "F": np.asfortranarray,
        "rows reversed": lambda values: values[::-1].copy()[::-1],
        "columns reversed": lambda values: values[:, ::-1].copy()[:, ::-1],
        "every": lambda values: np.repeat(values, 2, axis=1)[:, ::2],
    }[layout](given_as)
    other.flags.writeable = False
    scaler = fit(other)
    assert scaler.dtype.isnative
    np.testing.assert_array_equal(scaler.mean, expected.mean)
    np.testing.assert_array_equal(scaler.std, expected.std)
    scaled = scaler.scale(other)
    np.testing.assert_array_equal(scaled, expected.scale(X.astype("f8")))
    back = scaler.unscale(scaled)
    np.testing.assert_array_equal(
        back, expected.unscale(scaled).astype(back.dtype), strict=True
    )


@pytest.mark.parametrize("dtype", ["f8", ">f8", "i8", ">i8", "u8"])
def test_digits_are_preserved_with_a_large_offset(dtype):
    X = (2**40 + np.arange(300).reshape(100, 3) ** 2 % 997).astype(dtype)
    scaler = fit(X)
    back = scaler.unscale(scaler.scale(X))
    np.testing.assert_allclose(back, X.astype("f8"), rtol=0, atol=1e-3)


@pytest.mark.parametrize("offset", [2**52, 2**60])
def test_integers_that_float64_cannot_distinguish_are_rejected(offset):
    X = np.arange(12).reshape(4, 3) % 5
    X[:, 1] += offset
    with pytest.raises(ValueError, match=r"Feature 1 of X \(1 of 3.*Subtract a cons"):
        fit(X)
    images = np.random.default_rng(0).integers(0, 2, size=(4, 8, 8, 3)) + offset
    with pytest.raises(ValueError, match=r"Channel 0 of X \(3 of 3"):
        fit(images)
    X[:, 1] = offset  # nothing is lost of what is constant
    assert fit(X).std[1] == 1


def test_large_integers_with_a_large_spread_are_accepted():
    X = np.random.default_rng(0).integers(0, 2**63, size=(50, 3))
    assert fit(X).scale(X).std(0, correction=0).tolist() == pytest.approx([1.0] * 3)


def test_large_offsets_do_not_reduce_the_precision():
    X = 1e9 + np.random.default_rng(0).normal(size=(50, 3))
    np.testing.assert_allclose(fit(X).scale(X).std(0, correction=0), 1, rtol=1e-5)


@pytest.mark.parametrize("value", [0.1, -0.1])
def test_constant_features_stay_finite(value):
    X = np.random.default_rng(0).normal(size=(20, 3))
    X[:, 1] = value
    assert fit(X).scale(X)[:, 1].abs().max() < 1e-6


def test_images_stay_within_the_training_range():
    X = np.random.default_rng(0).integers(0, 256, size=(20, 8, 8)).astype(np.uint8)
    scaler = fit(X)
    # Differences of 8-bit limits would overflow.
    for limits in (scaler, scaler.widen(X)):
        assert type(limits.low) is type(limits.high) is float
    far = scaler.scale(X) * 100
    assert scaler.unscale(far).min() == X.min()
    assert scaler.unscale(far).max() == X.max()


def test_a_wider_range_keeps_the_statistics():
    X = np.random.default_rng(0).normal(size=(10, 8, 8))
    scaler = fit(X)
    wide = scaler.widen(np.stack([X[0] - 9, X[1] + 5]))
    assert (wide.low, wide.high) == ((X[0] - 9).min(), (X[1] + 5).max())
    assert (scaler.low, scaler.high) == (X.min(), X.max())
    assert scaler.widen(X[:2]) == scaler
    assert wide.scale(X).equal(scaler.scale(X))


def test_overflowing_squares_are_an_error():
    with pytest.raises(ValueError, match="Scale X down"), np.errstate(over="ignore"):
        fit(np.array([[1e200], [-1e200]]))


def test_squares_that_lose_digits_are_an_error():
    X = np.random.default_rng(0).normal(size=(20, 3)) * 1e-158
    with pytest.raises(ValueError, match=r"squares underflow\. Scale X up"):
        fit(X)


def test_underflowing_squares_are_an_error():
    X = np.random.default_rng(0).normal(size=(20, 3)) * 1e-170
    with pytest.raises(ValueError, match=r"squares underflow\. Scale X up"):
        fit(X)
    X[:, 1] *= 1e30
    scaler = fit(X)
    assert scaler.scale(X)[:, 1].std(correction=0).item() == pytest.approx(1.0)
    assert scaler.std[0] == 1  # as if it were constant


def test_each_sample_is_read_once_from_a_file(monkeypatch):
    class Stored:
        def __init__(self, values):
            self.values, self.read = values, []
            self.shape, self.dtype = values.shape, values.dtype

        def __getitem__(self, index):
            self.read += range(len(self.values))[index]
            return self.values[index]

    stored = Stored(np.random.default_rng(0).normal(size=(5, 8, 8)))
    X = SlicedArray(stored)
    stored.read.clear()
    monkeypatch.setattr(chunks, "CHUNK_VALUES", 64)  # a sample, as for large volumes
    Scaler.fit(X, read_layout(X.shape))
    assert stored.read == [0, 1, 2, 3, 4]
