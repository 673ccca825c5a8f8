"""The default refinement: the network learns its own sharpened assignments."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F

from contrastive_clustering._networks.autoencoder import AutoencoderOutput
from contrastive_clustering._networks.losses import sharpen
from contrastive_clustering._refinement.base import Refinement
from contrastive_clustering._utils.param_validation import Count, Number

# During this fraction of the epochs, the targets are only the clusterer's assignments.
# The initial prototypes, which are means, predict worse than the clusterer, so the
# network's own predictions enter the targets later.
CLUSTERER_ONLY = 0.25


@dataclass(frozen=True, kw_only=True)
class SelfTrainingRefinement(Refinement):
    """Make cluster assignments more confident and consistent across views.

    A soft assignment is stored for each sample. It starts as that of the clusterer, and
    the predictions for the sample's two views are averaged into it. In addition to the
    joint loss of the first phase, the network learns to predict the sharpened stored
    assignment from either view. No term of the loss drives clusters to equal sizes.
    Finally, the weights are interpolated with those of the first phase, the resulting
    latents are clustered again, and the prototypes learn these clusters.

    Parameters
    ----------
    temperature : float, default=0.1
        Temperature of the soft assignment, which compares directions by their cosine.

    sharpening : float, default=2.0
        Power to which stored assignments are raised; larger values are sharper.

    target_momentum : float, default=0.5
        Fraction of a stored assignment that is kept in each epoch.

    n_prototypes : int, default=8
        Number of prototypes of each cluster. With several, a cluster need not be round.

    n_neighbors : int, default=0
        Number of nearest neighbors, among the latents of the first phase, whose stored
        assignments are averaged into a sample's target. With 0, the target is its own.

    weight_interpolation : float, default=0.5
        Position of the final weights between those of the first phase (0) and those at
        the end of the second (1); above 0. With 0.5, test images that differ slightly
        from the training set were assigned better, and others about equally well.

    References
    ----------
    Xie, Girshick, Farhadi, arXiv:1511.06335 (sharpened targets); Laine, Aila,
    arXiv:1610.02242 (temporal ensembling); Van Gansbeke et al., arXiv:2005.12320
    (neighbors that share a cluster); Wortsman et al., "Robust fine-tuning of zero-shot
    models", arXiv:2109.01903, eq. 1 (interpolated weights).
    """

    sharpening: float = 2.0
    target_momentum: float = 0.5
    n_prototypes: int = 8
    n_neighbors: int = 0
    weight_interpolation: float = 0.5

    constraints: ClassVar[dict[str, list[Any]]] = {
        **Refinement.constraints,
        "sharpening": [Number(0, None, closed="neither")],
        "target_momentum": [Number(0, 1, closed="left")],
        "n_prototypes": [Count(1)],
        "n_neighbors": [Count(0)],
        "weight_interpolation": [Number(0, 1, closed="right")],
    }
    reclusters: ClassVar[bool] = True

    @property
    def prototypes_per_cluster(self) -> int:
        """Number of prototypes of each cluster."""
        return self.n_prototypes

    @property
    def target_neighbors(self) -> int:
        """Number of neighbors with which a sample shares its target; 0 for none."""
        return self.n_neighbors

    @property
    def final_weight(self) -> float:
        """Share of this phase's weights in the final ones; 1 keeps them as they are."""
        return self.weight_interpolation

    def update_assignments(
        self, stored: torch.Tensor, predicted: torch.Tensor, progress: float
    ) -> torch.Tensor:
        """Average predictions into the stored assignments, after the first epochs.

        See `Refinement.update_assignments` for the parameters.

        Returns
        -------
        assignments : torch.Tensor of shape (n, n_clusters)
            The soft assignments to store.
        """
        if progress <= CLUSTERER_ONLY:
            return stored
        return torch.lerp(predicted, stored, self.target_momentum)

    def loss_terms(
        self, output: AutoencoderOutput, stored: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Return the cross entropy of both views with the sharpened assignments.

        See `Refinement.loss_terms` for the parameters.

        Returns
        -------
        terms : dict of str to torch.Tensor of shape ()
            The term ``assignment_loss``.
        """
        assert output.logits is not None  # there are prototypes in this phase
        targets = sharpen(stored, self.sharpening).repeat(2, 1)
        return {"assignment_loss": F.cross_entropy(output.logits, targets)}
