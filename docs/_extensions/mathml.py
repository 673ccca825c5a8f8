"""Formulas as MathML, which browsers render without a script from the network."""

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)


def append_formula(writer: HTML5Translator, node: nodes.Element) -> None:
    """Write the formula of a node, and skip its children."""
    is_block = isinstance(node, nodes.math_block)
    source = " ".join(node.astext().split())
    try:
        formula = tex2mathml(source, as_block=is_block)
    except MathError as error:
        logger.warning("%r is not valid MathML: %s", source, error, location=node)
        formula = writer.encode(source)
    tag = "div" if is_block else "span"
    writer.body.append(f'<{tag} class="formula">{formula}</{tag}>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the renderer, which conf.py then chooses."""
    visitors = (append_formula, None)
    app.add_html_math_renderer("mathml", visitors, visitors)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
