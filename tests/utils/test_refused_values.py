import datetime
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.utils import check_array

from contrastive_clustering._utils.refused_values import (
    errors_about_numbers,
    reject_times_and_text,
)

DAYS = np.array(["2020-01-01", "2020-02-03"], "M8[ns]")


@pytest.mark.parametrize(
    "column",
    [
        DAYS,
        DAYS - DAYS[0],
        pd.Series(DAYS).dt.tz_localize("Europe/Rome"),
        pd.period_range("2020-01", periods=2, freq="M"),
        pd.Categorical(DAYS),
        pd.Series(DAYS, dtype=object),
        pd.Series(list(DAYS), dtype=object),
        pd.Series([pd.Timedelta(1)] * 2, dtype=object),
        [datetime.date(2020, 1, 1)] * 2,
        [datetime.time(3)] * 2,
    ],
)
def test_columns_of_times_are_named(column):
    frame = pd.DataFrame({"age": [61.0, 48.0], "scanned": column})
    message = (
        r"^It holds dates or durations, first in X\[0, 1\], column 'scanned'. Drop"
    )
    with pytest.raises(ValueError, match=message) as caught:
        reject_times_and_text(frame, "X")
    assert "2020" not in str(caught.value)


def test_the_first_row_is_named():
    frame = pd.DataFrame({1: pd.Series([1, datetime.date(2020, 1, 1)], dtype=object)})
    with pytest.raises(ValueError, match=r"first in X\[1, 0\], column '1'\."):
        reject_times_and_text(frame, "X")


@pytest.mark.parametrize(
    "column", [DAYS, DAYS - DAYS[0], [datetime.date(2020, 1, 1)] * 2]
)
def test_columns_of_polars_are_named(column):
    frame = pl.DataFrame({"age": [61.0, 48.0], "scanned": column})
    with pytest.raises(ValueError, match=r"first in X\[0, 1\], column 'scanned'\."):
        reject_times_and_text(frame, "X")


@pytest.mark.parametrize(
    ("array", "place"),
    [
        (DAYS[:, None], r"Z\[0, 0\]"),
        ((DAYS - DAYS[0])[:, None, None], r"Z\[0, 0, 0\]"),
        (np.array([[1, 2], [3, DAYS[0]]], dtype=object), r"Z\[1, 1\]"),
        (np.array([[1, 2], [datetime.timedelta(1), 3]], dtype=object), r"Z\[1, 0\]"),
    ],
)
def test_arrays_of_times_are_refused(array, place):
    with pytest.raises(ValueError, match=rf"first in {place}\. Drop them or convert"):
        reject_times_and_text(array, "Z")


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([None, "1"], dtype=object),
        pd.Series([3, b"1"], dtype=object),
        pd.Series([None, "1"], dtype="string"),
        pd.Series([None, "1"], dtype="category"),
        pl.Series([None, "1"]),
        pl.Series([None, "1"], dtype=pl.Categorical),
    ],
)
def test_digits_as_text_are_named_by_their_place(column):
    library = pl if isinstance(column, pl.Series) else pd
    frame = library.DataFrame({"age": [61.0, 48.0], "site": column})
    place = re.escape("It holds text, first in Z[1, 1], column 'site'. Drop it or")
    with pytest.raises(ValueError, match=f"^{place}"):
        reject_times_and_text(frame, "Z")


@pytest.mark.parametrize("dtype", [object, str, bytes])
def test_arrays_of_text_are_named_by_their_place(dtype):
    values = np.array([[["1", "2"]]], dtype=dtype)
    with pytest.raises(ValueError, match=r"first in X\[0, 0, 0\]\. Drop"):
        reject_times_and_text(values, "X")


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((2, 3)),
        np.array([[1, None], [2.5, True]], dtype=object),
        pd.DataFrame({"a": pd.Categorical([1, 2]), "b": [True, False]}),
        pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}),
        pd.DataFrame({"a": pd.Series([1, 2.5], dtype=object)}),
        pl.DataFrame({"a": [1, 2], "b": [True, False]}),
        pd.DataFrame(),
        [["1"]],
        None,
    ],
)
def test_other_values_are_accepted(values):
    reject_times_and_text(values, "X")


NOT_REAL = np.array([[1.0, 2.0], [3.0, pd.NA]], dtype=object)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (NOT_REAL, r"It holds missing values, first in Z\[1, 1\]\. Drop"),
        (pd.DataFrame(NOT_REAL, columns=["a", "b"]), r"in Z\[1, 1\], column 'b'\."),
        (np.array([[1, 2j]], dtype=object), r"not 'complex' as in Z\[0, 1\]\. Drop"),
        (np.array([[1, 2j]]), r"Pass real numbers, such as np\.abs\(Z\)\.$"),
        (pd.DataFrame([[1 + 0j]]), r"Pass real numbers, such as np\.abs\(Z\)\.$"),
        (pd.DataFrame(index=[0, 1]), "Z cannot be read as a table. It has no columns"),
        (
            pd.DataFrame({"a": pd.arrays.SparseArray([0.0, 1.0])}),
            r"Pass Z\.sparse\.to_dense\(\)\.$",
        ),
    ],
)
def test_reasons_why_values_are_no_real_numbers(values, message):
    with (
        pytest.raises((TypeError, ValueError), match=message),
        errors_about_numbers(values, "Z", "a table"),
    ):
        check_array(values, dtype=np.float64)


def test_errors_without_a_known_reason_stay():
    with (
        pytest.raises(ValueError, match=r"^Z cannot be read as a table\. Found array"),
        errors_about_numbers(np.zeros((2, 3, 4)), "Z", "a table"),
    ):
        check_array(np.zeros((2, 3, 4)))
