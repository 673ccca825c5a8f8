import pytest
import torch

from contrastive_clustering._networks.backbones import (
    default_decoder,
    default_encoder,
    fastest_layout,
    spatial_pyramid,
)


def test_pyramid_ends_at_the_innermost_side():
    for side in range(8, 257):
        pyramid = spatial_pyramid((side, side))
        assert pyramid[0] == (side, side)
        assert 2 < pyramid[-1][0] <= 4


@pytest.mark.parametrize("shape", [(5,), (3, 9, 8), (1, 8, 9, 10)])
def test_encoders_and_decoders_have_matching_shapes(shape):
    encoder, decoder = default_encoder(shape, 6), default_decoder(shape, 6)
    latents = encoder(torch.zeros(4, *shape))
    assert latents.shape == (4, 6)
    assert decoder(latents).shape == (4, *shape)


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((3, 9, 8), torch.channels_last),
        ((2, 8, 9, 10), torch.channels_last_3d),
        ((5,), torch.contiguous_format),
    ],
)
def test_images_and_volumes_use_channels_last(shape, layout):
    assert fastest_layout(shape) == layout
    if len(shape) > 1:
        kernels = default_encoder(shape, 6)[0].weight
        assert kernels.is_contiguous(memory_format=layout)
        assert not kernels.is_contiguous()
