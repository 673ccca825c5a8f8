"""The base class of directives that show tables of a benchmark's data file."""

import abc
import csv
import io
from collections.abc import Iterable
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.parsers.rst.directives.tables import CSVTable
from docutils.statemachine import StringList

# A title, which may be empty, and the rows of a table with its header.
Table = tuple[str, list[Iterable[str]]]

NOTHING = "Nothing has been measured yet."


class RunTables(Directive, abc.ABC):
    """Tables that are read when the documentation is built."""

    required_arguments = 1

    @abc.abstractmethod
    def read(self, name: str) -> tuple[Path, list[Table]]:
        """Return the data file and the tables that the argument selects."""

    def run(self) -> list[nodes.Node]:
        """Return the nodes of the tables."""
        path, tables = self.read(self.arguments[0])
        self.state.document.settings.record_dependencies.add(str(path))
        shown = []
        for title, table in tables:
            shown += self.make_table(path, title, table)
        return shown

    def make_table(
        self, path: Path, title: str, table: list[Iterable[str]]
    ) -> list[nodes.Node]:
        """Return the nodes of a table."""
        if len(table) == 1:  # only a header, which is not valid in reStructuredText
            return [nodes.paragraph(NOTHING, NOTHING)]
        text = io.StringIO()
        csv.writer(text).writerows(table)
        directive = CSVTable(
            "csv-table",
            [title] if title else [],
            {"header-rows": 1, "class": ["wide"]},
            StringList(text.getvalue().splitlines(), source=str(path)),
            self.lineno,
            self.content_offset,
            self.block_text,
            self.state,
            self.state_machine,
        )
        return list(directive.run())
