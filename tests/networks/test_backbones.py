import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from contrastive_clustering._networks.backbones import (
    block_geometry,
    decoder_pyramid,
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


def slow_shapes(side, n_blocks):
    """Return the lengths of an axis after each of some blocks of today's network."""
    lengths = [side]
    for _ in range(n_blocks):
        lengths.append(math.ceil(lengths[-1] / 2))
    return lengths


@pytest.mark.parametrize("sides", [(28, 28), (64, 64), (9, 16), (8, 64), (28, 28, 28)])
def test_small_samples_have_blocks_of_three_pixels_and_stride_two(sides):
    pyramid = spatial_pyramid(sides)
    for axis, side in enumerate(sides):
        assert [each[axis] for each in pyramid] == slow_shapes(side, len(pyramid) - 1)
    encoder = default_encoder((1, *sides), 6)
    blocks = [layer for layer in encoder if hasattr(layer, "stride")]
    n_axes = len(sides)
    for block in blocks:
        assert block.kernel_size == (3,) * n_axes
        assert block.stride == (2,) * n_axes
        assert block.padding == (1,) * n_axes


@pytest.mark.parametrize(
    "shape",
    [(1, 65, 100), (3, 129, 130), (1, 64, 512), (1, 8, 128, 128), (1, 9, 70, 20)],
)
def test_large_samples_are_encoded_and_decoded(shape):
    encoder, decoder = default_encoder(shape, 6), default_decoder(shape, 6)
    assert decoder(encoder(torch.zeros(2, *shape))).shape == (2, *shape)


@pytest.mark.parametrize("side", [65, 100, 127, 128, 129, 130, 131, 200, 224, 333])
def test_each_pixel_is_decoded_and_encoded(side):
    decoder, encoder = (
        default_decoder((1, side, 16), 6),
        default_encoder((1, side, 16), 6),
    )
    last = decoder[-1]
    torch.nn.init.ones_(last.weight)
    inner = torch.ones(1, last.in_channels, decoder_pyramid((side, 16))[1][0], 8)
    assert last(inner).amin() > last.bias.item()
    torch.nn.init.ones_(encoder[0].weight)
    image = torch.zeros(1, 1, side, 16, requires_grad=True)
    encoder[0](image).sum().backward()
    assert image.grad.amin() > 0


@pytest.mark.parametrize("factor", [2, 4])
def test_a_large_kernel_equals_small_ones_with_channels_of_patches(factor):
    generator = torch.Generator().manual_seed(0)
    geometry = block_geometry((16 * factor,), (8,), (factor,))
    weight = torch.randn(5, 1, *geometry.kernel_size * 2, generator=generator)
    inner = torch.randn(2, 5, 8, 8, generator=generator)
    stride, padding = geometry.stride[0], geometry.padding[0]
    found = F.conv_transpose2d(
        inner, weight, None, stride, padding, geometry.output_padding[0]
    )
    small = F.pixel_unshuffle(weight, factor)  # (5, factor ** 2, 3, 3)
    whole = F.pixel_shuffle(F.conv_transpose2d(inner, small, stride=2), factor)
    rows = slice(padding, padding + 16 * factor)
    assert_close(found, whole[..., rows, rows])


def test_cost_never_grows_faster_than_the_pixels():
    def products(side):
        """Return the multiplications of the encoder and the decoder per pixel."""
        with torch.device("meta"):
            parts = [
                default_encoder((1, side, side), 8),
                default_decoder((1, side, side), 8),
            ]
            batch = torch.empty(1, 1, side, side)
        with FlopCounterMode(display=False) as counter:
            parts[1](parts[0](batch))
        return counter.get_total_flops() / side**2

    per_pixel = {side: products(side) for side in (28, 64, 65, 96, 128, 129, 224, 512)}
    assert max(per_pixel.values()) == max(per_pixel[28], per_pixel[64])
    assert per_pixel[224] < per_pixel[64] / 4


def test_few_slices_are_not_reduced_to_one():
    for pyramid in (spatial_pyramid((8, 128, 128)), decoder_pyramid((8, 128, 128))):
        for outer, inner in itertools.pairwise(pyramid):
            assert inner[0] >= min(outer[0], inner[1])
