"""Convert the state of the second phase to a tree, and resume from it."""

from typing import Any

import numpy as np
import torch

from contrastive_clustering._io.schema import Array, Entries, Maybe, Node
from contrastive_clustering._refinement.base import Refinement
from contrastive_clustering._refinement.build import make_refinement_net
from contrastive_clustering._refinement.net import RefinementNet, learned_values
from contrastive_clustering._saving.codec import VALUE
from contrastive_clustering._saving.net_state import weights_to_tree
from contrastive_clustering._saving.optimizer_state import (
    OPTIMIZER,
    load_optimizer,
    optimizer_to_tree,
)
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._training.settings import TrainingSettings

# The state of the second phase, in addition to that of the net. `resume_refinement`
# compares its sizes with those of the network.
REFINEMENT: dict[str, Node] = {
    "optimizer": OPTIMIZER,
    "memberships": Array(("n_samples", "n_strata"), ("f4",), low=0.0),
    "neighbors": Maybe(
        Array(("n_samples", "n_neighbors"), ("i8",), low=0, below="n_samples")
    ),
    "start": Entries(VALUE),
}


def refinement_state(refining: RefinementNet) -> dict[str, Any]:
    """Return the state from which the second phase resumes, without the first net's.

    It is a tree that fits `REFINEMENT`.
    """
    neighbors = refining.neighbors
    return {
        "optimizer": optimizer_to_tree(refining),
        "memberships": refining.memberships.cpu().numpy().copy(),
        "neighbors": None if neighbors is None else neighbors.cpu().numpy(),
        "start": weights_to_tree(refining.start),
    }


def resume_refinement(
    net: ContrastiveNet,
    settings: TrainingSettings,
    refinement: Refinement,
    state: dict[str, Any],
) -> RefinementNet:
    """Return the net of the second phase, restored from a tree that fits `REFINEMENT`.

    It trains the module of the first phase's net, which has prototypes. A ValueError is
    raised if the state does not belong to such a net.
    """
    head = net.module_.prototype_head
    n_strata = state["memberships"].shape[1]
    if head is None or len(head.prototypes) != n_strata:
        n_prototypes = "none" if head is None else len(head.prototypes)
        raise ValueError(
            f"memberships are of {n_strata} strata, but prototypes are of "
            f"{n_prototypes}"
        )
    values = learned_values(net.module_)
    start = state["start"]
    if start.keys() != values.keys() or any(
        not isinstance(start[name], np.ndarray) or start[name].shape != value.shape
        for name, value in values.items()
    ):
        raise ValueError("start does not match the weights of the network")
    neighbors = state["neighbors"]
    refining = make_refinement_net(
        net,
        settings,
        refinement,
        memberships=torch.from_numpy(state["memberships"]),
        neighbors=None if neighbors is None else torch.from_numpy(neighbors),
        start={
            name: torch.from_numpy(start[name]).to(value.dtype)
            for name, value in values.items()
        },
    )
    load_optimizer(refining, state["optimizer"])
    return refining
