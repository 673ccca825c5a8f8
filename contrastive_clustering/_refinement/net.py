"""The net of the second phase: prototypes, soft assignments, a conditioned decoder.

All refinements start from the clusters that the clusterer found in the latents of the
first phase. Each :class:`Refinement` defines its own objective.
"""

from typing import Any

import torch
import torch.nn.functional as F
from skorch.callbacks import Callback
from torch import nn

from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._networks.autoencoder import AutoencoderOutput
from contrastive_clustering._refinement.base import Refinement
from contrastive_clustering._training.loss_recording import Terms
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._utils.distributed import all_gather, shard_slice

# The second phase continues from a trained network. At the full learning rate, its
# first steps would undo the first phase.
LR_SCALE = 1 / 3


class RefinementNet(ContrastiveNet):
    """The net of the second phase, on the module trained in the first phase.

    Parameters
    ----------
    *args, **kwargs
        As for :class:`ContrastiveNet`; the module is an instance.

    refinement : Refinement
        Objective of the phase.

    memberships : torch.Tensor of shape (n_samples, n_clusters)
        Stored soft assignments of the training set; changed in place.

    neighbors : torch.Tensor of shape (n_samples, n_neighbors) or None
        Indices of each sample's neighbors, itself first.

    start : dict of str to torch.Tensor
        The module's weights and buffers before this phase.
    """

    phase = "second"

    def __init__(
        self,
        *args: Any,
        refinement: Refinement,
        memberships: torch.Tensor,
        neighbors: torch.Tensor | None = None,
        start: dict[str, torch.Tensor],
        **kwargs: Any,
    ) -> None:
        self.refinement = refinement
        self.memberships = memberships
        self.neighbors = neighbors
        self.start = start
        super().__init__(*args, **kwargs)

    @property
    def user_lr(self) -> float:
        """The estimator's `lr`, from which the learning rate of this phase derives."""
        return float(self.lr / LR_SCALE)

    def run_epochs(
        self, dataset: ArrayDataset, *further: Callback, n_done: int = 0
    ) -> None:
        """Train for the remaining epochs, then interpolate with the initial weights."""
        super().run_epochs(dataset, *further, n_done=n_done)
        if self.refinement.final_weight < 1:
            self._interpolate_weights(self.refinement.final_weight)

    @torch.no_grad()
    def _interpolate_weights(self, weight: float) -> None:
        """Interpolate between the weights before and after this phase."""
        for name, value in learned_values(self.module_).items():
            old = self.start[name]
            # Unchanged values may be infinite, such as a mask of a custom encoder.
            mixed = torch.where(old == value, value, torch.lerp(old, value, weight))
            value.copy_(mixed)

    def loss_terms(
        self,
        output: AutoencoderOutput,
        indices: torch.Tensor,
        targets: torch.Tensor,
        training: bool,
        changes: torch.Tensor | None = None,
    ) -> Terms:
        """Return the terms of the loss, including those of the refinement."""
        terms = super().loss_terms(output, indices, targets, training, changes)
        self._update(indices, output)
        shard = indices[shard_slice(len(indices))]
        added = self.refinement.loss_terms(output, self._stored(shard))
        for name, term in added.items():
            terms[name] = (len(shard) / len(indices)) * term
            terms["loss"] = terms["loss"] + terms[name]
        return terms

    def _stored(self, indices: torch.Tensor) -> torch.Tensor:
        """Return stored assignments, averaged over neighbors if there are any."""
        if self.neighbors is None:
            return self.memberships[indices]
        # (n, n_neighbors, n_clusters) -> (n, n_clusters)
        return self.memberships[self.neighbors[indices]].mean(dim=1)

    @torch.no_grad()
    def _update(self, indices: torch.Tensor, output: AutoencoderOutput) -> None:
        """Store the assignments of a batch and move the prototypes."""
        logits = self._gather_views(output.logits, indices)  # type: ignore[arg-type]
        proba = logits.softmax(dim=1)
        first, second = proba.chunk(2)
        self.memberships[indices] = self.refinement.update_assignments(
            self.memberships[indices],
            (first + second) / 2,
            self.epoch_number / self.max_epochs,
        )
        if self.refinement.moves_prototypes:
            head = self.module_.prototype_head
            latents = self._gather_views(output.latent, indices)
            directions = F.normalize(latents - head.origin, dim=1)
            prototypes = head.prototypes[:, 0]
            prototypes.copy_(
                self.refinement.move_prototypes(prototypes, directions, proba)
            )

    def _gather_views(self, rows: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        """Return the rows of both views of the whole batch, from all processes."""
        return torch.cat([all_gather(part, len(indices)) for part in rows.chunk(2)])


def learned_values(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return a module's weights and its floating-point buffers."""
    values = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return {name: value for name, value in values.items() if value.is_floating_point()}
