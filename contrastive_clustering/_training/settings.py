"""Settings of training: parameters of the estimator with "auto" resolved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from contrastive_clustering._augmentation.base import Augmentation
from contrastive_clustering._networks.custom import Part

# The values of `nuisance_removal` that restrict negatives, and those that erase.
WITH_NEGATIVES = ("both", "negatives")
WITH_ERASURE = ("both", "erasure")


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingSettings:
    """Settings of the training of both phases.

    Attributes
    ----------
    latent_dim : int
        Dimension of the latent space.

    encoder, decoder : torch.nn.Module, callable or None
        Custom encoder and decoder; None for the ones that suit the samples.

    temperature : float
        Temperature of NT-Xent.

    reconstruction_weight : float
        Weight of the reconstruction loss.

    kl_weight : float
        Weight of the divergence; the autoencoder is variational if it is above zero.

    augmentation : Augmentation or None
        Draws the views; if None, each sample is compared with itself.

    max_epochs, refinement_epochs : int
        Numbers of epochs of the first and of the second phase.

    batch_size : int
        Largest number of samples in a batch.

    optimizer : type
        Class of the optimizer.

    lr : float
        Learning rate of the first phase.

    early_stopping : bool
        Whether the first phase holds out a validation part and stops when its loss no
        longer improves.

    validation_fraction : float
        Fraction of the samples to hold out.

    callbacks : sequence
        The user's callbacks: instances, classes, or pairs of a name and one of these.

    nuisance_removal : {"both", "negatives", "erasure"} or None
        Treatment of nuisance variables, if there are any.

    precision : {"32", "bf16-mixed", "16-mixed"}
        Precision of training.

    device : torch.device
        Device to compute on.

    seed : int
        Seed of all random numbers.

    verbose : int
        Whether to show the progress.

    net_params : mapping of str to object
        Further parameters of the net by skorch's names, such as ``optimizer__betas``.
    """

    latent_dim: int
    encoder: Part | None
    decoder: Part | None
    temperature: float
    reconstruction_weight: float
    kl_weight: float
    augmentation: Augmentation | None
    max_epochs: int
    refinement_epochs: int
    batch_size: int
    optimizer: type[torch.optim.Optimizer]
    lr: float
    early_stopping: bool
    validation_fraction: float
    callbacks: Sequence[Any]
    nuisance_removal: str | None
    precision: str
    device: torch.device
    seed: int
    verbose: int
    net_params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def nuisance_negatives(self) -> bool:
        """Whether only samples of the same nuisance are negatives of each other."""
        return self.nuisance_removal in WITH_NEGATIVES

    @property
    def erases_nuisance(self) -> bool:
        """Whether nuisance variables are erased from the latents."""
        return self.nuisance_removal in WITH_ERASURE
