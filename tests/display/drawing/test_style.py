import sys

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure

from contrastive_clustering._display.drawing.style import (
    annotate_cells,
    get_axes,
    get_figure,
    literal,
    luminance,
)
from contrastive_clustering._utils.optional import import_pyplot

pytestmark = pytest.mark.usefixtures("no_window")


def test_luminance_orders_white_yellow_blue_black():
    values = [luminance(color) for color in ("white", "yellow", "blue", "black")]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(1)
    assert values[-1] == 0


def test_missing_matplotlib_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"Caller needs matplotlib.*pip install"):
        import_pyplot("Caller")


def test_new_axes_and_given_axes():
    made = get_axes("Caller", None, (4, 3))
    assert made.figure.get_size_inches().tolist() == [4, 3]
    assert made.figure.get_layout_engine() is not None  # keeps labels within the figure
    given = Figure().add_subplot()
    assert get_axes("Caller", given, (4, 3)) is given


@pytest.mark.parametrize("wrong", ["axes", 3])
def test_other_objects_than_axes_are_rejected(wrong):
    for take in (get_axes, get_figure):
        with pytest.raises(TypeError, match="not a matplotlib Axes"):
            take("Caller", wrong, (4, 3))


def test_arrays_of_axes_are_rejected():
    _, axes = plt.subplots(1, 2)
    with pytest.raises(TypeError, match="ndarray"):
        get_axes("Caller", axes, (4, 3))


def test_subfigure_replaces_axes():
    figure, (left, right) = plt.subplots(1, 2)
    within = get_figure("Caller", right, (4, 3))
    assert within.figure is figure
    assert within.bbox_relative.x0 == 0.5  # the right half
    assert not right.axison
    assert left.axison
    assert get_figure("Caller", None, (4, 3)) is not figure


def test_axes_outside_of_a_grid_are_rejected_for_panels():
    ax = Figure().add_axes((0, 0, 1, 1))
    with pytest.raises(ValueError, match=r"ax to be part of a grid.*plt.subplots"):
        get_figure("Caller", ax, (4, 3))


@pytest.mark.parametrize(
    "name", ["$x^$", "a $ b", r"\$1", "_left", "", "two\nlines", "\0", "x" * 500]
)
def test_names_are_shown_literally_and_in_the_legend(name):
    _, ax = plt.subplots(layout="constrained")
    ax.plot([0, 1], label=literal(name))
    (text,) = ax.legend().get_texts()
    ax.figure.canvas.draw()
    assert not is_math_text(text.get_text())
    assert len(text.get_text()) < 50


def test_plain_names_are_unchanged():
    assert literal("fracture, left") == "fracture, left"
    assert literal(np.int64(3)) == "3"


def test_long_names_keep_both_ends():
    first, second = (literal(f"pneumonia {'x' * 100} {side}") for side in "lr")
    assert first.startswith("pneumonia ")
    assert first != second


@pytest.mark.usefixtures("no_window")
def test_text_in_cells_has_contrast():
    _, ax = plt.subplots()
    image = ax.imshow([[0.0, 1.0]], cmap="Blues", vmin=0, vmax=1)
    annotate_cells(image, np.array([["few", "many"]]), fontsize=8)
    found = [(t.get_text(), t.get_position(), t.get_color()) for t in ax.texts]
    assert found == [("few", (0, 0), "black"), ("many", (1, 0), "white")]
