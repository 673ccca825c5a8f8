"""Examples leave something to look at, which the gallery neither shows nor writes."""

import ast
import importlib
import os
import runpy
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))


@pytest.fixture
def saving(monkeypatch):
    """The module that saves results, with a report that takes no time."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    module = importlib.import_module("save_results")
    calls = []

    def write_report(*args, **kwargs):
        calls.append((args, kwargs))

    monkeypatch.setattr(module, "clustering_report", write_report)
    module.calls = calls
    return module


@pytest.fixture
def two_figures():
    plt.close("all")
    for width in (1, 2):
        plt.figure(figsize=(width, 1)).add_subplot()
    yield
    plt.close("all")


@pytest.mark.usefixtures("two_figures")
def test_figures_and_a_report_are_saved_where_there_is_no_screen(
    saving, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    X = np.zeros((2, 3))
    saving.save_results("elsewhere/plot_some_cells.py", None, X, groups=[0, 1])
    folder = tmp_path / "example_results" / "some_cells"
    widths = [plt.imread(folder / f"figure_{i}.png").shape[1] for i in (1, 2)]
    assert widths[0] < widths[1]  # in the order in which the figures were opened
    ((estimator, samples, y, path), options) = saving.calls[0]
    assert (estimator, y, path) == (None, None, folder / "report.html")
    assert samples is X
    assert (options["title"], options["groups"]) == ("Some cells", [0, 1])
    assert str(folder) in capsys.readouterr().out


@pytest.mark.usefixtures("two_figures")
def test_nothing_is_saved_where_there_is_a_screen(
    saving, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "get_backend", lambda: "QtAgg")
    saving.save_results("plot_cells.py", None, None)
    assert (saving.calls, [*tmp_path.iterdir()]) == ([], [])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_example_saves_its_results_after_it_has_shown_them(path):
    calls = [
        ast.unparse(node.func)
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.Expr)
        for node in [node.value]
        if isinstance(node, ast.Call)
    ]
    assert calls[-2:] == ["plt.show", "save_results"]


def test_the_gallery_neither_shows_nor_runs_what_saves(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs" / "_extensions")
    sources = importlib.import_module("gallery_sources")
    target = tmp_path / "copies"
    target.mkdir()
    (target / "plot_removed.py").touch()
    sources.copy_examples(ROOT / "examples", target)
    names = {path.name for path in target.iterdir()}
    assert names == {"README.txt", *(path.name for path in EXAMPLES)}
    for path in EXAMPLES:
        copy = (target / path.name).read_text("utf-8")
        assert "save_results" not in copy
        before, _, rest = path.read_text("utf-8").partition("# sphinx_gallery_start_")
        after = rest.partition("# sphinx_gallery_end_ignore\n")[2]
        assert copy.split() == (before + after).split()


@pytest.mark.slow
def test_an_example_leaves_figures_and_a_report(tmp_path):
    script = ROOT / "examples" / "plot_table.py"
    run = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "agg"},
        check=True,
        capture_output=True,
        text=True,
    )
    folder = tmp_path / "example_results" / "table"
    found = {path.name for path in folder.iterdir()}
    assert found == {"figure_1.png", "figure_2.png", "report.html"}
    assert str(folder) in run.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("no_window")
def test_maps_of_regions_point_to_what_decides_the_strata(saving, monkeypatch):
    monkeypatch.setattr(saving, "save_results", lambda *_: None)
    seen = runpy.run_path(str(ROOT / "examples" / "plot_regions.py"))
    for name, decides in (
        ("with marks", seen["has_mark"]),
        ("without marks", seen["has_opacity"]),
    ):
        clusterer, _ = seen["fitted"][name]
        assert adjusted_rand_score(decides, clusterer.labels_) > 0.95
        assert clusterer.labels_[seen["both"]] != clusterer.labels_[seen["neither"]]
        # The peak lies in the region, and hardly anything outside of it matters.
        for i in (seen["both"], seen["neither"]):
            found = seen["maps"][name, i]
            assert seen["points_to"](found, name, i)
            assert np.median(found) < found.max() / 10
    for i in (seen["both"], seen["neither"]):
        found = seen["maps"]["with marks", i]
        row, column = np.unravel_index(found.argmax(), found.shape)
        top, left = seen["mark_box"]
        assert top.start <= row < top.stop
        assert left.start <= column < left.stop
    right = {
        way: [n for (*_, used), n in seen["n_right"].items() if used == way]
        for way in seen["ways"]
    }
    assert min(right["mean of all scans"]) >= 9  # of 10
    # As the text says.
    assert min(right["one gray value"]) < 9
    assert seen["n_right"]["with marks", False, "the scan, blurred"] < 5
