"""The network: encoder, decoder, projection head and prototypes, without losses."""

from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import nn

from contrastive_clustering._networks.backbone_encoder import BackboneEncoder
from contrastive_clustering._networks.backbones import (
    default_decoder,
    default_encoder,
    dense_network,
    fastest_layout,
)
from contrastive_clustering._networks.custom import N_TRIED, Part, make_part, try_part
from contrastive_clustering._networks.erasure import LatentErasure

# Log-variances are clamped to this magnitude, so that their exponentials stay finite.
MAX_LOG_VARIANCE = 10.0

# Width of the hidden layer of the change head.
CHANGE_WIDTH = 128


class AutoencoderOutput(NamedTuple):
    """The output of the autoencoder for a batch of ``n`` samples.

    Attributes
    ----------
    latent : torch.Tensor of shape (n, latent_dim)
        The representation that `transform` returns and that is clustered.

    projection : torch.Tensor of shape (n, n_projections)
        The representation that the contrastive loss compares.

    reconstruction : torch.Tensor of shape (n, ...)
        The decoded latents, with the shape and scale of the batch.

    log_variance : torch.Tensor of shape (n, latent_dim) or None
        Logarithms of the variances of the Gaussians whose means are `latent`; None
        unless the autoencoder is variational.

    logits : torch.Tensor of shape (n, n_clusters) or None
        Logits of the soft assignment; None before there are prototypes.

    changes : torch.Tensor of shape (n // 2, n_changes) or None
        How the first half of the batch differs from the second half, predicted from
        their latents; None without a change head.
    """

    latent: torch.Tensor
    projection: torch.Tensor
    reconstruction: torch.Tensor
    log_variance: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    changes: torch.Tensor | None = None


class PrototypeHead(nn.Module):
    r"""Soft assignment of latents to prototypes, and conditioning of the decoder on it.

    The soft assignment of a latent :math:`h` to the strata :math:`c`, each of which has
    prototypes :math:`b_{cm}`, is

    .. math::

        p_c = \frac{\sum_m \exp(\cos(h - o, b_{cm}) / \tau)}
            {\sum_{c'm} \exp(\cos(h - o, b_{c'm}) / \tau)}

    with the origin :math:`o`, the initial mean latent. Without it all cosines would be
    close to one, as latents share a large common component. The decoder gets
    :math:`h + E p` with a learned linear map :math:`E`, initially zero. This is
    equivalent to passing the latent and the assignment together to its first layer.

    Parameters
    ----------
    prototypes : torch.Tensor of shape (n_clusters, n_prototypes, latent_dim)
        Prototypes relative to the origin; only their directions matter.

    origin : torch.Tensor of shape (latent_dim,)
        The origin from which directions are taken.

    temperature : float
        Temperature of the soft assignment.

    References
    ----------
    Ferrante et al., arXiv:2209.12005, for the soft assignment by similarity, with one
    prototype for each stratum, and for the conditioned decoder.
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
        """Return the input of the decoder: latents conditioned on their assignment."""
        return latent + F.linear(logits.softmax(dim=1), self.condition_weight)


class ContrastiveAutoencoder(nn.Module):
    """Encoder, decoder and heads, with the scale of their input as buffers.

    Parameters
    ----------
    sample_shape : tuple of int
        Shape of a sample, channels first; ``(n_features,)`` for tables.

    input_mean, input_std : array-like of shape (n_channels, 1, ...) or (n_features,)
        Mean and standard deviation of the training set, stored as buffers.

    input_range : tuple of float, default=(0.0, 1.0)
        Values of the training set that are 0 and 1 for a pretrained encoder.

    latent_dim : int, default=64
        Dimension of the latent space.

    projection_dim : int, default=64
        Number of outputs of the projection head.

    projection_width : int, default=256
        Width of the two hidden layers of the projection head.

    n_changes : int, default=0
        Number of outputs of the change head; 0 stands for no such head.

    variational : bool, default=False
        Whether the encoder outputs a mean and a log-variance for each latent, and the
        decoder is trained on samples from that Gaussian.

    encoder, decoder : torch.nn.Module or callable, default=None
        As for the estimator; None uses the default ones.

    Attributes
    ----------
    encoder : torch.nn.Module
        Maps a standardized batch to latents; in the variational setting to their means
        followed by their log-variances.

    decoder : torch.nn.Module
        Maps latents to a standardized batch.

    projection_head : torch.nn.Module
        Maps latents to projections.

    change_head : torch.nn.Module or None
        Maps the latents of two views to what differs between them; None if there is
        nothing to predict.

    erasure : LatentErasure or None
        Erases nuisance variables from the output of the encoder; None if there are
        none.

    prototype_head : PrototypeHead or None
        Assigns latents to prototypes; None before the second phase.

    custom_parts : list of str
        Which of "encoder" and "decoder" the user passed.
    """

    input_mean: torch.Tensor

    def __init__(
        self,
        sample_shape: tuple[int, ...],
        input_mean: ArrayLike,
        input_std: ArrayLike,
        *,
        input_range: tuple[float, float] = (0.0, 1.0),
        latent_dim: int = 64,
        projection_dim: int = 64,
        projection_width: int = 256,
        n_changes: int = 0,
        variational: bool = False,
        encoder: Part | None = None,
        decoder: Part | None = None,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.variational = variational
        # Only 8-bit samples are scaled with these buffers. Statistics of other samples
        # may exceed the range of float32.
        limits = torch.finfo(torch.float32)
        for name, values, least in (
            ("input_mean", input_mean, limits.min),
            ("input_std", input_std, limits.tiny),
        ):
            is_tensor = isinstance(values, torch.Tensor)
            # Arrays are copied, because they may be read-only.
            convert = torch.as_tensor if is_tensor else torch.tensor
            statistics = convert(values, dtype=torch.float64)
            self.register_buffer(name, statistics.clamp(least, limits.max).float())
        n_outputs = 2 * latent_dim if variational else latent_dim
        self.encoder = (
            default_encoder(sample_shape, n_outputs)
            if encoder is None
            else make_part(encoder, "encoder", sample_shape, n_outputs)
        )
        if isinstance(self.encoder, BackboneEncoder):
            self.encoder.set_input_scale(input_mean, input_std, input_range)
        self.decoder = (
            default_decoder(sample_shape, latent_dim)
            if decoder is None
            else make_part(decoder, "decoder", sample_shape, latent_dim)
        )
        self.custom_parts = [
            name
            for name, part in (("encoder", encoder), ("decoder", decoder))
            if part is not None
        ]
        self.projection_head = dense_network(
            latent_dim, projection_dim, width=projection_width
        )
        self.change_head: nn.Module | None = None
        if n_changes:
            self.change_head = nn.Sequential(
                nn.Linear(2 * latent_dim, CHANGE_WIDTH),
                nn.ReLU(inplace=True),
                nn.Linear(CHANGE_WIDTH, n_changes),
            )
        self.erasure: LatentErasure | None = None
        self.prototype_head: PrototypeHead | None = None

    @property
    def memory_format(self) -> torch.memory_format:
        """Memory format of the batches for the encoder."""
        # User modules often call `view`, which fails in the fastest format.
        if "encoder" in self.custom_parts:
            return torch.contiguous_format
        return fastest_layout(tuple(self.input_mean.shape))

    def view_epoch(self, epoch: int) -> int:
        """Return the number of the epoch whose views are seen in an epoch."""
        if not isinstance(self.encoder, BackboneEncoder):
            return epoch
        n_epochs = self.encoder.n_view_epochs
        return epoch if n_epochs is None else epoch % n_epochs

    def look_up(self, batch: torch.Tensor) -> torch.Tensor:
        """Return the kept features of a batch if there are any, otherwise the batch."""
        if not isinstance(self.encoder, BackboneEncoder):
            return batch
        return self.encoder.look_up(batch)

    def keeping_features(self) -> AbstractContextManager[None]:
        """Keep the features of a frozen pretrained encoder in this context."""
        if not isinstance(self.encoder, BackboneEncoder):
            return nullcontext()
        return self.encoder.keeping_features()

    def try_custom_parts(self, sample_shape: tuple[int, ...]) -> None:
        """Raise unless the user's encoder and decoder fit the network.

        Parameters
        ----------
        sample_shape : tuple of int
            Shape of a sample.

        Raises
        ------
        ValueError
            If one cannot be used; see `try_part`.
        """
        device = self.input_mean.device
        if "encoder" in self.custom_parts:
            n_outputs = self.latent_dim * (2 if self.variational else 1)
            samples = torch.randn(N_TRIED, *sample_shape, device=device)
            try_part(self.encoder, "encoder", samples, (n_outputs,))
        if "decoder" in self.custom_parts:
            latents = torch.randn(N_TRIED, self.latent_dim, device=device)
            try_part(self.decoder, "decoder", latents, sample_shape)

    def encode(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return latents and, in the variational setting, their log-variances.

        Parameters
        ----------
        batch : torch.Tensor of shape (n, *sample_shape)
            Standardized samples.

        Returns
        -------
        latent : torch.Tensor of shape (n, latent_dim)
            Latents; their means in the variational setting.

        log_variance : torch.Tensor of shape (n, latent_dim) or None
            Logarithms of the variances, clamped to [-10, 10].
        """
        return self.split(self.encoder(batch))

    def split(self, encoded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Split the output of the encoder into latents and log-variances.

        Nuisance variables are erased from the latents.
        """
        latent, log_variance = encoded, None
        if self.variational:
            latent, log_variance = encoded.chunk(2, dim=1)
            log_variance = log_variance.clamp(-MAX_LOG_VARIANCE, MAX_LOG_VARIANCE)
        return latent if self.erasure is None else self.erasure(latent), log_variance

    def decode(
        self, latent: torch.Tensor, logits: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Decode latents, conditioned on their assignment if there are prototypes.

        Parameters
        ----------
        latent : torch.Tensor of shape (n, latent_dim)
            Latents.

        logits : torch.Tensor of shape (n, n_clusters), default=None
            Logits of the assignment; None computes those of `latent`.

        Returns
        -------
        reconstruction : torch.Tensor of shape (n, *sample_shape)
            Standardized samples.
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
        """Encode, project, assign and decode a standardized batch.

        Parameters
        ----------
        batch : torch.Tensor of shape (n, *sample_shape)
            Standardized samples.

        noise : torch.Tensor of shape (n, latent_dim), default=None
            Standard Gaussian noise for the reparameterized latents of the variational
            setting; None decodes their means.

        Returns
        -------
        output : AutoencoderOutput
            Latents, projections and reconstructions, with log-variances, logits and
            changes if any.
        """
        latent, log_variance = self.encode(batch)
        logits = None if self.prototype_head is None else self.prototype_head(latent)
        sampled = latent
        if log_variance is not None and noise is not None:
            sampled = latent + torch.exp(log_variance / 2) * noise
        changes = None
        if self.change_head is not None:
            changes = self.change_head(torch.cat(latent.chunk(2), dim=1))
        return AutoencoderOutput(
            latent,
            self.projection_head(latent),
            self.decode(sampled, logits),
            log_variance,
            logits,
            changes,
        )
