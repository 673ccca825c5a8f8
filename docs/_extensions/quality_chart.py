"""The chart of the benchmark's runs, drawn when the documentation is built."""

import math

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from quality_runs import COMMITTED, OURS, TEST, WITH_LABELS, read_runs
from quality_sets import IMAGE_SETS, ImageSet
from quality_table import Row, Rows, make_rows

BLUE, GRAY, ORANGE = "#0072B2", "#666666", "#D55E00"

# Methods from the top down: a name in the data file, and its color.
METHODS = {
    OURS: BLUE,
    "k-means on pixels": GRAY,
    "Gaussian mixture on pixels": GRAY,
    "k-means on components": GRAY,
    "Gaussian mixture on components": GRAY,
    "ClustPy DEC": GRAY,
    "ClustPy DCN": GRAY,
    WITH_LABELS: ORANGE,
}

N_COLUMNS = 3


def draw_quality() -> Figure:
    """Draw the committed runs."""
    return draw_rows(make_rows(read_runs(COMMITTED), TEST))


def draw_rows(rows: Rows) -> Figure:
    """Draw the balanced accuracy of each method.

    There is a panel for each set and number of strata.
    """
    panels = [(image_set, k) for image_set in IMAGE_SETS for k in image_set.strata]
    n_rows = math.ceil(len(panels) / N_COLUMNS)
    figure, axes = plt.subplots(
        n_rows,
        N_COLUMNS,
        figsize=(9.5, 2.1 * n_rows),
        sharex=True,
        sharey=True,
        layout="constrained",
    )
    for ax, (image_set, strata) in zip(axes.flat, panels, strict=False):
        draw_panel(ax, image_set, strata, rows)
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    axes[0, 0].set(xlim=(0, 1.25), xticks=[0, 0.5, 1])
    axes[0, 0].set(ylim=(len(METHODS) - 0.5, -0.5))
    axes[0, 0].set_yticks(range(len(METHODS)), list(METHODS))
    figure.supxlabel("balanced accuracy on the test split (dotted line: chance)")
    return figure


def draw_panel(ax: Axes, image_set: ImageSet, strata: int, rows: Rows) -> None:
    """Draw all methods on a set."""
    chance = 1 / image_set.n_classes
    for index, (method, color) in enumerate(METHODS.items()):
        k = None if method == WITH_LABELS else strata
        row = rows.get((image_set.name, k, method))
        if row is None:
            ax.text(chance + 0.03, index, "not measured", va="center", fontsize=7)
        else:
            draw_row(ax, index, color, row, chance)
    ax.axvline(chance, color="black", linewidth=0.8, linestyle=":")
    ax.set_title(f"{image_set.title}, {strata} strata", fontsize=9)
    ax.tick_params(labelsize=8)
    ax.spines[["top", "right"]].set_visible(False)


def draw_row(ax: Axes, index: int, color: str, row: Row, chance: float) -> None:
    """Draw the median as a marker and the range of the seeds as a bar."""
    value, values = row.median("balanced"), row.values("balanced")
    ax.plot([chance, value], [index, index], color=color, linewidth=1)
    ax.plot([min(values), max(values)], [index, index], color=color, linewidth=4)
    ax.plot(value, index, "s" if color == ORANGE else "o", color=color, markersize=5)
    ax.text(
        max(*values, chance) + 0.03,
        index,
        f"{value:.3f}",
        va="center",
        fontsize=7,
        weight="bold" if color == BLUE else "normal",
    )
