from dataclasses import replace
from types import SimpleNamespace

import pytest

REST, PRETRAIN, CLUSTERING = 4.0, 0.5, 0.25  # seconds


@pytest.fixture
def job(benchmark_module):
    make = benchmark_module("quality_methods").Job
    return make(SimpleNamespace(name="digits"), data=None, n_clusters=10, seed=3)


@pytest.fixture
def clustpy(benchmark_module, monkeypatch):
    """A method whose fits take the constant times, and the first one 3 s longer."""
    module = benchmark_module("quality_clustpy")
    method, clock = module.ClustPy("DEC"), [0.0]
    method.fits = []

    def train(job, epochs):
        clock[0] += REST + PRETRAIN * epochs[0] + CLUSTERING * epochs[1]
        clock[0] += 0 if method.fits else 3
        method.fits.append((job.seed, epochs))
        return epochs

    monkeypatch.setattr(module.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(method, "train", train)
    return method


def test_the_first_fit_does_not_count_in_the_pace(clustpy, job):
    clustpy.measure_pace(job)
    assert clustpy.paces["digits", 10] == pytest.approx((REST, PRETRAIN, CLUSTERING))


def test_the_pace_is_measured_once_and_not_for_each_seed(clustpy, job):
    clustpy.measure_pace(job)
    n_fits = len(clustpy.fits)
    clustpy.measure_pace(replace(job, seed=4))
    assert len(clustpy.fits) == n_fits
    assert {seed for seed, _ in clustpy.fits} == {0}


def test_each_phase_takes_half_of_the_budget(clustpy, job):
    clustpy.measure_pace(job)
    assert clustpy.run(replace(job, budget=REST + 20)) == (20, 40)
    assert clustpy.run(replace(job, budget=1.0)) == (1, 1)
