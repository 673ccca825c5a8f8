"""Tests that need a GPU, and tests of GPU features without one."""

import os
import pickle
import subprocess
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, LRScheduler
from skorch.exceptions import DeviceWarning

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    GrayImageAugmentation,
    RGBImageAugmentation,
)
from contrastive_clustering._data import on_device as _resident
from contrastive_clustering._training.net import ContrastiveNet

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "gpu.py"


def on_a_gpu(function):
    """Mark a test that needs a GPU, and skip it if there is none."""
    is_available = torch.cuda.is_available()
    return pytest.mark.gpu(
        pytest.mark.skipif(not is_available, reason="needs a GPU (CUDA)")(function)
    )


def run(*command, **environment):
    return subprocess.run(
        [sys.executable, *map(str, command)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


@pytest.fixture
def pickled_on_a_gpu(monkeypatch):
    """A function that pickles as if all tensors were on a GPU."""

    def dumps(clusterer):
        device = clusterer.net_.device
        clusterer.net_.device = "cuda"
        with monkeypatch.context() as patch:
            patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
            content = pickle.dumps(clusterer)
        clusterer.net_.device = device
        assert b"cuda:0" in content
        return content

    return dumps


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
@pytest.mark.parametrize(
    "others",
    [
        {},
        {"refinement_epochs": 0},
        {"precision": "16-mixed"},
        {"early_stopping": True, "validation_fraction": 0.25},
        {"refinement": "neighbors", "kl_weight": 0.1},
    ],
)
def test_pickles_from_a_gpu_load_without_one(
    tiny_images, fast, pickled_on_a_gpu, others
):
    parameters = {**fast, **others}
    clusterer = ContrastiveAutoencoderClusterer(**parameters).fit(tiny_images)
    content = pickled_on_a_gpu(clusterer)
    with pytest.warns(DeviceWarning, match="no CUDA devices|is not available"):
        loaded = pickle.loads(content)
    assert str(loaded.net_.device) == "cpu"
    np.testing.assert_array_equal(loaded.predict(tiny_images), clusterer.labels_)
    np.testing.assert_array_equal(
        loaded.inverse_transform(loaded.cluster_centers_),
        clusterer.inverse_transform(clusterer.cluster_centers_),
    )
    loaded.partial_fit(tiny_images)


def test_the_benchmark_reports_a_missing_gpu():
    found = run(BENCHMARK, CUDA_VISIBLE_DEVICES="")
    assert found.returncode == 1
    assert found.stderr.startswith("There is no CUDA device here.")


@pytest.mark.slow
def test_the_benchmark_runs_on_the_cpu():
    options = "--device cpu --images 64 --sides 28 --batch-size 32 --epochs 3"
    found = run(BENCHMARK, *options.split(), "--repeats", 1, "--settings", "32")
    assert found.returncode == 0, found.stderr
    *_, row = found.stdout.splitlines()
    side, setting, *results = row.split()
    assert (side, setting) == ("28", "32")
    assert len(results) == 9
    assert all(float(result) > 0 for result in results if result != "-")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_pickle_can_omit_callbacks_that_hold_tensors(
    tiny_images, fast, pickled_on_a_gpu
):
    schedule = LRScheduler("StepLR", step_size=1)
    clusterer = ContrastiveAutoencoderClusterer(
        **fast, callbacks__lr_schedule=None, callbacks=[schedule]
    ).fit(tiny_images)
    content = pickled_on_a_gpu(clusterer)
    with pytest.raises(RuntimeError, match="deserialize object on a CUDA device"):
        pickle.loads(content)
    content = pickled_on_a_gpu(clusterer.set_params(callbacks=None))
    with pytest.warns(DeviceWarning, match="no CUDA devices|is not available"):
        loaded = pickle.loads(content)
    np.testing.assert_array_equal(loaded.predict(tiny_images), clusterer.labels_)


@on_a_gpu
@pytest.mark.parametrize("precision", ["32", "bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("refinement", ["self_training", "prototypes", "neighbors"])
def test_training_matches_that_on_the_cpu(tiny_images, fast, precision, refinement):
    # Random views differ between devices.
    common = {**fast, "augmentation": None, "refinement": refinement}
    slow = ContrastiveAutoencoderClusterer(**common, device="cpu").fit(tiny_images)
    quick = ContrastiveAutoencoderClusterer(
        **common, device="cuda", precision=precision
    ).fit(tiny_images)
    for found, expected in zip(quick.history_, slow.history_, strict=True):
        assert found["train_loss"] == pytest.approx(expected["train_loss"], rel=0.02)
        assert len(found["batches"]) == len(expected["batches"])
    assert quick.net_.module_.input_mean.is_cuda
    assert quick.transform(tiny_images).dtype == np.float32
    np.testing.assert_array_equal(quick.predict(tiny_images), quick.labels_)


@contextmanager
def waiting_is_an_error():
    """Raise an error when an operation waits for the GPU."""
    with warnings.catch_warnings():
        # PyTorch warns that it does not detect every wait.
        warnings.simplefilter("ignore")
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.fixture
def count_steps(monkeypatch, fast):
    """A function that fits and counts the steps, none of which may wait."""
    step, steps = ContrastiveNet.train_step, []

    def watched(self, *args, **kwargs):
        with waiting_is_an_error():
            result = step(self, *args, **kwargs)
        steps.append(1)
        return result

    def fit(X, **others):
        parameters = {**fast, "batch_size": 10, "device": "cuda", **others}
        ContrastiveAutoencoderClusterer(**parameters).fit(X)
        return len(steps)

    monkeypatch.setattr(ContrastiveNet, "train_step", watched)
    return fit


@on_a_gpu
def test_waiting_for_the_gpu_is_detected():
    number = torch.ones((), device="cuda")
    with waiting_is_an_error(), pytest.raises(RuntimeError, match="synchronizing"):
        number.item()
    assert number.item() == 1


@on_a_gpu
@pytest.mark.parametrize(
    "others",
    [
        {},
        {"refinement": "prototypes"},
        {"refinement": "neighbors", "kl_weight": 0.1},
        {"precision": "bf16-mixed"},
        {"precision": "16-mixed"},
        {"augmentation": GrayImageAugmentation(erase=0.5)},
        {"augmentation": RGBImageAugmentation(blur=1.0)},
        {"augmentation": torch.nn.Dropout(0.1)},
        {"iterator_train__num_workers": 2},
    ],
)
@pytest.mark.parametrize("resident", [True, False])
def test_steps_do_not_wait_for_the_gpu(
    tiny_images, monkeypatch, count_steps, others, resident
):
    if not resident:
        monkeypatch.setattr(_resident, "free_memory", lambda device: None)
    assert count_steps(tiny_images, **others) == 4 * 3


@on_a_gpu
def test_steps_on_volumes_and_tables_do_not_wait_for_the_gpu(tiny_images, count_steps):
    volumes = np.repeat(tiny_images[:, None], 8, axis=1)
    assert count_steps(volumes) == 4 * 3
    assert count_steps(tiny_images.reshape(40, 64)) == 2 * 4 * 3


@on_a_gpu
def test_resident_samples_give_the_same_losses(tiny_images, fast, monkeypatch):
    clusterer = ContrastiveAutoencoderClusterer(**fast, batch_size=8, device="cuda")
    losses = clusterer.fit(tiny_images).history_[:, "train_loss"]
    monkeypatch.setattr(_resident, "free_memory", lambda device: None)
    found = clusterer.fit(tiny_images).history_[:, "train_loss"]
    np.testing.assert_allclose(found, losses, rtol=1e-3)


@on_a_gpu
def test_estimators_pickled_or_saved_on_a_gpu_work_without_one(
    tiny_images, fast, tmp_path
):
    clusterer = ContrastiveAutoencoderClusterer(
        **fast, early_stopping=True, validation_fraction=0.25, device="auto"
    ).fit(tiny_images)
    assert clusterer.net_.module_.input_mean.is_cuda
    (tmp_path / "pickled").write_bytes(pickle.dumps(clusterer))
    clusterer.save(tmp_path / "saved")
    np.save(tmp_path / "X.npy", tiny_images)
    script = tmp_path / "load.py"
    script.write_text(
        "import pickle\n"
        "import numpy as np\n"
        "from contrastive_clustering import ContrastiveAutoencoderClusterer\n"
        "X = np.load('X.npy')\n"
        "pickled = pickle.load(open('pickled', 'rb'))\n"
        "saved = ContrastiveAutoencoderClusterer.load('saved')\n"
        "assert (pickled.predict(X) == pickled.labels_).all()\n"
        "assert (saved.predict(X) == pickled.labels_).all()\n"
        "pickled.partial_fit(X), saved.partial_fit(X)\n"
    )
    found = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr


@on_a_gpu
def test_an_interrupted_fit_resumes_on_the_gpu(tiny_images, fast, tmp_path):
    class Stop(Callback):
        epoch = 3

        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) == self.epoch:
                raise ArithmeticError

    common = {**fast, "max_epochs": 4, "device": "cuda"}
    whole = ContrastiveAutoencoderClusterer(**common).fit(tiny_images)
    again = ContrastiveAutoencoderClusterer(
        **common, checkpoint_dir=tmp_path, callbacks=[Stop()]
    )
    with pytest.raises(ArithmeticError):
        again.fit(tiny_images)
    Stop.epoch = 99
    again.fit(tiny_images)
    np.testing.assert_allclose(
        again.history_[:, "train_loss"], whole.history_[:, "train_loss"], rtol=1e-3
    )


@on_a_gpu
# The compiler suggests faster settings and reports optimizations it did not use.
@pytest.mark.filterwarnings("ignore:TensorFloat32", r"ignore:\s*Online softmax")
@pytest.mark.parametrize("precision", ["32", "bf16-mixed"])
def test_compiled_training_on_the_gpu(tiny_images, fast, precision):
    common = {**fast, "precision": precision, "device": "cuda"}
    plain = ContrastiveAutoencoderClusterer(**common).fit(tiny_images)
    compiled = ContrastiveAutoencoderClusterer(**common, compile=True).fit(tiny_images)
    np.testing.assert_allclose(
        compiled.history_[:, "train_loss"], plain.history_[:, "train_loss"], rtol=0.02
    )


@on_a_gpu
def test_the_benchmark_on_the_gpu():
    found = run(BENCHMARK, "--images", 512, "--sides", 28, "--epochs", 3)
    assert found.returncode == 0, found.stderr
    assert len(found.stdout.splitlines()) == 2 + 4
