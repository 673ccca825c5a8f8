import numpy as np
import pandas as pd
import polars as pl
import pytest

from contrastive_clustering._utils.nuisance import Nuisance

SITE = ["a", "b", "a", "b", "a", "a"]
VIEW = [1, 1, 0, 0, 1, 0]


@pytest.mark.parametrize(
    "nuisance",
    [
        {"site": SITE, "view": VIEW},
        pd.DataFrame({"site": SITE, "view": VIEW}),
        pl.LazyFrame({"site": SITE, "view": VIEW}),
    ],
)
def test_named_columns_are_read(nuisance):
    read = Nuisance.read(nuisance, 6)
    assert read.names == ("site", "view")
    assert read.levels == (("a", "b"), ("1", "0"))
    assert read.codes.T.tolist() == [[0, 1, 0, 1, 0, 0], [0, 0, 1, 1, 0, 1]]
    assert read.n_directions == 2


@pytest.mark.parametrize("nuisance", [SITE, np.array(SITE), np.array(SITE)[:, None]])
def test_a_single_column_is_read(nuisance):
    read = Nuisance.read(nuisance, 6)
    assert read.names == ("nuisance",)
    assert read.codes[:, 0].tolist() == [0, 1, 0, 1, 0, 0]


def test_the_name_of_a_series_is_kept():
    assert Nuisance.read(pd.Series(SITE, name="site"), 6).names == ("site",)
    assert Nuisance.read(pl.Series(SITE), 6).names == ("nuisance",)


@pytest.mark.parametrize(
    "nuisance", [np.stack([VIEW, VIEW[::-1]], axis=1), [[1, 0], [0, 1]] * 3]
)
def test_columns_of_an_array_are_numbered(nuisance):
    assert Nuisance.read(nuisance, 6).names == ("0", "1")


def test_missing_values_are_a_level():
    read = Nuisance.read(["a", None, "b", np.nan, "a", "b"], 6)
    assert read.levels == (("a", "b", "missing"),)
    assert read.codes[:, 0].tolist() == [0, 2, 1, 2, 0, 1]


def test_combinations_distinguish_all_pairs_of_levels():
    read = Nuisance.read({"site": SITE, "view": VIEW}, 6)
    pairs = list(zip(SITE, VIEW, strict=True))
    codes = read.combinations()
    for i in range(6):
        for j in range(6):
            assert (codes[i] == codes[j]) == (pairs[i] == pairs[j])


def test_indicators_have_a_column_for_each_level():
    indicators = Nuisance.read({"site": SITE, "view": VIEW}, 6).indicators()
    assert indicators.shape == (6, 4)
    np.testing.assert_array_equal(indicators.sum(axis=1), 2)
    np.testing.assert_array_equal(indicators[:, 0], np.array(SITE) == "a")


def test_some_samples_can_be_taken():
    read = Nuisance.read(SITE, 6).take(np.array([1, 3]))
    assert read.codes[:, 0].tolist() == [1, 1]
    assert read.levels == (("a", "b"),)


def test_levels_without_samples_can_be_left_out():
    columns = {"site": list("cabcab"), "view": [0, 1, None] * 2}
    taken = Nuisance.read(columns, 6).take(np.array([2, 5, 0]))
    kept = taken.without_empty_levels()
    assert kept.levels == (("c", "b"), ("0", "missing"))
    assert kept.codes.tolist() == [[1, 1], [1, 1], [0, 0]]
    assert kept.names == taken.names


@pytest.mark.parametrize(
    ("nuisance", "message"),
    [
        (["a"] * 6, "nuisance has one level only"),
        ({"site": ["a"] * 6}, "column 'site' of nuisance has one level only"),
        (list("abcdef"), "nuisance has 6 levels for 6 samples"),
        (SITE[:5], "nuisance has 5 values, but there are 6 samples"),
        ({"site": SITE[:5]}, "column 'site' of nuisance has 5 values, but .* sample.$"),
        (
            {"site": SITE * 2},
            "has 12 values, .* In cross-validation, pass a data frame",
        ),
        ({}, "but has none"),
        (
            pd.DataFrame([[0, 1]] * 6, columns=["site", "site"]),
            "several columns named 'site'",
        ),
        (np.zeros((6, 2, 2)), r"nuisance has shape \(6, 2, 2\)"),
        ({1: SITE, "1": SITE}, "several columns named '1'"),
        ({"site": [1, "1", 1] * 2}, "column 'site' of nuisance .* look the same"),
        (["missing", None, "a"] * 2, "nuisance has different levels that look the"),
    ],
)
def test_unusable_nuisances_are_refused(nuisance, message):
    with pytest.raises(ValueError, match=message):
        Nuisance.read(nuisance, 6)
