"""Concurrent callers, and the parallel backends of joblib."""

import subprocess
import sys
import threading

import joblib
import numpy as np
import pytest
import torch

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._utils.threads import limit_nested_threads


@pytest.fixture
def parameters(fast):
    return {**fast, "batch_size": 10}


def in_threads(works):
    """Run each task in its own thread, all concurrently, and return the results."""
    barrier = threading.Barrier(len(works))
    results = [None] * len(works)

    def run(number, work):
        barrier.wait()
        results[number] = work()

    threads = [
        threading.Thread(target=run, args=(number, work))
        for number, work in enumerate(works)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"refinement_epochs": 0, "clusterer": "consensus"},
        pytest.param({"iterator_train__num_workers": 1}, marks=pytest.mark.slow),
    ],
)
def test_eight_threads_get_the_results_of_one(tiny_images, parameters, others):
    clusterer = ContrastiveAutoencoderClusterer(**{**parameters, **others})
    clusterer.fit(tiny_images)
    methods = ("transform", "predict", "predict_proba", "score_samples")
    expected = [getattr(clusterer, method)(tiny_images) for method in methods]

    def work():
        return [
            [getattr(clusterer, method)(tiny_images) for method in methods]
            for _ in range(3)
        ]

    for rounds in in_threads([work] * 8):
        for found in rounds:
            for values, right in zip(found, expected, strict=True):
                np.testing.assert_array_equal(values, right)


def noisy(batch):
    """An augmentation that draws from the global generator."""
    return batch + 0.1 * torch.randn_like(batch)


@pytest.mark.parametrize(
    "augmentation", [pytest.param("auto", marks=pytest.mark.slow), noisy]
)
def test_fits_in_two_threads_give_the_results_of_single_fits(
    tiny_images, parameters, augmentation
):
    def make(seed):
        return ContrastiveAutoencoderClusterer(
            **{**parameters, "random_state": seed}, augmentation=augmentation
        )

    alone = [make(seed).fit(tiny_images) for seed in range(4)]
    together = in_threads(
        [lambda s=seed: make(s).fit(tiny_images) for seed in range(4)]
    )
    for found, expected in zip(together, alone, strict=True):
        np.testing.assert_array_equal(
            found.transform(tiny_images), expected.transform(tiny_images)
        )
        np.testing.assert_array_equal(found.labels_, expected.labels_)


def threads_within():
    before = torch.get_num_threads()
    with limit_nested_threads():
        within = torch.get_num_threads()
    return before, within, torch.get_num_threads()


def test_worker_threads_of_joblib_use_one_core_each():
    n_threads = torch.get_num_threads()
    found = joblib.Parallel(n_jobs=2, backend="threading")(
        joblib.delayed(threads_within)() for _ in range(4)
    )
    assert found == [(n_threads, 1, n_threads)] * 4
    assert threads_within() == (n_threads,) * 3


GRID = """
import sys

import joblib
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._utils.threads import limit_nested_threads

X = load_digits().data[:60]
clusterer = ContrastiveAutoencoderClusterer(
    3, image_shape=(8, 8), max_epochs=1, refinement_epochs=1, clusterer="kmeans",
    latent_dim=4, random_state=0,
)


def n_threads(_):
    with limit_nested_threads():
        return torch.get_num_threads()


if __name__ == "__main__":
    clusterer.fit(X)  # starts this process's threads, which do not survive a fork
    scores = []
    for backend, n_jobs in [("sequential", 1), (sys.argv[1], 2)]:
        with joblib.parallel_config(backend, n_jobs=n_jobs):
            if n_jobs == 2:
                print(max(joblib.Parallel()(map(joblib.delayed(n_threads), range(4)))))
            search = GridSearchCV(clusterer, {"temperature": [0.2, 0.5]}, cv=2).fit(X)
        scores.append(search.cv_results_["mean_test_score"])
    np.testing.assert_allclose(*scores, atol=1e-3)
    assert torch.get_num_threads() > 1
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["threading", "loky", "multiprocessing"])
def test_grid_searches_neither_hang_nor_start_too_many_threads(backend, tmp_path):
    script = tmp_path / "grid.py"
    script.write_text(GRID)
    # Two cores for two jobs leave one for each. The numbers are fixed, so that the
    # result does not depend on the machine's number of cores.
    run = subprocess.run(
        [sys.executable, "-W", "ignore", script, backend],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={
            "LOKY_MAX_CPU_COUNT": "2",
            "PATH": "",
            "OMP_NUM_THREADS": "2",
            "OMP_WAIT_POLICY": "passive",  # idle threads leave the cores to other tests
        },
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) == 1
