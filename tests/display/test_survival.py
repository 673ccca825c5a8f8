import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from statsmodels.duration.survfunc import SurvfuncRight

from contrastive_clustering import SurvivalDisplay
from contrastive_clustering._display.drawing.palette import group_color

pytestmark = pytest.mark.usefixtures("no_window")

RNG = np.random.default_rng(0)
STRATA = np.repeat([0, 1, -1], [40, 30, 5])
TIME = np.ceil(RNG.exponential(100, 75))
EVENT = RNG.random(75) < 0.7


def draw(strata=STRATA, survival=(TIME, EVENT), **options):
    return SurvivalDisplay.from_strata(strata, survival, **options)


def table_of(display):
    """Return the rows of the table of numbers at risk, with their names."""
    rows = {}
    for text in display.ax_.texts:
        rows.setdefault(text.xyann[1], []).append(text.get_text())
    return [rows[key] for key in sorted(rows, reverse=True)]


def test_curves_agree_with_statsmodels():
    display = draw()
    assert display.strata.tolist() == [0, 1]
    for stratum, curve in zip((0, 1), display.curves, strict=True):
        of = stratum == STRATA
        expected = SurvfuncRight(TIME[of], EVENT[of])
        found = curve.survival_at(expected.surv_times)
        np.testing.assert_allclose(found, expected.surv_prob, atol=1e-10)
    names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert names == ["0 (n=40)", "1 (n=30)"]


def test_curves_are_drawn_as_steps_with_ticks_of_censored_times():
    display = draw()
    line, ticks = display.ax_.get_lines()[:2]
    assert line.get_drawstyle() == "steps-post"
    np.testing.assert_array_equal(line.get_ydata(), display.curves[0].survival)
    np.testing.assert_array_equal(ticks.get_xdata(), display.curves[0].censored)
    assert len(display.ax_.collections) == 2


def test_table_counts_units_at_risk_at_the_ticks():
    display = draw()
    ticks = display.ax_.get_xticks()
    header, first, second = table_of(display)
    assert header == ["at risk"]
    for stratum, row in ((0, first), (1, second)):
        counts = [np.sum(TIME[stratum == STRATA] >= tick) for tick in ticks]
        assert row == [str(stratum), "\N{BLACK SQUARE}", *map(str, counts)]


def test_a_stratum_keeps_its_color_among_others():
    display = draw(np.where(STRATA == 0, 7, STRATA))
    assert display.strata.tolist() == [1, 7]
    lines = display.ax_.get_lines()[::2]
    squares = [t for t in display.ax_.texts if t.get_text() == "\N{BLACK SQUARE}"]
    for drawn in (lines, squares):
        found = [to_hex(each.get_color()) for each in drawn]
        assert found == [group_color(1), group_color(7)]


def test_a_group_counts_once_in_the_stratum_of_most_of_its_samples():
    repeated = np.repeat(np.arange(70), 3)
    strata = STRATA[:70][repeated]
    strata[::3] = 1 - strata[::3]  # one of three samples
    display = draw(strata, (TIME[repeated], EVENT[repeated]), groups=repeated)
    expected = draw(STRATA[:70], (TIME[:70], EVENT[:70]))
    for found, curve in zip(display.curves, expected.curves, strict=True):
        np.testing.assert_array_equal(found.survival, curve.survival)
    assert display.ax_.get_ylabel() == "share of groups without an event"


def test_missing_times_and_strata_without_any_are_left_out():
    time = np.where(STRATA == 1, np.nan, TIME)
    display = draw(survival=(pd.Series(time, name="$days"), EVENT))
    assert display.strata.tolist() == [0]
    assert display.n_missing == 30
    assert display.ax_.get_xlabel() == r"\$days"


@pytest.mark.parametrize(
    ("p_value", "text"), [(0.0123, "p = 0.0123"), (0.0004, "p < 0.001")]
)
def test_p_value_is_shown_only_if_passed(p_value, text):
    assert draw(p_value=p_value).ax_.get_title("right") == text
    assert draw().ax_.get_title("right") == ""


def test_confidence_level_widens_the_band():
    narrow, wide = draw(confidence_level=0.5), draw(confidence_level=0.99)
    row = 5
    assert wide.curves[0].low[row] < narrow.curves[0].low[row]
    assert wide.curves[0].high[row] > narrow.curves[0].high[row]


@pytest.mark.parametrize("n_strata", [12, 40])
def test_table_is_within_the_figure_for_many_strata(n_strata):
    strata = np.array([f"long name {n}" for n in np.arange(75) % n_strata])
    display = draw(strata)
    display.figure_.draw_without_rendering()
    box = display.ax_.get_tightbbox()
    assert box.x0 >= -1
    assert box.y0 >= -1
    assert box.x1 <= display.figure_.bbox.width + 1
    assert (display.ax_.get_legend() is None) == (n_strata == 40)


def test_all_times_may_be_zero():
    display = draw([0, 1], ([0, 0], [1, 0]))
    assert display.ax_.get_xlim() == (0, 1)


@pytest.mark.parametrize(
    ("survival", "message"),
    [
        ((TIME, EVENT, EVENT), "must be a pair"),
        ((TIME[:3], EVENT), "time of survival has 3 values, but strata has 75"),
        ((-TIME, EVENT), "negative at index 0"),
        ((TIME, EVENT + 1), "neither 0 nor 1"),
        ((np.full(75, np.nan), EVENT), "No sample with a stratum has"),
    ],
)
def test_invalid_survival_is_reported(survival, message):
    with pytest.raises(ValueError, match=message):
        draw(survival=survival)


def test_samples_of_a_group_must_agree():
    with pytest.raises(ValueError, match="another sample of the same group"):
        draw(groups=np.arange(75) // 3)


def test_missing_pandas_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"SurvivalDisplay\.from_strata needs pandas"):
        draw()


def test_numbers_of_strata_do_not_matter():
    groups = np.arange(75) // 2
    strata = RNG.integers(-1, 3, 75)
    survival = TIME[groups], EVENT[groups]
    new = np.array([2, 0, 1, -1])
    first, second = (
        draw(each, survival, groups=groups) for each in (strata, new[strata])
    )
    for stratum in range(3):
        np.testing.assert_array_equal(
            second.curves[new[stratum]].unit_times, first.curves[stratum].unit_times
        )
