import numpy as np
import pandas as pd
import polars as pl
import pytest
from stratum_colors import colors_of, tick_colors

from contrastive_clustering import StrataCompositionDisplay, audit_confounding

pytestmark = pytest.mark.usefixtures("no_window")

RNG = np.random.default_rng(0)


def draw(strata, values, **options):
    return StrataCompositionDisplay.from_strata(strata, values, **options)


def names_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def widths(display):
    """Return the widths of the bars, of shape (n_rows, n_levels)."""
    return np.array(
        [[bar.get_width() for bar in bars] for bars in display.ax_.containers]
    ).T


def rows_of(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


def test_bars_show_shares_of_levels():
    strata = [0, 0, 0, 0, 2, 2, -1]
    display = draw(strata, ["b", "a", "a", "a", "b", "b", "a"])
    np.testing.assert_array_equal(display.counts, [[1, 0], [3, 1], [0, 2]])
    # The row of all strata has no color.
    assert tick_colors(display.ax_.yaxis) == colors_of([-1, 0, 2])
    assert display.levels.tolist() == ["a", "b"]
    np.testing.assert_allclose(
        widths(display), [[4 / 7, 3 / 7], [1, 0], [0.75, 0.25], [0, 1]]
    )
    assert rows_of(display) == ["all (n=7)", "noise (n=1)", "0 (n=4)", "2 (n=2)"]
    assert names_of(display) == ["a", "b"]
    assert display.ax_.get_xlabel() == "share of samples"
    shown = [text.get_text() for text in display.ax_.texts]
    assert sorted(filter(None, shown)) == ["1", "1", "2", "3", "3", "4"]


def test_counts_of_groups_are_those_of_an_audit():
    class Planted:
        def predict(self, X):
            return X[:, 0].astype(int)

    groups = np.sort(RNG.integers(40, size=150))
    strata, site = RNG.integers(3, size=150), RNG.choice(list("abc"), 150)
    display = draw(strata, site, groups=groups)
    audit = audit_confounding(
        Planted(), strata[:, None], nuisance=site, groups=groups, n_permutations=39
    )
    expected = audit.composition["nuisance"][["a", "b", "c"]]
    np.testing.assert_array_equal(display.counts, expected)
    assert display.ax_.get_xlabel() == "share of groups"


@pytest.mark.parametrize(
    "values", [["a", None, "b", ""], pd.Series(["a", pd.NA, "b", None])]
)
def test_missing_values_are_gray_and_last(values):
    display = draw([0, 0, 1, 1], values)
    assert display.n_missing.tolist() == [1, 1]
    assert names_of(display) == ["a", "b", "missing"]
    color = display.ax_.containers[-1].patches[0].get_facecolor()
    assert color[0] == color[1] == color[2]


def test_all_values_may_be_missing():
    display = draw([0, 1], [None, np.nan])
    assert names_of(display) == ["missing"]
    assert display.counts.shape == (2, 0)


def test_many_numbers_are_grouped_into_ranges():
    display = draw(np.arange(300) % 3, RNG.uniform(18, 90, 300))
    assert display.levels.shape == (300,)
    names = names_of(display)
    assert len(names) == 10
    assert all(" to " in name for name in names)
    np.testing.assert_allclose(widths(display).sum(axis=1), 1)


def test_ranges_are_sorted_by_their_numbers():
    ages = np.array([7.0, -8, 15, 120, 3, -2])
    ranges = pd.cut(pd.Series(ages), [-10, -5, 0, 5, 10, 100, 200])
    display = draw([0, 0, 1, 1, 0, 1], ranges)
    expected = list(map(str, ranges.cat.categories))
    assert display.levels.tolist() == names_of(display) == expected
    assert display.counts.tolist() == [[1, 0, 1, 1, 0, 0], [0, 1, 0, 0, 1, 1]]


@pytest.mark.parametrize(
    "dtype",
    [
        pd.CategoricalDtype(["low", "mid", "high"], ordered=True),
        pl.Enum(["low", "mid", "high"]),
    ],
)
def test_ordered_categories_keep_their_order(dtype):
    grades = ["high", "low", "mid", "low", None]
    library = pl if isinstance(dtype, pl.DataType) else pd
    display = draw([0, 0, 1, 1, 1], library.Series(grades, dtype=dtype))
    assert display.levels.tolist() == ["low", "mid", "high"]
    assert names_of(display) == ["low", "mid", "high", "missing"]
    assert display.counts.tolist() == [[1, 0, 1], [1, 1, 0]]


def test_other_categories_are_sorted_by_name():
    grades = pd.Categorical(["b", "a"], categories=["b", "a"])
    assert draw([0, 1], grades).levels.tolist() == ["a", "b"]


def test_many_names_share_the_last_level():
    values = np.repeat([f"site {n:02}" for n in range(25)], np.arange(25, 0, -1))
    display = draw(np.arange(len(values)) % 2, values)
    assert names_of(display)[:2] == ["site 00", "site 01"]
    assert names_of(display)[9:] == ["16 others"]


@pytest.mark.parametrize("library", [pd, pl])
def test_the_name_of_a_series_is_shown(library):
    display = draw(
        [0, 1],
        library.Series("site $x", ["a", "b"])
        if library is pl
        else library.Series(["a", "b"], name="site $x"),
    )
    assert display.variable_name == "site $x"
    assert display.ax_.get_legend().get_title().get_text() == r"site \$x"


def test_booleans_and_mixed_values_are_levels_by_name():
    assert draw([0, 1], [True, False]).levels.tolist() == ["False", "True"]
    assert draw([0, 1], [1, "a"]).levels.tolist() == ["1", "a"]


def test_counts_have_contrast():
    display = draw([0] * 10, list("abcdefghij"))
    colors = {text.get_color() for text in display.ax_.texts if text.get_text()}
    assert colors == {"white", "black"}


def test_nothing_is_clipped():
    display = draw(
        np.arange(400) % 40, RNG.choice([f"{'long ' * 8}{n}" for n in range(9)], 400)
    )
    display.figure_.draw_without_rendering()
    box = display.ax_.get_tightbbox()
    assert box.x0 >= -1
    assert box.y0 >= -1
    assert box.x1 <= display.figure_.bbox.width + 1
    assert box.y1 <= display.figure_.bbox.height + 1


def test_invalid_input_is_reported():
    with pytest.raises(ValueError, match="values has 1 values, but there are 2"):
        draw([0, 1], ["a"])
    with pytest.raises(ValueError, match="values has different levels that look the"):
        draw([0, 1], [1, "1"])
    with pytest.raises(ValueError, match="groups has 3 values"):
        draw([0, 1], ["a", "b"], groups=[1, 2, 3])
    with pytest.raises(ValueError, match="strata has shape"):
        draw([[0, 1]], ["a"])


def test_numbers_of_strata_do_not_matter_and_noise_counts_last():
    groups = np.sort(RNG.integers(40, size=120))
    strata, site = RNG.integers(-1, 3, 120), RNG.choice(list("ab"), 120)
    new = np.array([2, 0, 1, -1])
    first, second = (draw(each, site, groups=groups) for each in (strata, new[strata]))
    assert first.strata.tolist() == second.strata.tolist() == [-1, 0, 1, 2]
    np.testing.assert_array_equal(second.counts[0], first.counts[0])
    np.testing.assert_array_equal(second.counts[1 + new[:3]], first.counts[1:])
    divided = draw([-1, -1, 1, -1], list("aaaa"), groups=[7, 7, 7, 8])
    assert divided.counts.tolist() == [[1], [1]]


def test_texts_among_numbers_are_named():
    values = [*range(20, 40), "-"]
    with pytest.warns(UserWarning, match=r"^values is a .* index 20, is only punct"):
        draw([0, 1, 1] * 7, values)
    draw([0, 1, 1] * 7, pd.Series(values, dtype="category"))
