"""The tables of `quality.py`: for each set, a row for each method.

The documentation shows these tables.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from quality_runs import OURS, Run

# Columns after the number of strata, the method and the number of seeds: a title, and
# the metric whose median is shown.
COLUMNS = {
    "mapped": "mapped",
    "balanced": "balanced",
    "one-to-one": "one_to_one",
    "ARI": "ari",
    "NMI": "nmi",
    "rec. error": "reconstruction_error",
    "neighbors": "neighbors_balanced",
    "linear": "linear_balanced",
    "seconds": "seconds",
}
HEADER = ("strata", "method", "seeds", *COLUMNS)

# The metric that is shown with its smallest and largest value over seeds.
MAIN_METRIC = "balanced"


@dataclass(frozen=True)
class Row:
    """The runs of a method on a set, which differ in their seeds."""

    set_name: str
    strata: int | None
    method: str
    runs: tuple[Run, ...]

    def values(self, metric: str) -> list[float]:
        return [run[metric] for run in self.runs if run[metric] is not None]

    def median(self, metric: str) -> float | None:
        values = self.values(metric)
        return float(np.median(values)) if values else None


# Rows by set, number of strata and method.
Rows = dict[tuple[str, int | None, str], Row]


def make_rows(runs: Iterable[Run], part: str) -> Rows:
    """Return the rows of a part, "validation" or "test".

    A row has only the runs with the version and the settings of its last one, because
    runs of different methods have no common median.
    """
    groups: dict[tuple[str, int | None, str], list[Run]] = {}
    for run in runs:
        if run["part"] == part:
            key = (run["set"], run["strata"], run["method"])
            groups.setdefault(key, []).append(run)
    return {
        key: Row(*key, tuple(run for run in group if is_like(run, group[-1])))
        for key, group in groups.items()
    }


def is_like(run: Run, other: Run) -> bool:
    return all(run[column] == other[column] for column in ("package", "settings"))


def make_tables(rows: Rows) -> dict[str, list[list[str]]]:
    """Return the cells of the table of each set, ours first.

    Sets have the order of their first runs.
    """
    tables: dict[str, list[list[str]]] = {row.set_name: [] for row in rows.values()}
    for row in sorted(rows.values(), key=rank):
        tables[row.set_name].append(make_cells(row))
    return tables


def rank(row: Row) -> tuple[bool, int, bool, bool]:
    """Return a key that sorts by strata and keeps the order of other methods."""
    is_ours = row.method.startswith("ours")
    return row.strata is None, -(row.strata or 0), not is_ours, row.method != OURS


def make_cells(row: Row) -> list[str]:
    strata = "" if row.strata is None else str(row.strata)
    cells = [strata, row.method, str(len(row.runs))]
    for metric in COLUMNS.values():
        digits = 0 if metric == "seconds" else 3
        value = row.median(metric)
        cell = "" if value is None else f"{value:.{digits}f}"
        if metric == MAIN_METRIC and len(values := row.values(metric)) > 1:
            cell += f" ({min(values):.3f} to {max(values):.3f})"
        cells.append(cell)
    return cells


def format_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    header = list(header)
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    lines += ["| " + " | ".join(cell or "-" for cell in row) + " |" for row in rows]
    return "\n".join(lines)
