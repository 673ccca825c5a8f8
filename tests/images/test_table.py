import numpy as np
import pandas as pd
import polars as pl
import pytest

from contrastive_clustering._images.table import (
    COLUMNS,
    differing_columns,
    make_table,
)


def facts(n):
    columns = {name: [None] * n for name in COLUMNS}
    return columns | {
        "frame": list(range(n)),
        "inverted": [False] * n,
        "duplicate_of": [-1] * n,
    }


def test_columns_have_types():
    table = make_table(facts(3), [0, 1, 2], None, "path")
    assert list(table.columns) == list(COLUMNS)
    assert table.dtypes.astype(str).to_dict() == COLUMNS
    assert table["study_day"].isna().all()


@pytest.mark.parametrize("as_table", [pd.DataFrame, pl.DataFrame])
def test_columns_of_the_caller_come_first_and_take_precedence(as_table):
    own = as_table({"path": ["a", "b"], "site": [5, 6], "patient": ["x", "y"]})
    table = make_table(facts(3), [1, 1, 0], own, "path")
    assert list(table.columns[:2]) == ["site", "patient"]
    assert "path" not in table
    assert table["site"].tolist() == [6, 6, 5]
    assert table["patient"].tolist() == ["y", "y", "x"]
    assert table["frame"].tolist() == [0, 1, 2]
    assert table.index.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([2**53, 2**53 + 1, None], "Int64"),
        ([-1, None, 2], "Int64"),
        ([2**64 - 1, 2**64 - 2, None], "UInt64"),
        ([1, 2, 3], "int64"),
        ([1.5, 2.0, None], "float64"),
    ],
)
def test_integers_of_the_caller_are_exact_next_to_missing_values(values, kind):
    dtype = pl.UInt64 if kind == "UInt64" else None
    own = pl.DataFrame({"path": list("abc"), "id": pl.Series(values, dtype=dtype)})
    column = make_table(facts(3), [0, 1, 2], own, "path")["id"]
    assert column.dtype == kind
    expected = [value for value in values if value is not None]
    assert column.dropna().tolist() == expected


def test_days_count_from_the_first_study_of_a_patient():
    columns = facts(5)
    columns["study_day"] = [20, 10, 5, None, 15]
    columns["patient"] = ["a", "a", None, "a", "b"]
    days = make_table(columns, range(5), None, "path")["study_day"]
    np.testing.assert_array_equal(days, [10, 0, np.nan, np.nan, 0])


def test_columns_that_differ_between_the_rows_of_volumes():
    table = pd.DataFrame(
        {
            "path": list("abcdef"),
            "same": [1.5, np.nan, 1.5, 2.5, np.nan, 2.5],
            "other": ["x", "x", "x", None, "y", "x"],
        }
    )
    volumes = [[0, 2], [1, 4], [3, 5], [5]]
    names, differing = differing_columns(table, "path", volumes)
    assert names == ["other"]
    assert differing.tolist() == [1, 2]
    names, differing = differing_columns(table, "path", [])
    assert (names, len(differing)) == ([], 0)
