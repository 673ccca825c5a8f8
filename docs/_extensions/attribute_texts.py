"""Descriptions of attributes as the docstring of their class has them.

For an attribute that is a property, numpydoc would show the first sentence of the
property's own docstring instead, without conditions, columns and other details.
"""

from typing import Any

from numpydoc.docscrape_sphinx import SphinxDocString
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

process_param = SphinxDocString._process_param


def keep_description(
    doc: Any, param: str, desc: list[str], fake_autosummary: bool
) -> tuple[str, list[str]]:
    """Return the name for display, and the description unless it is empty."""
    name, summary = process_param(doc, param, desc, fake_autosummary)
    return name, desc if any(desc) else summary


def setup(_app: Sphinx) -> ExtensionMetadata:
    """Replace the rule of numpydoc."""
    SphinxDocString._process_param = keep_description
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
