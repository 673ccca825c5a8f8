"""The refinement of the paper's authors: prototypes that follow their members."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F

from contrastive_clustering._refinement.base import Refinement
from contrastive_clustering._utils.param_validation import Number


@dataclass(frozen=True, kw_only=True)
class PrototypeRefinement(Refinement):
    """Train by reconstruction, with prototypes that move to the mean of their members.

    This is the method of the paper's authors. The network learns to reconstruct samples
    from the latent together with its soft assignment. After each batch, a prototype
    moves to the mean of the latents assigned to it.

    Parameters
    ----------
    temperature : float, default=0.1
        Temperature of the soft assignment, which compares directions by their cosine.

    momentum : float, default=0.9
        Fraction of a prototype that is kept in each step. With 0, a prototype becomes
        the mean of its members in the batch, as in the paper; larger values give an
        exponential moving average.

    References
    ----------
    Ferrante et al., arXiv:2209.12005.
    """

    momentum: float = 0.9

    constraints: ClassVar[dict[str, list[Any]]] = {
        **Refinement.constraints,
        "momentum": [Number(0, 1, closed="left")],
    }
    is_contrastive: ClassVar[bool] = False
    moves_prototypes: ClassVar[bool] = True

    def update_assignments(
        self, stored: torch.Tensor, predicted: torch.Tensor, progress: float
    ) -> torch.Tensor:
        """Return the predictions, which replace the stored assignments."""
        return predicted

    def move_prototypes(
        self, prototypes: torch.Tensor, directions: torch.Tensor, proba: torch.Tensor
    ) -> torch.Tensor:
        """Move each prototype toward the mean direction of its members."""
        # Unlike `one_hot`, this does not read values back from the device.
        largest = proba.argmax(dim=1, keepdim=True)
        hard = torch.zeros_like(proba).scatter_(1, largest, 1.0)
        means = F.normalize(hard.T @ directions, dim=1)  # (n_clusters, latent_dim)
        moved = F.normalize(torch.lerp(means, prototypes, self.momentum), dim=1)
        has_members = hard.sum(dim=0) > 0
        return torch.where(has_members[:, None], moved, prototypes)
