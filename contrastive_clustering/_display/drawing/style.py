"""What all displays share: matplotlib when it is needed, axes, colors, markers."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from contrastive_clustering._utils.optional import import_pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

# Okabe and Ito's colors, which people with any color vision can tell apart, without
# black; yellow, which is pale on white, comes last.
FEW_COLORS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#56B4E9",
    "#CC79A7",
    "#F0E442",
)

# More groups than this share the hues of a map whose lightness rises evenly, and are
# told apart by markers and numbers as well.
MANY_COLORS = "viridis"

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")

# Longer names would leave no room for what they name.
LONGEST_NAME = 40

NOISE_COLOR = "#999999"
NOISE_MARKER = "*"

# Grounds of less luminance than this get light text.
DARK = 0.5

FIRST_COLOR, SECOND_COLOR = FEW_COLORS[0], FEW_COLORS[3]


def get_axes(caller: str, ax: "Axes | None", figsize: tuple[float, float]) -> "Axes":
    """Return the axes to draw on: those given, or those of a new figure.

    Parameters
    ----------
    caller : str
        The name of what draws.

    ax : matplotlib.axes.Axes or None
        What the user gave.

    figsize : tuple of float
        Width and height of a new figure, in inches.

    Returns
    -------
    ax : matplotlib.axes.Axes
        Axes of a figure whose layout keeps labels within it, if it is new.

    Raises
    ------
    TypeError
        If `ax` is neither None nor axes.
    """
    pyplot = import_pyplot(caller)
    if ax is None:
        made: Axes = pyplot.subplots(figsize=figsize, layout="constrained")[1]
        return made
    axes_class: type = import_module("matplotlib.axes").Axes
    if not isinstance(ax, axes_class):
        raise TypeError(
            f"ax is a {type(ax).__name__}, but one matplotlib Axes is needed. Pass one "
            "of those that plt.subplots returns, or None for a new figure."
        )
    return ax


def get_figure(
    caller: str, ax: "Axes | None", figsize: tuple[float, float]
) -> "Figure | SubFigure":
    """Return a figure for several axes: a new one, or one in the place of given axes.

    Parameters
    ----------
    caller : str
        The name of what draws.

    ax : matplotlib.axes.Axes or None
        What the user gave. The axes are emptied and hidden, and a figure within their
        figure takes their place.

    figsize : tuple of float
        Width and height of a new figure, in inches.

    Returns
    -------
    figure : matplotlib.figure.Figure or SubFigure
        Where to add axes.

    Raises
    ------
    TypeError
        If `ax` is neither None nor axes.

    ValueError
        If the axes have no place in a grid.
    """
    if ax is None:
        pyplot = import_pyplot(caller)
        made: Figure = pyplot.figure(figsize=figsize, layout="constrained")
        return made
    ax = get_axes(caller, ax, figsize)
    place = ax.get_subplotspec()
    if place is None:
        raise ValueError(
            f"{caller} draws several panels, for which ax has to stand in a grid. Pass "
            "axes of plt.subplots or Figure.add_subplot, or None for a new figure."
        )
    ax.set_axis_off()
    return ax.figure.add_subfigure(place)


def group_colors(groups: np.ndarray, n_groups: int) -> np.ndarray:
    """Return a color for each group: strata, with noise (-1) gray, or classes.

    Parameters
    ----------
    groups : ndarray of shape (n_shown,)
        Numbers of the groups, below `n_groups`; -1 is noise.

    n_groups : int
        Number of groups that there are, noise not counted.

    Returns
    -------
    colors : ndarray of shape (n_shown, 4)
        Red, green, blue and opacity, from 0 to 1.
    """
    matplotlib = import_module("matplotlib")
    if n_groups <= len(FEW_COLORS):
        colors = matplotlib.colors.to_rgba_array(FEW_COLORS)
    else:
        colors = matplotlib.colormaps[MANY_COLORS](np.linspace(0, 0.95, n_groups))
    noise = matplotlib.colors.to_rgba_array([NOISE_COLOR])
    # -1 indexes the row that is appended for noise.
    return np.asarray(np.vstack([colors, noise])[groups])


def group_marker(group: int) -> str:
    """Return a group's marker: neighbors in number, and in color, differ in it."""
    return NOISE_MARKER if group < 0 else MARKERS[group % len(MARKERS)]


def literal(name: object) -> str:
    r"""Return a name of a class such that matplotlib draws it letter by letter.

    matplotlib reads what stands between dollar signs as a formula, and leaves names
    that are empty or begin with an underscore out of a legend.

    Parameters
    ----------
    name : object
        What the user calls the class.

    Returns
    -------
    text : str
        One line, without its middle if it is long.

    Examples
    --------
    >>> from contrastive_clustering._display.drawing.style import literal
    >>> print(literal("5$ or 6$"), literal("_left"), literal(""))
    5\$ or 6\$  _left ''
    """
    shown = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for letter in str(name) or "''"
    )
    if len(shown) > LONGEST_NAME:
        # Long names often differ at their ends.
        shown = f"{shown[: LONGEST_NAME - 15]} … {shown[-15:]}"
    if shown.startswith("_"):
        shown = f" {shown}"
    return shown.replace("$", r"\$")


def luminance(color: Any) -> float:
    """Return how bright a color looks, from 0 to 1, to choose the color of text."""
    red, green, blue = import_module("matplotlib").colors.to_rgb(color)
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


def annotate_cells(image: Any, texts: np.ndarray, fontsize: float) -> None:
    """Write texts into the cells of a matrix, light where a cell is dark.

    Parameters
    ----------
    image : matplotlib.image.AxesImage
        The drawn matrix.

    texts : ndarray of str, of shape (n_rows, n_columns)
        The texts; where one is empty nothing is written.

    fontsize : float
        In points.
    """
    grounds = image.to_rgba(image.get_array())
    for row, column in np.argwhere(texts != ""):
        is_dark = luminance(grounds[row, column]) < DARK
        image.axes.text(
            column,
            row,
            texts[row, column],
            ha="center",
            va="center",
            fontsize=fontsize,
            color="white" if is_dark else "black",
        )
