from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch
from hypothesis import given
from hypothesis import strategies as st

from contrastive_clustering._data.validation import (
    SampleLayout,
    check_same_samples,
    check_samples,
    read_layout,
)


@pytest.mark.parametrize(
    ("shape", "parameters", "network_shape"),
    [
        ((9, 5), {}, (5,)),
        ((9, 28, 28), {}, (1, 28, 28)),
        ((9, 28, 20, 3), {}, (3, 28, 20)),
        ((9, 28, 20, 1), {}, (1, 28, 20)),
        ((9, 28, 20, 4), {}, (4, 28, 20)),
        ((9, 28, 20, 10), {}, (1, 28, 20, 10)),
        ((9, 28, 20, 10, 3), {}, (3, 28, 20, 10)),
        ((9, 28, 20, 10), {"channel_axis": -1}, (10, 28, 20)),
        ((9, 3, 20, 10), {"channel_axis": 1}, (3, 20, 10)),
        ((9, 2, 20, 10, 12), {"channel_axis": 1}, (2, 20, 10, 12)),
        ((9, 2, 20, 10, 12), {"channel_axis": -4}, (2, 20, 10, 12)),
        ((9, 784), {"image_shape": (28, 28)}, (1, 28, 28)),
        ((9, 28, 28), {"image_shape": (28, 28)}, (1, 28, 28)),
        ((9, 2352), {"image_shape": [28, 28, 3]}, (3, 28, 28)),
        ((9, 2352), {"image_shape": (3, 28, 28), "channel_axis": 1}, (3, 28, 28)),
        ((9, 720), {"image_shape": (8, 9, 10)}, (1, 8, 9, 10)),
    ],
)
def test_rule_for_reading_an_array(shape, parameters, network_shape):
    assert read_layout(shape, **parameters).network_shape == network_shape


@given(
    sides=st.lists(st.integers(8, 11), min_size=2, max_size=3),
    n_channels=st.integers(1, 4),
    position=st.integers(0, 3),
    flat=st.booleans(),
)
def test_batches_go_to_the_network_and_back(sides, n_channels, position, flat):
    axis = min(position, len(sides))
    image = [*sides[:axis], n_channels, *sides[axis:]]
    samples = np.arange(2 * np.prod(image)).reshape(2, *image)
    given_samples = samples.reshape(2, -1) if flat else samples
    layout = read_layout(
        given_samples.shape, image_shape=tuple(image), channel_axis=axis + 1
    )
    batch = layout.to_network(torch.from_numpy(given_samples))
    np.testing.assert_array_equal(batch, np.moveaxis(samples, axis + 1, 1))
    np.testing.assert_array_equal(layout.from_network(batch), given_samples)


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ((9, 5), "table"),
        ((9, 8, 8), "gray"),
        ((9, 8, 8, 8), "volume"),
        ((9, 8, 8, 8, 3), "volume"),
        ((9, 8, 8, 3), "rgb"),
    ],
)
def test_kind_of_samples(shape, kind):
    assert read_layout(shape).kind == kind


@pytest.mark.parametrize(
    ("shape", "parameters", "message"),
    [
        ((9, 100), {"image_shape": (28, 28)}, r"image_shape=\(28, 28\) asks for X"),
        ((9, 28, 27), {"image_shape": (28, 28)}, r"X has shape \(9, 28, 27\)"),
        ((9, 7, 28), {}, "at least 8 pixels"),
        ((9, 3, 28, 28), {}, "set channel_axis"),
        ((9, 28, 28, 28, 28), {}, "unclear which holds the channels"),
        ((9, 28, 28), {"channel_axis": -1}, "1 spatial axes"),
        ((9, 28, 28, 28, 28), {"channel_axis": None}, "4 spatial axes"),
        ((9, 28, 28), {"channel_axis": 0}, "channel_axis=0 is not an axis of a sample"),
        ((9, 28, 28), {"channel_axis": 3}, "channel_axis=3 is not an axis of a sample"),
    ],
)
def test_unreadable_arrays_are_errors(shape, parameters, message):
    with pytest.raises(ValueError, match=message):
        read_layout(shape, **parameters)


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
def test_numbers_in_any_wrapping_are_accepted(X):
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
        (np.ones((3, 4), dtype=complex), "Complex data not supported"),
        ([["a", "b"], ["c", "d"]], "numeric"),
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
def test_what_is_no_table_of_numbers_is_an_error(X, message):
    with pytest.raises(ValueError, match=message):
        check_samples(X)


def test_complex_numbers_among_objects_are_an_error():
    with pytest.raises(TypeError, match=r"X cannot be read .* not 'complex'"):
        check_samples(np.array([[1, 2j], [3, 4]], dtype=object))


def test_sparse_is_an_error():
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        check_samples(scipy.sparse.csr_matrix(np.eye(3)))


def test_too_few_samples_is_an_error():
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        check_samples(np.ones((1, 3)), min_samples=2)


def test_other_shape_than_in_fit_is_an_error():
    layout = SampleLayout((8, 8), (8, 8))
    check_same_samples(np.ones((3, 8, 8)), layout)
    with pytest.raises(ValueError, match=r"samples of shape \(8, 9\).*fitted to"):
        check_same_samples(np.ones((3, 8, 9)), layout)
