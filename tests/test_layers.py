import pytest
import torch

from contrastive_clustering._layers import (
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
def test_encoders_and_decoders_map_there_and_back(shape):
    encoder, decoder = default_encoder(shape, 6), default_decoder(shape, 6)
    latents = encoder(torch.zeros(4, *shape))
    assert latents.shape == (4, 6)
    assert decoder(latents).shape == (4, *shape)


def test_images_alone_have_their_channels_last():
    assert fastest_layout((3, 9, 8)) == torch.channels_last
    for shape in ((5,), (1, 8, 9, 10)):
        assert fastest_layout(shape) == torch.contiguous_format
    kernels = default_encoder((3, 9, 8), 6)[0].weight
    assert kernels.is_contiguous(memory_format=torch.channels_last)
    assert not kernels.is_contiguous()
