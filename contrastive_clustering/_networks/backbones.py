"""The default encoders and decoders, convolutional and dense.

A sample's shape is channels first: ``(n_channels, height, width)``, ``(n_channels,
depth, height, width)`` or, for tables, ``(n_features,)``.
"""

from typing import Any

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

DENSE_WIDTH = 128


def spatial_pyramid(sides: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the sides before, between and after the blocks, each of which halves them.

    Examples
    --------
    >>> from contrastive_clustering._networks.backbones import spatial_pyramid
    >>> spatial_pyramid((28, 28))
    [(28, 28), (14, 14), (7, 7), (4, 4)]
    >>> spatial_pyramid((9, 16))
    [(9, 16), (5, 8), (3, 4)]
    """
    pyramid = [sides]
    while max(pyramid[-1]) > INNERMOST_SIDE:
        pyramid.append(tuple((side + 1) // 2 for side in pyramid[-1]))
    return pyramid


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
        for width in _widths(ENCODER_WIDTHS, pyramid):
            layers += [
                convolution(n_channels, width, 3, stride=2, padding=1, bias=False),
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
        pyramid = spatial_pyramid(tuple(sides))
        _, convolution, normalization = CONVOLUTIONS[len(sides)]
        widths = [n_channels, *_widths(DECODER_WIDTHS, pyramid)]
        layers: list[nn.Module] = [
            nn.Linear(latent_dim, widths[-1] * _volume(pyramid[-1])),
            nn.Unflatten(1, (widths[-1], *pyramid[-1])),
            nn.ReLU(inplace=True),
        ]
        for block in reversed(range(len(pyramid) - 1)):
            # Without output padding a side s grows to 2 s - 1; an even target needs one
            # pixel more.
            output_padding: Any = tuple(1 - side % 2 for side in pyramid[block])
            last = block == 0
            layers.append(
                convolution(
                    widths[block + 1],
                    widths[block],
                    3,
                    stride=2,
                    padding=1,
                    output_padding=output_padding,
                    bias=last,
                )
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
