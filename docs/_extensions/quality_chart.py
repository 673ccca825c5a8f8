"""The chart of the benchmark's table, drawn when the documentation is built."""

import csv
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

TABLE = Path(__file__).parents[2] / "benchmarks" / "quality.csv"

# Name of a data set in the table: its title, and the balanced accuracy of chance.
DATA_SETS = {
    "pneumoniamnist": ("X-rays, 10 strata", 1 / 2),
    "pneumoniamnist-2": ("X-rays, 2 strata", 1 / 2),
    "bloodcells": ("blood cells, 10 strata", 1 / 3),
    "adrenalmnist3d": ("adrenal glands, 10 strata", 1 / 2),
    "mnist": ("MNIST, 10 strata", 1 / 10),
    "four-kinds": ("four kinds of images, 4 strata", 1 / 4),
}

OURS, WITHOUT_LABELS, WITH_LABELS = "#0072B2", "#666666", "#D55E00"

# Methods from the top down: a name in the table, and its color.
METHODS = {
    "ours, defaults": OURS,
    "k-means on pixels": WITHOUT_LABELS,
    "PCA 50 + k-means": WITHOUT_LABELS,
    "PCA 50 + Gaussian mixture": WITHOUT_LABELS,
    "ClustPy DEC": WITHOUT_LABELS,
    "ClustPy DCN": WITHOUT_LABELS,
    "encoder with labels": WITH_LABELS,
    "encoder with labels, augmented": WITH_LABELS,
}


def draw_quality() -> Figure:
    """Draw the balanced accuracy of each method, a panel for each data set."""
    with TABLE.open(newline="") as file:
        balanced = {
            (row["data"], row["method"]): row["balanced"]
            for row in csv.DictReader(file)
        }
    figure, axes = plt.subplots(
        3, 2, figsize=(8, 7.5), sharex=True, sharey=True, layout="constrained"
    )
    for ax, (data, (title, chance)) in zip(axes.flat, DATA_SETS.items(), strict=True):
        for index, (method, color) in enumerate(METHODS.items()):
            label = balanced.get((data, method))
            if label is None:
                ax.text(chance + 0.03, index, "not measured", va="center", fontsize=8)
                continue
            value = float(label)
            ax.plot([chance, value], [index, index], color=color, linewidth=2)
            ax.plot(value, index, "s" if color == WITH_LABELS else "o", color=color)
            weight = "bold" if color == OURS else "normal"
            ax.text(value + 0.03, index, label, va="center", fontsize=8, weight=weight)
        ax.axvline(chance, color="black", linewidth=0.8, linestyle=":")
        ax.set_title(title, fontsize=10)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set(xlim=(0, 1.2), xticks=[0, 0.25, 0.5, 0.75, 1])
    axes[0, 0].set_yticks(range(len(METHODS)), list(METHODS))
    axes[0, 0].invert_yaxis()
    figure.supxlabel("balanced accuracy on the test split (dotted line: chance)")
    return figure
