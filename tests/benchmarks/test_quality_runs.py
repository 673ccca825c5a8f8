import pytest

from contrastive_clustering import ConsensusClustering, __version__


@pytest.fixture
def runs(benchmark_module):
    return benchmark_module("quality_runs")


def test_what_is_appended_is_read(runs, make_run, tmp_path):
    path = tmp_path / "runs.csv"
    written = [
        make_run(balanced=0.123456, seconds=1.234, epochs="3+4", settings='{"a": 1}'),
        make_run(seed=1, strata=None, method="components", neighbors_balanced=0.5),
    ]
    for run in written:
        runs.append_run(path, run)
    assert path.read_text().splitlines()[0] == ",".join(runs.COLUMNS)
    written[0] |= {"balanced": 0.12346, "seconds": 1.23}
    assert runs.read_runs(path) == written


def test_the_last_run_of_a_key_counts(runs, make_run, tmp_path):
    path = tmp_path / "runs.csv"
    for balanced, package in ((0.1, "0.1.0"), (0.2, "0.1.0"), (0.3, "0.2.0")):
        runs.append_run(path, make_run(balanced=balanced, package=package))
    assert [run["balanced"] for run in runs.read_runs(path)] == [0.2, 0.3]


def test_an_interrupted_row_is_named(runs, make_run, tmp_path):
    path = tmp_path / "runs.csv"
    runs.append_run(path, make_run())
    complete = path.read_bytes()
    path.write_bytes(complete + b"test,mnist,10\n")
    with pytest.raises(ValueError, match="line 3, is not a run: method is missing"):
        runs.read_runs(path)
    path.write_bytes(complete.replace(b"nmi", b"NMI"))
    with pytest.raises(ValueError, match="has the columns"):
        runs.read_runs(path)


def test_settings_do_not_depend_on_their_order(runs):
    settings = runs.settings_of({"b": 1, "a": ConsensusClustering()})
    assert settings == '{"a": "ConsensusClustering()", "b": 1}'
    assert runs.settings_of({"a": ConsensusClustering(), "b": 1}) == settings
    assert runs.settings_of({}) == ""


def test_the_machine_is_described(runs):
    machine = runs.describe_machine()
    assert machine.keys() <= set(runs.COLUMNS)
    assert machine["package"] == __version__
    assert machine["processor"]
    assert machine["threads"] >= 1


def test_processors_of_the_same_name_are_distinguished(runs, tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    one = "processor\t: 0\ncpu family\t: 25\nmodel\t\t: {}\nmodel name\t: AMD EPYC\n\n"
    cpuinfo.write_text(one.format(1) + one.format(1))
    assert runs.find_processor(cpuinfo) == "AMD EPYC (family 25, model 1)"
    cpuinfo.write_text(one.format(17))
    assert runs.find_processor(cpuinfo) == "AMD EPYC (family 25, model 17)"
    cpuinfo.write_text("model name\t: Another\n")
    assert runs.find_processor(cpuinfo) == "Another"
    assert runs.find_processor(tmp_path / "none")


def test_no_commit_outside_of_a_repository(runs, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert runs.find_commit(tmp_path) == ""


def test_committed_runs_are_of_the_test_split(runs):
    committed = runs.read_runs(runs.COMMITTED)
    assert {run["part"] for run in committed} == {runs.TEST}
    lines = runs.COMMITTED.read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(committed) + 1  # each run once
