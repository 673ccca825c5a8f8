import pytest


@pytest.fixture
def table(benchmark_module):
    return benchmark_module("quality_table")


@pytest.fixture
def make_rows(table):
    return lambda runs: table.make_rows(runs, "test")


def test_cells_are_medians_over_seeds(table, make_run, make_rows):
    runs = [
        make_run(seed=seed, mapped=value, balanced=value, seconds=100 * value)
        for seed, value in enumerate([0.25, 1.0, 0.5])
    ]
    (cells,) = table.make_tables(make_rows(runs))["mnist"]
    assert dict(zip(table.HEADER, cells, strict=True)) == {
        **dict.fromkeys(table.HEADER, ""),
        "strata": "10",
        "method": "ours, defaults",
        "seeds": "3",
        "mapped": "0.500",
        "balanced": "0.500 (0.250 to 1.000)",
        "seconds": "50",
    }


def test_a_single_seed_has_no_range(table, make_run, make_rows):
    (cells,) = table.make_tables(make_rows([make_run(balanced=0.5)]))["mnist"]
    assert cells[table.HEADER.index("balanced")] == "0.500"


def test_rows_are_of_one_part_one_version_and_one_setting(make_run, make_rows):
    runs = [
        make_run(part="validation", balanced=0.0),
        make_run(package="0.0.1", seed=1, balanced=0.1),
        make_run(settings='{"a": 1}', seed=2, balanced=0.2),
        make_run(seed=3, balanced=0.3),
        make_run(seed=4, balanced=0.5),
    ]
    (row,) = make_rows(runs).values()
    assert [run["seed"] for run in row.runs] == [3, 4]
    assert row.median("balanced") == pytest.approx(0.4)
    assert row.median("nmi") is None


def test_ours_is_first_and_methods_without_strata_are_last(table, make_run, make_rows):
    runs = [
        make_run(method=method, strata=strata)
        for method, strata in (
            ("components", None),
            ("k-means on pixels", 2),
            ("k-means on pixels", 10),
            ("ours, without second phase", 10),
            ("ours, defaults", 10),
        )
    ]
    cells = table.make_tables(make_rows(runs))["mnist"]
    assert [row[:2] for row in cells] == [
        ["10", "ours, defaults"],
        ["10", "ours, without second phase"],
        ["10", "k-means on pixels"],
        ["2", "k-means on pixels"],
        ["", "components"],
    ]


def test_sets_have_the_order_of_their_runs(table, make_run, make_rows):
    runs = [
        make_run(set="b", method="components", strata=None),
        make_run(set="a"),
        make_run(set="b"),
    ]
    assert list(table.make_tables(make_rows(runs))) == ["b", "a"]


def test_tables_are_markdown(table):
    text = table.format_table(("a", "b"), [["1", ""]])
    assert text == "| a | b |\n|---|---|\n| 1 | - |"
