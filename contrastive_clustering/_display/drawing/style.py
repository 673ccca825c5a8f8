"""Axes, colors, markers and text shared by all displays."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from contrastive_clustering._display.drawing.palette import COLORS
from contrastive_clustering._utils.optional import import_pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

# Longer names would leave no room for the plot.
MAX_NAME_LENGTH = 40

# Text on backgrounds of lower luminance is white.
DARK = 0.5

FIRST_COLOR, SECOND_COLOR = COLORS[:2]


def get_axes(caller: str, ax: "Axes | None", figsize: tuple[float, float]) -> "Axes":
    """Return the given axes, or those of a new figure.

    Parameters
    ----------
    caller : str
        Name of the calling method or function.

    ax : matplotlib.axes.Axes or None
        The axes as passed by the user.

    figsize : tuple of float
        Width and height of a new figure, in inches.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes; those of a new figure have a constrained layout.

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
            f"ax is a {type(ax).__name__}, not a matplotlib Axes. Pass one of the axes "
            "that plt.subplots returns, or None for a new figure."
        )
    return ax


def get_figure(
    caller: str, ax: "Axes | None", figsize: tuple[float, float]
) -> "Figure | SubFigure":
    """Return a figure for several axes: a new one, or a subfigure that replaces axes.

    Parameters
    ----------
    caller : str
        Name of the calling method or function.

    ax : matplotlib.axes.Axes or None
        The axes as passed by the user. They are hidden and replaced with a
        subfigure.

    figsize : tuple of float
        Width and height of a new figure, in inches.

    Returns
    -------
    figure : matplotlib.figure.Figure or SubFigure
        The figure to which axes can be added.

    Raises
    ------
    TypeError
        If `ax` is neither None nor axes.

    ValueError
        If the axes are not part of a grid.
    """
    if ax is None:
        pyplot = import_pyplot(caller)
        made: Figure = pyplot.figure(figsize=figsize, layout="constrained")
        return made
    ax = get_axes(caller, ax, figsize)
    cell = ax.get_subplotspec()
    if cell is None:
        raise ValueError(
            f"{caller} needs ax to be part of a grid, as it plots several panels. Pass "
            "axes from plt.subplots or Figure.add_subplot, or None for a new figure."
        )
    ax.set_axis_off()
    return ax.figure.add_subfigure(cell)


def literal(name: object) -> str:
    r"""Return the name of a class escaped for matplotlib.

    matplotlib interprets text between dollar signs as a formula, and leaves names that
    are empty or begin with an underscore out of a legend.

    Parameters
    ----------
    name : object
        Name of the class.

    Returns
    -------
    text : str
        A single line; the middle of long names is left out.

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
    if len(shown) > MAX_NAME_LENGTH:
        # Long names often differ only at their ends.
        shown = f"{shown[: MAX_NAME_LENGTH - 15]} … {shown[-15:]}"
    if shown.startswith("_"):
        shown = f" {shown}"
    return shown.replace("$", r"\$")


def luminance(color: Any) -> float:
    """Return the relative luminance of a color, from 0 to 1."""
    red, green, blue = import_module("matplotlib").colors.to_rgb(color)
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


def color_of_text(background: Any) -> str:
    """Return the color of legible text: white on dark backgrounds, or else black."""
    return "white" if luminance(background) < DARK else "black"


def annotate_cells(image: Any, texts: np.ndarray, fontsize: float) -> None:
    """Write texts into the cells of a matrix, in white on dark cells.

    Parameters
    ----------
    image : matplotlib.image.AxesImage
        The plotted matrix.

    texts : ndarray of str, of shape (n_rows, n_columns)
        The texts; empty ones are skipped.

    fontsize : float
        In points.
    """
    backgrounds = image.to_rgba(image.get_array())
    for row, column in np.argwhere(texts != ""):
        image.axes.text(
            column,
            row,
            texts[row, column],
            ha="center",
            va="center",
            fontsize=fontsize,
            color=color_of_text(backgrounds[row, column]),
        )
