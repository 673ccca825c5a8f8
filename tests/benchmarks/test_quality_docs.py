"""Tests of the chart and the tables that the page on benchmarks shows."""

import matplotlib.pyplot as plt
import pytest


@pytest.fixture
def runs(make_run):
    ceiling = "encoder with labels and views"
    return [
        make_run(seed=0, balanced=0.25, balanced_se=0.01),
        make_run(seed=1, balanced=0.75, balanced_se=0.01),
        make_run(method=ceiling, strata=None, balanced=0.875),
    ]


def test_chart_shows_medians_and_ranges(extension, benchmark_module, runs):
    chart = extension("quality_chart")
    rows = benchmark_module("quality_table").make_rows(runs, "test")
    figure = chart.draw_rows(rows)
    panels = {ax.get_title(): ax for ax in figure.axes}
    mnist = panels["MNIST, 10 strata"]
    labels = [text.get_text() for text in mnist.texts]
    assert labels == ["0.500", *["not measured"] * 6, "0.875"]
    lines = [list(line.get_xdata()) for line in mnist.lines]
    assert lines[:3] == [[0.1, 0.5], [0.25, 0.75], [0.5]]
    assert {text.get_text() for text in panels["retina, 20 strata"].texts} == {
        "not measured"
    }
    plt.close(figure)


def test_chart_has_all_baselines_that_run_by_default(extension, benchmark_module):
    quality = benchmark_module("quality")
    measured = {m.name for m in quality.METHODS if m.is_default} - {"components"}
    assert set(extension("quality_chart").METHODS) == measured


def test_directive_shows_tables(
    extension, benchmark_module, runs, tmp_path, monkeypatch
):
    pytest.importorskip("sphinx", reason="Sphinx belongs to the extra docs")
    from docutils import nodes
    from docutils.core import publish_doctree
    from docutils.parsers.rst import directives

    tables = extension("quality_tables")
    path = tmp_path / "runs.csv"
    monkeypatch.setattr(tables, "COMMITTED", path)
    monkeypatch.setitem(directives._directives, "quality-tables", tables.QualityTables)

    def cells(content):
        document = publish_doctree(f".. quality-tables:: {content}\n")
        return [
            [entry.astext() for entry in row.findall(nodes.entry)]
            for row in document.findall(nodes.row)
        ]

    for run in runs:
        benchmark_module("quality_runs").append_run(path, run)
    header, ours, _ = cells("results")
    found = dict(zip(header, ours, strict=True))
    assert found["method"] == "ours, defaults"
    assert found["balanced"] == "0.500 (0.250 to 0.750)"
    header, mnist = cells("checks")
    assert dict(zip(header, mnist, strict=True))["spread of seeds"] == "miss: 0.250"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    document = publish_doctree(".. quality-tables:: targets\n")
    assert document.astext() == extension("run_tables").NOTHING
