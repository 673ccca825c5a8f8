import math

import numpy as np
import pytest
import torch

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._model import divergence as _divergence
from contrastive_clustering._model.divergence import (
    check_decoder,
    encode_checked,
    encode_decoded,
    map_checked,
)


@pytest.fixture
def fitted(tiny_images, fast):
    return ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)


@pytest.fixture
def net(fitted):
    return fitted.net_


@pytest.fixture
def dataset(fitted, tiny_images):
    return ArrayDataset(tiny_images, fitted._model.scaler)


def last_weight(layers):
    return list(layers.parameters())[-1].data


def test_finite_latents_are_returned(fitted, net, dataset, tiny_images):
    latents = encode_checked(net, dataset)
    np.testing.assert_array_equal(latents, fitted.transform(tiny_images))
    np.testing.assert_array_equal(map_checked(net, dataset, np.negative), -latents)
    check_decoder(net, fitted.cluster_centers_, fitted._model.scaler)


def test_latents_that_are_not_finite_raise(net, dataset):
    last_weight(net.module_.encoder).fill_(torch.nan)
    n_epochs = len(net.history)
    with pytest.raises(ValueError, match=rf"after {n_epochs} .* lr=0\.003 latents are"):
        encode_checked(net, dataset)


def test_weights_that_are_not_finite_are_named(fitted, net):
    last_weight(net.module_.decoder)[0] = torch.inf
    with pytest.raises(ValueError, match=r"the weights decoder\.\S+ are no longer fin"):
        check_decoder(net, fitted.cluster_centers_, fitted._model.scaler)


def test_finite_weights_that_overflow_raise(fast):
    X = np.random.default_rng(0).normal(size=(40, 6))
    fitted = ContrastiveAutoencoderClusterer(**fast).fit(X)
    for weight in fitted.net_.module_.decoder.parameters():
        weight.data.fill_(1e30)
    with pytest.raises(ValueError, match=r"decoded centers are no longer finite"):
        check_decoder(fitted.net_, fitted.cluster_centers_, fitted._model.scaler)


def test_decoding_in_parts_gives_the_same_latents(fitted, net, dataset, monkeypatch):
    latents = encode_checked(net, dataset)
    scaler = fitted._model.scaler
    whole = encode_decoded(net, latents, scaler)
    decoded = ArrayDataset(fitted.inverse_transform(latents), scaler)
    np.testing.assert_array_equal(whole, encode_checked(net, decoded))
    n_values = math.prod(scaler.layout.sample_shape)
    decode, sizes = net.decode, []
    monkeypatch.setattr(
        net,
        "decode",
        lambda part, unscale: sizes.append(len(part)) or decode(part, unscale),
    )
    monkeypatch.setattr(_divergence, "DECODED_VALUES", 16 * n_values)
    parts = encode_decoded(net, latents, scaler)
    np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-5)
    assert sizes == [16, 16, 8]
    # A single sample may exceed the limit.
    monkeypatch.setattr(_divergence, "DECODED_VALUES", n_values - 1)
    encode_decoded(net, latents[:2], scaler)
    assert sizes[3:] == [1, 1]


def test_the_state_of_custom_modules_may_be_infinite(fitted, net):
    net.module_.custom_parts = ["encoder"]
    last_weight(net.module_.encoder)[0] = torch.inf
    check_decoder(net, fitted.cluster_centers_, fitted._model.scaler)
    last_weight(net.module_.decoder)[0] = torch.inf
    with pytest.raises(ValueError, match=r"the weights decoder\.\S+ are no longer fin"):
        check_decoder(net, fitted.cluster_centers_, fitted._model.scaler)
