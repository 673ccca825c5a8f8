"""A directive that shows the benchmark's runs when the documentation is built.

``.. quality-tables:: results`` is replaced by a table for each set, ``checks`` and
``targets`` by one table each.
"""

import csv
import io
from collections.abc import Callable, Iterable

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.parsers.rst.directives.tables import CSVTable
from docutils.statemachine import StringList
from quality_checks import CHECKS_HEADER, TARGETS_HEADER, make_checks, make_targets
from quality_runs import COMMITTED, TEST, read_runs
from quality_sets import IMAGE_SETS
from quality_table import HEADER, Rows, make_rows, make_tables
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

# A title, which may be empty, and the rows of a table with its header.
Table = tuple[str, list[Iterable[str]]]


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

NOTHING = "Nothing has been measured yet."


class QualityTables(Directive):
    """Tables of the committed runs; the argument is a key of `CONTENTS`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the nodes of the tables."""
        self.state.document.settings.record_dependencies.add(str(COMMITTED))
        rows = make_rows(read_runs(COMMITTED), TEST)
        shown = []
        for title, table in CONTENTS[self.arguments[0]](rows):
            shown += self.make_table(title, table)
        return shown

    def make_table(self, title: str, table: list[Iterable[str]]) -> list[nodes.Node]:
        """Return the nodes of a table."""
        if len(table) == 1:  # only a header, which is not valid in reStructuredText
            return [nodes.paragraph(NOTHING, NOTHING)]
        text = io.StringIO()
        csv.writer(text).writerows(table)
        directive = CSVTable(
            "csv-table",
            [title] if title else [],
            {"header-rows": 1, "class": ["wide"]},
            StringList(text.getvalue().splitlines(), source=str(COMMITTED)),
            self.lineno,
            self.content_offset,
            self.block_text,
            self.state,
            self.state_machine,
        )
        return list(directive.run())


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive."""
    app.add_directive("quality-tables", QualityTables)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
