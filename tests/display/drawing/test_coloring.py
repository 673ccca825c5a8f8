import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from contrastive_clustering._display.drawing.coloring import (
    draw_groups,
    draw_values,
    read_color,
)
from contrastive_clustering._display.drawing.palette import NOISE_COLOR, group_color

pytestmark = pytest.mark.usefixtures("no_window")

POSITIONS = np.arange(8.0).reshape(4, 2)


def test_kinds_of_coloring():
    rows, strata = np.array([0, 2]), np.array([1, 0])
    by_stratum = read_color(None, None, 3, rows, strata)
    assert by_stratum[0] == "stratum"
    assert by_stratum[1] is strata
    assert by_stratum[2] == "stratum"
    by_label = read_color(None, [["a"], ["b"], ["c"]], 3, rows, strata)
    assert (by_label[0], by_label[1].tolist()) == ("label", ["a", "c"])
    assert by_label[2] == "label"
    color = pd.Series([True, False, False], name="smoker")
    by_value = read_color(color, None, 3, rows, strata)
    assert (by_value[0], by_value[1].tolist()) == ("value", [1.0, 0.0])
    assert by_value[2] == "smoker"


def test_invalid_colors_are_reported():
    rows, strata = np.arange(2), np.zeros(2, dtype=int)
    with pytest.raises(ValueError, match="y and color are given"):
        read_color([1.0, 2.0], ["a", "b"], 2, rows, strata)
    with pytest.raises(ValueError, match="color has shape"):
        read_color([1.0], None, 2, rows, strata)
    with pytest.raises(TypeError, match="Pass classes as y"):
        read_color(["a", "b"], None, 2, rows, strata)


def test_groups_have_one_color_and_a_legend_entry():
    _, ax = plt.subplots()
    draw_groups(
        ax, POSITIONS, np.array([3, -1, 3, 0]), 9, label="stratum", are_strata=True
    )
    names = [text.get_text() for text in ax.get_legend().texts]
    assert names == ["noise", "0", "3"]
    noise, _, third = ax.collections
    np.testing.assert_array_equal(third.get_offsets(), POSITIONS[[0, 2]])
    assert to_hex(noise.get_facecolor()[0]) == NOISE_COLOR
    assert to_hex(third.get_facecolor()[0]) == group_color(3)


def test_a_label_of_minus_one_is_not_noise():
    _, ax = plt.subplots()
    draw_groups(ax, POSITIONS, np.array([-1, 1, 1, -1]), 9, label="label")
    assert [text.get_text() for text in ax.get_legend().texts] == ["-1", "1"]
    assert NOISE_COLOR not in {
        to_hex(each.get_facecolor()[0]) for each in ax.collections
    }


def test_long_legends_have_columns():
    _, ax = plt.subplots()
    values = np.arange(60)
    draw_groups(ax, np.zeros((60, 2)), values, 9, label="stratum", are_strata=True)
    assert ax.get_legend()._ncols == 3


def test_values_have_a_color_bar():
    figure, ax = plt.subplots()
    draw_values(ax, POSITIONS, np.array([1.0, np.nan, 5.0, 3.0]), 9, "age")
    (points,) = ax.collections
    assert points.get_clim() == (1, 5)
    bar = figure.axes[1]
    assert bar.get_ylabel() == "age"
    assert bar.get_ylim() == (1, 5)
