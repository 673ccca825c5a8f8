"""Shared fixtures: small images, and the real ones where the files are there."""

import os
import signal
from pathlib import Path

# Much in these tests is too small for threads to help; waiting for each other costs.
# It has to be said before NumPy and PyTorch are imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from sklearn.datasets import load_digits

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering.datasets import load_medmnist_file

DATA_VARIABLE = "CONTRASTIVE_CLUSTERING_DATA"


@pytest.fixture(scope="session")
def digits():
    """Scikit-learn's own real images: (1797, 8, 8) float64 from 0 to 16, and labels."""
    bunch = load_digits()
    return bunch.images, bunch.target


@pytest.fixture(scope="session")
def fitted_digits(digits):
    """An estimator fitted to the digits; not to be changed."""
    images, _ = digits
    return ContrastiveAutoencoderClusterer(10, max_epochs=10, random_state=0).fit(
        images
    )


@pytest.fixture
def tiny_images():
    """Forty images of 8 x 8 pixels: bright left halves and bright right halves."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 60, size=(40, 8, 8), dtype=np.uint8)
    images[:20, :, :4] += 180
    images[20:, :, 4:] += 180
    return images


@pytest.fixture
def fast():
    """Parameters that make a fit a matter of a tenth of a second."""
    return {
        "n_clusters": 2,
        "clusterer": "kmeans",  # the default takes three times as long in all
        "max_epochs": 2,
        "refinement_epochs": 1,
        "latent_dim": 4,
        "random_state": 0,
    }


@pytest.fixture
def ctrl_c():
    """Make Ctrl-C work also where a program in the background was told to ignore it."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.fixture(scope="session")
def real_folder():
    """The folder of real images, or a skip. Read before a test changes the variable."""
    # Users may not have the files. `.ci/run` fails if a test was skipped for this.
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
            pytest.skip(f"needs {name}.npz in the folder that {DATA_VARIABLE} names")
        bunch = load_medmnist_file(path, split=split)
        return bunch.data[:n], bunch.target[:n]

    return load
