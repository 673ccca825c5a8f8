"""Base class of refinements: the exchangeable decisions of the second phase."""

import abc
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from contrastive_clustering._networks.autoencoder import AutoencoderOutput
from contrastive_clustering._utils.param_validation import (
    Number,
    check_parameters,
)


@dataclass(frozen=True, kw_only=True)
class Refinement(abc.ABC):
    """Base class of refinements.

    The second phase trains the network together with prototypes of the clusters. Its
    refinement defines the objective. Derive a frozen dataclass, and override
    :meth:`update_assignments` and whatever else differs. A refinement holds only
    settings; state that changes during training belongs to the net.

    Parameters
    ----------
    temperature : float, default=0.1
        Temperature of the soft assignment, which compares directions by their cosine.

    Attributes
    ----------
    is_contrastive : bool, default=True
        Whether the loss includes the contrastive loss and the decorrelation of the
        first phase.

    moves_prototypes : bool, default=False
        Whether :meth:`move_prototypes` updates the prototypes instead of the optimizer.

    reclusters : bool, default=False
        Whether the latents are clustered again at the end.

    See Also
    --------
    SelfTrainingRefinement : The default.
    PrototypeRefinement : The method of the paper's authors.
    """

    temperature: float = 0.1

    # Constraints on the parameters; a subclass adds its own.
    constraints: ClassVar[dict[str, list[Any]]] = {
        "temperature": [Number(0, None, closed="neither")],
    }

    is_contrastive: ClassVar[bool] = True
    moves_prototypes: ClassVar[bool] = False
    reclusters: ClassVar[bool] = False

    @property
    def prototypes_per_cluster(self) -> int:
        """Number of prototypes of each cluster."""
        return 1

    @property
    def target_neighbors(self) -> int:
        """Number of neighbors with which a sample shares its target; 0 for none."""
        return 0

    @property
    def final_weight(self) -> float:
        """Share of this phase's weights in the final ones; 1 keeps them as they are."""
        return 1.0

    @abc.abstractmethod
    def update_assignments(
        self, stored: torch.Tensor, predicted: torch.Tensor, progress: float
    ) -> torch.Tensor:
        """Return the soft assignments to store for the samples of a batch.

        Parameters
        ----------
        stored : torch.Tensor of shape (n, n_clusters)
            The soft assignments stored so far; at first those of the clusterer.

        predicted : torch.Tensor of shape (n, n_clusters)
            The network's predictions, averaged over both views.

        progress : float
            Number of the current epoch, from 1, divided by the number of epochs.

        Returns
        -------
        assignments : torch.Tensor of shape (n, n_clusters)
            The soft assignments to store.
        """

    def loss_terms(
        self, output: AutoencoderOutput, stored: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Return the terms that are added to the joint loss.

        Parameters
        ----------
        output : AutoencoderOutput
            The network's output for the first views of a batch, then the second views:
            `latent`, `projection`, `reconstruction` and, of the soft assignment,
            `logits` of shape (2 * n, n_clusters).

        stored : torch.Tensor of shape (n, n_clusters)
            The stored soft assignments, averaged over `target_neighbors`.

        Returns
        -------
        terms : dict of str to torch.Tensor of shape ()
            Means over the views, weighted, by name. The history has an average of
            "assignment_loss" for each epoch, but none of terms with other names.
        """
        return {}

    def move_prototypes(
        self, prototypes: torch.Tensor, directions: torch.Tensor, proba: torch.Tensor
    ) -> torch.Tensor:
        """Return the prototypes after a batch; used if `moves_prototypes`.

        Parameters
        ----------
        prototypes : torch.Tensor of shape (n_clusters, latent_dim)
            The first prototype of each cluster, of unit length.

        directions : torch.Tensor of shape (2 * n, latent_dim)
            Unit vectors from the origin of the prototypes to the latents.

        proba : torch.Tensor of shape (2 * n, n_clusters)
            The predicted soft assignments.

        Returns
        -------
        moved : torch.Tensor of shape (n_clusters, latent_dim)
            The new prototypes, of unit length.
        """
        return prototypes

    def check(self) -> None:
        """Raise a ValueError if a parameter is out of its range."""
        check_parameters(self.constraints, vars(self), caller=type(self).__name__)
