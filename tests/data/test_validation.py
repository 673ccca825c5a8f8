from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch

from contrastive_clustering._data.layout import SampleLayout
from contrastive_clustering._data.validation import (
    check_column_order,
    check_latents,
    check_same_samples,
    check_samples,
)


@pytest.mark.parametrize(
    "X",
    [
        [[1, 2], [3, 4]],
        np.array([[1, 2], [3, 4]], dtype=bool),
        np.array([[1, 2], [3, 4]], dtype=np.float16),
        np.array([[1, 2], [3, 4]], dtype=">i4"),
        np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]),
        pd.DataFrame({"a": [1, 3], "b": [2.0, 4.0]}),
        torch.tensor(
            [[1.0, 2.0], [3.0, 4.0]], dtype=torch.bfloat16, requires_grad=True
        ),
        torch.tensor([[1, 2], [3, 4]]),
        torch.tensor([[1, 2], [3, 4]], dtype=torch.float16),
        [torch.tensor([float(i), i + 1]).bfloat16() for i in (1, 3)],
        [torch.tensor([float(i), i + 1]).requires_grad_() for i in (1, 3)],
        np.array([[1, 2], [3, 4]], dtype=object),
        np.array([[1, 2], [3, 4]], dtype=">f8"),
        np.array([[1, 2], [3, 4]], dtype="g"),
        np.array([[Decimal(1), Fraction(2)], [3, np.float16(4)]]),
        [[Decimal(1), Decimal(2)], [Fraction(3), Fraction(4)]],
        np.ma.array([[1, 2], [3, 4]]),
        [np.ma.array([1, 2]), np.array([3, 4])],
        pd.DataFrame({"a": [1, 3], "b": [2, 4]}, dtype="Int64"),
        pd.DataFrame({"a": [1, 3], "b": [2, 4]}, dtype="Float32"),
        pl.DataFrame({"a": [1, 3], "b": [2, 4]}).cast(pl.Decimal(9, 2)),
    ],
)
def test_numbers_in_any_container_are_accepted(X):
    checked = check_samples(X)
    assert isinstance(checked, np.ndarray)
    expected = (
        [[True, True], [True, True]] if checked.dtype == bool else [[1, 2], [3, 4]]
    )
    np.testing.assert_array_equal(checked, expected)


def test_arrays_of_numbers_are_not_copied(tmp_path):
    images = np.lib.format.open_memmap(
        tmp_path / "images.npy", mode="w+", dtype=np.uint8, shape=(4, 8, 8)
    )
    assert np.shares_memory(check_samples(images), images)
    tensor = torch.zeros(4, 8, 8)
    assert np.shares_memory(check_samples(tensor), tensor.numpy())


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.full((3, 8, 8), np.nan), "X contains NaN"),
        (np.full((3, 4), np.inf), "X contains NaN or infinity"),
        (np.full((3, 4), np.inf, dtype=np.float16), "infinity"),
        (
            np.ones((3, 4), dtype=complex),
            "Complex data not supported. Pass real numbers, ",
        ),
        ([["a", "b"], ["c", "d"]], r"text, first in X\[0, 0\]"),
        (np.array([["2020-01-01"]], dtype="datetime64[D]"), "real numbers"),
        (np.array([[1, 2]], dtype="timedelta64[s]"), "real numbers"),
        (np.array([[1, np.datetime64("2020")]]), "dates or durations"),
        (np.array([[1, np.timedelta64(3, "s")]], dtype=object), "dates or durations"),
        (np.ma.array([[1, 2]], mask=[[0, 1]]), "X has masked values"),
        ([[1, 2], np.ma.array([1, 2], mask=[0, 1])], r"X\[1\] has masked values"),
        ([[np.ma.array([1, 2], mask=[0, 1])]], r"X\[0\]\[0\] has masked values"),
        (np.empty((0, 8, 8)), "0 sample"),
        (np.empty((3, 0)), "0 feature"),
        (np.empty((3, 0, 8)), "is empty"),
        (np.float64(3.0), r"X has shape \(\)"),
        (np.arange(3.0), "Reshape your data"),
        ([[1, 2], [3]], "ragged list"),
        ([np.zeros((8, 8)), np.zeros((8, 9))], "ragged list"),
    ],
)
def test_invalid_tables_are_errors(X, message):
    with pytest.raises(ValueError, match=message):
        check_samples(X)


def test_complex_numbers_among_objects_are_an_error():
    with pytest.raises(TypeError, match=r"X cannot be read .* not 'complex'"):
        check_samples(np.array([[1, 2j], [3, 4]], dtype=object))


def test_sparse_is_an_error():
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        check_samples(scipy.sparse.csr_matrix(np.eye(3)))
    frame = pd.DataFrame(np.eye(3)).astype(pd.SparseDtype(float, 0.0))
    with pytest.raises(TypeError, match=r"Pass X\.sparse\.to_dense\(\)\."):
        check_samples(frame)
    assert check_samples(frame.sparse.to_dense()).shape == (3, 3)


def test_too_few_samples_is_an_error():
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        check_samples(np.ones((1, 3)), min_samples=2)


def test_other_shape_than_in_fit_is_an_error():
    layout = SampleLayout((8, 8), (8, 8))
    check_same_samples(np.ones((3, 8, 8)), layout)
    with pytest.raises(ValueError, match=r"samples of shape \(8, 9\).*fitted to"):
        check_same_samples(np.ones((3, 8, 9)), layout)
    with pytest.raises(ValueError, match=r"single sample, pass X\[np.newaxis\]"):
        check_same_samples(np.ones((8, 8)), layout)


@pytest.mark.parametrize("make_frame", [pd.DataFrame, pl.DataFrame])
def test_text_is_named_by_its_place_and_not_shown(make_frame):
    frame = make_frame({"age": [61.0, 48.0], "name": [None, "Doe^Jane"]})
    with pytest.raises(ValueError, match=r"text, first in X\[1, 1\], column 'name'"):
        check_samples(frame)
    with pytest.raises(ValueError, match=r"first in X\[1, 1\]\. Drop") as caught:
        check_samples(np.array(frame, dtype=object))
    assert "Doe" not in str(caught.value)


@pytest.mark.parametrize("as_input", [pd.DataFrame, pl.DataFrame, list, np.array])
def test_digits_as_text_are_refused(as_input):
    texts = [["1", "2"], ["3", "4"]]
    with pytest.raises(ValueError, match=r"It holds text, first in X\[0, 0\]"):
        check_samples(as_input(texts))
    with pytest.raises(ValueError, match=r"It holds text, first in X\[0, 0\]"):
        check_latents(as_input(texts), 2)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pd.interval_range(0, 2), "Interval"),
        (pd.cut([1, 2], 2), "Interval"),
        (pd.Categorical([object(), object()]), "object"),
        ([[1, 2], [3, 4]], "list"),
        ([1j, 2j], "complex"),
    ],
)
def test_values_that_are_no_real_numbers_are_named_by_their_place(column, kind):
    frame = pd.DataFrame({"age": [61.0, 48.0], "other": column})
    message = (
        rf"must be a string or a real number, not '{kind}' as in X\[0, 1\], "
        r"column 'other'\. Drop"
    )
    with pytest.raises((TypeError, ValueError), match=message):
        check_samples(frame)


def test_missing_values_among_objects_are_named_by_their_place():
    frame = pd.DataFrame({"age": pd.Series([3, pd.NA], dtype=object)})
    with pytest.raises(
        TypeError, match=r"missing values, first in X\[1, 0\], col.*imp"
    ):
        check_samples(frame)


@pytest.mark.parametrize("make_frame", [pd.DataFrame, pl.DataFrame])
def test_dates_are_named_by_their_place_and_not_shown(make_frame):
    days = np.array(["2020-02-01", "2020-02-03"], "M8[ns]")
    frame = make_frame({"age": [61.0, 48.0], "scanned": days})
    message = (
        r"^X cannot be read .* first in X\[0, 1\], column 'scanned'\. Drop them or"
    )
    with pytest.raises(ValueError, match=message) as caught:
        check_samples(frame)
    assert "2020" not in str(caught.value)


@pytest.mark.parametrize("dtype", ["M8[s]", "m8[s]"])
@pytest.mark.parametrize("convert", [np.asarray, pd.DataFrame, np.ndarray.tolist])
def test_latents_are_not_dates_or_durations(dtype, convert):
    latents = convert(np.arange(6).reshape(3, 2).astype(dtype))
    with pytest.raises(ValueError, match=r"^X cannot be read .* dates or durations"):
        check_latents(latents, 2)


@pytest.mark.parametrize("make_frame", [pd.DataFrame, pl.DataFrame])
def test_columns_of_latents_in_another_order_are_named(make_frame):
    latents = make_frame({"l0": [1.0], "l1": [2.0], "l2": [3.0]})
    check_column_order(latents, ["l0", "l1", "l2"])
    with pytest.raises(ValueError, match=r"column 0 is 'l2' instead of 'l0'\."):
        check_column_order(latents[["l2", "l1", "l0"]], ["l0", "l1", "l2"])


@pytest.mark.parametrize(
    "X",
    [
        np.ones((1, 2)),
        [[1.0, 2.0]],
        pd.DataFrame([[1.0, 2.0]]),
        pd.DataFrame({"a": [1.0], "l0": [2.0]}),
        pd.DataFrame({"l1": [1.0], "l0": [2.0], "l2": [3.0]}),
    ],
)
def test_other_columns_have_no_order(X):
    check_column_order(X, ["l0", "l1"])
