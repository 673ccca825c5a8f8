"""What a refinement is: the decisions of the second phase that can be exchanged."""

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

    :class:`RefinementNet` trains the network together with prototypes of the clusters,
    and asks its refinement what to train for. A refinement holds settings only; what
    changes during training belongs to the net.

    Parameters
    ----------
    temperature : float, default=0.1
        Temperature of the soft assignment, which compares directions by their cosine.
    """

    temperature: float = 0.1

    # What each parameter may be; a subclass adds its own.
    constraints: ClassVar[dict[str, list[Any]]] = {
        "temperature": [Number(0, None, closed="neither")],
    }

    # Whether the contrastive loss of the first phase stays part of the loss.
    is_contrastive: ClassVar[bool] = True

    # Whether prototypes are moved by `move_prototypes` and not by the optimizer.
    moves_prototypes: ClassVar[bool] = False

    # Whether the clusterer is asked again, at the end, for the clusters of the latents.
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
        """How far the final weights lie from those of the first phase, up to 1."""
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
            What the network predicts, averaged over both views.

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
            The network's output for the first views of a batch, then the second views.

        stored : torch.Tensor of shape (n, n_clusters)
            The stored soft assignments, averaged over `target_neighbors`.

        Returns
        -------
        terms : dict of str to torch.Tensor of shape ()
            Means over the views, weighted, by their names in `LOSS_TERMS`.
        """
        return {}

    def move_prototypes(
        self, prototypes: torch.Tensor, directions: torch.Tensor, proba: torch.Tensor
    ) -> torch.Tensor:
        """Return where prototypes move after a batch; used if `moves_prototypes`.

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
