"""The tables of `small_sets.py`, which the guide shows.

A cell is the median over seeds, with the smallest and the largest value.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from quality_runs import OURS, Run
from quality_sets import IMAGE_SETS
from small_sets_runs import DARK, KMEANS, MIXTURE, RARE, SITE, SIZE, WITH_SITE

# A header and rows.
Table = list[list[str]]

TITLES = {image_set.name: image_set.title for image_set in IMAGE_SETS}
ORDER = list(TITLES)

UNCHANGED = "none"


@dataclass(frozen=True)
class Group:
    """The runs of a row, which agree in the columns that the table shows."""

    runs: tuple[Run, ...]

    def first(self, column: str) -> object:
        return self.runs[0][column]

    def take(self, **columns: object) -> list[Run]:
        """Return the runs with these values."""
        return [
            run
            for run in self.runs
            if all(run[column] == value for column, value in columns.items())
        ]

    def cell(self, metric: str, **columns: object) -> str:
        values = [run[metric] for run in self.take(**columns)]
        return format_values([value for value in values if value is not None])

    def start(self) -> list[str]:
        """Return the cells that most rows begin with."""
        return [TITLES[self.first("data")], self.first("change") or UNCHANGED]

    def n_marked(self) -> str:
        share = self.first("share")
        if share is None:
            return ""
        return f"{round(share * self.first('n'))} ({share:.0%})"

    def n_seeds(self) -> str:
        return str(len({run["seed"] for run in self.runs}))


def format_values(values: list[float]) -> str:
    if not values:
        return ""
    # Zero is added because a rounded value may be -0.
    median, low, high = (
        f"{round(float(value), 2) + 0:.2f}"
        for value in (np.median(values), min(values), max(values))
    )
    return median if len(values) == 1 else f"{median} ({low} to {high})"


def group(runs: Iterable[Run], *columns: str) -> list[Group]:
    """Return groups of runs that agree in columns, ordered by data and size."""
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        groups.setdefault(tuple(run[column] for column in columns), []).append(run)

    def rank(found: Group) -> tuple[object, ...]:
        share, strata = found.first("share") or 0, found.first("strata")
        kind = ORDER.index(found.first("data")), found.first("change")
        return *kind, found.first("n"), -share, -strata

    return sorted((Group(tuple(found)) for found in groups.values()), key=rank)


def of_case(runs: list[Run], case: str) -> list[Run]:
    """Return the runs of a case with the latest version of the package."""
    return [
        run
        for run in runs
        if run["case"] == case and run["package"] == runs[-1]["package"]
    ]


def with_unchanged(runs: list[Run], case: str) -> list[Run]:
    """Return the runs of a case, and those of our method on the unchanged images."""
    found = of_case(runs, case)
    same = ("data", "n", "strata")
    changed = {tuple(run[column] for column in same) for run in found}
    unchanged = [
        run
        for run in of_case(runs, SIZE)
        if run["method"] == OURS and tuple(run[column] for column in same) in changed
    ]
    return [*unchanged, *found]


def sizes(runs: list[Run]) -> Table:
    """Return the table of numbers of images."""
    header = ["data", "images", "strata", "balanced accuracy", "k-means", "mixture"]
    header += ["neighbors", "adjusted Rand index", "adjusted Rand index of k-means"]
    return [
        header,
        *(
            [
                TITLES[row.first("data")],
                str(row.first("n")),
                str(row.first("strata")),
                row.cell("balanced", method=OURS),
                row.cell("balanced", method=KMEANS),
                row.cell("balanced", method=MIXTURE),
                row.cell("neighbors_balanced", method=OURS),
                row.cell("agreement", method=OURS),
                row.cell("agreement", method=KMEANS),
            ]
            for row in group(of_case(runs, SIZE), "data", "n", "strata")
        ),
    ]


def rare_classes(runs: list[Run]) -> Table:
    """Return the table of rare classes: recall; precision."""
    numbers = (2, 10, 20)

    def found(row: Group, strata: int, method: str) -> str:
        columns = {"strata": strata, "method": method}
        recall, precision = (
            row.cell(metric, **columns) for metric in ("recall", "precision")
        )
        return f"{recall}; {precision}" if precision else recall

    return [
        [
            *("data", "classes", "images", "rare", "seeds"),
            *(f"{strata} strata" for strata in numbers),
            "k-means, 20 strata",
        ],
        *(
            [
                *row.start(),
                str(row.first("n")),
                row.n_marked(),
                row.n_seeds(),
                *(found(row, strata, OURS) for strata in numbers),
                found(row, 20, KMEANS),
            ]
            for row in group(of_case(runs, RARE), "data", "change", "n", "share")
        ),
    ]


def dark_images(runs: list[Run]) -> Table:
    """Return the table of dark images."""
    rows = [run for run in with_unchanged(runs, DARK) if run["method"] == OURS]
    header = ["data", "darkened", "images", "dark", "strata", "seeds"]
    header += ["balanced accuracy", "balanced accuracy, dark", "in dark strata"]
    header += ["AMI with class", "AMI with darkness"]
    return [
        header,
        *(
            [
                *row.start(),
                str(row.first("n")),
                row.n_marked(),
                str(row.first("strata")),
                row.n_seeds(),
                row.cell("balanced"),
                row.cell("balanced_marked"),
                row.cell("recall"),
                row.cell("class_ami"),
                row.cell("mark_ami"),
            ]
            for row in group(rows, "data", "change", "n", "share", "strata")
        ),
    ]


def small_sites(runs: list[Run]) -> Table:
    """Return the table of small sites."""
    names = {OURS: "defaults", WITH_SITE: "with nuisance", KMEANS: "k-means"}
    rows = [run for run in with_unchanged(runs, SITE) if run["method"] in names]
    header = ["data", "scanner", "images", "from it", "fit", "seeds"]
    header += ["in strata of it", "AMI"]
    header += ["balanced accuracy, others", "balanced accuracy, from it"]
    return [
        header,
        *(
            [
                *row.start(),
                str(row.first("n")),
                row.n_marked(),
                names[row.first("method")],
                row.n_seeds(),
                row.cell("recall"),
                row.cell("mark_ami"),
                row.cell("balanced"),
                row.cell("balanced_marked"),
            ]
            for row in group(rows, "data", "change", "n", "share", "method")
        ),
    ]


# Tables by their names.
TABLES: dict[str, Callable[[list[Run]], Table]] = {
    "sizes": sizes,
    "rare-classes": rare_classes,
    "dark-images": dark_images,
    "small-sites": small_sites,
}
