"""A directive that shows the runs of small sets when the documentation is built.

``.. small-sets-table:: sizes`` is replaced by that table of `small_sets_table.TABLES`.
"""

from pathlib import Path

from quality_runs import read_runs
from run_tables import RunTables, Table
from small_sets_runs import COMMITTED, LAYOUT
from small_sets_table import TABLES
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata


class SmallSetsTable(RunTables):
    """A table of the committed runs; the argument is a key of `TABLES`."""

    def read(self, name: str) -> tuple[Path, list[Table]]:
        """Return the data file and the table."""
        return COMMITTED, [("", TABLES[name](read_runs(COMMITTED, LAYOUT)))]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive."""
    app.add_directive("small-sets-table", SmallSetsTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
