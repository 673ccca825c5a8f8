"""Links to the pages of other projects, for builds with and without a network."""

import zlib
from collections.abc import Mapping
from pathlib import Path

HEADER = b"""\
# Sphinx inventory version 2
# Project: none
# Version:
# The remainder of this file is compressed using zlib.
"""


def make_mapping(
    addresses: Mapping[str, str], folder: Path
) -> dict[str, tuple[str, tuple[str | None, ...]]]:
    """Return the mapping for intersphinx, and write an empty inventory to a folder.

    Intersphinx reads the empty inventory if it cannot reach that of a project. The
    project's names then are not links, and the build has no warning.
    """
    folder.mkdir(parents=True, exist_ok=True)
    empty = folder / "empty.inv"
    empty.write_bytes(HEADER + zlib.compress(b""))
    return {name: (address, (None, str(empty))) for name, address in addresses.items()}
