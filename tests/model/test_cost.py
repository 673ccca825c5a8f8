import itertools
import math
from dataclasses import FrozenInstanceError
from types import SimpleNamespace

import numpy as np
import pytest
from skorch.history import History
from torch import nn

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    CostEstimate,
    PretrainedEncoder,
)
from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._estimator.settings import resolve_settings
from contrastive_clustering._model import cost as _cost
from contrastive_clustering._model.cost import estimate_fit, is_cheap_to_estimate
from contrastive_clustering._networks.autoencoder import ContrastiveAutoencoder
from contrastive_clustering._networks.backbone_encoder import BackboneEncoder


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.01, "0.1 seconds"),
        (0.52, "0.5 seconds"),
        (2, "2 seconds"),
        (119, "119 seconds"),
        (150, "2 minutes"),
        (7200, "2 hours"),
    ],
)
def test_an_estimate_is_one_readable_line(seconds, shown):
    line = str(CostEstimate(seconds, 3 * 2**29, 128, 30, 15))
    assert line == (
        f"about {shown} of training (30 and 15 epochs, batches of 128) and 1.5 GiB of "
        "memory"
    )


def test_an_estimate_is_frozen():
    with pytest.raises(FrozenInstanceError):
        CostEstimate(1.0, 1, 1, 1, 1).seconds = 2.0


def make(fast, n_samples=40, **parameters):
    X = np.random.default_rng(0).normal(size=(n_samples, 8, 8))
    dataset = ArrayDataset(X, Scaler.fit(X, read_layout(X.shape)))
    estimator = ContrastiveAutoencoderClusterer(**{**fast, **parameters})
    return dataset, resolve_settings(estimator, dataset, seed=0)


def test_seconds_are_those_of_a_sample_times_samples_and_epochs(fast, monkeypatch):
    seen = []

    def fixed(net, dataset):
        seen.append((net.batch_size, len(dataset)))
        return 0.01

    monkeypatch.setattr(_cost, "_seconds_per_sample", fixed)
    for refinement_epochs in (5, 0):
        cost = estimate_fit(
            *make(fast, max_epochs=7, refinement_epochs=refinement_epochs)
        )
        n_epochs = 7 + refinement_epochs
        assert cost.seconds == pytest.approx(0.01 * 40 * n_epochs)
        assert (cost.max_epochs, cost.refinement_epochs) == (7, refinement_epochs)
    assert seen == [(40, 40), (40, 40)]


def test_memory_grows_with_the_batch_but_not_beyond_the_samples(fast, monkeypatch):
    monkeypatch.setattr(_cost, "_seconds_per_sample", lambda *args: 0.0)
    found = [
        estimate_fit(*make(fast, batch_size=size)).bytes
        for size in (10, 20, 30, 40, 99)
    ]
    assert found[3] == found[4]
    (growth,) = {b - a for a, b in itertools.pairwise(found[:4])}
    assert growth > 10 * 8 * 8 * 4  # at least a float32 copy of ten images


def test_memory_includes_weights_gradients_and_moments(fast, monkeypatch):
    monkeypatch.setattr(_cost, "_seconds_per_sample", lambda *args: 0.0)
    X = np.random.default_rng(0).normal(size=(40, 10))
    dataset = ArrayDataset(X, Scaler.fit(X, read_layout(X.shape)))
    small = nn.Linear(10, 4)
    large = nn.Sequential(nn.Linear(10, 1000), nn.Linear(1000, 4))
    found = []
    for encoder in (small, large):
        clusterer = ContrastiveAutoencoderClusterer(**fast, encoder=encoder)
        cost = estimate_fit(dataset, resolve_settings(clusterer, dataset, 0))
        found.append(cost.bytes)
    n_weights = 11 * 1000 + 1001 * 4 - 11 * 4
    assert 4 * 4 * n_weights <= found[1] - found[0] <= 6 * 4 * n_weights


def test_timed_steps_are_silent_and_the_first_does_not_count(fast, capsys):
    dataset, settings = make(fast, verbose=1)
    estimate_fit(dataset, settings)
    assert capsys.readouterr() == ("", "")

    def run_epochs(dataset):
        net.history = History([{"dur": 90.0}, {"dur": 1.0}, {"dur": 3.0}])

    net = SimpleNamespace(run_epochs=run_epochs)
    assert _cost._seconds_per_sample(net, range(10)) == pytest.approx(0.2)


@pytest.mark.parametrize(("n_images", "n_timed"), [(99, 64), (40, 40), (1, 32)])
def test_estimates_of_short_fits_are_not_cheap(fast, monkeypatch, n_images, n_timed):
    monkeypatch.setattr(_cost, "VALUES_TIMED", n_images * 8 * 8)
    dataset, settings = make(fast, max_epochs=3, refinement_epochs=2, batch_size=64)
    needed = math.ceil(100 * 3 * n_timed / 5)
    for n_samples in (needed - 1, needed):
        repeated = dataset.take(np.zeros(n_samples, dtype=np.intp))
        assert is_cheap_to_estimate(repeated, settings) == (n_samples == needed)


@pytest.mark.slow
def test_the_estimate_is_close_to_the_time_of_a_fit():
    X = np.random.default_rng(0).normal(size=(1000, 64, 64))
    dataset = ArrayDataset(X, Scaler.fit(X, read_layout(X.shape)))
    estimator = ContrastiveAutoencoderClusterer(
        2, clusterer="kmeans", max_epochs=4, refinement_epochs=0, random_state=0
    )
    settings = resolve_settings(estimator, dataset, seed=0)
    seconds = estimate_fit(dataset, settings).seconds
    fitted = estimator.fit(X)
    trained = sum(fitted.history_[:, "dur"])
    # Another process may slow down one of the two.
    assert trained / 3 < seconds < 3 * trained


@pytest.mark.parametrize(
    ("parameters", "n_new"),
    [
        ({"cached_views": 4}, 4),
        ({"cached_views": 20}, 12),
        ({"cached_views": None}, 12),
        ({"cached_views": 4, "trainable": "all"}, 12),
    ],
    ids=str,
)
def test_epochs_that_repeat_views_take_less_time(fast, monkeypatch, parameters, n_new):
    calls = []

    def fixed(net, dataset):
        calls.append(net)
        return 0.01 if net.module_.encoder._bank is None else 0.001

    monkeypatch.setattr(_cost, "_seconds_per_sample", fixed)
    encoder = PretrainedEncoder(nn.Conv2d(3, 4, 3), image_size=8, **parameters)
    epochs = {"max_epochs": 7, "refinement_epochs": 5}
    cost = estimate_fit(*make(fast, encoder=encoder, **epochs))
    assert cost.seconds == pytest.approx(40 * (0.01 * n_new + 0.001 * (12 - n_new)))
    assert len(calls) == 1 + (n_new < 12)


def test_repeated_views_are_timed_without_the_backbone(fast, monkeypatch):
    computed, compute = [], BackboneEncoder.features

    def counted(encoder, batch):
        computed.append(len(batch))
        return compute(encoder, batch)

    monkeypatch.setattr(BackboneEncoder, "features", counted)
    monkeypatch.setattr(ContrastiveAutoencoder, "try_custom_parts", lambda *args: None)
    encoder = PretrainedEncoder(nn.Conv2d(3, 4, 3), image_size=8, cached_views=2)
    estimate_fit(*make(fast, encoder=encoder, max_epochs=3))
    # Three steps on new views, and one whose views the following steps repeat.
    assert sum(computed) == 4 * 2 * 40


def test_memory_of_wide_tables_includes_that_of_their_components(fast, monkeypatch):
    monkeypatch.setattr(_cost, "_seconds_per_sample", lambda *args: 0.0)
    monkeypatch.setattr(_cost, "FIXED_BYTES", 0)
    X = np.random.default_rng(0).normal(size=(300, 4_000))
    dataset = ArrayDataset(X, Scaler.fit(X, read_layout(X.shape)))
    found = []
    for encoder in (None, nn.Linear(4_000, 8)):
        parameters = {**fast, "encoder": encoder, "latent_dim": 8}
        clusterer = ContrastiveAutoencoderClusterer(**parameters)
        found.append(estimate_fit(dataset, resolve_settings(clusterer, dataset, 0)))
    assert found[0].bytes > 5 * X.nbytes > found[1].bytes
