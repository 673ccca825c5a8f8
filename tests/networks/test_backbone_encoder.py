"""The encoder made from a backbone: preprocessing, features, frozen layers."""

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from contrastive_clustering._networks.backbone_encoder import (
    BackboneEncoder,
    pool_features,
    resize,
)

MEAN, STD = (0.4, 0.5, 0.6), (0.1, 0.2, 0.3)


def make_backbone():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.Sequential(nn.Dropout(0.5), nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5)),
        nn.BatchNorm2d(5, affine=False),
        nn.Dropout(0.5),
    )


class Recording(nn.Module):
    """A backbone that keeps the images that it receives."""

    def forward(self, images):
        self.images = images
        return images


def make(backbone=None, trainable=(), n_features=5, image_size=None, n_epochs=8):
    return BackboneEncoder(
        make_backbone() if backbone is None else backbone,
        n_features,
        2,
        image_size=image_size,
        mean=MEAN,
        std=STD,
        output=None,
        trainable=trainable,
        n_view_epochs=n_epochs,
    )


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize(("low", "high"), [(0, 255), (-1000, 400), (1e6, 1e6 + 50)])
def test_images_are_scaled_as_the_backbone_was_trained(n_channels, low, high):
    rng = np.random.default_rng(0)
    fractions = rng.random((6, n_channels, 9, 9))
    values = low + (high - low) * fractions
    mean = values.mean((0, 2, 3), keepdims=True)[0]
    std = values.std((0, 2, 3), keepdims=True)[0]
    batch = torch.from_numpy((values - mean) / std).float()
    backbone = Recording()
    encoder = make(backbone, n_features=3)
    encoder.set_input_scale(mean, std, (low, high))
    encoder.features(batch)
    channels = np.broadcast_to(fractions, (6, 3, 9, 9))
    expected = (channels - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
    np.testing.assert_allclose(backbone.images.numpy(), expected, atol=1e-5)


def test_values_outside_of_the_range_are_clipped():
    backbone = Recording()
    make(backbone, n_features=3).features(torch.tensor([-5.0, 7.0]).reshape(2, 1, 1, 1))
    unit = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1)
    expected = (unit - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(
        3, 1, 1
    )
    torch.testing.assert_close(backbone.images, expected)


def test_images_are_resized():
    backbone = Recording()
    make(backbone, n_features=3, image_size=(20, 12)).features(torch.zeros(2, 1, 9, 9))
    assert backbone.images.shape == (2, 3, 20, 12)


def test_a_reduced_stripe_pattern_is_gray():
    # The center of nine pixels, taken alone, would be black or white.
    stripes = torch.zeros(1, 1, 63, 63)
    stripes[..., ::2] = 1.0
    for pattern, size in (
        (stripes, (7, 7)),
        (stripes, (63, 7)),
        (stripes.mT, (7, 63)),
    ):
        inner = resize(pattern, size)[..., 1:-1, 1:-1]
        gray = torch.full_like(inner, 0.5)
        torch.testing.assert_close(inner, gray, atol=0.01, rtol=0)
    assert torch.equal(resize(stripes, (63, 63)), stripes)


@pytest.mark.parametrize(
    ("output", "field", "expected"),
    [
        (torch.tensor([[1.0, 2.0]]), None, [1.0, 2.0]),
        (torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), None, [2.0, 3.0]),
        (torch.tensor([[[[1.0, 2.0]], [[3.0, 5.0]]]]), None, [1.5, 4.0]),
        ({"last_hidden_state": torch.tensor([[[1.0], [3.0]]])}, None, [2.0]),
        (
            SimpleNamespace(
                last_hidden_state=torch.zeros(1, 2, 1),
                pooler_output=torch.tensor([[7.0]]),
            ),
            None,
            [7.0],
        ),
        (
            SimpleNamespace(
                last_hidden_state=torch.full((1, 2, 1), 3.0), pooler_output=None
            ),
            None,
            [3.0],
        ),
        ({"embedding": torch.tensor([[5.0]])}, "embedding", [5.0]),
    ],
)
def test_features_are_found_and_pooled(output, field, expected):
    assert pool_features(output, field).tolist() == [expected]


@pytest.mark.parametrize(
    ("output", "field", "message"),
    [
        ("text", None, "a str without a tensor in 'pooler_output' or 'last_hidden"),
        ((torch.zeros(2, 2),), None, "a tuple without a tensor"),
        ({"pooler_output": None}, None, "a dict without a tensor"),
        ({"pooler_output": torch.zeros(2, 3)}, "other", "a dict without .* 'other'"),
        (torch.zeros(2, 3), "other", r"no field 'other'; set output=None"),
        (torch.zeros(2), None, "of 1 axes"),
        (torch.zeros(2, 3, dtype=torch.long), None, "torch.int64"),
        (torch.zeros(2, 3, 4, 4, 4), None, "of 5 axes"),
    ],
)
def test_an_output_without_features_is_an_error(output, field, message):
    with pytest.raises(ValueError, match=message):
        pool_features(output, field)


TRAINABLE = {
    "none": ((), set()),
    "a layer": (["2.1.*"], {"2.1.weight", "2.1.bias"}),
    "a stage": (
        ["2.*"],
        {
            "2.1.weight",
            "2.1.bias",
            "2.2.weight",
            "2.2.bias",
        },
    ),
}


@pytest.mark.parametrize(("trainable", "changing"), TRAINABLE.values(), ids=TRAINABLE)
def test_only_trained_layers_change(trainable, changing):
    encoder = make(trainable=trainable)
    before = copy.deepcopy(encoder.backbone.state_dict())
    optimizer = torch.optim.SGD(encoder.parameters(), lr=0.1)
    generator = torch.Generator().manual_seed(0)
    for mode in (False, True):
        encoder.train(mode)
    for _ in range(2):
        optimizer.zero_grad()
        encoder(torch.rand(8, 1, 6, 6, generator=generator)).square().sum().backward()
        optimizer.step()
    after = encoder.backbone.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    # A bias before normalization has no gradient.
    assert changed - {"2.1.bias"} == changing - {"2.1.bias"}


def test_layers_without_trained_weights_are_not_random():
    frozen, partly = make().train(), make(trainable=["0.*"]).train()
    assert not any(layer.training for layer in frozen.backbone.modules())
    assert frozen.head[0].training
    # Dropout belongs to the stage that contains it.
    assert partly.backbone[0].training
    assert partly.backbone[4].training
    assert not any(layer.training for layer in partly.backbone[2].modules())


def test_everything_is_trained_if_all_weights_are():
    encoder = make(trainable=["*"])
    kept = [layer for layer in encoder.backbone.modules() if not layer.training]
    assert all(isinstance(layer, nn.BatchNorm2d) for layer in kept)
    assert len(kept) == 3
    assert all(weight.requires_grad for weight in encoder.parameters())
    assert encoder.n_view_epochs is None
    assert not any(layer.training for layer in encoder.eval().modules())


def test_features_are_kept_only_in_the_context_and_only_if_frozen():
    encoder = make().eval()
    batch = torch.rand(8, 1, 6, 6)
    plain = encoder(batch)
    with encoder.keeping_features():
        for _ in range(3):
            assert torch.equal(encoder(batch), plain)
        bank = encoder._bank
        assert (bank.n_computed, bank.n_found) == (1, 2)
        assert pickle.loads(pickle.dumps(encoder))._bank is None
        assert copy.deepcopy(encoder)._bank is None
    assert encoder._bank is None
    for uncached in (make(trainable=["*"]), make(n_epochs=None)):
        with uncached.keeping_features():
            assert uncached._bank is None


@pytest.mark.parametrize("looks_up", [True, False])
def test_features_are_not_kept_once_a_callback_frees_the_backbone(looks_up):
    encoder = make().eval()
    batch = torch.randn(4, 3, 9, 9)
    with encoder.keeping_features():
        encoder(encoder.look_up(batch)).sum().backward()
        encoder.backbone.requires_grad_(True)
        if looks_up:
            assert encoder.look_up(batch) is batch
        encoder(batch).sum().backward()
        assert encoder.backbone[0].weight.grad.any()
        encoder.backbone.requires_grad_(False)
        with torch.no_grad():
            encoder.backbone[0].weight.mul_(2)
        assert encoder.look_up(batch) is batch  # features of old weights are gone


def test_features_do_not_depend_on_the_blocks_of_a_large_batch():
    encoder = make().eval()
    batch = torch.rand(150, 1, 6, 6)
    torch.testing.assert_close(encoder(batch), encoder.head(encoder.features(batch)))
