"""Build the net of the second phase from the clusters of the first."""

from typing import Any

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors

from contrastive_clustering._clustering.merging import neighbors_in_other_groups
from contrastive_clustering._networks.autoencoder import PrototypeHead
from contrastive_clustering._refinement.base import Refinement
from contrastive_clustering._refinement.empty_prototypes import RelocateEmptyPrototypes
from contrastive_clustering._refinement.net import (
    LR_SCALE,
    RefinementNet,
    learned_values,
)
from contrastive_clustering._refinement.prototype_learning import first_prototypes
from contrastive_clustering._training.build import net_parameters, user_callbacks
from contrastive_clustering._training.callback_params import parameters_of_callbacks
from contrastive_clustering._training.callbacks import (
    TrainingBar,
    WarmUpCosine,
    select_observers,
)
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._training.net_params import LR_SCHEDULE
from contrastive_clustering._training.settings import TrainingSettings
from contrastive_clustering._utils.grouping import Grouping


def start_refinement(
    net: ContrastiveNet,
    settings: TrainingSettings,
    refinement: Refinement,
    *,
    latents: np.ndarray,
    proba: np.ndarray,
    memberships: np.ndarray,
    groups: Grouping | None = None,
) -> RefinementNet:
    """Return the net of the second phase, started from the clusterer's clusters.

    Parameters
    ----------
    net : ContrastiveNet
        The net of the first phase; its module gets prototypes.

    settings : TrainingSettings
        How to train.

    refinement : Refinement
        Objective of the phase.

    latents : ndarray of shape (n_clustered, latent_dim)
        Latents of the samples that were clustered.

    proba : ndarray of shape (n_clustered, n_clusters)
        Their soft assignments by the clusterer.

    memberships : ndarray of shape (n_samples, n_clusters)
        Soft assignments of the whole training set.

    groups : Grouping, default=None
        Groups of the samples that were clustered. A group weighs as one, and neighbors
        with which a sample shares its target are of other groups.

    Returns
    -------
    refining : RefinementNet
        An initialized net on the same module.
    """
    device = net.module_.input_mean.device
    weights = None if groups is None else groups.weights()
    origin = np.average(latents, axis=0, weights=weights).astype(latents.dtype)
    prototypes = first_prototypes(
        latents - origin, proba, refinement.prototypes_per_cluster, net.seed, weights
    )
    net.module_.prototype_head = PrototypeHead(
        torch.from_numpy(prototypes),
        torch.from_numpy(origin),
        refinement.temperature,
    ).to(device)
    neighbors = None
    if refinement.target_neighbors:
        neighbors = torch.from_numpy(
            _neighbors(latents, refinement.target_neighbors, groups)
        )
    values = learned_values(net.module_)
    return make_refinement_net(
        net,
        settings,
        refinement,
        memberships=torch.tensor(memberships),
        neighbors=neighbors,
        start={name: value.detach().clone() for name, value in values.items()},
    )


def make_refinement_net(
    net: ContrastiveNet,
    settings: TrainingSettings,
    refinement: Refinement,
    *,
    memberships: torch.Tensor,
    neighbors: torch.Tensor | None,
    start: dict[str, torch.Tensor],
) -> RefinementNet:
    """Return the net of the second phase on a module that has prototypes.

    Parameters
    ----------
    net : ContrastiveNet
        The net of the first phase. Its module is trained further; the epochs are added
        to its history.

    settings : TrainingSettings
        How to train.

    refinement : Refinement
        Objective of the phase.

    memberships, neighbors, start : torch.Tensor
        As for :class:`RefinementNet`.

    Returns
    -------
    refining : RefinementNet
        An initialized net.
    """
    device = net.module_.input_mean.device
    head = net.module_.prototype_head
    head.prototypes.requires_grad_(not refinement.moves_prototypes)
    observers = select_observers(user_callbacks(settings))
    callbacks: list[Any] = [RelocateEmptyPrototypes(), *observers]
    callbacks.append((LR_SCHEDULE, WarmUpCosine()))
    if settings.verbose:
        callbacks.append(("training_bar", TrainingBar("refinement")))
    parameters = {
        **net_parameters(settings),
        "criterion__kl_warm_up": 0.0,
        **parameters_of_callbacks(
            settings.net_params, [LR_SCHEDULE, *(name for name, _ in observers)]
        ),
    }
    # Targets of the second phase belong to a sample, not to its group.
    parameters["iterator_train__group_positives"] = False
    if not refinement.is_contrastive:
        parameters["criterion__contrastive_weight"] = 0.0
        parameters["criterion__decorrelation_weight"] = 0.0
        parameters["criterion__change_weight"] = 0.0
    if "optimizer__param_groups" in parameters:
        parameters["optimizer__param_groups"] = [
            (
                pattern,
                {**group, "lr": group["lr"] * LR_SCALE} if "lr" in group else group,
            )
            for pattern, group in parameters["optimizer__param_groups"]
        ]
    refining = RefinementNet(
        net.module_,
        refinement=refinement,
        memberships=memberships.to(device),
        neighbors=None if neighbors is None else neighbors.to(device),
        start={name: value.to(device) for name, value in start.items()},
        callbacks=callbacks,
        train_split=None,
        lr=settings.lr * LR_SCALE,
        max_epochs=settings.refinement_epochs,
        batch_size=net.batch_size,
        augmentation=net.augmentation,
        nuisance_negatives=net.nuisance_negatives,
        device=net.device,
        **parameters,
    )
    refining.initialize()
    refining.history = net.history
    return refining


def _neighbors(
    latents: np.ndarray, n_neighbors: int, groups: Grouping | None
) -> np.ndarray:
    """Return the indices of each sample itself and its nearest neighbors, by cosine."""
    unit = latents / np.linalg.norm(latents, axis=1, keepdims=True).clip(min=1e-12)
    if groups is not None:
        n_neighbors = min(n_neighbors, groups.n_groups - 1)
        others = neighbors_in_other_groups(unit, n_neighbors, groups)
        return np.column_stack([np.arange(len(unit)), others])
    n_neighbors = min(n_neighbors + 1, len(latents))
    index = NearestNeighbors(n_neighbors=n_neighbors).fit(unit)
    return np.asarray(index.kneighbors(unit, return_distance=False))
