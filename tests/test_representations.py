"""The same numbers give the same results in any representation."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch

from contrastive_clustering import ContrastiveAutoencoderClusterer


def on_disk(X, folder, dtype):
    path = folder / "X.npy"
    np.save(path, X.astype(dtype))
    return np.load(path, mmap_mode="r")


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def with_gaps(X):
    wide = np.zeros((*X.shape[:-1], 2 * X.shape[-1]), X.dtype)
    wide[..., ::2] = X
    return wide[..., ::2]


REPRESENTATIONS = {
    "float32": lambda X, _: X.astype(np.float32),
    "float16": lambda X, _: X.astype(np.float16),
    "longdouble": lambda X, _: X.astype(np.longdouble),
    "int8": lambda X, _: X.astype(np.int8),
    "uint8": lambda X, _: X.astype(np.uint8),
    "uint64": lambda X, _: X.astype(np.uint64),
    "swapped float64": lambda X, _: X.astype(">f8"),
    "swapped float32": lambda X, _: X.astype(">f4"),
    "swapped int16": lambda X, _: X.astype(">i2"),
    "swapped on disk": lambda X, folder: on_disk(X, folder, ">f8"),
    "Fortran order": lambda X, _: np.asfortranarray(X),
    "reversed twice": lambda X, _: X[::-1, ..., ::-1].copy()[::-1, ..., ::-1],
    "with gaps": lambda X, _: with_gaps(X),
    "read-only": lambda X, _: read_only(X),
    "objects": lambda X, _: X.astype(object),
    "fractions": lambda X, _: np.vectorize(Fraction, otypes=[object])(X.astype(int)),
    "decimals": lambda X, _: np.vectorize(Decimal, otypes=[object])(X.astype(int)),
    "nested lists": lambda X, _: X.tolist(),
    "masked array without masked values": lambda X, _: np.ma.masked_array(
        X, np.zeros(X.shape)
    ),
    "bfloat16": lambda X, _: torch.tensor(X, dtype=torch.bfloat16),
    "recorded": lambda X, _: torch.tensor(X, requires_grad=True),
    # The imaginary part is a view of which PyTorch changes the sign only when read.
    "conjugated": lambda X, _: (
        torch.complex(torch.tensor(X), torch.tensor(-X)).conj().imag
    ),
    "parameter": lambda X, _: torch.nn.Parameter(torch.tensor(X)),
}

TABLES = {
    "frame": pd.DataFrame,
    "nullable integers": lambda X: pd.DataFrame(X.astype(int)).astype("Int64"),
    "nullable floats": lambda X: pd.DataFrame(X).astype("Float64"),
    "mixed columns": lambda X: pd.DataFrame(
        {0: X[:, 0].astype("u1"), **{i: X[:, i] for i in range(1, X.shape[1])}}
    ),
}


@pytest.mark.parametrize("name", REPRESENTATIONS)
def test_predictions_are_the_same(digits, fitted_digits, tmp_path, name):
    X = digits[0][:20]
    converted = REPRESENTATIONS[name](X, tmp_path)
    for method in ("transform", "predict", "predict_proba", "score_samples"):
        expected = getattr(fitted_digits, method)(X)
        found = getattr(fitted_digits, method)(converted)
        # 8-bit images are standardized on the device, in float32.
        atol = 1e-4 if name == "uint8" else 0
        np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


@pytest.fixture(scope="module")
def exact(digits, fit_fast):
    """Images that are exact in all representations, and an estimator fitted to them."""
    X = digits[0][:40]
    return X, fit_fast(X)


@pytest.mark.parametrize("name", [name for name in REPRESENTATIONS if name != "uint8"])
def test_fits_are_the_same(exact, fit_fast, tmp_path, name):
    X, expected = exact
    found = fit_fast(REPRESENTATIONS[name](X, tmp_path))
    np.testing.assert_array_equal(found.labels_, expected.labels_)
    np.testing.assert_array_equal(found.cluster_centers_, expected.cluster_centers_)


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_the_same(digits, fast, name):
    X = digits[0][:60].reshape(60, -1)[:, 2:9]
    expected = ContrastiveAutoencoderClusterer(**fast).fit(X)
    found = ContrastiveAutoencoderClusterer(**fast).fit(TABLES[name](X))
    np.testing.assert_array_equal(found.labels_, expected.labels_)
    np.testing.assert_array_equal(found.cluster_centers_, expected.cluster_centers_)


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "f16", "<i8", ">i8", "u8"])
def test_small_differences_of_large_numbers_are_decoded(fast, dtype):
    X = np.random.default_rng(0).integers(0, 1000, size=(60, 5)) + 2.0**40
    X = X.astype(dtype)
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(X)
    decoded = clusterer.inverse_transform(clusterer.transform(X))
    assert decoded.dtype == np.float64
    assert len(np.unique(decoded[:, 0])) > 50


@pytest.mark.parametrize("masked", [True, False])
def test_masked_values_are_rejected(fitted_digits, digits, masked):
    X = np.ma.masked_array(digits[0][:3], mask=False)
    if masked:
        X[1, 2, 3] = np.ma.masked
        with pytest.raises(ValueError, match=r"^X has masked values"):
            fitted_digits.predict(X)
    else:
        fitted_digits.predict(X)
