import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from skorch.callbacks import GradientNormClipping, PrintLog

from contrastive_clustering._model import agreement as _agreement
from contrastive_clustering._model.agreement import check_same_fit
from contrastive_clustering._utils import distributed as _distributed

SCRIPT = """
import json
import sys

import numpy as np
import torch
import torch.distributed as dist
from kornia.augmentation import RandomAffine
from sklearn.datasets import load_digits
from skorch.callbacks import Callback, Checkpoint, GradientNormClipping, PrintLog
from torch import nn

from contrastive_clustering import ContrastiveAutoencoderClusterer

dist.init_process_group("gloo")
second = dist.get_rank() == 1
digits = load_digits().images
X = digits[:80]
holed = X.copy()
holed[7, 3, 3] = np.nan
brighter = X.copy()
brighter[[5, 9]] += 1


class Files(torch.utils.data.Dataset):
    def __init__(self, order, missing=None):
        self.order, self.missing = order, missing

    def __len__(self):
        return len(self.order)

    def __getitem__(self, i):
        if i == self.missing:
            raise FileNotFoundError(2, "No such file or directory", "70.png")
        return X[self.order[i]]


class FailingEncoder(nn.Module):  # fails in the second process
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 4)
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    def forward(self, batch):
        if second:
            raise RuntimeError("out of memory")
        return self.layer(batch.flatten(1))


def fit(samples=X, clusterer=None, method="partial_fit", **parameters):
    settings = {"latent_dim": 4, "batch_size": 40, "random_state": 0, **parameters}
    clusterer = clusterer or ContrastiveAutoencoderClusterer(
        3, clusterer="kmeans", **settings
    )
    try:
        getattr(clusterer, method)(samples)
        return clusterer, "fitted"
    except Exception as error:
        return clusterer, f"{type(error).__name__}: {error}"


order = np.arange(80)
best = Checkpoint(monitor="train_loss_best", load_best=True)
outcomes = {
    "shard": fit(digits[80:160] if second else X)[1],
    "order": fit(X[::-1].copy() if second else X)[1],
    "values": fit(brighter if second else X)[1],
    "dtype": fit(X.astype("u1") if second else X)[1],
    "length": fit(X[:60] if second else X)[1],
    "shape": fit(X.reshape(80, 64) if second else X)[1],
    "order of files": fit(Files(order[::-1] if second else order))[1],
    "lr": fit(lr=0.03 if second else 0.003)[1],
    "latent_dim": fit(latent_dim=8 if second else 4)[1],
    "betas": fit(**{"optimizer__betas": (0.8, 0.9)} if second else {})[1],
    "method": fit(method="fit" if second else "partial_fit")[1],
    "folder": fit(method="fit", checkpoint_dir=sys.argv[1] if second else None)[1],
    "clipping": fit(callbacks=[GradientNormClipping()] if second else None)[1],
    "restoring": fit(callbacks=[best] if second else None)[1],
    "unreadable": fit(holed if second else X)[1],
    "missing": fit(Files(order, missing=70 if second else None))[1],
    "invalid": fit(lr=-1 if second else 0.003)[1],
    "broken": fit(encoder=FailingEncoder())[1],
}
torch.manual_seed(second)
outcomes["encoder"] = fit(encoder=nn.Sequential(nn.Flatten(), nn.Linear(64, 4)))[1]
# The samples are the same, although only the first process reads them from a data set.
# Seeds and other callbacks may differ. Kornia's views keep each process's random state.
trained, outcomes["same"] = fit(
    X if second else Files(order),
    random_state=None if second else 0,
    callbacks=[Callback(), PrintLog(sink=print)] if second else None,
    augmentation=RandomAffine(10.0),
)
outcomes["again"] = fit(clusterer=trained)[1]
weights = trained.net_.module_.state_dict()
outcomes["digest"] = [float(value.double().sum()) for value in weights.values()]
if second:
    trained.set_params(lr=-1)
outcomes["invalid later"] = fit(clusterer=trained)[1]
trained.set_params(lr=0.003)
if second:
    trained.net_.optimizer_.state.clear()
outcomes["moments"] = fit(clusterer=trained)[1]
if second:
    trained.net_.module_.encoder[0].weight.data.add_(1.0)
outcomes["weights"] = fit(clusterer=trained)[1]
outcomes["one is new"] = fit(clusterer=None if second else trained)[1]
with open(sys.argv[1] + f"/{int(second)}.json", "w") as file:
    json.dump(outcomes, file)
dist.destroy_process_group()
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Results or errors, in each of two processes, of fits that differ between them."""
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


WHOLE = r"Pass the whole X, in the same order and dtype, to each process"
SAME_PARAMETERS = r"Pass the same parameters to each process\."
SAME_FIT = r"Continue from the same fit in each process"


@pytest.mark.parametrize(
    ("difference", "message", "remedy"),
    [
        ("shard", r"different values .* in 80 of 80 samples, .* at X\[0\]\.", WHOLE),
        ("order", r"a different order in process 1 .*, starting at X\[0\]\.", WHOLE),
        ("values", r"different values .* in 2 of 80 samples, .* at X\[5\]\.", WHOLE),
        ("dtype", r"X has dtype float64 in process 0 and dtype uint8 in", WHOLE),
        ("length", r"X has 80 samples in process 0 and 60 samples in proc", WHOLE),
        ("shape", r"X has samples of shape \(8, 8\) .* of shape \(64,\) in", WHOLE),
        ("order of files", r"a different order in process 1 .* at X\[0\]\.", WHOLE),
        ("lr", r"lr is 0\.003 in process 0 and 0\.03 in process 1", SAME_PARAMETERS),
        ("latent_dim", "latent_dim is 4 in process 0 and 8 in", SAME_PARAMETERS),
        ("betas", r"optimizer__betas is None .* \[0\.8, 0\.9\] in", SAME_PARAMETERS),
        ("method", "max_epochs is 1 in process 0 and 'auto' in", SAME_PARAMETERS),
        ("folder", "checkpoint_dir is None .* a folder in", "same checkpoint_dir to"),
        ("clipping", r"is \[\] in process 0 .*GradientNormClipping", SAME_PARAMETERS),
        ("restoring", r"is \[\] in process 0 .*Checkpoint", SAME_PARAMETERS),
        ("encoder", r"Sequential \w+ in process 0 .*Sequential \w+ in", "same seed in"),
        ("moments", r"weights (\w+), .* weights \1, moments", SAME_FIT),
        ("weights", r"continue from is 2 epochs, weights \w+", SAME_FIT),
        ("one is new", "moments .* in process 0 and none in process 1", SAME_FIT),
    ],
)
def test_fits_that_differ_are_rejected_in_all_processes(
    outcomes, difference, message, remedy
):
    found = outcomes[0][difference]
    assert found == outcomes[1][difference]
    assert found.startswith("ValueError: Processes that train together must have the")
    assert re.search(message, found), found
    assert re.search(remedy, found), found


@pytest.mark.parametrize(
    ("failure", "error", "reason"),
    [
        ("unreadable", "ValueError", "NaN"),
        ("missing", "FileNotFoundError", "No such file"),
        ("invalid", "InvalidParameterError", "'lr' parameter"),
        ("invalid later", "InvalidParameterError", "'lr' parameter"),
        ("broken", "ValueError", "encoder=.* out of memory"),
    ],
)
def test_a_failure_in_one_process_is_raised_in_all(outcomes, failure, error, reason):
    first, second = (each[failure] for each in outcomes)
    assert second.startswith(f"{error}: ")
    assert first.startswith("ValueError: Process 1 of the 2 that train together failed")
    for text in (first, second):
        assert re.search(reason, text), text


def test_fits_that_agree_give_the_same_weights(outcomes):
    for each in outcomes:
        assert each["same"] == each["again"] == "fitted"
    assert outcomes[0]["digest"] == outcomes[1]["digest"]


def test_a_single_process_does_not_communicate(monkeypatch):
    monkeypatch.setattr(_agreement, "all_gather_object", None)
    check_same_fit({}, np.zeros((2, 1)), None, **PARAMS)


IDENTITY = {"X": "of these", "lr": "0.1"}
PARAMS = {"callbacks": (), "net_params": {}, "checkpoint_dir": None, "device": "cpu"}


@pytest.fixture
def error_message(monkeypatch):
    """A function that returns the error if the last of three processes differs."""
    for module in (_agreement, _distributed):
        monkeypatch.setattr(module, "n_processes", lambda: 3)

    def get_message(shapes=((2, 1), (2, 1)), changes=False, **others):
        first, last = (np.arange(np.prod(shape)).reshape(shape) for shape in shapes)

        def gather(value):
            if isinstance(value, list):  # of digests
                return [value, value, value if changes else value[::-1]]
            if value is None:  # no errors
                return [None] * 3
            described, kinds = value
            other = {**described, **others}
            return [value, value, (other, (len(last), last.shape[1:], kinds[2]))]

        for module in (_agreement, _distributed):
            monkeypatch.setattr(module, "all_gather_object", gather)
        with pytest.raises(ValueError, match="must have the same") as caught:
            check_same_fit(IDENTITY, first, None, **PARAMS)
        return str(caught.value)

    return get_message


def test_the_process_that_differs_is_named(error_message):
    assert "lr is 0.1 in process 0 and 0.2 in process 2." in error_message(lr="0.2")


def test_long_differences_are_truncated_and_many_are_counted(error_message):
    many = {f"parameter_{i}": "b" * 10_000 for i in range(20)}
    found = error_message(**many)
    assert "bbb... in process 2" in found
    assert "; and 15 more. Pass the same" in found
    assert len(found) < 2000


def test_all_remedies_are_named(error_message):
    found = error_message(((2, 1), (3, 2)), X="of others", lr="0.2", versions="torch 9")
    assert found.index("2 samples in process 0 and 3 samples in process 2") < (
        found.index("samples of shape (1,) in process 0 and samples of shape (2,)")
    )
    for remedy in (WHOLE, SAME_PARAMETERS, "Install the same versions"):
        assert len(re.findall(remedy, found)) == 1


def test_samples_that_change_between_reads_are_reported(error_message):
    assert "different order in process 2 than in process 0" in error_message(
        X="of others"
    )
    found = error_message(X="of others", changes=True)
    assert "X changes each time it is read" in found


def test_kinds_of_devices_are_compared(error_message):
    assert "device is cpu in process 0 and cuda in process 2" in error_message(
        device="cuda"
    )


@pytest.mark.parametrize(
    ("name", "value", "compared"),
    [
        ("callbacks__early_stopping__threshold", 0.1, True),
        ("callbacks__clip__gradient_clip_value", 0.1, True),
        ("callbacks__log", GradientNormClipping(), True),
        ("callbacks__log__sink", print, False),
        ("callbacks__log", None, False),
    ],
)
def test_parameters_of_callbacks_that_train_are_compared(name, value, compared):
    callbacks = [("clip", GradientNormClipping()), ("log", PrintLog())]
    identity = {**IDENTITY, name: "given"}
    described = _agreement._describe_parameters(identity, callbacks, {name: value})
    assert (name in described) == compared
