import numpy as np
import pandas as pd
import polars as pl
import pytest

from contrastive_clustering._evaluation.survival_column import read_survival
from contrastive_clustering._utils.grouping import Grouping

NAN = np.nan
TIME, EVENT = [3.0, 1.0, NAN, 2.0], [1, 0, 1, NAN]
ALONE = Grouping(np.arange(4), 4)


def make_columns():
    return {"age": pd.Series(range(4)), "t": pd.Series(TIME), "e": pd.Series(EVENT)}


@pytest.mark.parametrize(
    ("survival", "name", "left"),
    [
        (("t", "e"), "t", ["age"]),
        ((TIME, EVENT), "survival", ["age", "t", "e"]),
        ((pd.Series(TIME, name="days"), "e"), "days", ["age", "t"]),
        ((pl.Series("days", TIME), "e"), "days", ["age", "t"]),
        ((pl.Series(TIME), EVENT), "survival", None),
        ((np.array(TIME), pd.array([True, False, True, None])), "survival", None),
    ],
)
def test_names_and_arrays(survival, name, left):
    columns = make_columns()
    column = read_survival(survival, columns, ALONE)
    assert column.name == name
    np.testing.assert_array_equal(column.time, TIME)
    np.testing.assert_array_equal(column.event, EVENT)
    assert column.known.tolist() == [True, True, False, False]
    assert list(columns) == (left or ["age", "t", "e"])


@pytest.mark.parametrize(
    ("survival", "name"),
    [((pd.Series(TIME, name="age"), "e"), "age"), ((TIME, EVENT), "survival")],
)
def test_a_column_with_the_name_of_the_times_is_refused(survival, name):
    columns = {**make_columns(), "survival": pd.Series(TIME)}
    assert read_survival(("survival", "e"), dict(columns), ALONE).known.any()
    message = f"survival and a column of metadata are both named '{name}'"
    with pytest.raises(ValueError, match=message):
        read_survival(survival, columns, ALONE)


def test_reduction_to_groups():
    column = read_survival(
        ([3, 3, 5, NAN], [1, NAN, 0, 0]),
        {},
        Grouping(np.array([0, 0, 1, 1]), 2),
    )
    reduced = column.reduce(Grouping(np.array([0, 0, 1, 1]), 2))
    assert reduced.time.tolist() == [3, 5]
    assert reduced.event.tolist() == [1, 0]
    assert column.take(np.array([2])).time.tolist() == [5]


@pytest.mark.parametrize(
    ("survival", "message"),
    [
        (("t",), "must be a pair"),
        (("t", "dead"), "event of survival is 'dead', which is not a column"),
        (([1, 2], EVENT), "time of survival has 2 values, but strata has 4"),
        (([1, -1, 2, 3], EVENT), "time of survival is negative at index 1"),
        (([1, np.inf, 2, 3], EVENT), "time of survival is infinite at index 1"),
        ((TIME, [0, 1, 2, 1]), "event of survival is neither 0 nor 1 at index 2"),
        ((TIME, list("abcd")), "event of survival does not hold numbers. Pass 1 wh"),
        (([1, 2, 2, 2], EVENT), "time of survival at index 1 differs"),
        (([1, 1, 2, 2], [0, 0, 0, 1]), "event of survival at index 3 differs"),
    ],
)
def test_bad_input(survival, message):
    grouping = Grouping(np.array([0, 0, 1, 1]), 2)
    columns = {"t": pd.Series([1.0, 1, 2, 2])}
    with pytest.raises(ValueError, match=message):
        read_survival(survival, columns, grouping)


def test_a_name_without_columns_is_refused():
    """The display of survival takes arrays only."""
    with pytest.raises(ValueError, match=r"is 't', but there are no columns\. Pass an"):
        read_survival(("t", EVENT), {}, ALONE)


def test_a_text_among_times_is_named():
    times = [str(time) for time in range(20)]
    times[7] = "12 months"
    with pytest.raises(
        ValueError, match=r"numbers: 1 of 20 .* index 7, is a number wi"
    ):
        read_survival((times, [1] * 20), {}, Grouping(np.arange(20), 20))
