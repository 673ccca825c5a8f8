import itertools
from decimal import Decimal

import dask.array
import h5py
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy.sparse import csr_array
from torch.utils.data import IterableDataset

from contrastive_clustering._utils.identifiers import (
    MISSING,
    factorize,
    is_missing,
    read_column,
)


@pytest.mark.parametrize(
    "column",
    [
        ["x", "y", "x"],
        np.array(["x", "y", "x"]),
        np.array([["x"], ["y"], ["x"]]),
        pd.Series(["x", "y", "x"], index=[5, 3, 1]),
        pd.Series(["x", "y", "x"], dtype="category"),
        pl.Series(["x", "y", "x"]),
    ],
)
def test_columns_of_any_library_are_read(column):
    codes, known = factorize(read_column(column, "groups", 3), "groups")
    assert codes.tolist() == [0, 1, 0]
    assert known == ["x", "y"]


LARGE = [2**60, 2**60 + 1, None]


@pytest.mark.parametrize(
    "column",
    [
        LARGE,
        pl.Series(LARGE),
        pl.DataFrame({"patient": LARGE}),
        pd.Series(LARGE, dtype="Int64"),
        pd.array(LARGE, dtype="Int64"),
        pd.DataFrame({"patient": pd.array(LARGE, dtype="Int64")}, index=[3, 1, 2]),
    ],
    ids=lambda column: f"{type(column).__module__}.{type(column).__name__}",
)
def test_large_integers_beside_missing_ones_stay_different(column):
    codes, _ = factorize(read_column(column, "groups", 3), "groups")
    assert codes.tolist() == [0, 1, MISSING]


@pytest.mark.parametrize("library", [np.asarray, pd.Series, pl.Series, list])
@pytest.mark.parametrize("unit", ["D", "us", "ns"])
def test_dates_are_named_as_dates(library, unit):
    days = np.array(["2020-02-01", "NaT", "2021-03-04"], dtype=f"datetime64[{unit}]")
    codes, known = factorize(read_column(library(days), "nuisance", 3), "nuisance")
    assert codes.tolist() == [0, MISSING, 1]
    assert [str(day)[:10] for day in known] == ["2020-02-01", "2021-03-04"]


@pytest.mark.parametrize(
    "column",
    [
        {"image 1": "x", "image 2": "y"},
        {"x", "y"},
        frozenset("xy"),
        iter(["x", "y"]),
        (each for each in "xy"),
        map(str, "xy"),
    ],
)
def test_mappings_sets_and_iterators_are_not_columns(column):
    with pytest.raises(TypeError, match=r"^groups is of type .* in the order of the"):
        read_column(column, "groups", 2)
    values = {"image 1": "x", "image 2": "y"}.values()
    assert read_column(values, "groups", 2) == ["x", "y"]


def test_tensors_are_read():
    assert read_column(torch.tensor([4, 5]), "groups", 2) == [4, 5]


@pytest.mark.parametrize("collect", [list, tuple, pd.Series])
def test_tensors_of_a_data_set_are_equal_if_their_numbers_are(collect):
    targets = torch.tensor([7, 7, 9, 7])
    column = read_column(collect(list(targets)), "groups", 4)
    codes, known = factorize(column, "groups")
    assert codes.tolist() == [0, 0, 1, 0]
    assert known == [7, 9]


def test_a_tensor_with_axes_is_not_an_identifier():
    with pytest.raises(TypeError, match=r"groups has a value of type .* at index 0"):
        factorize(read_column(list(torch.ones(2, 1)), "groups", 2), "groups")


@pytest.mark.parametrize(
    "entry",
    [
        *(None, np.nan, float("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), "", "  "),
        *(b"", np.bytes_(b""), Decimal("NaN")),
    ],
)
def test_missing_values_are_recognized(entry):
    assert is_missing(entry)
    codes, known = factorize(["a", entry], "groups")
    assert codes.tolist() == [0, MISSING]
    assert known == ["a"]


@pytest.mark.parametrize("entry", [0, 0.0, "nan", False, "0", b"0", np.int8(0)])
def test_values_that_only_look_missing_are_known(entry):
    assert not is_missing(entry)


def test_masked_values_are_missing():
    column = np.ma.MaskedArray([1, 2, 1], mask=[False, True, False])
    assert read_column(column, "groups", 3) == [1, None, 1]


@pytest.mark.parametrize("unit", ["s", "ns"])
def test_masked_dates_are_named_as_dates(unit):
    dates = np.array(["2020-01-02", "2021-03-04", "2020-01-02"], f"M8[{unit}]")
    column = np.ma.MaskedArray(dates, mask=[False, True, False])
    first, masked, again = read_column(column, "groups", 3)
    assert masked is None
    assert first == again
    assert str(first).startswith("2020-01-02")


def test_a_masked_column_of_a_table_is_read():
    column = np.ma.MaskedArray([[1], [2]], mask=[[True], [False]])
    assert read_column(column, "groups", 2) == [None, 2]


def test_codes_follow_the_first_appearance():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 50, 300).tolist()
    codes, known = factorize(values, "groups")
    assert known == list(dict.fromkeys(values))
    assert [known[code] for code in codes] == values


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["a"], "groups has 1 values, but there are 2 samples"),
        (np.zeros((2, 2)), r"groups has shape \(2, 2\)"),
        ("ab", "groups is of type str, which is not one-dimensional"),
        (3, "groups is of type int, which is not one-dimensional"),
    ],
)
def test_wrong_shapes_are_refused(column, message):
    with pytest.raises(ValueError, match=message):
        read_column(column, "groups", 2)


def test_values_that_cannot_be_hashed_are_refused():
    with pytest.raises(TypeError, match="groups has a value of type list at index 1"):
        factorize(["a", ["b"]], "groups")


class Endless(IterableDataset):
    def __iter__(self):
        return itertools.repeat(0)


@pytest.mark.parametrize(
    "column", [Endless(), csr_array([[1], [2], [1]]), {1, 2, 3}, iter([1, 2, 3])]
)
def test_values_without_an_order_or_an_end_are_refused(column):
    with pytest.raises(TypeError, match=r"groups is of type .*as a list or an array"):
        read_column(column, "groups", 3)


def test_columns_of_lazy_libraries_are_computed():
    frame = pl.DataFrame({"patient": ["x", "y", "x"]})
    assert read_column(frame.lazy(), "groups", 3) == ["x", "y", "x"]
    array = dask.array.from_array(np.array([7, 8, 7]), chunks=2)
    assert read_column(array, "groups", 3) == [7, 8, 7]


def test_columns_of_closed_files_are_named(tmp_path):
    with h5py.File(tmp_path / "patients.h5", "w") as file:
        column = file.create_dataset("patients", data=[1, 2, 1])
        assert read_column(column, "groups", 3) == [1, 2, 1]
    with pytest.raises(ValueError, match=r"groups is a Dataset that.*must stay open"):
        read_column(column, "groups", 3)
