"""Several processes train the same model as one."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score
from torch import nn

from contrastive_clustering._io.safetensors_file import read_tree
from contrastive_clustering._utils.distributed import (
    all_gather,
    all_reduce,
    all_reduce_gradients,
    broadcast,
    explain_lost_processes,
    n_processes,
    rank,
    run_on_all_ranks,
    run_on_first_rank,
    shard_slice,
    synchronized_batch_norm,
)

slow, release = pytest.mark.slow, pytest.mark.release

SCRIPT = """
import json
import os
import re
import sys
from pathlib import Path

import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._saving import checkpoint as _checkpoint


class Views:
    '''Two views that depend on the sample alone, in whichever process it is.'''

    calls = 0

    def __call__(self, batch):
        self.calls += 1
        if str(self.calls) == os.environ.get("DIES_AT") and os.environ["RANK"] == "1":
            os._exit(3)  # as if it had been killed
        return 1.3 * batch if self.calls % 2 else batch.flip(-1) + 0.1


together = "RANK" in os.environ
if together and os.environ.get("USE") == "accelerate":
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
elif together:
    torch.distributed.init_process_group("gloo")
folder, parameters = sys.argv[1], json.loads(sys.argv[2])
if os.environ.get("RANK", "0") != "0":
    _checkpoint.write_tree = None  # it is for the first process to write
X = load_digits().images[:203]
parameters = {"max_epochs": 3, "refinement_epochs": 3, "batch_size": 32, **parameters}
clusterer = ContrastiveAutoencoderClusterer(
    4, clusterer="kmeans", augmentation=Views(),
    # With seed 0, rounding differences grow a hundredfold.
    random_state=1 + int(os.environ.get("RANK", 0)), **parameters
)
if os.environ.get("FAILS"):

    class Failing(KMeans):
        def fit(self, X, y=None, sample_weight=None):
            error = OSError("no clusters today")
            if os.environ["FAILS"] == "and cannot be sent":
                error.cause = lambda: None  # which pickle refuses
            raise error

    clusterer.set_params(clusterer=Failing())  # the first process alone fits it
clusterer.fit(X)
history = clusterer.history_
names = [name for name in history[-1] if re.fullmatch("train_.*loss", name)]
first = [name for name in names if name in history[0]]
second = -parameters["refinement_epochs"]
result = {
    "curves": {name: history[:, name] for name in first},
    "second": {name: history[second:, name] for name in names},
    "validation": [row["valid_loss"] for row in history if "valid_loss" in row],
    "weights": clusterer.net_.module_.encoder[0].weight.sum(dim=0).tolist(),
    "labels": clusterer.labels_.tolist(),
    "plain": not any("forward" in vars(m) for m in clusterer.net_.module_.modules()),
}
with open(f"{folder}/{os.environ.get('RANK', 'alone')}.json", "w") as file:
    json.dump(result, file)
if together:
    # Remaining threads of gloo may abort the process when Python exits.
    torch.distributed.destroy_process_group()
    names = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
    assert not [name for name in names if "gloo" in name], names
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command(folder, parameters, *launcher):
    """Write the script; return the command for Python or for a launcher module."""
    script = folder / "train.py"
    script.write_text(SCRIPT)
    return [sys.executable, *launcher, str(script), str(folder), json.dumps(parameters)]


def start(folder, parameters, size=None, **environment):
    """Run the script in one or several processes; return exit codes and errors."""
    ranks = [None] if size is None else range(size)
    port = free_port()
    processes = []
    for each in ranks:
        env = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
        if each is not None:
            env |= {
                "RANK": str(each),
                "LOCAL_RANK": str(each),
                "WORLD_SIZE": str(size),
                "LOCAL_WORLD_SIZE": str(size),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
            }
        processes.append(
            subprocess.Popen(
                command(folder, parameters), env=env, stderr=subprocess.PIPE, text=True
            )
        )
    errors = [process.communicate(timeout=240)[1] for process in processes]
    return [process.returncode for process in processes], errors


def results(folder, size=None):
    """Return the results of each process."""
    names = ["alone"] if size is None else map(str, range(size))
    return [json.loads(Path(folder, f"{name}.json").read_text()) for name in names]


def run(folder, parameters, size=None, **environment):
    """Run the script and return the results of each process."""
    codes, errors = start(folder, parameters, size, **environment)
    assert not any(codes), errors
    return results(folder, size)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Return a function from parameters to the results of one process, cached."""
    found = {}

    def run_alone(parameters):
        key = json.dumps(parameters, sort_keys=True)
        if key not in found:
            (found[key],) = run(tmp_path_factory.mktemp("alone"), parameters)
        return found[key]

    return run_alone


def assert_same_curves(result, alone, without=()):
    for part in ("curves", "second"):
        assert result[part].keys() == alone[part].keys()
        for name in result[part].keys() - set(without):
            np.testing.assert_allclose(
                result[part][name],
                alone[part][name],
                rtol=1e-4,
                atol=1e-4,
                err_msg=name,
            )
    assert adjusted_rand_score(alone["labels"], result["labels"]) > 0.97


@pytest.mark.parametrize(
    ("parameters", "size", "use"),
    [
        pytest.param({}, 2, "torchrun", marks=slow),
        pytest.param({"refinement": "prototypes"}, 3, "torchrun", marks=release),
        pytest.param(
            {"kl_weight": 0.01, "reconstruction_weight": 0}, 2, "torchrun", marks=slow
        ),
        pytest.param({"refinement": "neighbors"}, 2, "accelerate", marks=release),
    ],
)
def test_losses_match_those_of_one_process(parameters, size, use, tmp_path, alone):
    # All processes use the seed of process 0.
    expected = alone(parameters)
    together = run(tmp_path, parameters, size, USE=use)
    # Each process draws its own latents.
    without = {"train_reconstruction_loss"} if "kl_weight" in parameters else ()
    for result in together:
        assert_same_curves(result, expected, without)
        assert result["labels"] == together[0]["labels"]
        assert result["plain"]


@slow
def test_errors_of_the_first_process_are_raised_in_all(tmp_path):
    codes, errors = start(tmp_path, {}, 2, FAILS="yes")
    assert all(codes)
    for error in errors:
        assert "OSError: no clusters today" in error


@slow
def test_errors_that_cannot_be_sent_are_raised(tmp_path):
    codes, errors = start(tmp_path, {}, 2, FAILS="and cannot be sent")
    assert all(codes)
    assert errors[0].rstrip().endswith("OSError: no clusters today")
    assert (
        "Process 1 of 2 that train together has lost contact with another" in errors[1]
    )


@slow
@pytest.mark.parametrize(
    ("use", "launcher"),
    [
        ("torchrun", ["-m", "torch.distributed.run", "--nproc_per_node=2"]),
        # It queries GPUs, which the script does not need.
        (
            "accelerate",
            [
                *("-m", "accelerate.commands.launch", "--multi_gpu"),
                *("--num_processes=2", "--num_machines=1"),
                *("--mixed_precision=no", "--dynamo_backend=no"),
            ],
        ),
    ],
)
def test_launchers(use, launcher, tmp_path, alone):
    port = free_port()
    launcher.append(
        f"--{'main_process' if use == 'accelerate' else 'master'}_port={port}"
    )
    launched = subprocess.run(
        command(tmp_path, {}, *launcher),
        env={**os.environ, "OMP_NUM_THREADS": "1", "USE": use},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert launched.returncode == 0, launched.stderr
    together = results(tmp_path, 2)
    for result in together:
        assert_same_curves(result, alone({}))
        assert result["labels"] == together[0]["labels"]


@slow
def test_processes_stop_early_together(tmp_path):
    parameters = {
        "early_stopping": True,
        "validation_fraction": 0.25,
        "callbacks__early_stopping__patience": 1,
        "max_epochs": 40,
        "lr": 0.1,
        "callbacks__lr_schedule": None,
    }
    (alone,) = run(tmp_path, parameters)
    first, second = run(tmp_path, parameters, 2)
    assert first["validation"] == second["validation"]
    assert first["weights"] == second["weights"]
    assert first["labels"] == second["labels"]
    assert 1 < len(first["validation"]) < 40
    # They use the whole validation set, not a shard of it.
    np.testing.assert_allclose(
        first["validation"][:2], alone["validation"][:2], rtol=1e-3
    )


@slow
def test_a_fit_resumes_after_the_death_of_a_process(tmp_path, alone):
    parameters = {"checkpoint_dir": str(tmp_path / "checkpoints")}
    # Seven batches per epoch with two views each: in the third epoch.
    codes, errors = start(tmp_path, parameters, 2, DIES_AT="32")
    assert codes[1] == 3
    assert codes[0] not in {0, 3}
    assert (
        "Process 0 of 2 that train together has lost contact with another" in errors[0]
    )
    checkpoint = tmp_path / "checkpoints" / "checkpoint.safetensors"
    assert read_tree(checkpoint, "checkpoint")["n_done"] == 2
    together = run(tmp_path, parameters, 2)
    assert list(checkpoint.parent.iterdir()) == [checkpoint]
    for result in together:
        assert_same_curves(result, alone({}))
        assert result["labels"] == together[0]["labels"]


def test_other_errors_are_not_reported_as_lost_processes(monkeypatch):
    with pytest.raises(RuntimeError, match=r"^gloo$"), explain_lost_processes():
        raise RuntimeError("gloo")  # there are no others
    monkeypatch.setattr(
        "contrastive_clustering._utils.distributed.n_processes", lambda: 2
    )
    monkeypatch.setattr("contrastive_clustering._utils.distributed.rank", lambda: 1)
    with pytest.raises(RuntimeError, match=r"^my own$"), explain_lost_processes():
        raise RuntimeError("my own")
    with (
        pytest.raises(RuntimeError, match=r"Process 1 of 2 .* with another \(gone\)"),
        explain_lost_processes(),
    ):
        raise torch.distributed.DistBackendError("gone\nand more")


def test_one_process_does_not_communicate():
    rows = torch.randn(5, 3, requires_grad=True)
    assert n_processes() == 1
    assert rank() == 0
    assert shard_slice(7) == slice(0, 7)
    assert all_gather(rows, 5) is rows
    assert run_on_first_rank(lambda: rows) is rows
    assert run_on_all_ranks(lambda: rows) is rows
    assert torch.equal(all_reduce(rows), rows)
    assert torch.equal(broadcast(rows), rows)
    assert not broadcast(rows).requires_grad
    layer = nn.BatchNorm1d(3)
    layer(rows).sum().backward()
    gradient = layer.weight.grad.clone()
    all_reduce_gradients(layer)
    assert torch.equal(layer.weight.grad, gradient)
    with synchronized_batch_norm(layer):
        assert "forward" not in vars(layer)


@pytest.fixture
def group(tmp_path):
    """Set up a process group of only this process, which still sends all messages."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'group'}", rank=0, world_size=1
    )
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize("shape", [(6, 3), (6, 3, 4, 5), (6, 3, 2, 3, 4)])
@pytest.mark.parametrize(("momentum", "affine"), [(0.1, True), (None, False)])
def test_synchronized_batch_norm_matches_torch(shape, momentum, affine, monkeypatch):
    # The tests above cover several processes.
    monkeypatch.setattr(
        "contrastive_clustering._utils.distributed.n_processes", lambda: 2
    )
    kind = {2: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}[len(shape)]
    generator = torch.Generator().manual_seed(0)
    plain, shared = (kind(3, momentum=momentum, affine=affine) for _ in range(2))
    inputs = [
        torch.randn(shape, generator=generator.manual_seed(1)).requires_grad_()
        for _ in range(2)
    ]
    weights = torch.randn(shape, generator=generator)
    expected = plain(inputs[0])
    with synchronized_batch_norm(shared):
        found = shared(inputs[1])
    torch.testing.assert_close(found, expected)
    (expected * weights).sum().backward()
    (found * weights).sum().backward()
    torch.testing.assert_close(inputs[1].grad, inputs[0].grad)
    for (name, value), other in zip(
        plain.state_dict().items(), shared.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(other, value, msg=name)
    if affine:
        torch.testing.assert_close(shared.weight.grad, plain.weight.grad)
    with synchronized_batch_norm(shared.eval()):
        torch.testing.assert_close(shared(inputs[1]), plain.eval()(inputs[0]))
