"""The modules of the folder ``benchmarks``, which is not a package."""

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark_module(monkeypatch):
    """Return a function that imports a module of that folder by its name."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


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
