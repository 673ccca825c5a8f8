"""A directive that shows the benchmark's runs when the documentation is built.

``.. quality-tables:: results`` is replaced by a table for each set, ``checks`` and
``targets`` by one table each.
"""

from collections.abc import Callable
from pathlib import Path

from quality_checks import CHECKS_HEADER, TARGETS_HEADER, make_checks, make_targets
from quality_runs import COMMITTED, TEST, read_runs
from quality_sets import IMAGE_SETS
from quality_table import HEADER, Rows, make_rows, make_tables
from run_tables import RunTables, Table
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata


def results(rows: Rows) -> list[Table]:
    """Return a table for each set."""
    tables = make_tables(rows)
    return [
        (f"{image_set.title} ({image_set.name})", [HEADER, *tables[image_set.name]])
        for image_set in IMAGE_SETS
        if image_set.name in tables
    ]


def checks(rows: Rows) -> list[Table]:
    """Return the table of all checks."""
    return [("", [CHECKS_HEADER, *make_checks(rows)])]


def targets(rows: Rows) -> list[Table]:
    """Return the table of all targets."""
    return [("", [TARGETS_HEADER, *make_targets(rows)])]


CONTENTS: dict[str, Callable[[Rows], list[Table]]] = {
    "results": results,
    "checks": checks,
    "targets": targets,
}


class QualityTables(RunTables):
    """Tables of the committed runs; the argument is a key of `CONTENTS`."""

    def read(self, name: str) -> tuple[Path, list[Table]]:
        """Return the data file and the tables."""
        return COMMITTED, CONTENTS[name](make_rows(read_runs(COMMITTED), TEST))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive."""
    app.add_directive("quality-tables", QualityTables)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
