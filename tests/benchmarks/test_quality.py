import dataclasses
import sys

import numpy as np
import pytest


@pytest.fixture
def quality(benchmark_module):
    return benchmark_module("quality")


class Reader:
    """Returns a tiny set and counts how often it was asked to."""

    def __init__(self, make_data):
        self.make_data = make_data
        self.finals = []

    def __call__(self, folder, final):
        self.finals.append(final)
        X, y = np.arange(8), np.arange(8) % 2
        return self.make_data(X, y, X, y)


@pytest.fixture
def read(benchmark_module):
    return Reader(benchmark_module("quality_sets").Data)


@pytest.fixture
def image_set(benchmark_module, read):
    return benchmark_module("quality_sets").ImageSet("tiny", "tiny", 2, (2, 3), read)


@pytest.fixture
def method(benchmark_module):
    """Return a method whose strata are the classes."""
    methods = benchmark_module("quality_methods")

    def run(job):
        return methods.Result(train=job.data.y_train, new=job.data.y_new)

    return methods.Method(methods.OURS, run)


@pytest.fixture
def make_benchmark(quality, tmp_path):
    """Return a function that makes a benchmark, with the runs in a file."""

    def make(path=None, *, final=False):
        return quality.Benchmark(tmp_path, [0, 1], path, final)

    return make


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.csv"


@pytest.fixture
def final_runs(make_benchmark, image_set, method, path):
    """Return a file of four runs on the test split."""
    make_benchmark(path, final=True).run(image_set, [method])
    return path


def test_every_seed_and_number_of_strata_is_run(make_benchmark, image_set, method):
    benchmark = make_benchmark()
    without_strata = dataclasses.replace(method, name="b", has_strata=False)
    benchmark.run(image_set, [method, without_strata])
    found = [(run["method"], run["strata"], run["seed"]) for run in benchmark.runs]
    assert found == [
        *((method.name, strata, seed) for strata in (2, 3) for seed in (0, 1)),
        ("b", None, 0),
        ("b", None, 1),
    ]
    assert {run["part"] for run in benchmark.runs} == {"validation"}
    assert {run["balanced"] for run in benchmark.runs} == {1.0}
    assert image_set.read.finals == [False]


def test_final_runs_are_not_repeated(
    make_benchmark, image_set, method, final_runs, capsys
):
    written = final_runs.read_bytes()
    make_benchmark(final_runs, final=True).run(image_set, [method])
    assert final_runs.read_bytes() == written
    assert image_set.read.finals == [True]
    assert capsys.readouterr().err.count(f"already in {final_runs}") == 4
    other_settings = dataclasses.replace(method, settings={"a": 1})
    make_benchmark(final_runs, final=True).run(image_set, [other_settings])
    assert len(make_benchmark(final_runs).runs) == 8


def test_development_repeats_and_is_not_a_final_run(
    make_benchmark, image_set, method, path
):
    for final in (False, False, True):
        make_benchmark(path, final=final).run(image_set, [method])
    assert image_set.read.finals == [False, False, True]
    parts = [run["part"] for run in make_benchmark(path).runs]
    assert parts == ["validation"] * 4 + ["test"] * 4


def test_an_interrupted_benchmark_keeps_what_was_run(
    make_benchmark, image_set, method, path
):
    def interrupt(job):
        if job.seed == 1:
            raise KeyboardInterrupt
        return method.run(job)

    broken = dataclasses.replace(method, run=interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_benchmark(path, final=True).run(image_set, [broken])
    assert [run["seed"] for run in make_benchmark(path).runs] == [0]


def test_timed_methods_get_the_time_of_ours(make_benchmark, image_set, method, capsys):
    budgets = []

    def run(job):
        budgets.append(job.budget)
        return method.run(job)

    timed = dataclasses.replace(method, name="timed", run=run, needs_budget=True)
    benchmark = make_benchmark()
    benchmark.run(image_set, [timed])
    assert budgets == []
    assert capsys.readouterr().err.count("left out") == 4
    benchmark.run(image_set, [method])
    seconds = [run["seconds"] for run in benchmark.runs]
    benchmark.runs[0]["processor"] = "another"
    benchmark.run(image_set, [timed])
    assert budgets == seconds[1:]


def test_time_to_prepare_does_not_count(quality, benchmark_module, image_set, method):
    moments = iter([1.0, 3.5])
    order = []

    def prepare(job):
        order.append("prepare")

    def clock():
        order.append("clock")
        return next(moments)

    job = benchmark_module("quality_methods").Job(
        image_set, image_set.read(None, False), 2, 0
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quality.time, "perf_counter", clock)
        run = quality.measure(dataclasses.replace(method, prepare=prepare), job)
    assert run["seconds"] == 2.5
    assert order == ["prepare", "clock", "clock"]


def test_further_configurations_run_only_if_selected(quality):
    defaults = {m.name for m in quality.METHODS if m.is_default}
    assert {name for name in defaults if name.startswith("ours")} == {quality.OURS}
    selected = {m.name for m in quality.select_methods(["ours,"])}
    assert {"ours, defaults", "ours, without second phase"} < selected
    assert all(name.startswith("ours") for name in selected)


def test_results_are_shown_without_running(quality, final_runs, monkeypatch, capsys):
    words = ["quality.py", "--show", "--final", "--runs", str(final_runs)]
    monkeypatch.setattr(sys, "argv", words)
    quality.main()
    shown = capsys.readouterr().out
    assert "| 3 | ours, defaults | 2 | 1.000 | 1.000 (1.000 to 1.000) |" in shown
    assert "Checks" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "unknown set 'nothing'"),
        (["--show"], "--show needs --final, or --runs"),
        (["--methods", "nothing"], "no method's name"),
        ([], "set CONTRASTIVE_CLUSTERING_DATA"),
    ],
)
def test_errors_of_the_command_line(quality, words, message, monkeypatch, capsys):
    monkeypatch.delenv(quality.DATA_VARIABLE, raising=False)
    monkeypatch.setattr(sys, "argv", ["quality.py", *words])
    with pytest.raises(SystemExit):
        quality.main()
    assert message in capsys.readouterr().err
