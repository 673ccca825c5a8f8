import functools
import sys

import numpy as np
import pytest


@pytest.fixture
def small_sets(benchmark_module, monkeypatch):
    """Return the module, whose fits need no training."""
    module = benchmark_module("small_sets")
    methods = benchmark_module("small_sets_methods")
    result = benchmark_module("quality_methods").Result

    def fit(data, numbers, seed, nuisance=None):
        for n in numbers:
            train, new = (
                np.arange(len(y)) % (n + seed) for y in (data.y_train, data.y_new)
            )
            yield methods.Fit(n, result(train, new), 1.5)

    monkeypatch.setattr(module, "fit_ours", fit)
    monkeypatch.setattr(
        module,
        "fit_baseline",
        lambda name, image_set, data, numbers, seed: fit(data, numbers, seed),
    )
    return module


@pytest.fixture
def make_case(benchmark_module):
    """Return a function that makes a case of eight images of digits."""
    cases = benchmark_module("small_sets_cases")
    samples = benchmark_module("small_sets_samples")
    data = benchmark_module("quality_sets").Data

    def draw(folder, seed, *, marked):
        X, y = np.zeros((8, 2, 2)), np.arange(8) % 2
        marks = (np.arange(8) < 4,) * 2 if marked else None
        return samples.Sample(data(X, y, X, y), marks)

    def make(kind):
        share = None if kind == "size" else 0.5
        draw_this = functools.partial(draw, marked=share is not None)
        return cases.Case(kind, "digits", "", 8, share, (2, 4), draw_this)

    return make


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.csv"


@pytest.fixture
def read(benchmark_module, path):
    """Return a function that returns columns of the runs in the file."""
    runs, small_runs = (
        benchmark_module(name) for name in ("quality_runs", "small_sets_runs")
    )

    def columns(*names):
        return [
            tuple(run[name] for name in names)
            for run in runs.read_runs(path, small_runs.LAYOUT)
        ]

    return columns


def test_all_methods_run_with_each_number_of_strata(
    small_sets, make_case, path, read, tmp_path
):
    small_sets.Benchmark(tmp_path, [0, 1], path).run(make_case("site"))
    assert read("method", "seed", "strata") == [
        (method, seed, strata)
        for method in (
            "ours, defaults",
            "ours, nuisance",
            "k-means on components",
            "Gaussian mixture on components",
        )
        for seed in (0, 1)
        for strata in (2, 4)
    ]
    assert read("case", "n", "share", "n_judged", "seconds")[0] == (
        *("site", 8, 0.5, 8, 1.5),
    )


def test_runs_are_not_repeated(small_sets, make_case, path, read, capsys):
    case = make_case("rare")
    small_sets.Benchmark(path.parent, [0], path).run(case)
    assert len(read("seed")) == 6
    written = path.read_bytes()
    small_sets.Benchmark(path.parent, [0], path).run(case)
    assert path.read_bytes() == written
    assert capsys.readouterr().err.count(f"already in {path}") == 3
    small_sets.Benchmark(path.parent, [0, 1], path).run(case)
    assert path.read_bytes().startswith(written)
    lines = path.read_text().splitlines()
    assert len(lines) == 1 + 12


def test_sizes_are_compared_with_the_other_seeds(
    small_sets, make_case, path, read, tmp_path
):
    case = make_case("size")
    small_sets.Benchmark(tmp_path, [0, 2], path).run(case)
    # With two strata, seed 2 gives four, which divide those of seed 0.
    found = read("seed", "strata", "agreement")[:4]
    assert [(seed, strata) for seed, strata, _ in found] == [
        *((0, 2), (2, 2), (0, 4), (2, 4)),
    ]
    assert found[0][2] == found[1][2]
    assert 0 < found[0][2] < 1
    # All seeds are needed if one of them is new.
    small_sets.Benchmark(tmp_path, [0, 2, 4], path).run(case)
    assert len(path.read_text().splitlines()) == 1 + 12 + 18
    assert len(read("seed")) == 18


def test_cases_are_selected_by_their_names(small_sets, monkeypatch, capsys):
    words = ["small_sets.py", "--list", "size .* 100 images", "hospital"]
    monkeypatch.setattr(sys, "argv", words)
    small_sets.main()
    names = capsys.readouterr().out.splitlines()
    assert "size digits 100 images" in names
    assert "site ultrasound_sites hospital 5% of 280 images" in names
    assert not any("1000" in name for name in names)


def test_tables_are_shown_without_running(
    small_sets, make_case, path, monkeypatch, capsys
):
    small_sets.Benchmark(path.parent, [0, 1], path).run(make_case("size"))
    monkeypatch.setattr(sys, "argv", ["small_sets.py", "--show", "--runs", str(path)])
    small_sets.main()
    shown = capsys.readouterr().out
    assert "| digits of scikit-learn | 8 | 4 |" in shown
    assert "small-sites" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "no case matches"),
        (["size", "--seeds", "0"], "at least two seeds"),
        (["rare"], "set CONTRASTIVE_CLUSTERING_DATA"),
    ],
)
def test_errors_of_the_command_line(small_sets, words, message, monkeypatch, capsys):
    monkeypatch.delenv(small_sets.DATA_VARIABLE, raising=False)
    monkeypatch.setattr(sys, "argv", ["small_sets.py", *words])
    with pytest.raises(SystemExit):
        small_sets.main()
    assert message in capsys.readouterr().err
