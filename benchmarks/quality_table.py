"""The table of `quality.py`, with a row for each data set and method.

The documentation shows such a table, ``quality.csv`` in this folder.
"""

import csv
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

METRICS = ("mapped", "balanced", "one-to-one", "ARI", "NMI", "rec. error", "seconds")
HEADER = ("data", "k", "method", "seeds", *METRICS)


def make_rows(
    records: Iterable[dict[str, Any]], n_clusters: dict[str, int]
) -> Iterator[list[str]]:
    """Yield a row for each group of consecutive records of the same task and method.

    Metrics are medians over seeds. A metric that a method lacks is empty.
    """
    for (name, method), group in itertools.groupby(
        records, key=lambda record: (record["task"], record["method"])
    ):
        runs = list(group)
        row = [name, str(n_clusters[name]), method, str(len(runs))]
        for metric in METRICS:
            values = [record[metric] for record in runs]
            digits = 0 if metric == "seconds" else 3
            row.append("" if None in values else f"{np.median(values):.{digits}f}")
        yield row


def print_rows(rows: Iterable[list[str]]) -> list[list[str]]:
    """Print rows as a Markdown table as they arrive, and return all of them."""
    print("| " + " | ".join(HEADER) + " |")
    print("|---" * len(HEADER) + "|", flush=True)
    printed = []
    for row in rows:
        print("| " + " | ".join(cell or "-" for cell in row) + " |", flush=True)
        printed.append(row)
    return printed


def read_csv(path: Path) -> list[list[str]]:
    """Return the rows of a file, without its header.

    Raises
    ------
    ValueError
        If the file has other columns.
    """
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    if tuple(header) != HEADER:
        raise ValueError(f"{path} has the columns {header}, not {list(HEADER)}.")
    return rows


def update_csv(path: Path, rows: Iterable[list[str]]) -> None:
    """Write rows to a file, replacing those of the same data set and method.

    Other rows of the file are kept, because not all methods are run together.
    """
    table = {(row[0], row[2]): row for row in read_csv(path)} if path.exists() else {}
    table |= {(row[0], row[2]): row for row in rows}
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(table.values())
