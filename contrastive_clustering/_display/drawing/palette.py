"""Colors and markers of groups, such as strata: a number has one color everywhere."""

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from contrastive_clustering._utils.numbering import NOISE

if TYPE_CHECKING:
    from matplotlib.axis import Axis

# Found by simulated annealing: a large distance (CIEDE2000) among gray and the first n
# colors for each n, and among the first eight also as seen with deuteranopia and
# protanopia. Lightness is between 31 and 74, that of the first eight up to 66, so that
# they are visible on white and on dark pages.
COLORS = (
    "#0072b2",
    "#d55e00",
    "#871e5a",
    "#b487ff",
    "#5a4b00",
    "#008769",
    "#96a569",
    "#c31e3c",
    "#ff9678",
    "#962dc3",
    "#ff5a87",
    "#1ec3ff",
    "#d2b400",
    "#a57800",
    "#0f5a00",
    "#4b4b69",
    "#872d00",
    "#00d24b",
    "#1e5a5a",
    "#d2a5b4",
    "#00c3c3",
    "#003cc3",
    "#a57869",
    "#ff9600",
    "#7878a5",
    "#697800",
    "#f00fc3",
    "#a56987",
    "#2d8796",
    "#00961e",
    "#784b4b",
    "#ff3c3c",
    "#ff87e1",
    "#4b96ff",
    "#c3a578",
    "#5a694b",
    "#5a69ff",
    "#a5b4e1",
    "#4bb487",
    "#96c300",
)

NOISE_COLOR = "#999999"

# The number of markers and that of colors have no common divisor, so that a pair
# repeats only after 360 groups.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
NOISE_MARKER = "*"


def group_color(number: int) -> str:
    """Return the color of a group as "#rrggbb".

    Parameters
    ----------
    number : int
        Number of the group; -1 is noise, which is gray. Colors repeat after 40 groups.

    Returns
    -------
    color : str
        The same for a number, whichever other groups exist.

    Examples
    --------
    >>> from contrastive_clustering._display.drawing.palette import group_color
    >>> group_color(0), group_color(40), group_color(-1)
    ('#0072b2', '#0072b2', '#999999')
    """
    return NOISE_COLOR if number == NOISE else COLORS[number % len(COLORS)]


def group_marker(number: int) -> str:
    """Return the marker of a group, which differs from those of adjacent groups."""
    return NOISE_MARKER if number == NOISE else MARKERS[number % len(MARKERS)]


def stratum_numbers(strata: np.ndarray) -> np.ndarray:
    """Return the number that determines the color of each stratum.

    Parameters
    ----------
    strata : ndarray of shape (n_strata,)
        Distinct strata, sorted: integers, or names.

    Returns
    -------
    numbers : ndarray of int, of shape (n_strata,)
        Integers from -1 are their own numbers. Other names are numbered in their order.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._display.drawing.palette import stratum_numbers
    >>> stratum_numbers(np.array([-1, 2, 5]))
    array([-1,  2,  5])
    >>> stratum_numbers(np.array(["high", "low"]))
    array([0, 1])
    """
    if strata.dtype.kind in "iu" and strata.min(initial=NOISE) >= NOISE:
        return strata
    return np.arange(len(strata))


def mark_ticks(axis: "Axis", numbers: np.ndarray, side: float = 7.0) -> None:
    """Replace the ticks of an axis with squares in the colors of groups.

    Parameters
    ----------
    axis : matplotlib.axis.Axis
        An axis whose ticks are at fixed positions, below or to the left of the axes.

    numbers : ndarray of int, of shape (n_ticks,)
        Number of the group of each tick.

    side : float, default=7.0
        Side of a square, in points.
    """
    axis.set_tick_params(length=side, width=side)
    for tick, number in zip(axis.get_major_ticks(), numbers, strict=True):
        tick.tick1line.set_markeredgecolor(group_color(number))


def group_colors(numbers: Iterable[int]) -> np.ndarray:
    """Return the red, green, blue and opacity of groups, from 0 to 1."""
    colors: Any = import_module("matplotlib.colors")
    return np.asarray(colors.to_rgba_array([group_color(each) for each in numbers]))
