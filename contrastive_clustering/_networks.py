"""Encoder, decoder and projection head; they know shapes and nothing of losses.

A sample's shape is channels first: ``(n_channels, height, width)``, ``(n_channels,
depth, height, width)`` or, for tables, ``(n_features,)``.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import nn

# Widths of the convolutional blocks, from the image inwards; deeper networks, for
# larger images, repeat the last. The decoder is half as wide: it was the larger
# part of the arithmetic, and strata are no worse for a narrow one (docs, "Choices").
ENCODER_WIDTHS = (32, 64, 128)
DECODER_WIDTHS = (16, 32, 64)

# Blocks of volumes have three times the taps and many times the places of those of
# images: narrower by this factor, a training set of a thousand is a matter of minutes.
VOLUME_FACTOR = 2

# The convolutional blocks halve the sides until the longest is at most this.
INNERMOST_SIDE = 4

DENSE_WIDTH = 128

# Log-variances beyond this are kept back, so that their exponentials stay finite.
MOST_LOG_VARIANCE = 10.0


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


def _widths(widths: tuple[int, ...], pyramid: list[tuple[int, ...]]) -> list[int]:
    """Return one width a block, repeating the last where there are more blocks."""
    factor = VOLUME_FACTOR if len(pyramid[0]) == 3 else 1
    last = len(widths) - 1
    return [widths[min(block, last)] // factor for block in range(len(pyramid) - 1)]


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
        for width in _widths(ENCODER_WIDTHS, pyramid):
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
        widths = [n_channels, *_widths(DECODER_WIDTHS, pyramid)]
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

    log_variance : torch.Tensor of shape (n, latent_dim) or None
        Logarithms of the latents' variances, whose means are `latent`; None unless
        the autoencoder is variational.

    logits : torch.Tensor of shape (n, n_clusters) or None
        Logarithms of the soft assignment but for a constant; None before there are
        prototypes.
    """

    latent: torch.Tensor
    projection: torch.Tensor
    reconstruction: torch.Tensor
    log_variance: torch.Tensor | None = None
    logits: torch.Tensor | None = None


class PrototypeHead(nn.Module):
    r"""Soft assignment of latents to prototypes, and the decoder's share of it.

    The soft assignment of a latent :math:`h` to the strata :math:`c`, each of which has
    prototypes :math:`b_{cm}`, is

    .. math::

        p_c = \frac{\sum_m \exp(\cos(h - o, b_{cm}) / \tau)}
            {\sum_{c'm} \exp(\cos(h - o, b_{c'm}) / \tau)}

    with the origin :math:`o`, the mean latent at the outset: latents share a large
    common part, beside which all cosines would be nearly one. The decoder is given
    :math:`h + E p` with a learnt linear map :math:`E`, zero at the outset, which is
    what entering the latent and the assignment together into its first layer comes to.

    Parameters
    ----------
    prototypes : torch.Tensor of shape (n_clusters, n_prototypes, latent_dim)
        Prototypes, relative to the origin; only their directions matter.

    origin : torch.Tensor of shape (latent_dim,)
        The origin of the cosines.

    temperature : float
        Temperature of the soft assignment.

    References
    ----------
    Ferrante et al., arXiv:2209.12005, for the soft assignment by similarity, with one
    prototype a stratum, and for the conditioned decoder.
    """

    origin: torch.Tensor

    def __init__(
        self, prototypes: torch.Tensor, origin: torch.Tensor, temperature: float
    ) -> None:
        super().__init__()
        n_clusters, _, latent_dim = prototypes.shape
        self.prototypes = nn.Parameter(F.normalize(prototypes, dim=2))
        self.register_buffer("origin", origin)
        self.temperature = temperature
        self.condition_weight = nn.Parameter(
            prototypes.new_zeros(latent_dim, n_clusters)
        )

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """Return the logits of the soft assignment, of shape (n, n_clusters)."""
        directions = F.normalize(latent - self.origin, dim=1)
        prototypes = F.normalize(self.prototypes, dim=2)
        # (n, latent_dim), (n_clusters, n_prototypes, latent_dim)
        cosines = torch.einsum("nd,kmd->nkm", directions, prototypes)
        return torch.logsumexp(cosines / self.temperature, dim=2)

    def condition(self, latent: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """Return what the decoder is given: the latent and its assignment's share."""
        return latent + F.linear(logits.softmax(dim=1), self.condition_weight)


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

    variational : bool, default=False
        Whether the encoder gives a mean and a log-variance for each latent, and the
        decoder, in training, gets a draw from that Gaussian.

    Attributes
    ----------
    encoder : torch.nn.Module
        Maps a batch on the common scale to latents; in the variational setting to
        their means followed by their log-variances.

    decoder : torch.nn.Module
        Maps latents to a batch on the common scale.

    projection_head : torch.nn.Module
        Maps latents to projections.

    prototype_head : PrototypeHead or None
        Assigns latents to prototypes; None before there are any.

    latent_dim : int
        Number of latents.
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
        variational: bool = False,
    ) -> None:
        super().__init__()
        self.variational = variational
        self.latent_dim = latent_dim
        n_outputs = 2 * latent_dim if variational else latent_dim
        for name, values in (("input_mean", input_mean), ("input_std", input_std)):
            self.register_buffer(name, torch.as_tensor(values, dtype=torch.float32))
        self.encoder: nn.Module
        self.decoder: nn.Module
        if len(sample_shape) == 1:
            self.encoder = dense_network(sample_shape[0], n_outputs, width=DENSE_WIDTH)
            self.decoder = dense_network(latent_dim, sample_shape[0], width=DENSE_WIDTH)
        else:
            self.encoder = ConvolutionalEncoder(sample_shape, n_outputs)
            self.decoder = ConvolutionalDecoder(sample_shape, latent_dim)
        self.projection_head = dense_network(
            latent_dim, projection_dim, width=projection_width
        )
        self.prototype_head: PrototypeHead | None = None

    def encode(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return latents and, in the variational setting, their log-variances.

        Parameters
        ----------
        batch : torch.Tensor of shape (n, *sample_shape)
            Samples on the common scale.

        Returns
        -------
        latent : torch.Tensor of shape (n, latent_dim)
            Latents; means in the variational setting.

        log_variance : torch.Tensor of shape (n, latent_dim) or None
            Logarithms of the variances, kept within +-10.
        """
        return self.split(self.encoder(batch))

    def split(self, encoded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Take what the encoder gives apart, as `encode` returns it."""
        if not self.variational:
            return encoded, None
        latent, log_variance = encoded.chunk(2, dim=1)
        return latent, log_variance.clamp(-MOST_LOG_VARIANCE, MOST_LOG_VARIANCE)

    def decode(
        self, latent: torch.Tensor, logits: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Decode latents, conditioned on their assignment where there are prototypes.

        Parameters
        ----------
        latent : torch.Tensor of shape (n, latent_dim)
            Latents.

        logits : torch.Tensor of shape (n, n_clusters), default=None
            The assignment's logits; those of `latent` if None.

        Returns
        -------
        reconstruction : torch.Tensor of shape (n, *sample_shape)
            Samples on the common scale.
        """
        if self.prototype_head is not None:
            if logits is None:
                logits = self.prototype_head(latent)
            latent = self.prototype_head.condition(latent, logits)
        decoded: torch.Tensor = self.decoder(latent)
        return decoded

    def forward(
        self, batch: torch.Tensor, noise: torch.Tensor | None = None
    ) -> AutoencoderOutput:
        """Encode, project, assign and decode a batch on the common scale.

        Parameters
        ----------
        batch : torch.Tensor of shape (n, *sample_shape)
            Samples on the common scale.

        noise : torch.Tensor of shape (n, latent_dim), default=None
            Standard Gaussian draws, by which the decoder gets draws of the latents in
            the variational setting; None decodes their means.

        Returns
        -------
        output : AutoencoderOutput
            Latents, projections, reconstructions and what else there is.
        """
        latent, log_variance = self.encode(batch)
        logits = None if self.prototype_head is None else self.prototype_head(latent)
        drawn = latent
        if log_variance is not None and noise is not None:
            drawn = latent + torch.exp(log_variance / 2) * noise
        return AutoencoderOutput(
            latent,
            self.projection_head(latent),
            self.decode(drawn, logits),
            log_variance,
            logits,
        )
