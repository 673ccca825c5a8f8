import os
import subprocess
import sys
import threading
import warnings
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot as plt
from sklearn import config_context, get_config
from sklearn.mixture import GaussianMixture

from contrastive_clustering import (
    ClusterNumberSearch,
    ConsensusClustering,
    ContrastiveAutoencoderClusterer,
    EmbeddingDisplay,
    cluster_stability,
    evaluate_clustering,
)
from contrastive_clustering._utils.surroundings import plain_surroundings


@contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def printed(**options):
    before = np.get_printoptions()
    np.set_printoptions(**options)
    try:
        yield
    finally:
        np.set_printoptions(**before)


SURROUNDINGS = {
    "pandas": lambda: config_context(transform_output="pandas"),
    "polars": lambda: config_context(transform_output="polars"),
    "assume_finite": lambda: config_context(assume_finite=True),
    "metadata_routing": lambda: config_context(enable_metadata_routing=True),
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "meta": lambda: torch.device("meta"),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "errors": lambda: np.errstate(all="raise"),
    "silence": lambda: np.errstate(all="ignore"),
    "printing": lambda: printed(precision=1, threshold=2),
}


def state():
    """Return all that a caller can have set."""
    return (
        get_config(),
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        np.geterr(),
        torch.random.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),  # the global one
    )


def use(X, folder, **others):
    """Fit and use every method; return all results."""
    clusterer = ContrastiveAutoencoderClusterer(
        **{
            "n_clusters": 3,
            "latent_dim": 4,
            "max_epochs": 1,
            "refinement_epochs": 1,
            "random_state": 0,
            **others,
        }
    ).fit(X)
    clusterer.partial_fit(X)
    path = folder / "model.safetensors"
    clusterer.save(path)
    loaded = ContrastiveAutoencoderClusterer.load(path)
    Z = np.asarray(clusterer.transform(X))
    return [
        clusterer.labels_,
        Z,
        clusterer.predict_proba(X),
        clusterer.inverse_transform(Z),
        clusterer.score_samples(X),
        clusterer.sample(3, random_state=0)[0],
        clusterer.interpolate(0, 1),
        clusterer.score(X),
        clusterer.labels_at(1, X),
        loaded.predict_proba(X),
        np.asarray(loaded.transform(X)),
    ]


KINDS = {
    "whitened": {"clusterer": "kmeans", "whiten": True, "normalize": True},
    "searched": {"n_clusters": ClusterNumberSearch(high=4), "clusterer": "kmeans"},
    "prototypes": {"clusterer": "gaussian_mixture", "refinement": "prototypes"},
    "consensus": {"clusterer": ConsensusClustering(n_members=4)},
}


@pytest.fixture(scope="module")
def expected(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("expected")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*generated samples")
        return {
            kind: use(digits[0][:60], folder, **others)
            for kind, others in KINDS.items()
        }


@pytest.mark.filterwarnings("ignore:.*generated samples")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SURROUNDINGS)
def test_surroundings_change_nothing(digits, expected, tmp_path, name, kind):
    with SURROUNDINGS[name]():
        before = state()
        found = use(digits[0][:60], tmp_path, **KINDS[kind])
        assert state() == before
    for one, other in zip(found, expected[kind], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_functions_work_in_any_surroundings(digits, tmp_path, name, no_window):
    X, y = digits[0][:60], digits[1][:60]
    clusterer = ContrastiveAutoencoderClusterer(
        3, clusterer="kmeans", max_epochs=1, refinement_epochs=0, random_state=0
    ).fit(X)

    def results():
        evaluated = evaluate_clustering(clusterer, X, y, X, y)
        stability = cluster_stability(clusterer, X, n_resamples=2, random_state=0)
        display = EmbeddingDisplay.from_estimator(clusterer, X, method="pca")
        plt.close(display.figure_)
        consensus = ConsensusClustering(3, n_members=4, random_state=0).fit(X[:, 0])
        return [
            evaluated.silhouette,
            stability.jaccard,
            display.places,
            consensus.labels_,
            consensus.predict(X[:, 1]),
        ]

    plain = results()
    with SURROUNDINGS[name]():
        before = state()
        found = results()
        clusterer.to_onnx(tmp_path / "model.onnx") if name in {
            "pandas",
            "meta",
        } else ...
        assert state() == before
    for one, other in zip(found, plain, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_caller_still_gets_the_container_that_was_set(digits, fitted_digits):
    with config_context(transform_output="pandas"):
        Z = fitted_digits.transform(digits[0][:5])
    assert isinstance(Z, pd.DataFrame)
    np.testing.assert_array_equal(Z, fitted_digits.transform(digits[0][:5]))


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_an_error_gives_them_back(digits, fast, name):
    with SURROUNDINGS[name]():
        before = state()
        with pytest.raises(ValueError, match="shape"):
            ContrastiveAutoencoderClusterer(**fast, image_shape=(9, 9)).fit(digits[0])
        assert state() == before


def test_nan_is_refused_whatever_is_assumed(digits, fast):
    X = digits[0][:60].copy()
    X[7] = np.nan
    with config_context(assume_finite=True), pytest.raises(ValueError, match="NaN"):
        ContrastiveAutoencoderClusterer(**fast).fit(X)


def test_own_parts_run_inside(digits, fast):
    seen = []

    class Mixture(GaussianMixture):
        def fit_predict(self, X, y=None):
            seen.append((get_config()["transform_output"], torch.get_default_dtype()))
            return super().fit_predict(X, y)

    with config_context(transform_output="pandas"), default_dtype(torch.float64):
        ContrastiveAutoencoderClusterer(**{**fast, "clusterer": Mixture()}).fit(
            digits[0][:60]
        )
    assert set(seen) == {("default", torch.float32)}


def test_the_last_thread_gives_the_dtype_back():
    entered, leave = threading.Event(), threading.Event()

    def stay():
        with plain_surroundings():
            entered.set()
            leave.wait(60)

    with default_dtype(torch.float64):
        thread = threading.Thread(target=stay)
        with plain_surroundings():
            thread.start()
            assert entered.wait(60)
        assert torch.get_default_dtype() == torch.float32
        leave.set()
        thread.join()
        assert torch.get_default_dtype() == torch.float64


def test_array_api_dispatch():
    # SciPy reads its setting when it is imported.
    code = """
import numpy as np
from sklearn import config_context
from sklearn.datasets import load_digits
from contrastive_clustering import ContrastiveAutoencoderClusterer
X = load_digits().images[:60]
def fit():
    clusterer = ContrastiveAutoencoderClusterer(
        3, clusterer="gaussian_mixture", latent_dim=4, max_epochs=1,
        refinement_epochs=1, random_state=0,
    ).fit(X)
    return clusterer.predict_proba(X)
expected = fit()
with config_context(array_api_dispatch=True):
    np.testing.assert_array_equal(fit(), expected)
"""
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
    )
