import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from contrastive_clustering import _agreement
from contrastive_clustering._agreement import check_same_fit, in_all

SCRIPT = """
import json
import sys

import numpy as np
import torch.distributed as dist
from sklearn.datasets import load_digits

from contrastive_clustering import ContrastiveAutoencoderClusterer

dist.init_process_group("gloo")
second = dist.get_rank() == 1
digits = load_digits().images
X = digits[:80]
holed = X.copy()
holed[7, 3, 3] = np.nan


def fit(samples=X, clusterer=None, **parameters):
    settings = {"latent_dim": 4, "batch_size": 40, "random_state": 0, **parameters}
    clusterer = clusterer or ContrastiveAutoencoderClusterer(
        3, clusterer="kmeans", **settings
    )
    try:
        clusterer.partial_fit(samples)
        return clusterer, "fitted"
    except Exception as error:
        return clusterer, f"{type(error).__name__}: {error}"


said = {
    "shard": fit(digits[80:160] if second else X)[1],
    "order": fit(X[::-1].copy() if second else X)[1],
    "dtype": fit(X.astype("u1") if second else X)[1],
    "length": fit(X[:60] if second else X)[1],
    "lr": fit(lr=0.03 if second else 0.003)[1],
    "latent_dim": fit(latent_dim=8 if second else 4)[1],
    "unreadable": fit(holed if second else X)[1],
    "callbacks": fit(callbacks=[] if second else None, verbose=0)[1],
}
trained, said["same"] = fit()
if second:
    with np.errstate(all="ignore"):
        trained.net_.module_.encoder[0].weight.data.add_(1.0)
said["weights"] = fit(clusterer=trained)[1]
with open(sys.argv[1] + f"/{int(second)}.json", "w") as file:
    json.dump(said, file)
dist.destroy_process_group()
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What each of two processes said to fits that differ between them."""
    folder = tmp_path_factory.mktemp("agreement")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", SCRIPT, str(folder)],
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "RANK": str(rank),
                "WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    errors = [process.communicate(timeout=240)[1] for process in processes]
    assert not any(process.returncode for process in processes), errors
    return [json.loads(Path(folder, f"{rank}.json").read_text()) for rank in range(2)]


@pytest.mark.parametrize(
    ("difference", "message"),
    [
        (
            "shard",
            r"X is float64 \(80, 8, 8\) \w+ in process 0 and float64 \(80, 8, 8\)",
        ),
        (
            "order",
            r"X is float64 \(80, 8, 8\) \w+ in process 0 and float64 \(80, 8, 8\)",
        ),
        ("dtype", r"X is float64 .* and uint8 \(80, 8, 8\)"),
        ("length", r"X is float64 \(80, 8, 8\) .* and float64 \(60, 8, 8\)"),
        ("lr", r"lr is 0\.003 in process 0 and 0\.03 in process 1"),
        ("latent_dim", "latent_dim is 4 in process 0 and 8 in process 1"),
        ("weights", r"warm_start is from \w+ in process 0 and from \w+ in process 1"),
    ],
)
def test_fits_that_differ_are_refused_in_all_processes(said, difference, message):
    for each in said:
        assert each[difference].startswith("ValueError: Processes that train together")
        with pytest.raises(ValueError, match=message):
            raise ValueError(each[difference])
    assert said[0][difference] == said[1][difference]


def test_what_one_process_cannot_read_is_said_in_all(said):
    assert "NaN" in said[1]["unreadable"]
    assert "Process 1 of 2 that train together cannot begin" in said[0]["unreadable"]


def test_fits_that_agree_are_run(said):
    for each in said:
        assert each["same"] == each["callbacks"] == "fitted"


def test_one_process_asks_nobody(monkeypatch):
    monkeypatch.setattr(_agreement, "_gather", None)
    assert in_all(lambda: 3) == 3
    check_same_fit(lambda: pytest.fail("nothing is compared"))


def test_long_differences_are_cut(monkeypatch):
    found = [{"X": "a" * 10_000}, {"X": "b" * 10_000}]
    monkeypatch.setattr(_agreement, "n_processes", lambda: 2)
    monkeypatch.setattr(_agreement, "in_all", lambda function: function())
    monkeypatch.setattr(_agreement, "_gather", lambda value: found)
    with pytest.raises(ValueError, match=r"a\.\.\. in process 0") as caught:
        check_same_fit(lambda: found[0])
    assert len(str(caught.value)) < 1000
