"""The landing page, the page on citing and the links to other projects."""

import importlib
import re
from pathlib import Path

import pytest
from numpydoc.docscrape import ClassDoc
from numpydoc.docscrape_sphinx import SphinxDocString, get_doc_object
from sphinx.util.inventory import InventoryFile

from contrastive_clustering import ClusterStability, ContrastiveAutoencoderClusterer

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text("utf-8")
CONFIGURATION = (DOCS / "conf.py").read_text("utf-8")
LANDING = (DOCS / "index.rst").read_text("utf-8")


def words(text):
    return " ".join(text.split())


def test_figures_of_the_readme_are_those_of_the_landing_page_and_small():
    named = re.findall(r'(?:srcset|src)="docs/([^"]+)"', README)
    assert sorted(named) == sorted(re.findall(r"image:: (\S+)", LANDING))
    assert len(named) == 2
    assert sum((DOCS / name).stat().st_size for name in named) < 300_000


def test_the_figure_is_described_for_readers_who_do_not_see_it():
    (description,) = re.findall(r'alt="([^"]+)"', README)
    assert "decoded center" in description
    assert words(LANDING).count(f":alt: {description}") == 2


def test_the_page_on_citing_agrees_with_the_file():
    page = (DOCS / "citing.rst").read_text("utf-8")
    file = (ROOT / "CITATION.cff").read_text("utf-8")
    package, paper = file.split("references:")
    (version,) = re.findall(r"^version: (\S+)$", package, re.M)
    assert f"version = {{{version}}}" in page
    (title,) = re.findall(r"title: (.+)", paper)
    (identifier,) = re.findall(r"arXiv:(\S+)", paper)
    authors = " and ".join(re.findall(r"family-names: (\w+)", paper))
    for field, value in (
        ("title", title),
        ("eprint", identifier),
        ("author", authors),
    ):
        assert f"{field} = {{{value}}}" in page


@pytest.fixture
def mapping(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(DOCS / "_extensions")
    module = importlib.import_module("optional_inventories")
    return module.make_mapping({"numpy": "https://numpy.org/doc"}, tmp_path / "new")


def test_an_inventory_that_cannot_be_reached_is_replaced_by_an_empty_one(mapping):
    address, (from_address, local) = mapping["numpy"]
    assert (address, from_address) == ("https://numpy.org/doc", None)
    inventory = InventoryFile.loads(Path(local).read_bytes(), uri=address)
    assert inventory.data == {}


def test_descriptions_of_attributes_are_those_of_the_class(monkeypatch):
    monkeypatch.syspath_prepend(DOCS / "_extensions")
    extension = importlib.import_module("attribute_texts")
    original = SphinxDocString._process_param
    monkeypatch.setattr(SphinxDocString, "_process_param", original)  # restored
    extension.setup(None)
    assert f'"{extension.__name__}"' in CONFIGURATION
    for kind in (ContrastiveAutoencoderClusterer, ClusterStability):
        page = words(str(get_doc_object(kind)))
        for name, _, text in ClassDoc(kind)["Attributes"]:
            assert words(" ".join(text)) in page, name


def test_the_variable_for_the_switch_between_versions_is_documented():
    (variable,) = re.findall(r'os\.environ\.get\("(\w+)"\)', CONFIGURATION)
    assert f"``{variable}``" in (DOCS / "releasing.rst").read_text("utf-8")
