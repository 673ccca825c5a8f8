"""Encoder, decoder and heads together; they know shapes and nothing of losses."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import nn

from contrastive_clustering._networks.backbones import (
    default_decoder,
    default_encoder,
    dense_network,
    fastest_layout,
)
from contrastive_clustering._networks.custom import N_TRIED, Part, make_part, try_part

# Log-variances beyond this are kept back, so that their exponentials stay finite.
MOST_LOG_VARIANCE = 10.0


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

    PARAMETERS = ("prototypes", "condition_weight")

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

    encoder, decoder : torch.nn.Module or callable, default=None
        As for the estimator; None makes the package's own.

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

    own_parts : list of str
        Which of encoder and decoder are the user's own.
    """

    input_mean: torch.Tensor

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
        encoder: Part | None = None,
        decoder: Part | None = None,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.variational = variational
        # Only 8-bit samples are scaled by these. Statistics of others may lie beyond
        # the range of float32.
        limits = torch.finfo(torch.float32)
        for name, values, least in (
            ("input_mean", input_mean, limits.min),
            ("input_std", input_std, limits.tiny),
        ):
            statistics = torch.as_tensor(values, dtype=torch.float64)
            self.register_buffer(name, statistics.clamp(least, limits.max).float())
        n_outputs = 2 * latent_dim if variational else latent_dim
        self.encoder = (
            default_encoder(sample_shape, n_outputs)
            if encoder is None
            else make_part(encoder, "encoder", sample_shape, n_outputs)
        )
        self.decoder = (
            default_decoder(sample_shape, latent_dim)
            if decoder is None
            else make_part(decoder, "decoder", sample_shape, latent_dim)
        )
        self.own_parts = [
            name
            for name, part in (("encoder", encoder), ("decoder", decoder))
            if part is not None
        ]
        self.projection_head = dense_network(
            latent_dim, projection_dim, width=projection_width
        )
        self.prototype_head: PrototypeHead | None = None

    @property
    def memory_format(self) -> torch.memory_format:
        """The memory layout of the batches that the encoder is fed."""
        # Modules of others often call `view`, which the fastest does not allow.
        if "encoder" in self.own_parts:
            return torch.contiguous_format
        return fastest_layout(tuple(self.input_mean.shape))

    def try_own_parts(self, sample_shape: tuple[int, ...]) -> None:
        """Raise unless the user's own parts do what the network asks of them.

        Parameters
        ----------
        sample_shape : tuple of int
            Shape of a sample.

        Raises
        ------
        ValueError
            If a part cannot be used; see `try_part`.
        """
        device = self.input_mean.device
        if "encoder" in self.own_parts:
            n_outputs = self.latent_dim * (2 if self.variational else 1)
            samples = torch.randn(N_TRIED, *sample_shape, device=device)
            try_part(self.encoder, "encoder", samples, (n_outputs,))
        if "decoder" in self.own_parts:
            latents = torch.randn(N_TRIED, self.latent_dim, device=device)
            try_part(self.decoder, "decoder", latents, sample_shape)

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
