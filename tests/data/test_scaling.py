import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from contrastive_clustering._data import scaling as _scaling
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._data.validation import read_layout


def fit(X, **parameters):
    return Scaler.fit(X, read_layout(X.shape, **parameters))


@pytest.mark.parametrize("chunk", [1, 100, 10**6])
def test_statistics_are_those_of_numpy(monkeypatch, chunk):
    monkeypatch.setattr(_scaling, "CHUNK_VALUES", chunk)
    X = np.random.default_rng(0).normal(1e3, 2.0, size=(31, 9, 8, 3))
    X[..., 1] *= 50
    scaler = fit(X)
    np.testing.assert_allclose(scaler.mean.ravel(), X.mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(scaler.std.ravel(), X.std((0, 1, 2)), rtol=1e-10)
    assert (scaler.low, scaler.high) == (X.min(), X.max())


@settings(deadline=None)
@given(
    X=arrays(
        st.sampled_from(["u1", "i2", "i8", "f2", "f4", "f8", ">f4"]),
        st.tuples(st.integers(2, 6), st.integers(1, 4)),
        elements=st.integers(0, 100),
    )
)
def test_scale_and_back(X):
    if (X[0] == X).all():
        with pytest.raises(ValueError, match="are the same"):
            fit(X)
        return
    scaler = fit(X)
    scaled = scaler.scale(X)
    assert scaled.dtype.is_floating_point
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(scaler.unscale(scaled), X, atol=1e-3)


@pytest.mark.parametrize(
    ("dtype", "out"),
    [
        *((narrow, "f4") for narrow in ("?", "u1", "i2", ">i2", "f2", "f4", ">f4")),
        *((wide, "f8") for wide in ("i4", "u4", ">i8", "u8", "f8", ">f8", "f16")),
    ],
)
def test_what_comes_back_is_float64_where_float32_has_too_few_digits(dtype, out):
    X = np.arange(12).reshape(3, 4).astype(dtype)
    scaler = fit(X)
    assert scaler.unscale(scaler.scale(X)).dtype == np.dtype(out)


def test_large_offsets_do_not_swallow_the_values():
    X = 1e9 + np.random.default_rng(0).normal(size=(50, 3))
    np.testing.assert_allclose(fit(X).scale(X).std(0, correction=0), 1, rtol=1e-5)


def test_constant_features_stay_finite():
    X = np.random.default_rng(0).normal(size=(20, 3))
    X[:, 1] = 0.1
    assert fit(X).scale(X)[:, 1].abs().max() < 1e-6


def test_images_stay_within_the_training_range():
    X = np.random.default_rng(0).integers(0, 256, size=(20, 8, 8)).astype(np.uint8)
    scaler = fit(X)
    far = scaler.scale(X) * 100
    assert scaler.unscale(far).min() == X.min()
    assert scaler.unscale(far).max() == X.max()


def test_overflowing_squares_are_an_error():
    with pytest.raises(ValueError, match="Scale X down"), np.errstate(over="ignore"):
        fit(np.array([[1e200], [-1e200]]))


@pytest.mark.parametrize(
    ("X", "fits"),
    [
        (np.arange(60.0), True),
        (np.arange(60.0) + 1e5, False),
        (np.arange(60.0) * 1e3 + 1e5, True),
        (np.arange(60.0) * 1e39, False),
        ((np.arange(60.0) + 1e9).astype(np.float32), True),
        (np.arange(60) + 2**23, True),
        (np.arange(60) + 2**25, False),
        (np.arange(60) * 2**20 + 2**25, True),
        (np.arange(60, dtype=np.uint8), True),
    ],
)
def test_float32_is_enough_where_it_keeps_the_digits(X, fits):
    assert fit(X.reshape(20, 3)).fits_float32 is fits
