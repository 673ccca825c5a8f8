import numpy as np
import pandas as pd
import pytest

from contrastive_clustering._evaluation.baseline import make_baseline
from contrastive_clustering._evaluation.survival_column import SurvivalColumn
from contrastive_clustering._evaluation.table_columns import Column, read_column

LABELS = np.array([0, 0, 0, 1, 1])
STRATA = np.array([3, 7])


def make(*columns):
    return make_baseline(columns, LABELS, STRATA)


def read(name, values):
    return read_column(name, pd.Series(values))


def test_counts_percentages_quartiles_and_missing_values():
    table = make(
        read("age", [10, 20, 30, np.nan, 50]), read("sex", ["f", "m", "f", None, "f"])
    )
    assert table.columns.tolist() == ["all", 3, 7]
    assert table.columns.name == "stratum"
    assert table.loc[("units", "n")].tolist() == ["5", "3", "2"]
    assert table.loc[("age", "median [quartiles]")].tolist() == [
        "25 [17.5, 35]",
        "20 [15, 25]",
        "50 [50, 50]",
    ]
    missing = ["1 (20.0 %)", "0 (0.0 %)", "1 (50.0 %)"]
    assert table.loc[("age", "missing, n (%)")].tolist() == missing
    assert table.loc[("sex", "missing, n (%)")].tolist() == missing
    # Percentages refer to the units with a value.
    assert table.loc[("sex", "f, n (%)")].tolist() == [
        "3 (75.0 %)",
        "2 (66.7 %)",
        "1 (100.0 %)",
    ]
    assert len(table) == 6


def test_rare_levels_share_a_row():
    values = np.r_[np.arange(25), np.arange(23)]
    column = Column("x", "categorical", values, tuple(f"level {i}" for i in range(25)))
    table = make_baseline([column], np.arange(48) % 2, STRATA)
    names = table.index.get_level_values("statistic").tolist()
    assert names[1:21] == [f"level {i}, n (%)" for i in range(20)]
    assert names[21:] == ["5 other levels, n (%)", "missing, n (%)"]
    assert table.loc[("x", "5 other levels, n (%)"), "all"] == "8 (16.7 %)"


def test_levels_keep_their_order_and_unused_ones_are_left_out():
    column = Column("x", "categorical", np.array([3, 3, 0, 3, 0]), tuple("abcde"))
    statistics = make(column).index.get_level_values("statistic").tolist()
    assert statistics == ["n", "a, n (%)", "d, n (%)", "missing, n (%)"]


def test_a_stratum_without_levels_has_no_percentages():
    table = make(read("x", ["a", "b", "a", None, None]))
    assert table.loc[("x", "a, n (%)")].tolist() == ["2 (66.7 %)", "2 (66.7 %)", "0"]


def test_a_single_rare_level_is_in_the_singular():
    column = Column("x", "categorical", np.arange(21), tuple(map(str, range(21))))
    table = make_baseline([column], np.arange(21) % 2, STRATA)
    assert ("x", "1 other level, n (%)") in table.index


def test_a_level_may_have_any_name():
    table = make(read("x", ["missing", "missing", "n", None, "n"]))
    statistics = table.index.get_level_values("statistic")
    rows = table[statistics == "missing, n (%)"]
    assert rows["all"].tolist() == ["2 (50.0 %)", "1 (20.0 %)"]


@pytest.mark.parametrize("values", [[np.nan] * 5, [1.0, 2.0, 3.0, np.nan, np.nan]])
def test_strata_without_values(values):
    table = make(read("x", values))
    assert table.loc[("x", "median [quartiles]"), 7] == "-"
    assert table.loc[("x", "missing, n (%)"), 7] == "2 (100.0 %)"


def test_survival():
    time = np.array([1.0, 2.0, 3.0, 4.0, np.nan])
    event = np.array([1.0, 1.0, 0.0, 0.0, 1.0])
    table = make(SurvivalColumn("days", time, event))
    assert table.loc[("days", "events, n (%)")].tolist() == [
        "2 (50.0 %)",
        "2 (66.7 %)",
        "0 (0.0 %)",
    ]
    assert table.loc[("days", "median survival")].tolist() == ["2", "2", "not reached"]
    assert table.loc[("days", "missing, n (%)"), "all"] == "1 (20.0 %)"


def test_a_curve_of_one_half_has_a_median_in_spite_of_rounding():
    # (1 - 1 / 24) (1 - 1 / 23) ... (1 - 1 / 13) exceeds 0.5 by rounding errors.
    time = np.r_[np.arange(1.0, 13), np.full(12, 20.0)]
    column = SurvivalColumn("days", time, np.repeat([1.0, 0.0], 12))
    table = make_baseline([column], np.zeros(24, dtype=int), STRATA[:1])
    assert table.loc[("days", "median survival"), "all"] == "12"


def test_a_curve_above_one_half_has_no_median():
    time, event = np.arange(1.0, 6.0), np.array([1.0, 0, 0, 0, 0])
    table = make(SurvivalColumn("days", time, event))
    assert table.loc[("days", "median survival"), "all"] == "not reached"
