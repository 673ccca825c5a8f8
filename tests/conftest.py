"""Shared fixtures: small images, and the real ones where the files are there."""

import functools
import importlib
import os
import signal
import socket
from pathlib import Path

# Much in these tests is too small for threads to help; waiting for each other costs.
# It has to be said before NumPy and PyTorch are imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")  # no windows

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_iris

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering.datasets import load_medmnist_file

DATA_VARIABLE = "CONTRASTIVE_CLUSTERING_DATA"


# Files whose tests are long, the longest first.
LONG = ["test_real_images.py", "test_checkpoint.py", "test_bad_input.py"]
LONG += ["test_distributed.py", "test_dask.py", "test_threads.py", "test_docs.py"]
# Their tests repeat what others cover, and tracing them would take a third longer.
NOT_TRACED = {"test_common.py", "test_docs.py", "test_real_images.py"}


def pytest_collection_modifyitems(items):
    """Begin with long tests: at the end each would run alone, on one core."""
    files = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: files.get(item.path.name, len(files)))
    for item in items:
        if item.path.name in NOT_TRACED:
            item.add_marker("no_cover")  # of pytest-cov


@pytest.fixture(scope="session")
def digits():
    """Scikit-learn's own real images: (1797, 8, 8) float64 from 0 to 16, and labels."""
    bunch = load_digits()
    return bunch.images, bunch.target


@pytest.fixture(scope="session")
def fitted_digits(digits):
    """An estimator fitted to the digits; not to be changed."""
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
    """Forty images of 8 x 8 pixels: bright left halves and bright right halves."""
    return make_tiny_images()


@pytest.fixture
def batch():
    """Sixteen images of 3 channels and 12 x 12 pixels, of noise on the common scale."""
    return torch.from_numpy(
        np.random.default_rng(0).normal(size=(16, 3, 12, 12)).astype(np.float32)
    )


FAST = {
    "n_clusters": 2,
    "clusterer": "kmeans",  # the default takes three times as long in all
    "max_epochs": 2,
    "refinement_epochs": 1,
    "latent_dim": 4,
    "random_state": 0,
}


@pytest.fixture
def fast():
    """Parameters that make a fit a matter of a tenth of a second."""
    return dict(FAST)


@pytest.fixture(scope="session")
def fit_tiny():
    """Return a function that fits an estimator to the tiny images in a single epoch."""
    short = {**FAST, "max_epochs": 1, "refinement_epochs": 0, "augmentation": None}

    def fit(**parameters):
        estimator = ContrastiveAutoencoderClusterer(**short | parameters)
        return estimator.fit(make_tiny_images())

    return fit


@pytest.fixture(scope="session")
def fitted_kind():
    """Return a function: samples of a kind, and an estimator quickly fitted to them."""
    images = make_tiny_images()
    shades = np.linspace(1, 0.2, 5)
    kinds = {
        "gray": (images, {}),
        "rgb": ((images[..., None] * shades[:3]).astype(np.uint8), {}),
        "five channels": (images[..., None] * shades, {"channel_axis": 3}),
        "volume": (images[:, None] * np.linspace(0.3, 1, 9)[:, None, None], {}),
        "flat": (images.reshape(40, 64), {"image_shape": (8, 8)}),
        "table": (load_iris().data, {}),
        # Without a second phase, in which a stratum may lose all members.
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
    """Make Ctrl-C work also where a program in the background was told to ignore it."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.fixture
def no_window(monkeypatch):
    """Draw figures without a window, and close them."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    plt = importlib.import_module("matplotlib.pyplot")
    plt.switch_backend("agg")
    monkeypatch.setattr(plt, "show", lambda: None)  # agg warns that it shows nothing
    yield
    plt.close("all")


@pytest.fixture
def umask():
    """Group and others may read what is new, and the group may write."""
    previous = os.umask(0o002)
    yield
    os.umask(previous)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The home folder of the user."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture(params=["named pipe", "socket", "device"])
def no_file(request, tmp_path):
    """Something that is neither a regular file nor a folder, and what it is."""
    path = tmp_path / "no file"
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
    """The folder of real images, or a skip. Read before a test changes the variable."""
    # Users may not have the files, which cannot be passed on. `.ci/run` fails if a test
    # was skipped for this, so that nothing stays untested where changes land.
    folder = os.environ.get(DATA_VARIABLE)
    if not folder or not Path(folder).is_dir():
        pytest.skip(f"needs the folder of image files that {DATA_VARIABLE} names")
    return Path(folder)


@pytest.fixture(scope="session")
def real_images(real_folder):
    """Return a function that loads a part of a real data set, or skips."""

    def load(name, split="train", n=None):
        path = real_folder / f"{name}.npz"
        if not path.is_file():
            # As above: some of the files may be missing at a user's, none in `.ci/run`.
            pytest.skip(f"needs {name}.npz in the folder that {DATA_VARIABLE} names")
        bunch = load_medmnist_file(path, split=split)
        return bunch.data[:n], bunch.target[:n]

    return load
