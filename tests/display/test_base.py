from dataclasses import dataclass

import pytest
from matplotlib import pyplot as plt

from contrastive_clustering._display.base import Display

pytestmark = pytest.mark.usefixtures("no_window")


@dataclass(kw_only=True, eq=False, repr=False)
class Line(Display):
    height: float

    def _size(self):
        return 3.0, self.height

    def _draw(self, ax):
        ax.plot([0, 1])


def test_a_new_figure_has_a_suitable_size():
    display = Line(height=2.0)
    assert display.plot() is display
    assert display.figure_ is display.ax_.figure
    assert display.figure_.get_size_inches().tolist() == [3.0, 2.0]
    assert len(display.ax_.lines) == 1


def test_a_display_can_be_plotted_on_other_axes():
    display = Line(height=2.0).plot()
    before = display.ax_
    figure, ax = plt.subplots()
    display.plot(ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert ax is not before


def test_other_objects_than_axes_are_rejected():
    with pytest.raises(TypeError, match="ax is a int, not a matplotlib Axes"):
        Line(height=2.0).plot(3)
