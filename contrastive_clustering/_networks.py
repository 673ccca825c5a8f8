"""Encoder, decoder and projection head; they know shapes and nothing of losses.

A sample's shape is channels first: ``(n_channels, height, width)``, ``(n_channels,
depth, height, width)`` or, for tables, ``(n_features,)``.
"""

from typing import Any, NamedTuple

import torch
from numpy.typing import ArrayLike
from torch import nn

# Widths of the convolutional blocks, from the image inwards; deeper networks, for
# larger images, repeat the last. The decoder is half as wide: it was the larger
# part of the arithmetic, and strata are no worse for a narrow one (docs, "Choices").
ENCODER_WIDTHS = (32, 64, 128)
DECODER_WIDTHS = (16, 32, 64)

# The convolutional blocks halve the sides until the longest is at most this.
INNERMOST_SIDE = 4

DENSE_WIDTH = 128


def spatial_pyramid(sides: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the sides before, between and after the halving blocks.

    Examples
    --------
    >>> from contrastive_clustering._networks import spatial_pyramid
    >>> spatial_pyramid((28, 28))
    [(28, 28), (14, 14), (7, 7), (4, 4)]
    >>> spatial_pyramid((9, 16))
    [(9, 16), (5, 8), (3, 4)]
    """
    pyramid = [sides]
    while max(pyramid[-1]) > INNERMOST_SIDE:
        pyramid.append(tuple((side + 1) // 2 for side in pyramid[-1]))
    return pyramid


def _widths(widths: tuple[int, ...], n_blocks: int) -> list[int]:
    """Return one width a block, repeating the last where there are more blocks."""
    return [widths[min(block, len(widths) - 1)] for block in range(n_blocks)]


def _volume(sides: tuple[int, ...]) -> int:
    return int(torch.Size(sides).numel())


class ConvolutionalEncoder(nn.Sequential):
    """Strided convolutions, halving the sides block by block, then a linear layer.

    Parameters
    ----------
    sample_shape : tuple of int
        ``(n_channels, height, width)`` or ``(n_channels, depth, height, width)``.

    latent_dim : int
        Number of latents.
    """

    def __init__(self, sample_shape: tuple[int, ...], latent_dim: int) -> None:
        n_channels, *sides = sample_shape
        pyramid = spatial_pyramid(tuple(sides))
        convolution, normalisation = (
            (nn.Conv2d, nn.BatchNorm2d)
            if len(sides) == 2
            else (nn.Conv3d, nn.BatchNorm3d)
        )
        layers: list[nn.Module] = []
        for width in _widths(ENCODER_WIDTHS, len(pyramid) - 1):
            layers += [
                convolution(n_channels, width, 3, stride=2, padding=1, bias=False),
                normalisation(width),
                nn.ReLU(inplace=True),
            ]
            n_channels = width
        layers += [
            nn.Flatten(),
            nn.Linear(n_channels * _volume(pyramid[-1]), latent_dim),
        ]
        super().__init__(*layers)


class ConvolutionalDecoder(nn.Sequential):
    """The mirror of the encoder: a linear layer, then transposed convolutions.

    Parameters
    ----------
    sample_shape : tuple of int
        Shape of a decoded sample, as for the encoder.

    latent_dim : int
        Number of latents.
    """

    def __init__(self, sample_shape: tuple[int, ...], latent_dim: int) -> None:
        n_channels, *sides = sample_shape
        pyramid = spatial_pyramid(tuple(sides))
        convolution, normalisation = (
            (nn.ConvTranspose2d, nn.BatchNorm2d)
            if len(sides) == 2
            else (nn.ConvTranspose3d, nn.BatchNorm3d)
        )
        widths = [n_channels, *_widths(DECODER_WIDTHS, len(pyramid) - 1)]
        layers: list[nn.Module] = [
            nn.Linear(latent_dim, widths[-1] * _volume(pyramid[-1])),
            nn.Unflatten(1, (widths[-1], *pyramid[-1])),
            nn.ReLU(inplace=True),
        ]
        for block in reversed(range(len(pyramid) - 1)):
            # Without padding of the output a side s grows to 2 s - 1; an even
            # target wants one more.
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
                layers += [normalisation(widths[block]), nn.ReLU(inplace=True)]
        super().__init__(*layers)


def dense_network(n_inputs: int, n_outputs: int, *, width: int) -> nn.Sequential:
    """Return two hidden layers of `width`, normalised by the batch, and an output."""
    return nn.Sequential(
        nn.Linear(n_inputs, width, bias=False),
        nn.BatchNorm1d(width),
        nn.ReLU(inplace=True),
        nn.Linear(width, width, bias=False),
        nn.BatchNorm1d(width),
        nn.ReLU(inplace=True),
        nn.Linear(width, n_outputs),
    )


class AutoencoderOutput(NamedTuple):
    """What the autoencoder makes of a batch of ``n`` samples.

    Attributes
    ----------
    latent : torch.Tensor of shape (n, latent_dim)
        The representation that users see and that is clustered.

    projection : torch.Tensor of shape (n, n_projections)
        What the contrastive loss compares.

    reconstruction : torch.Tensor of shape (n, ...)
        The decoded latent, of the shape and scale of the batch.
    """

    latent: torch.Tensor
    projection: torch.Tensor
    reconstruction: torch.Tensor


class ContrastiveAutoencoder(nn.Module):
    """Encoder, decoder and projection head, and the scale of what they are fed.

    Parameters
    ----------
    sample_shape : tuple of int
        Shape of a sample, channels first; a single number stands for a table.

    input_mean, input_std : array-like of shape (n_channels, 1, ...) or (n_features,)
        The common scale of the training set, kept as buffers beside the weights.

    latent_dim : int, default=64
        Number of latents.

    projection_dim : int, default=64
        Number of outputs of the projection head.

    projection_width : int, default=256
        Width of the two hidden layers of the projection head.

    Attributes
    ----------
    encoder : torch.nn.Module
        Maps a batch on the common scale to latents.

    decoder : torch.nn.Module
        Maps latents to a batch on the common scale.

    projection_head : torch.nn.Module
        Maps latents to projections.
    """

    def __init__(
        self,
        sample_shape: tuple[int, ...],
        input_mean: ArrayLike,
        input_std: ArrayLike,
        *,
        latent_dim: int = 64,
        projection_dim: int = 64,
        projection_width: int = 256,
    ) -> None:
        super().__init__()
        for name, values in (("input_mean", input_mean), ("input_std", input_std)):
            self.register_buffer(name, torch.as_tensor(values, dtype=torch.float32))
        self.encoder: nn.Module
        self.decoder: nn.Module
        if len(sample_shape) == 1:
            self.encoder = dense_network(sample_shape[0], latent_dim, width=DENSE_WIDTH)
            self.decoder = dense_network(latent_dim, sample_shape[0], width=DENSE_WIDTH)
        else:
            self.encoder = ConvolutionalEncoder(sample_shape, latent_dim)
            self.decoder = ConvolutionalDecoder(sample_shape, latent_dim)
        self.projection_head = dense_network(
            latent_dim, projection_dim, width=projection_width
        )

    def forward(self, batch: torch.Tensor) -> AutoencoderOutput:
        """Encode, project and decode a batch on the common scale.

        Parameters
        ----------
        batch : torch.Tensor of shape (n, *sample_shape)
            Samples on the common scale.

        Returns
        -------
        output : AutoencoderOutput
            Latents, projections and reconstructions.
        """
        latent = self.encoder(batch)
        return AutoencoderOutput(
            latent, self.projection_head(latent), self.decoder(latent)
        )
