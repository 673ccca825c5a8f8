"""Links to scikit-learn's pages from docstrings that scikit-learn generates.

The docstrings of ``set_fit_request`` and the like refer to labels and terms of
scikit-learn's own documentation. These links also work in builds without a network.
"""

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import ExtensionMetadata

PAGES = {
    "metadata_routing": "https://scikit-learn.org/stable/metadata_routing.html",
    "meta-estimator": "https://scikit-learn.org/stable/glossary.html#term-meta-estimator",
}


def resolve(
    _app: Sphinx,
    _env: BuildEnvironment,
    node: pending_xref,
    contnode: nodes.TextElement,
) -> nodes.reference | None:
    """Return a link to scikit-learn's page on the target; None for other targets."""
    page = PAGES.get(node["reftarget"])
    if node["refdomain"] != "std" or page is None:
        return None
    return nodes.reference("", "", contnode, refuri=page, internal=False)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Resolve the references."""
    app.connect("missing-reference", resolve)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
