"""The losses of the method: pure functions of tensors, and a thin module of them."""

import torch
import torch.nn.functional as F
from torch import nn

from contrastive_clustering._networks import AutoencoderOutput

LOSS_TERMS = ("contrastive_loss", "reconstruction_loss")


def nt_xent(
    projections_a: torch.Tensor,
    projections_b: torch.Tensor,
    temperature: float = 0.5,
) -> torch.Tensor:
    r"""Normalised temperature-scaled cross entropy of two views of a batch.

    Of the :math:`2N` views of a batch the positive of a view is its twin, and the
    other :math:`2N - 2` are its negatives:

    .. math::

        \ell_{i,j} = -\log \frac{\exp(\mathrm{sim}(z_i, z_j) / \tau)}
            {\sum_{k \ne i} \exp(\mathrm{sim}(z_i, z_k) / \tau)}

    with the cosine similarity :math:`\mathrm{sim}`; the loss is the mean over all
    :math:`2N` views.

    Parameters
    ----------
    projections_a, projections_b : torch.Tensor of shape (n_samples, n_projections)
        Projections of the first and of the second views; row ``i`` of both stems
        from the same sample. Any floating dtype; computed in float32 at least.

    temperature : float, default=0.5
        The temperature :math:`\tau`, positive. Low values stress the hardest
        negatives.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The loss in nats. It is zero for a single sample, which has no negatives.

    References
    ----------
    Chen, Kornblith, Norouzi, Hinton, "A Simple Framework for Contrastive Learning
    of Visual Representations", arXiv:2002.05709, equation 1.

    Examples
    --------
    >>> import torch
    >>> from contrastive_clustering._losses import nt_xent
    >>> views = torch.eye(3)
    >>> nt_xent(views, views, temperature=0.5)
    tensor(0.4327)
    """
    n_samples = len(projections_a)
    projections = torch.cat([projections_a, projections_b])  # (2N, n_projections)
    if projections.dtype in (torch.float16, torch.bfloat16):
        projections = projections.float()
    unit = F.normalize(projections, dim=1)
    logits = unit @ unit.T / temperature  # (2N, 2N)
    itself = torch.eye(2 * n_samples, dtype=torch.bool, device=logits.device)
    logits = logits.masked_fill(itself, -torch.inf)
    twin = torch.arange(2 * n_samples, device=logits.device).roll(n_samples)
    return F.cross_entropy(logits, twin)


class JointLoss(nn.Module):
    """The two terms of the joint loss, unweighted and by name.

    Parameters
    ----------
    temperature : float, default=0.5
        Temperature of NT-Xent.

    reconstruction_weight : float, default=0.1
        Weight of the reconstruction loss in the total.
    """

    def __init__(
        self, temperature: float = 0.5, reconstruction_weight: float = 0.1
    ) -> None:
        super().__init__()
        self.temperature = temperature
        self.reconstruction_weight = reconstruction_weight

    def forward(
        self, output: AutoencoderOutput, views: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Return the terms for a batch of first views followed by second views.

        Parameters
        ----------
        output : AutoencoderOutput
            What the autoencoder made of `views`.

        views : torch.Tensor of shape (2 * n, ...)
            The first views of ``n`` samples, then the second ones.

        Returns
        -------
        terms : dict of str to torch.Tensor of shape ()
            ``contrastive_loss``, in nats; ``reconstruction_loss``, the sum over the
            two views of the mean square error, in variances of the training set; and
            ``loss``, their weighted sum.
        """
        first, second = output.projection.chunk(2)
        contrastive = nt_xent(first, second, self.temperature)
        # The mean over both views, twice: the sum of the two views' means.
        reconstruction = 2 * F.mse_loss(output.reconstruction, views)
        return {
            "contrastive_loss": contrastive,
            "reconstruction_loss": reconstruction,
            "loss": contrastive + self.reconstruction_weight * reconstruction,
        }
