"""The second phase: prototypes, soft assignments and a conditioned decoder.

All refinements start from the strata that the clusterer found in the latents of the
first phase; they differ in the losses that train the network and in how prototypes
move.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import NearestNeighbors
from skorch.callbacks import Callback
from torch import nn

from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._networks.autoencoder import (
    AutoencoderOutput,
    PrototypeHead,
)
from contrastive_clustering._networks.losses import sharpen
from contrastive_clustering._refinement.prototypes import first_prototypes
from contrastive_clustering._refinement.settings import (
    PrototypeRefinement,
    Refinement,
    SelfTrainingRefinement,
    resolve_refinement,
)
from contrastive_clustering._training.build import net_parameters, users_callbacks
from contrastive_clustering._training.callbacks import (
    TrainingBar,
    WarmUpCosine,
    observers_of,
)
from contrastive_clustering._training.loss_recording import Terms
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._training.net_params import (
    name_callbacks,
    parameters_of_callbacks,
)
from contrastive_clustering._utils.caller_warnings import warn
from contrastive_clustering._utils.distributed import all_gather, shard_slice

# The second phase goes on from a trained network: at the full rate its first steps
# would undo what the first phase has learnt.
LR_SCALE = 1 / 3

# Over this part of the epochs the network learns what the clusterer found, before what
# it gives itself is averaged in: prototypes that are no more than means know less.
LEARN_FIRST = 0.25


class RefinementNet(ContrastiveNet):
    """The net of the second phase, on the module that the first phase has trained.

    Parameters
    ----------
    *args, **kwargs
        As for :class:`ContrastiveNet`; the module is an instance.

    refinement : PrototypeRefinement or SelfTrainingRefinement
        What to train for.

    memberships : torch.Tensor of shape (n_samples, n_clusters)
        Soft assignments of the training set; changed in place.

    neighbors : torch.Tensor of shape (n_samples, n_neighbors) or None
        Places of each sample's neighbors, itself first.

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
        """The estimator's parameter that the learning rate stems from."""
        return float(self.lr / LR_SCALE)

    def run_epochs(
        self, dataset: ArrayDataset, *further: Callback, n_done: int = 0
    ) -> None:
        """Train for what is missing, then go part of the way back to the start."""
        super().run_epochs(dataset, *further, n_done=n_done)
        if isinstance(self.refinement, SelfTrainingRefinement):
            self._mix_weights(self.refinement.mixing)

    @torch.no_grad()
    def _mix_weights(self, mixing: float) -> None:
        """Move the network to between its weights before and after this phase."""
        for name, value in learnt_values(self.module_).items():
            old = self.start[name]
            # What has not changed may be infinite, such as a mask of a user's encoder.
            mixed = torch.where(old == value, value, torch.lerp(old, value, mixing))
            value.copy_(mixed)

    def loss_terms(
        self,
        output: AutoencoderOutput,
        indices: torch.Tensor,
        targets: torch.Tensor,
        training: bool,
    ) -> Terms:
        """Return the terms of the loss, the assignment's among them if there is one."""
        assert output.logits is not None  # there are prototypes in this phase
        terms = super().loss_terms(output, indices, targets, training)
        self._learn(indices, output)
        if isinstance(self.refinement, SelfTrainingRefinement):
            own = indices[shard_slice(len(indices))]
            strata = self._wanted_strata(own, self.refinement.power)
            terms["assignment_loss"] = (len(own) / len(indices)) * F.cross_entropy(
                output.logits, strata.repeat(2, 1)
            )
            terms["loss"] = terms["loss"] + terms["assignment_loss"]
        return terms

    def _wanted_strata(self, indices: torch.Tensor, power: float) -> torch.Tensor:
        if self.neighbors is None:
            remembered = self.memberships[indices]
        else:
            # (n, n_neighbors, n_clusters) -> (n, n_clusters)
            remembered = self.memberships[self.neighbors[indices]].mean(dim=1)
        return sharpen(remembered, power)

    @torch.no_grad()
    def _learn(self, indices: torch.Tensor, output: AutoencoderOutput) -> None:
        """Remember the assignments of a batch, and let prototypes follow it."""
        logits = self._of_all(output.logits, indices)  # type: ignore[arg-type]
        proba = logits.softmax(dim=1)
        first, second = proba.chunk(2)
        seen = (first + second) / 2
        if isinstance(self.refinement, SelfTrainingRefinement):
            if self.epoch_number > LEARN_FIRST * self.max_epochs:
                self.memberships[indices] = torch.lerp(
                    seen, self.memberships[indices], self.refinement.memory
                )
            return
        self.memberships[indices] = seen
        head = self.module_.prototype_head
        latents = self._of_all(output.latent, indices)
        directions = F.normalize(latents - head.origin, dim=1)
        # Of each row the largest; unlike `one_hot` it reads no number.
        largest = proba.argmax(dim=1, keepdim=True)
        hard = torch.zeros_like(proba).scatter_(1, largest, 1.0)
        means = F.normalize(hard.T @ directions, dim=1)  # (n_clusters, latent_dim)
        old = head.prototypes[:, 0]  # one a stratum
        moved = F.normalize(torch.lerp(means, old, self.refinement.momentum), dim=1)
        has_members = hard.sum(dim=0) > 0
        old.copy_(torch.where(has_members[:, None], moved, old))

    def _of_all(self, rows: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        """Return the rows of both views of the whole batch, from all processes."""
        return torch.cat([all_gather(part, len(indices)) for part in rows.chunk(2)])


def learnt_values(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return a module's weights and those of its buffers that hold real numbers."""
    values = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return {name: value for name, value in values.items() if value.is_floating_point()}


class Reviver(Callback):  # type: ignore[misc]  # skorch is not typed
    """Give prototypes without a member new members after each epoch.

    A stratum without a member gets the direction of the sample that fits its own, the
    largest stratum, worst. How many were revived stands in the history as
    ``revived_prototypes``.
    """

    def on_epoch_end(
        self, net: RefinementNet, dataset_train: Any = None, **kwargs: Any
    ) -> None:
        """Look for dead prototypes and revive them."""
        labels = net.memberships.argmax(dim=1)
        n_clusters = net.memberships.shape[1]
        sizes = torch.bincount(labels, minlength=n_clusters)
        dead = (sizes == 0).nonzero()[:, 0].tolist()
        net.history.record("revived_prototypes", len(dead))
        if not dead or sizes.max() <= len(dead):
            return
        head = net.module_.prototype_head
        latents = torch.from_numpy(net.encode(dataset_train)).to(net.memberships.device)
        members = (labels == sizes.argmax()).nonzero()[:, 0]
        directions = F.normalize(latents[members] - head.origin, dim=1)
        with torch.no_grad():
            fit = head(latents[members])[:, labels[members[0]]]
            worst = fit.argsort()[: len(dead)]
            head.prototypes[dead] = directions[worst][:, None]
            # A member joins the nearest of the revived if it fits that one better.
            nearness, nearest = head(latents[members])[:, dead].max(dim=1)
            joins = nearness > fit
            joins[worst] = True
            new = torch.as_tensor(dead, device=labels.device)[nearest[joins]]
            net.memberships[members[joins]] = F.one_hot(new, n_clusters).float()
        warn(
            f"{len(dead)} of {n_clusters} prototypes had lost all members after epoch "
            f"{len(net.history)} and were put into the largest stratum again. If this "
            "goes on, lower n_clusters.",
            ConvergenceWarning,
        )


def start_refinement(
    net: ContrastiveNet,
    params: dict[str, Any],
    latents: np.ndarray,
    proba: np.ndarray,
    memberships: np.ndarray,
) -> RefinementNet:
    """Return the net of the second phase, which starts from a clusterer's strata.

    Parameters
    ----------
    net : ContrastiveNet
        The net of the first phase; its module gets prototypes.

    params : dict
        The parameters of the estimator.

    latents : ndarray of shape (n_clustered, latent_dim)
        Latents of the samples that were clustered.

    proba : ndarray of shape (n_clustered, n_clusters)
        Their soft assignments by the clusterer.

    memberships : ndarray of shape (n_samples, n_clusters)
        Those of the whole training set.

    Returns
    -------
    refining : RefinementNet
        An initialized net on the same module.
    """
    refinement = resolve_refinement(params["refinement"])
    device = net.module_.input_mean.device
    origin = latents.mean(axis=0)
    follows = isinstance(refinement, PrototypeRefinement)
    n_prototypes = 1 if follows else refinement.n_prototypes  # type: ignore[union-attr]
    prototypes = first_prototypes(latents - origin, proba, n_prototypes, net.seed)
    net.module_.prototype_head = PrototypeHead(
        torch.from_numpy(prototypes),
        torch.from_numpy(origin),
        refinement.temperature,
    ).to(device)
    neighbors = None
    if isinstance(refinement, SelfTrainingRefinement) and refinement.n_neighbors > 0:
        neighbors = torch.from_numpy(_neighbors(latents, refinement.n_neighbors))
    values = learnt_values(net.module_)
    start = {name: value.detach().clone() for name, value in values.items()}
    return make_refinement_net(net, params, torch.tensor(memberships), neighbors, start)


def make_refinement_net(
    net: ContrastiveNet,
    params: dict[str, Any],
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

    params : dict
        The parameters of the estimator.

    memberships, neighbors, start : torch.Tensor
        As for :class:`RefinementNet`.

    Returns
    -------
    refining : RefinementNet
        An initialized net.
    """
    refinement = resolve_refinement(params["refinement"])
    device = net.module_.input_mean.device
    follows = isinstance(refinement, PrototypeRefinement)
    net.module_.prototype_head.prototypes.requires_grad_(not follows)
    observers = observers_of(name_callbacks(users_callbacks(params)))
    callbacks: list[Any] = [Reviver(), *observers]
    if params["lr_schedule"] == "cosine":
        callbacks.append(("lr_schedule", WarmUpCosine()))
    if params["verbose"]:
        callbacks.append(("training_bar", TrainingBar("refinement")))
    parameters = {
        "criterion__contrastive_weight": 1.0,
        **net_parameters(params, net.seed),
        "kl_warm_up": 0.0,
        **parameters_of_callbacks(params, [name for name, _ in observers]),
    }
    if follows:
        parameters["criterion__contrastive_weight"] = 0.0
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
        lr=params["lr"] * LR_SCALE,
        max_epochs=params["refinement_epochs"],
        batch_size=net.batch_size,
        augmentation=net.augmentation,
        device=net.device,
        **parameters,
    )
    refining.initialize()
    refining.history = net.history
    return refining


def _neighbors(latents: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Return the places of each sample itself and its nearest neighbors, by cosine."""
    unit = latents / np.linalg.norm(latents, axis=1, keepdims=True).clip(min=1e-12)
    n_neighbors = min(n_neighbors + 1, len(latents))
    index = NearestNeighbors(n_neighbors=n_neighbors).fit(unit)
    return np.asarray(index.kneighbors(unit, return_distance=False))
