import pytest


@pytest.fixture
def tables(benchmark_module):
    return benchmark_module("small_sets_table").TABLES


@pytest.fixture
def show(tables):
    """Return a function that returns the rows of a table as dicts."""

    def rows(name, runs):
        header, *rows = tables[name](runs)
        assert len(set(header)) == len(header)
        return [dict(zip(header, row, strict=True)) for row in rows]

    return rows


def test_tables_without_runs_have_only_a_header(tables):
    for make_table in tables.values():
        assert len(make_table([])) == 1


def test_sizes_compare_methods(show, make_small_run):
    runs = [
        make_small_run(n=300, balanced=0.5, agreement=0.25),
        make_small_run(n=300, balanced=0.7, agreement=0.75, seed=1),
        make_small_run(n=300, balanced=0.625, method="k-means on components"),
        make_small_run(n=100, balanced=-0.001),
    ]
    few, some = show("sizes", runs)
    assert (few["images"], few["balanced accuracy"]) == ("100", "0.00")
    assert some["data"] == "digits of scikit-learn"
    assert some["balanced accuracy"] == "0.60 (0.50 to 0.70)"
    assert some["adjusted Rand index"] == "0.50 (0.25 to 0.75)"
    assert some["k-means"] == "0.62"
    assert some["mixture"] == some["adjusted Rand index of k-means"] == ""


def test_rare_classes_have_a_column_for_each_number_of_strata(show, make_small_run):
    rare = {"case": "rare", "data": "mnist", "change": "9 among 4", "share": 0.05}
    runs = [
        make_small_run(**rare, n=1000, strata=2, recall=0.0),
        make_small_run(**rare, n=1000, strata=20, recall=0.5, precision=0.75),
    ]
    (row,) = show("rare-classes", runs)
    assert row["classes"] == "9 among 4"
    assert row["rare"] == "50 (5%)"
    assert (row["2 strata"], row["10 strata"]) == ("0.00", "")
    assert row["20 strata"] == "0.50; 0.75"


def test_dark_images_are_compared_with_unchanged_ones(show, make_small_run):
    xrays = {"data": "pneumoniamnist", "n": 300}
    runs = [
        make_small_run(**xrays, balanced=0.75),
        make_small_run(**xrays, balanced=0.125, strata=4),  # not among dark ones
        make_small_run(**xrays, case="dark", change="x 0.3", share=0.5, mark_ami=0.5),
        make_small_run(**xrays, case="dark", change="x 0.3", method="k-means"),
    ]
    unchanged, dark = show("dark-images", runs)
    assert (unchanged["darkened"], unchanged["balanced accuracy"]) == ("none", "0.75")
    assert (dark["darkened"], dark["dark"]) == ("x 0.3", "150 (50%)")
    assert dark["AMI with darkness"] == "0.50"


def test_small_sites_have_a_row_for_each_fit(show, make_small_run):
    site = {"case": "site", "data": "mnist", "change": "blur", "n": 300, "share": 0.05}
    runs = [
        make_small_run(**site, recall=0.75),
        make_small_run(**site, recall=0.25, method="ours, nuisance"),
        make_small_run(**site, recall=0.5, method="Gaussian mixture on components"),
    ]
    rows = show("small-sites", runs)
    assert [(row["fit"], row["in strata of it"]) for row in rows] == [
        ("defaults", "0.75"),
        ("with nuisance", "0.25"),
    ]


def test_runs_of_an_earlier_version_are_left_out(show, make_small_run):
    runs = [
        make_small_run(balanced=0.25, package="0.0.9"),
        make_small_run(balanced=0.75, package="0.1.0"),
    ]
    (row,) = show("sizes", runs)
    assert row["balanced accuracy"] == "0.75"


def test_directive_shows_a_table(
    extension, benchmark_module, make_small_run, tmp_path, monkeypatch
):
    pytest.importorskip("sphinx", reason="Sphinx belongs to the extra docs")
    from docutils import nodes
    from docutils.core import publish_doctree
    from docutils.parsers.rst import directives

    tables = extension("small_sets_tables")
    path = tmp_path / "runs.csv"
    monkeypatch.setattr(tables, "COMMITTED", path)
    monkeypatch.setitem(
        directives._directives, "small-sets-table", tables.SmallSetsTable
    )
    run = make_small_run(balanced=0.75)
    benchmark_module("quality_runs").append_run(path, run, tables.LAYOUT)
    document = publish_doctree(".. small-sets-table:: sizes\n")
    cells = [
        [entry.astext() for entry in row.findall(nodes.entry)]
        for row in document.findall(nodes.row)
    ]
    assert cells[1][:4] == ["digits of scikit-learn", "100", "10", "0.75"]
    document = publish_doctree(".. small-sets-table:: rare-classes\n")
    assert document.astext() == extension("run_tables").NOTHING
