"""Configuration of Sphinx."""

import os
import sys
import warnings
from pathlib import Path

import contrastive_clustering

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))
# Last, because its modules have general names.
sys.path.append(str(HERE.parent / "benchmarks"))
# Both modules are in the folder of extensions.
from gallery_sources import copy_examples  # noqa: E402
from optional_inventories import make_mapping  # noqa: E402

project = "contrastive_clustering"
author = "The contrastive_clustering developers"
copyright = f"2026, {author}"
version = release = contrastive_clustering.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "matplotlib.sphinxext.plot_directive",
    "attribute_texts",
    "mathml",
    "quality_tables",
    "sklearn_references",
    "small_sets_tables",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["dark.css", "formulas.css", "landing.css", "tables.css"]
# Formulas need no script from the network: pages can be read offline.
html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = project
html_theme_options = {
    "show_prev_next": False,
    # All pages except the gallery, auto_examples, whose scripts of 88 columns need the
    # space. A page may match one pattern only.
    "secondary_sidebar_items": {"[!a]**": ["page-toc"], "api": ["page-toc"]},
}
# The address of the published pages, whose readers can switch to another version:
# docs/releasing.rst describes the list of versions. Unset until the pages have one.
address = os.environ.get("CONTRASTIVE_CLUSTERING_DOCS")
if address:
    html_theme_options |= {
        "navbar_end": ["version-switcher", "theme-switcher", "navbar-icon-links"],
        "switcher": {
            "json_url": f"{address}/switcher.json",
            "version_match": version,
        },
        "check_switcher": False,  # the build need not reach the address
    }
# Top-level pages without subpages need no navigation sidebar.
html_sidebars = {
    page: []
    for page in (
        "index",
        "install",
        "quickstart",
        "compare",
        "citing",
        "method",
        "defaults",
        "benchmarks",
        "speed",
        "tested_behavior",
        "contributing",
        "releasing",
        "whats_new",
    )
}
html_show_sourcelink = False

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections say it with shapes
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
numpydoc_class_members_toctree = False

intersphinx_mapping = make_mapping(
    {
        "numpy": "https://numpy.org/doc/stable",
        "sklearn": "https://scikit-learn.org/stable",
        "skorch": "https://skorch.readthedocs.io/en/stable",
        "torch": "https://docs.pytorch.org/docs/stable",
    },
    HERE / "generated",
)
intersphinx_timeout = 5
# Names of other projects are links only if their inventories can be reached.
nitpick_ignore_regex = [("py:.*", r"(?!contrastive_clustering\.).*")]

# Charts are drawn as vectors, without links to their code and to other formats.
plot_formats = ["svg"]
plot_html_show_formats = False
plot_html_show_source_link = False

copy_examples(HERE.parent / "examples", HERE / "generated" / "examples")
sphinx_gallery_conf = {
    "examples_dirs": "generated/examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"plot_",
    "within_subsection_order": "gallery_order.ReadingOrder",
    "show_memory": False,
    "plot_gallery": True,
    "parallel": True,  # as many at a time as given by -j of sphinx-build
    "download_all_examples": False,
    "abort_on_example_error": True,
    "remove_config_comments": True,  # such as the number of the thumbnail
    # A display's figure is shown, but not the line that Python prints for the object.
    "ignore_repr_types": r"contrastive_clustering\..*Display",
}

# Without a display, plt.show() at the end of each example warns.
warnings.filterwarnings("ignore", message=".*non-interactive.*")
