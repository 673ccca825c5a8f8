import pytest


@pytest.fixture
def small_runs(benchmark_module):
    return benchmark_module("small_sets_runs")


@pytest.fixture
def runs(benchmark_module):
    return benchmark_module("quality_runs")


def test_what_is_appended_is_read(small_runs, runs, make_small_run, tmp_path):
    path = tmp_path / "runs.csv"
    written = [
        make_small_run(balanced=0.123456, marked_strata=2, share=0.05, change="x 0.3"),
        make_small_run(seed=1),
    ]
    for run in written:
        runs.append_run(path, run, small_runs.LAYOUT)
    written[0]["balanced"] = 0.12346
    assert runs.read_runs(path, small_runs.LAYOUT) == written


def test_shares_distinguish_runs(small_runs, runs, make_small_run, tmp_path):
    path = tmp_path / "runs.csv"
    for share, recall in ((0.1, 0.25), (0.05, 0.5), (0.05, 0.75)):
        run = make_small_run(share=share, recall=recall)
        runs.append_run(path, run, small_runs.LAYOUT)
    found = [run["recall"] for run in runs.read_runs(path, small_runs.LAYOUT)]
    assert found == [0.25, 0.75]


def test_the_machine_is_described(small_runs, runs):
    assert runs.describe_machine().keys() == set(runs.MACHINE)
    assert set(runs.MACHINE) < set(small_runs.LAYOUT.columns)


def test_committed_runs_can_be_read(small_runs, runs, benchmark_module):
    names = {case.kind for case in benchmark_module("small_sets_cases").CASES}
    committed = runs.read_runs(small_runs.COMMITTED, small_runs.LAYOUT)
    assert {run["case"] for run in committed} <= names
