"""The default encoders and decoders, convolutional and dense.

A sample's shape is channels first: ``(n_channels, height, width)``, ``(n_channels,
depth, height, width)`` or, for tables, ``(n_features,)``.
"""

import itertools
import math
from typing import NamedTuple

import torch
from torch import nn

from contrastive_clustering._networks.table_encoder import TableEncoder

# Widths of the convolutional blocks, starting at the image; deeper networks, for larger
# images, repeat the last. The decoder is half as wide, as it dominated the cost and a
# narrow one does not worsen the strata (docs, "Defaults").
ENCODER_WIDTHS = (32, 64, 128)
DECODER_WIDTHS = (16, 32, 64)

# Blocks for volumes have three times the kernel elements and many more positions than
# those for images. Dividing their width by this factor makes training on a thousand
# volumes take minutes.
VOLUME_FACTOR = 2

# Convolution, transposed convolution and normalization by the number of spatial axes.
CONVOLUTIONS: dict[int, tuple[type[nn.Module], type[nn.Module], type[nn.Module]]] = {
    2: (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d),
    3: (nn.Conv3d, nn.ConvTranspose3d, nn.BatchNorm3d),
}

# The convolutional blocks halve the sides until the longest is at most this long.
INNERMOST_SIDE = 4

# At full resolution, wide blocks would take nearly all of the time and memory. In the
# encoder, blocks at sides longer than this are therefore narrow: half as wide at each
# doubling of the side, but at least `MIN_WIDTH`. Fine textures need their nonlinearity.
# In the decoder, the last block enlarges such sides by a further factor, up to
# `MAX_PATCH` (docs, "Experiments", "image sizes").
LARGEST_GRID = 64
MIN_WIDTH = 8
MAX_PATCH = 4

DENSE_WIDTH = 128


def patches(sides: tuple[int, ...]) -> tuple[int, ...]:
    """Return the factors by which the decoder's last block does more than doubling.

    Examples
    --------
    >>> from contrastive_clustering._networks.backbones import patches
    >>> patches((64, 64)), patches((128, 224)), patches((8, 512, 512))
    ((1, 1), (2, 4), (1, 4, 4))
    """
    factors = []
    for side in sides:
        factor = 1
        while factor < MAX_PATCH and math.ceil(side / factor) > LARGEST_GRID:
            factor *= 2
        factors.append(factor)
    return tuple(factors)


def spatial_pyramid(sides: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the sides before, between and after the blocks, each of which halves them.

    A block does not halve an axis of a volume that is at most half as long as the
    longest, so that few slices are not reduced to one while the other axes are long
    (Isensee et al., "nnU-Net", 2021).

    Examples
    --------
    >>> from contrastive_clustering._networks.backbones import spatial_pyramid
    >>> spatial_pyramid((28, 28))
    [(28, 28), (14, 14), (7, 7), (4, 4)]
    >>> spatial_pyramid((9, 16))
    [(9, 16), (5, 8), (3, 4)]
    >>> spatial_pyramid((8, 64, 64))
    [(8, 64, 64), (8, 32, 32), (8, 16, 16), (8, 8, 8), (4, 4, 4)]
    """
    pyramid = [sides]
    while max(pyramid[-1]) > INNERMOST_SIDE:
        longest = max(pyramid[-1])
        pyramid.append(
            tuple(
                (side + 1) // 2 if len(sides) < 3 or 2 * side > longest else side
                for side in pyramid[-1]
            )
        )
    return pyramid


def decoder_pyramid(sides: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the pyramid of the decoder, whose first step includes `patches`.

    Examples
    --------
    >>> from contrastive_clustering._networks.backbones import decoder_pyramid
    >>> decoder_pyramid((224, 224))
    [(224, 224), (28, 28), (14, 14), (7, 7), (4, 4)]
    """
    grid = tuple(
        math.ceil(side / factor)
        for side, factor in zip(sides, patches(sides), strict=True)
    )
    return [sides, *spatial_pyramid(grid)[1:]]


def encoder_widths(pyramid: list[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the widths of the encoder's blocks, of which the last may repeat.

    Examples
    --------
    >>> from contrastive_clustering._networks.backbones import encoder_widths
    >>> from contrastive_clustering._networks.backbones import spatial_pyramid
    >>> encoder_widths(spatial_pyramid((64, 64)))
    (32, 64, 128)
    >>> encoder_widths(spatial_pyramid((512, 512)))
    (8, 8, 16, 32, 64, 128)
    """
    n_fine = sum(max(sides) > LARGEST_GRID for sides in pyramid)
    fine = [
        max(MIN_WIDTH, ENCODER_WIDTHS[0] >> halvings)
        for halvings in range(n_fine, 0, -1)
    ]
    return (*fine, *ENCODER_WIDTHS)


class BlockGeometry(NamedTuple):
    """Arguments of the convolution of a block, with one entry for each axis."""

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    output_padding: tuple[int, ...]


def block_geometry(
    outer: tuple[int, ...], inner: tuple[int, ...], factors: tuple[int, ...]
) -> BlockGeometry:
    """Return the geometry of a block between the sides `outer` and `inner`.

    A halved axis has a stride of two and a kernel of three, both times the axis's
    factor. In the decoder, this equals a transposed 3 x 3 convolution of stride two
    whose channels are the pixels of patches (arXiv:1609.05158), without a copy of the
    image. An axis that keeps its length has a stride and a kernel of one.

    Examples
    --------
    >>> from contrastive_clustering._networks.backbones import block_geometry
    >>> block_geometry((28, 7), (14, 4), (1, 1)).output_padding
    (1, 0)
    >>> block_geometry((224,), (28,), (4,))
    BlockGeometry(kernel_size=(12,), stride=(8,), padding=(2,), output_padding=(0,))
    """
    axes = []
    for side, length, factor in zip(outer, inner, factors, strict=True):
        if side == length > 1:
            axes.append((1, 1, 0, 0))
            continue
        stride, kernel = 2 * factor, 3 * factor
        # The windows cover `overhang` positions more than the axis has.
        overhang = stride * (length - 1) + kernel - side
        padding = (overhang + 1) // 2
        axes.append((kernel, stride, padding, 2 * padding - overhang))
    return BlockGeometry(*zip(*axes, strict=True))


def _widths(widths: tuple[int, ...], pyramid: list[tuple[int, ...]]) -> list[int]:
    """Return the width of each block, repeating the last for additional blocks."""
    factor = VOLUME_FACTOR if len(pyramid[0]) == 3 else 1
    last = len(widths) - 1
    return [widths[min(block, last)] // factor for block in range(len(pyramid) - 1)]


def _volume(sides: tuple[int, ...]) -> int:
    return int(torch.Size(sides).numel())


class ConvolutionalEncoder(nn.Sequential):
    """Strided convolutions, each halving the sides, followed by a linear layer.

    Parameters
    ----------
    sample_shape : tuple of int
        ``(n_channels, height, width)`` or ``(n_channels, depth, height, width)``.

    latent_dim : int
        Dimension of the latent space.
    """

    def __init__(self, sample_shape: tuple[int, ...], latent_dim: int) -> None:
        n_channels, *sides = sample_shape
        pyramid = spatial_pyramid(tuple(sides))
        convolution, _, normalization = CONVOLUTIONS[len(sides)]
        layers: list[nn.Module] = []
        widths = _widths(encoder_widths(pyramid), pyramid)
        none = (1,) * len(sides)
        for width, (outer, inner) in zip(
            widths, itertools.pairwise(pyramid), strict=True
        ):
            geometry = block_geometry(outer, inner, none)
            layers += [
                convolution(n_channels, width, *geometry[:3], bias=False),
                normalization(width),
                nn.ReLU(inplace=True),
            ]
            n_channels = width
        layers += [
            nn.Flatten(),
            nn.Linear(n_channels * _volume(pyramid[-1]), latent_dim),
        ]
        super().__init__(*layers)


class ConvolutionalDecoder(nn.Sequential):
    """The reverse of the encoder: a linear layer, then transposed convolutions.

    Parameters
    ----------
    sample_shape : tuple of int
        Shape of a decoded sample, as for the encoder.

    latent_dim : int
        Dimension of the latent space.
    """

    def __init__(self, sample_shape: tuple[int, ...], latent_dim: int) -> None:
        n_channels, *sides = sample_shape
        pyramid = decoder_pyramid(tuple(sides))
        _, convolution, normalization = CONVOLUTIONS[len(sides)]
        widths = [n_channels, *_widths(DECODER_WIDTHS, pyramid)]
        layers: list[nn.Module] = [
            nn.Linear(latent_dim, widths[-1] * _volume(pyramid[-1])),
            nn.Unflatten(1, (widths[-1], *pyramid[-1])),
            nn.ReLU(inplace=True),
        ]
        for block in reversed(range(len(pyramid) - 1)):
            last = block == 0
            factors = patches(pyramid[0]) if last else (1,) * len(sides)
            geometry = block_geometry(pyramid[block], pyramid[block + 1], factors)
            layers.append(
                convolution(widths[block + 1], widths[block], *geometry, bias=last)
            )
            if not last:
                layers += [normalization(widths[block]), nn.ReLU(inplace=True)]
        super().__init__(*layers)


def dense_network(n_inputs: int, n_outputs: int, *, width: int) -> nn.Sequential:
    """Return two hidden layers of `width` with batch normalization, and an output."""
    return nn.Sequential(
        nn.Linear(n_inputs, width, bias=False),
        nn.BatchNorm1d(width),
        nn.ReLU(inplace=True),
        nn.Linear(width, width, bias=False),
        nn.BatchNorm1d(width),
        nn.ReLU(inplace=True),
        nn.Linear(width, n_outputs),
    )


def default_encoder(sample_shape: tuple[int, ...], n_outputs: int) -> nn.Module:
    """Return the default encoder for a sample shape, in its fastest memory format."""
    if len(sample_shape) == 1:
        layers = dense_network(sample_shape[0], n_outputs, width=DENSE_WIDTH)
        return TableEncoder(layers, sample_shape[0], n_outputs)
    return _fastest(ConvolutionalEncoder(sample_shape, n_outputs), sample_shape)


def default_decoder(sample_shape: tuple[int, ...], latent_dim: int) -> nn.Module:
    """Return the default decoder for a sample shape, in its fastest memory format."""
    if len(sample_shape) == 1:
        return dense_network(latent_dim, sample_shape[0], width=DENSE_WIDTH)
    return _fastest(ConvolutionalDecoder(sample_shape, latent_dim), sample_shape)


def fastest_layout(sample_shape: tuple[int, ...]) -> torch.memory_format:
    """Return the fastest memory format for convolutions on samples of a shape."""
    # Twice as fast for images, on CPUs and tensor cores; 10 % faster for volumes.
    formats = {3: torch.channels_last, 4: torch.channels_last_3d}
    return formats.get(len(sample_shape), torch.contiguous_format)


def _fastest(network: nn.Module, sample_shape: tuple[int, ...]) -> nn.Module:
    return network.to(memory_format=fastest_layout(sample_shape))  # type: ignore[call-overload,no-any-return]
