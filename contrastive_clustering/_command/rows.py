"""Split a table in CSV format into rows of text."""

import csv
import re
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from contrastive_clustering._command.console import CommandError

SEPARATORS = ",;\t"

# A line before the header that names the separator, for Excel.
STATEMENT = re.compile(r'"?sep=([^\w\s"]|\t)"?\n?', re.IGNORECASE)


def read_rows(path: Path, path_column: str) -> tuple[list[list[str]], str]:
    """Return the header and the rows of a table, and its separator.

    The separator is that of a first line such as "sep=;". Without such a line, it is
    the one with which the header contains the column of paths, or has the most columns.

    Parameters
    ----------
    path : Path
        The file.

    path_column : str
        Column of paths.

    Returns
    -------
    rows : list of list of str
        The header and the rows, without blank lines. Rows are as long as the header or
        shorter.

    separator : str
        The separator.

    Raises
    ------
    CommandError
        If there is no header, or if a row has more values than columns or a quote that
        is not closed.

    OSError, UnicodeDecodeError
        If the file cannot be read.
    """
    with path.open(encoding="utf-8-sig") as file:
        lines = list(file)
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    statement = STATEMENT.fullmatch("".join(lines[first : first + 1]))
    if statement is None:
        separator = _choose_separator(lines[first:], path_column)
    else:
        separator = statement[1]
        lines[first] = "\n"
    rows: list[list[str]] = []
    of_header = 1
    for number, row in _split(lines, separator, path):
        if len(row) < 2 and not "".join(row).strip():
            continue
        if not rows:
            of_header = number
        n_columns = len(rows[0]) if rows else len(row)
        # Some programs end rows with separators.
        if any(value.strip() for value in row[n_columns:]):
            raise CommandError(
                f"--metadata: line {number} of {str(path)!r} has more values "
                f"than there are columns in its header, line {of_header}. Remove lines "
                "above the names of the columns, and put values that contain the "
                "separator in quotes."
            )
        rows.append(row[:n_columns])
    if not rows:
        raise CommandError(f"--metadata: {str(path)!r} is empty. Pass another table.")
    return rows, separator


def _choose_separator(lines: list[str], path_column: str) -> str:
    def fit(separator: str) -> tuple[bool, int]:
        header: list[str] = []
        # With a wrong separator, a quote may seem to begin a value that never ends.
        with suppress(csv.Error):
            header = next(_reader(lines, separator), [])
        return path_column in [name.strip() for name in header], len(header)

    return max(SEPARATORS, key=fit)


def _reader(lines: list[str], separator: str) -> Any:
    # A blank line at the end is a row of its own, unless a quote is open.
    return csv.reader(chain(lines, ["\n"]), delimiter=separator, skipinitialspace=True)


def _split(lines: list[str], separator: str, path: Path) -> list[tuple[int, list[str]]]:
    """Return rows and the number of the line in which each begins."""
    reader = _reader(lines, separator)
    rows: list[tuple[int, list[str]]] = []
    number, row = 1, list[str]()
    try:
        for row in reader:
            rows.append((number, row))
            number = reader.line_num + 1
    except csv.Error:
        raise CommandError(
            f"--metadata: the row that begins in line {number} of {str(path)!r} has a "
            f"value of more than {csv.field_size_limit()} characters. Correct the "
            "quotes, of which one may not be closed."
        ) from None
    if row:
        raise CommandError(
            f"--metadata: the row that begins in line {rows[-1][0]} of {str(path)!r} "
            "has a quote that is not closed. Close it; inside a value in quotes, write "
            "a quote twice."
        )
    return rows
