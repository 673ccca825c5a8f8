"""The modules of the folder ``benchmarks``, which is not a package."""

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
EXTENSIONS = "docs/_extensions"


@pytest.fixture
def benchmark_module(monkeypatch):
    """Return a function that imports a module of that folder by its name."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


@pytest.fixture
def extension(benchmark_module, monkeypatch, pytestconfig):
    """Return a function that imports an extension of the documentation."""
    monkeypatch.syspath_prepend(pytestconfig.rootpath / EXTENSIONS)
    return benchmark_module


@pytest.fixture
def make_run(benchmark_module):
    """Return a function that makes a run of the columns that are given."""
    runs = benchmark_module("quality_runs")

    def make(**columns):
        return {
            **dict.fromkeys(runs.COLUMNS, ""),
            **dict.fromkeys((*runs.INTEGERS, *runs.NUMBERS)),
            "part": runs.TEST,
            "set": "mnist",
            "strata": 10,
            "method": runs.OURS,
            "seed": 0,
            "n_train": 60_000,
            "package": "0.1.0",
            **columns,
        }

    return make


@pytest.fixture
def make_small_run(benchmark_module):
    """Return a function that makes a run of `small_sets.py` of given columns."""
    layout = benchmark_module("small_sets_runs").LAYOUT
    ours = benchmark_module("quality_runs").OURS

    def make(**columns):
        return {
            **dict.fromkeys(layout.columns, ""),
            **dict.fromkeys((*layout.integers, *layout.numbers)),
            "case": "size",
            "data": "digits",
            "n": 100,
            "strata": 10,
            "method": ours,
            "seed": 0,
            "package": "0.1.0",
            **columns,
        }

    return make
