import tracemalloc

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from contrastive_clustering._networks.backbones import dense_network
from contrastive_clustering._networks.table_encoder import (
    TableEncoder,
    principal_directions,
)


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 7)) @ rng.normal(size=(7, 7)) + 3


def test_latents_start_as_the_components():
    encoder = TableEncoder(dense_network(7, 4, width=8), 7, 4)
    components = np.random.default_rng(0).normal(size=(2, 7))
    encoder.set_components(components)
    batch = torch.randn(5, 7)
    expected = np.zeros((5, 4))
    expected[:, :2] = batch.numpy() @ components.T
    np.testing.assert_allclose(encoder(batch).detach(), expected, atol=1e-5)


def test_the_dense_network_adds_to_the_components():
    torch.manual_seed(0)
    layers = dense_network(7, 4, width=8).eval()
    encoder = TableEncoder(layers, 7, 4).eval()
    encoder.set_components(np.eye(4, 7))
    torch.nn.init.normal_(encoder[-1].weight)
    batch = torch.randn(5, 7)
    expected = batch[:, :4] + layers(batch)
    torch.testing.assert_close(encoder(batch), expected)
    assert not torch.allclose(expected, batch[:, :4])


def test_only_the_dense_network_is_trained():
    encoder = TableEncoder(dense_network(7, 4, width=8), 7, 4)
    encoder.set_components(np.eye(4, 7))
    optimizer = torch.optim.SGD(encoder.parameters(), lr=0.1)
    before = encoder(torch.eye(7)).detach()
    for _ in range(2):
        optimizer.zero_grad()
        encoder(torch.eye(7)).square().sum().backward()
        optimizer.step()
    assert not torch.allclose(encoder(torch.eye(7)), before)
    torch.testing.assert_close(encoder.components, torch.eye(4, 7))


@pytest.mark.parametrize("n_components", [1, 3, 7, 9])
def test_directions_are_those_of_pca(rows, n_components):
    found = principal_directions(rows, n_components)
    pca = PCA(min(n_components, 7)).fit(rows)
    # n - 1 in scikit-learn's variances
    size = np.sqrt(pca.explained_variance_.mean() * 39 / 40)
    cosines = (found * size * pca.components_).sum(axis=1)
    np.testing.assert_allclose(np.abs(cosines), 1, rtol=1e-10)
    scores = (rows - rows.mean(axis=0)) @ found.T
    assert scores.var(axis=0).mean() == pytest.approx(1, rel=1e-10)


def test_a_weight_counts_like_copies(rows):
    copies = np.arange(40) % 3 + 1
    weighted = principal_directions(rows, 3, copies)
    repeated = principal_directions(np.repeat(rows, copies, axis=0), 3)
    signs = np.sign((weighted * repeated).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(weighted * signs, repeated, atol=1e-10)


@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_directions_scale_components_to_a_variance_of_one(rows, unit):
    scores = unit * (rows - rows.mean(axis=0)) @ principal_directions(unit * rows, 3).T
    assert scores.var(axis=0).mean() == pytest.approx(1)


def test_identical_rows_have_finite_directions():
    assert np.isfinite(principal_directions(np.ones((5, 3)), 2)).all()


def test_directions_take_little_more_memory_than_rows_and_directions():
    rows = np.random.default_rng(0).normal(size=(100, 2_000)).astype(np.float32)
    tracemalloc.start()
    try:
        principal_directions(rows, 5)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * 8 * rows.size  # in float64
