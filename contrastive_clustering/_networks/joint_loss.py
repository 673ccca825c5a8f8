"""The joint loss: the weighted sum of the losses of a batch of views."""

import torch
import torch.nn.functional as F
from torch import nn

from contrastive_clustering._networks.autoencoder import AutoencoderOutput
from contrastive_clustering._networks.losses import (
    decorrelation,
    kl_divergence,
    nt_xent,
)
from contrastive_clustering._utils.distributed import all_gather

# The terms of the loss: their names in the history, and their titles in plots and
# reports, in this order.
LOSS_TERMS = {
    "contrastive_loss": "contrastive (NT-Xent)",
    "decorrelation_loss": "decorrelation of latents",
    "reconstruction_loss": "reconstruction (MSE)",
    "change_loss": "changes between views (MSE)",
    "kl_loss": "divergence (KL)",
    "assignment_loss": "assignment (cross-entropy)",
}
LOSS_TITLES = {"loss": "total", **LOSS_TERMS}


class JointLoss(nn.Module):
    """The joint loss and its unweighted terms, by name.

    Parameters
    ----------
    temperature : float, default=0.5
        Temperature of NT-Xent.

    reconstruction_weight : float, default=0.1
        Weight of the reconstruction loss in the total.

    kl_weight : float, default=0.0
        Weight of the KL divergence in the total, in the variational setting.

    contrastive_weight : float, default=1.0
        Weight of NT-Xent in the total; 0 leaves the term out.

    kl_warm_up : float, default=0.3
        Fraction of the epochs over which the weight of the divergence rises from zero,
        so that latents do not collapse before they carry information.

    decorrelation_weight : float, default=0.03
        Weight of the decorrelation of latents in the total; 0 leaves the term out.

    change_weight : float, default=0.0
        Weight of the prediction of changes between views in the total; 0 leaves the
        term out.

    Attributes
    ----------
    kl_scale : float
        Factor of the weight of the divergence; the net raises it from 0 to 1.
    """

    def __init__(
        self,
        *,
        temperature: float = 0.5,
        reconstruction_weight: float = 0.1,
        kl_weight: float = 0.0,
        contrastive_weight: float = 1.0,
        kl_warm_up: float = 0.3,
        decorrelation_weight: float = 0.03,
        change_weight: float = 0.0,
    ) -> None:
        super().__init__()
        self.temperature = temperature
        self.reconstruction_weight = reconstruction_weight
        self.kl_weight = kl_weight
        self.contrastive_weight = contrastive_weight
        self.kl_warm_up = kl_warm_up
        self.decorrelation_weight = decorrelation_weight
        self.change_weight = change_weight
        self.kl_scale = 1.0

    @property
    def whole_batch_weights(self) -> dict[str, float]:
        """Weights of the terms that compare samples, so that each needs the batch."""
        return {
            "contrastive_loss": self.contrastive_weight,
            "decorrelation_loss": self.decorrelation_weight,
        }

    def forward(
        self,
        output: AutoencoderOutput,
        targets: torch.Tensor,
        n_samples: int | None = None,
        *,
        groups: torch.Tensor | None = None,
        nuisance: torch.Tensor | None = None,
        changes: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """Return the terms for a batch of first views followed by second views.

        Parameters
        ----------
        output : AutoencoderOutput
            Output of the autoencoder for the views.

        targets : torch.Tensor of shape (2 * n, ...)
            Targets of the reconstruction: the views themselves, or their samples.

        n_samples : int, default=None
            Number of samples in the whole batch if several processes share it. The
            contrastive loss and the decorrelation then cover the whole batch, and the
            other terms are the contributions of this process to those of the whole
            batch.

        groups, nuisance : torch.Tensor of shape (n,), default=None
            Codes of the samples of the whole batch; see :func:`nt_xent`.

        changes : torch.Tensor of shape (n, n_changes), default=None
            How the two views of each sample differ; None if this is not known.

        Returns
        -------
        terms : dict of str to torch.Tensor of shape ()
            ``contrastive_loss``, in nats; ``decorrelation_loss``, the mean over the two
            views; ``reconstruction_loss``, the mean squared error summed over the two
            views, in variances of the training set; ``change_loss``, the mean squared
            error of the predicted changes; ``kl_loss``, in nats, in the variational
            setting; and ``loss``, their weighted sum.
        """
        terms = {}
        n_own = len(targets) // 2
        share = 1.0 if n_samples is None else n_own / n_samples
        # Twice the mean over both views is the sum of the means of the views.
        reconstruction = 2 * share * F.mse_loss(output.reconstruction, targets)
        terms["reconstruction_loss"] = reconstruction
        total = self.reconstruction_weight * reconstruction
        if self.contrastive_weight > 0:
            first, second = _gather_views(output.projection, n_samples)
            terms["contrastive_loss"] = nt_xent(
                first, second, self.temperature, groups=groups, nuisance=nuisance
            )
            total = total + self.contrastive_weight * terms["contrastive_loss"]
        if self.decorrelation_weight > 0:
            first, second = _gather_views(output.latent, n_samples)
            terms["decorrelation_loss"] = (
                decorrelation(first) + decorrelation(second)
            ) / 2
            total = total + self.decorrelation_weight * terms["decorrelation_loss"]
        predicted = output.changes
        if self.change_weight > 0 and predicted is not None and changes is not None:
            terms["change_loss"] = share * F.mse_loss(predicted, changes)
            total = total + self.change_weight * terms["change_loss"]
        if output.log_variance is not None:
            divergence = kl_divergence(output.latent, output.log_variance)
            terms["kl_loss"] = share * divergence
            total = total + self.kl_weight * self.kl_scale * terms["kl_loss"]
        return {**terms, "loss": total}


def _gather_views(
    rows: torch.Tensor, n_samples: int | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the rows of both views of the whole batch, from all processes if several.

    `n_samples` is None in a single process.
    """
    first, second = rows.chunk(2)
    if n_samples is None:
        return first, second
    return all_gather(first, n_samples), all_gather(second, n_samples)
