from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import event, given
from hypothesis import strategies as st

from contrastive_clustering._evaluation.table_columns import (
    Column,
    read_column,
    read_table,
    to_series,
)
from contrastive_clustering._utils.grouping import Grouping

NAN = np.nan


def read(values):
    return read_column("x", to_series(values, "x", len(values)))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 4], [1, 2, 4]),
        ([1.5, None, 3.0, 4.0], [1.5, NAN, 3, 4]),
        (np.array([1, 2, 3], dtype="uint8"), [1, 2, 3]),
        (pd.Series([1, None, 3, 5], dtype="Int64"), [1, NAN, 3, 5]),
        (pl.Series([1, None, 3, 5]), [1, NAN, 3, 5]),
        (torch.tensor([1.0, NAN, 3.0, 5.0]), [1, NAN, 3, 5]),
        (list(torch.tensor([1, 2, 3])), [1, 2, 3]),
        (np.ma.masked_array([1, 2, 3, 4], [0, 1, 0, 0]), [1, NAN, 3, 4]),
        ([Decimal("1.5"), 2, 3.0], [1.5, 2, 3]),
        ([None, None], [NAN, NAN]),
        ([1, "", 3, 5], [1, NAN, 3, 5]),
        ([7, 7], [7, 7]),
    ],
)
def test_numbers(values, expected):
    column = read(values)
    assert column.kind == "numeric"
    assert column.levels == ()
    np.testing.assert_array_equal(column.values, expected)
    np.testing.assert_array_equal(column.known, ~np.isnan(expected))


@pytest.mark.parametrize(
    ("values", "codes", "levels"),
    [
        (["b", "a", None, "b"], [1, 0, -1, 1], ("a", "b")),
        (["b", "", "a", " "], [1, -1, 0, -1], ("a", "b")),
        (pd.Categorical(["", "a"], ["", "b", "a"]), [-1, 0], ("a",)),
        ([True, False, True], [1, 0, 1], ("False", "True")),
        ([True, None, False], [1, -1, 0], ("False", "True")),
        ([0, 1, 1], [0, 1, 1], ("0", "1")),
        ([0.5, NAN, 2.0], [0, -1, 1], ("0.5", "2")),
        (pd.Categorical(["lo", "hi"], ["lo", "hi", "no"]), [0, 1], ("lo", "hi")),
        (pd.Series([3, 1, 2], dtype="category"), [2, 0, 1], ("1", "2", "3")),
        (pl.Series(["b", None, "a"]), [1, -1, 0], ("a", "b")),
        (pl.Series(["b", "a"], dtype=pl.Categorical), [1, 0], ("a", "b")),
        (np.array(["x", "y"]), [0, 1], ("x", "y")),
        ([(9, 8), None, (10, 8)], [1, -1, 0], ("(10, 8)", "(9, 8)")),
    ],
)
def test_categories(values, codes, levels):
    column = read(values)
    assert column.kind == "categorical"
    assert column.levels == levels
    np.testing.assert_array_equal(column.values, codes)
    np.testing.assert_array_equal(column.known, np.array(codes) >= 0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, 2.0, np.inf], "^column 'x' of metadata is infinite at index 2"),
        ([1, "SECRET", 3], "different or unknown types, for example at index 1"),
        (
            pd.Series([10**400, 1], dtype=object),
            "^column 'x' of metadata has an integer beyond",
        ),
        ([2**60, 2**60 + 1], r"^column 'x' of metadata has integers above 2\*\*53"),
        ([(1,), "1"], "different or unknown types, for example at index 1"),
        ([[1], [2]], "different or unknown types, for example at index 0"),
        ([1j, 2j], "neither a number nor a category"),
        (pd.date_range("2026-01-01", periods=2), "Convert it, for example dates"),
        ([date(2026, 1, 1)] * 2, "different or unknown types"),
        (pd.Categorical([1, "1"]), "different levels that look the same, such as 1 an"),
    ],
)
def test_other_columns_are_refused_without_values(values, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(values)
    assert "SECRET" not in str(caught.value)


FRAME = {"age": [50, 60], "sex": ["f", "m"]}


@pytest.mark.parametrize(
    "table",
    [FRAME, pd.DataFrame(FRAME, index=[7, 3]), pl.DataFrame(FRAME)],
    ids=lambda table: type(table).__module__,
)
def test_tables_of_any_library(table):
    columns = read_table(table, 2)
    assert list(columns) == ["age", "sex"]
    assert columns["age"].tolist() == [50, 60]
    assert columns["sex"].tolist() == ["f", "m"]
    assert columns["sex"].index.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (np.zeros((2, 2)), TypeError, "has no named columns"),
        ({}, ValueError, "has no columns"),
        (pd.DataFrame([[1, 2]] * 2, columns=["a", "a"]), ValueError, "named 'a'"),
        (
            {"a": [1, 2, 3]},
            ValueError,
            r"column 'a' of metadata has 3 values, but .* 2",
        ),
        ({"a": np.zeros((2, 2))}, ValueError, "column 'a' of metadata is not one-dim"),
        ({"a": 5}, ValueError, "column 'a' of metadata is not one-dimensional"),
        (
            pd.DataFrame(FRAME).to_dict(),
            TypeError,
            "column 'age' of metadata is of type",
        ),
        ({"a": {5, 6}}, TypeError, "column 'a' of metadata is of type set"),
        (
            {1: [1, 2], "1": [1, 2]},
            ValueError,
            "metadata has columns named 1 and '1', wh",
        ),
        ({"a": "bc"}, ValueError, "column 'a' of metadata is not one-dimensional"),
        (
            {"a": np.zeros(2, dtype=[("age", float)])},
            ValueError,
            "column 'a' of metadata is a structured array. Pass each of its fields",
        ),
    ],
)
def test_bad_tables(table, error, message):
    with pytest.raises(error, match=message):
        read_table(table, 2)


def test_reduction_to_groups():
    grouping = Grouping(np.array([0, 0, 1, 1, 1]), 2)
    numbers = Column("x", "numeric", np.array([1.0, 2.0, NAN, 5.0, 7.0]))
    assert numbers.reduce(grouping).values.tolist() == [1.5, 6.0]
    levels = Column("x", "categorical", np.array([1, 1, 0, -1, 0]), ("a", "b"))
    reduced = levels.reduce(grouping)
    assert reduced.values.tolist() == [1, 0]
    assert reduced.levels == ("a", "b")
    assert levels.take(np.array([3, 0])).values.tolist() == [-1, 1]


@given(
    st.lists(
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)
        ),
        min_size=1,
        max_size=8,
    )
)
def test_any_list_is_read_or_refused(values):
    missing = [
        pd.isna(value) or (isinstance(value, str) and not value.strip())
        for value in values
    ]
    try:
        column = read(values)
    except ValueError as error:
        message = str(error)
        event("refused")
    else:
        message = "column 'x' of metadata "
        np.testing.assert_array_equal(column.known, np.logical_not(missing))
    assert message.startswith("column 'x' of metadata ")


@pytest.mark.parametrize(
    ("numbers", "levels"),
    [
        ([20210101, 20210102], ("20210101", "20210102")),
        ([0.25, 3], ("0.25", "3")),
        ([1.5, 1.5 + 2**-40], ("1.5", "1.5000000000009095")),
        ([0.1 + 0.2, 1], ("0.3", "1")),
    ],
)
def test_two_numbers_have_different_names(numbers, levels):
    column = read_column("x", pd.Series(numbers))
    assert column.levels == levels


def test_texts_among_numbers_are_named():
    ages = [str(age) for age in range(30)]
    column = read_column("age", pd.Series(ages))  # codes, possibly
    assert column.kind == "categorical"
    ages[17] = "Smith"
    with pytest.warns(
        UserWarning, match=r"^column 'age' of metadata .* index 17, is a t"
    ):
        column = read_column("age", pd.Series(ages))
    assert column.kind == "categorical"
    for table in (
        {"age": pd.Series(ages, dtype="category")},
        pl.DataFrame({"age": pl.Series(ages, dtype=pl.Categorical)}),
        pl.DataFrame({"age": pl.Series(ages, dtype=pl.Enum(ages))}),
    ):
        series = read_table(table, 30)["age"]
        assert len(read_column("age", series).levels) == 30


def test_lazy_tables_are_computed():
    columns = {"age": [30, 40, 50], "collect": [1, 2, 3]}
    for table in (columns, pl.LazyFrame(columns), pd.DataFrame(columns)):
        assert list(read_table(table, 3)) == ["age", "collect"]


def test_sparse_columns_are_read_like_dense_ones():
    values = [0.0, 2.0, NAN, 0.0, 3.0]
    sparse = pd.Series(values, dtype=pd.SparseDtype(float, 0.0))
    assert to_series(sparse, "x", 5).dtype == np.float64
    np.testing.assert_array_equal(read(sparse).values, read(values).values)
