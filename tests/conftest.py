"""Shared fixtures: small images, and real images if their files are available."""

import functools
import importlib
import os
import signal
import socket
from pathlib import Path

# Most tests are too small to profit from threads, which would wait for each other. This
# must be set before NumPy and PyTorch are imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")  # no windows

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from sklearn.datasets import load_digits, load_iris

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering.datasets import load_medmnist_file

DATA_VARIABLE = "CONTRASTIVE_CLUSTERING_DATA"

# On a busy machine, examples may take longer than any limit.
settings.register_profile(
    "without timing", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("without timing")

# Files with long tests, the longest first.
LONG = ["test_real_images.py", "test_checkpoint.py", "test_bad_input.py"]
LONG += ["test_distributed.py", "test_threads.py", "test_docs.py"]
# The tests of the modules cover the same code, and tracing takes a third longer.
NOT_TRACED = {"test_bad_input.py", "test_common.py", "test_data_frames.py"}
NOT_TRACED |= {"test_docs.py", "test_metadata_routing.py", "test_numbers.py"}
NOT_TRACED |= {"test_real_images.py", "test_representations.py"}
NOT_TRACED |= {"test_saved_clusterers.py", "test_sklearn.py"}
NOT_TRACED |= {"test_sources.py", "test_values_in_messages.py"}


def pytest_collection_modifyitems(items):
    """Start with long tests; at the end, each would run alone on one core."""
    files = {name: position for position, name in enumerate(LONG)}
    items.sort(key=lambda item: files.get(item.path.name, len(files)))
    for item in items:
        if item.path.name in NOT_TRACED:
            item.add_marker("no_cover")  # of pytest-cov


@pytest.fixture(scope="session")
def digits():
    """Digits of scikit-learn, (1797, 8, 8) float64 from 0 to 16, and labels."""
    bunch = load_digits()
    return bunch.images, bunch.target


@pytest.fixture(scope="session")
def fitted_digits(digits):
    """An estimator fitted to the digits; do not modify it."""
    images, _ = digits
    return ContrastiveAutoencoderClusterer(
        10, max_epochs=10, refinement_epochs=3, random_state=0
    ).fit(images)


def make_tiny_images():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 60, size=(40, 8, 8), dtype=np.uint8)
    images[:20, :, :4] += 180
    images[20:, :, 4:] += 180
    return images


@pytest.fixture
def tiny_images():
    """Forty images of 8 x 8 pixels with bright left or bright right halves."""
    return make_tiny_images()


@pytest.fixture
def batch():
    """Sixteen standardized images of noise, with 3 channels and 12 x 12 pixels."""
    return torch.from_numpy(
        np.random.default_rng(0).normal(size=(16, 3, 12, 12)).astype(np.float32)
    )


FAST = {
    "n_clusters": 2,
    "clusterer": "kmeans",  # with the default, a fit takes three times as long
    "max_epochs": 2,
    "refinement_epochs": 1,
    "latent_dim": 4,
    "random_state": 0,
}


@pytest.fixture
def fast():
    """Parameters with which a fit takes about a tenth of a second."""
    return dict(FAST)


@pytest.fixture
def first_phase(fast):
    """Parameters of a fast fit without the second phase."""
    return {**fast, "refinement_epochs": 0}


@pytest.fixture(scope="session")
def fit_fast():
    """A function that fits an estimator with the parameters of `fast`."""

    def fit(X, **parameters):
        return ContrastiveAutoencoderClusterer(**FAST | parameters).fit(X)

    return fit


@pytest.fixture(scope="session")
def fit_tiny():
    """A function that fits an estimator to the tiny images in a single epoch."""
    short = {**FAST, "max_epochs": 1, "refinement_epochs": 0, "augmentation": None}

    def fit(**parameters):
        estimator = ContrastiveAutoencoderClusterer(**short | parameters)
        return estimator.fit(make_tiny_images())

    return fit


@pytest.fixture(scope="session")
def fitted_kind():
    """A function that returns samples of a kind and an estimator fitted to them."""
    images = make_tiny_images()
    shades = np.linspace(1, 0.2, 5)
    kinds = {
        "gray": (images, {}),
        "rgb": ((images[..., None] * shades[:3]).astype(np.uint8), {}),
        "five channels": (images[..., None] * shades, {"channel_axis": 3}),
        "volume": (images[:, None] * np.linspace(0.3, 1, 9)[:, None, None], {}),
        "flat": (images.reshape(40, 64), {"image_shape": (8, 8)}),
        "table": (load_iris().data, {}),
        # In a second phase, a stratum could lose all members.
        "many strata": (
            load_digits().images[:300],
            {"n_clusters": 40, "refinement_epochs": 0},
        ),
    }

    @functools.cache
    def fit(kind):
        X, parameters = kinds[kind]
        estimator = ContrastiveAutoencoderClusterer(**FAST | parameters)
        return X, estimator.fit(X)

    return fit


@pytest.fixture
def ctrl_c():
    """Let Ctrl-C work even if the test process was started to ignore it."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.fixture
def no_window(monkeypatch):
    """Draw figures without windows, and close them."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    plt = importlib.import_module("matplotlib.pyplot")
    plt.switch_backend("agg")
    monkeypatch.setattr(plt, "show", lambda: None)  # with agg, it would warn
    yield
    plt.close("all")


@pytest.fixture
def umask():
    """Let the group read and write new files, and others read them."""
    previous = os.umask(0o002)
    yield
    os.umask(previous)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A temporary home folder of the user."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture(params=["named pipe", "socket", "device"])
def special_file(request, tmp_path):
    """The path of a special file, neither regular nor a folder, and its kind."""
    path = tmp_path / "special file"
    if request.param == "named pipe":
        os.mkfifo(path)
    elif request.param == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    else:
        path.symlink_to("/dev/zero")
    return path, request.param


@pytest.fixture(scope="session")
def real_folder():
    """The folder of real images; skip the test if it does not exist.

    It is read once per session, before a test changes the variable.
    """
    # The files cannot be distributed, so users may not have them. `.ci/run` fails if a
    # test is skipped for this reason.
    folder = os.environ.get(DATA_VARIABLE)
    if not folder or not Path(folder).is_dir():
        pytest.skip(f"needs the folder of image files that {DATA_VARIABLE} names")
    return Path(folder)


@pytest.fixture(scope="session")
def real_images(real_folder):
    """A function that loads a part of a real data set, or skips the test."""

    def load(name, split="train", n=None):
        path = real_folder / f"{name}.npz"
        if not path.is_file():
            # A user may lack some of the files; `.ci/run` requires all.
            pytest.skip(f"needs {name}.npz in the folder that {DATA_VARIABLE} names")
        bunch = load_medmnist_file(path, split=split)
        return bunch.data[:n], bunch.target[:n]

    return load
