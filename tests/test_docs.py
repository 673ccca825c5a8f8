"""What is written for users is true: snippets, docstrings, public names."""

import importlib
import pkgutil
import re
import textwrap
import tomllib
from pathlib import Path

import pytest
from numpydoc.validate import validate

import contrastive_clustering
from contrastive_clustering._net_parameters import PREFIXES

ROOT = Path(__file__).parents[1]
PUBLIC_MODULES = ["contrastive_clustering.datasets", "contrastive_clustering.metrics"]

# numpydoc's rules on style that this project does not follow.
IGNORED = {
    "ES01",  # extended summaries are for what the summary does not say
    "SA01",  # see-also sections only where there is something to see
    "EX01",  # examples where they help
    "GL01",  # summaries start on the line of the quotes
    "GL02",
    "GL08",  # parameters of constructors stand in the class
    "SS05",  # "Add" and "Returns" may both start a sentence
    "SS06",
    "RT02",  # results have names, as in scikit-learn
    "RT03",
    "PR01",  # *args and **kwargs
    "PR02",
    "PR06",
    "YD01",
}


def public_objects():
    for name in contrastive_clustering.__all__:
        thing = getattr(contrastive_clustering, name)
        if callable(thing):
            yield f"contrastive_clustering.{name}"
            if isinstance(thing, type):
                for method in dir(thing):
                    module = getattr(getattr(thing, method), "__module__", None) or ""
                    if module.startswith("contrastive_") and not method.startswith("_"):
                        yield f"contrastive_clustering.{name}.{method}"
    for module in PUBLIC_MODULES:
        for name in importlib.import_module(module).__all__:
            yield f"{module}.{name}"


PUBLIC_NAMES = [
    *(
        name
        for name in contrastive_clustering.__all__
        if callable(getattr(contrastive_clustering, name))
    ),
    *(name for m in PUBLIC_MODULES for name in importlib.import_module(m).__all__),
]


@pytest.mark.parametrize("name", list(public_objects()))
def test_public_docstrings_are_numpydoc(name):
    errors = [e for e in validate(name)["errors"] if e[0] not in IGNORED]
    assert errors == []


def test_all_parameters_are_documented_with_their_defaults():
    estimator = contrastive_clustering.ContrastiveAutoencoderClusterer
    doc = estimator.__doc__
    for name, default in estimator().get_params().items():
        line = re.search(rf"^    {name} : (.*(?:\n            .*)?)", doc, re.M)
        assert line, name
        if isinstance(default, type):
            shown = f"{default.__module__.rpartition('.')[0]}.{default.__name__}"
        else:
            shown = f'"{default}"' if isinstance(default, str) else str(default)
        stated = line.group(1).partition("default=")[2].strip()
        if isinstance(default, float):
            assert float(stated) == default
        else:
            assert stated == shown


def test_parameters_of_the_net_are_documented():
    doc = contrastive_clustering.ContrastiveAutoencoderClusterer.__doc__
    entry = doc.partition("    **net_params : dict\n")[2].partition("\n\n")[0]
    for prefix in PREFIXES:
        assert f"``{prefix}__``" in entry


def test_every_module_has_its_twin_and_says_what_it_is():
    for module in pkgutil.iter_modules(contrastive_clustering.__path__):
        loaded = importlib.import_module(f"contrastive_clustering.{module.name}")
        assert loaded.__doc__
        twin = ROOT / "tests" / f"test_{module.name.lstrip('_')}.py"
        assert twin.is_file(), twin


def snippets():
    text = (ROOT / "README.md").read_text()
    found = re.findall(
        r"(<!-- needs the image files -->\n)?```python\n(.*?)```", text, re.S
    )
    return [(bool(needs_files), code) for needs_files, code in found]


def test_readme_snippets_run_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    run = [code for needs_files, code in snippets() if not needs_files]
    assert len(run) >= 2
    for code in run:
        exec(compile(code, "README.md", "exec"), namespace)
    assert namespace["X_back"].shape == (5, 8, 8)


@pytest.mark.slow
def test_readme_snippet_on_real_images_runs(real_folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONTRASTIVE_CLUSTERING_DATA", str(real_folder))
    namespace = {}
    for code in [code for _, code in snippets()]:
        exec(compile(code, "README.md", "exec"), namespace)
    assert namespace["clusterer"].labels_.shape == (4708,)


def page_snippets(page):
    """Return the Python blocks of a page, and whether each needs the image files."""
    text = page.read_text()
    found = re.findall(
        r"^(\.\. needs the image files\n\n)?"
        r"\.\. code-block:: python\n\n((?:(?: {4}.*)?\n)+)",
        text,
        re.M,
    )
    # A block that is indented or has options would be left out silently.
    assert len(found) == text.count("code-block:: python"), page
    return [(bool(needs_files), textwrap.dedent(code)) for needs_files, code in found]


GUIDE = sorted((ROOT / "docs" / "user_guide").glob("*.rst"))
PAGES_WITH_FILES = [
    page for page in GUIDE if any(needs for needs, _ in page_snippets(page))
]


@pytest.fixture
def no_window(monkeypatch):
    """Draw figures without a window, and close them."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    plt = importlib.import_module("matplotlib.pyplot")
    plt.switch_backend("agg")
    monkeypatch.setattr(plt, "show", lambda: None)  # agg warns that it shows nothing
    yield
    plt.close("all")


def run_page(page, *, with_files):
    namespace = {}
    run = [code for needs, code in page_snippets(page) if with_files or not needs]
    assert run, f"{page.name} shows nothing that runs"
    for code in run:
        exec(compile(code, page.name, "exec"), namespace)


@pytest.mark.usefixtures("no_window")
@pytest.mark.parametrize("page", GUIDE, ids=lambda page: page.stem)
def test_guide_snippets_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some write files
    run_page(page, with_files=False)


@pytest.mark.slow
@pytest.mark.usefixtures("no_window")
@pytest.mark.parametrize("page", PAGES_WITH_FILES, ids=lambda page: page.stem)
def test_guide_snippets_on_real_images_run(page, real_folder, monkeypatch):
    monkeypatch.setenv("CONTRASTIVE_CLUSTERING_DATA", str(real_folder))
    run_page(page, with_files=True)


def test_guide_lists_its_pages():
    index = (ROOT / "docs" / "user_guide.rst").read_text()
    listed = re.findall(r"^    user_guide/(\w+)$", index, re.M)
    assert sorted(listed) == [page.stem for page in GUIDE]


def test_api_page_lists_all_public_names():
    listed = re.findall(r"^    (\w+)$", (ROOT / "docs" / "api.rst").read_text(), re.M)
    assert sorted(listed) == sorted(PUBLIC_NAMES)


def test_no_fact_stands_twice():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "project" not in tools  # metadata and dependencies stand in setup.cfg
