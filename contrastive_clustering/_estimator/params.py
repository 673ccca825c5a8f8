"""What the estimator's parameters may be."""

import inspect
import math
from numbers import Integral
from os import PathLike
from typing import Any

import numpy as np
import torch
from sklearn.utils._param_validation import HasMethods, StrOptions

from contrastive_clustering._augmentation.auto import PRESETS
from contrastive_clustering._clustering.clusterers import (
    NAMED_CLUSTERERS,
    check_clusterer,
    takes_number,
)
from contrastive_clustering._clustering.latent_clustering import LARGEST_CLUSTERED
from contrastive_clustering._clustering.n_clusters_search import ClusterNumberSearch
from contrastive_clustering._refinement.settings import (
    REFINEMENTS,
    PrototypeRefinement,
    SelfTrainingRefinement,
    resolve_refinement,
)
from contrastive_clustering._training.auto import count_batch_size
from contrastive_clustering._training.callback_checks import check_callbacks
from contrastive_clustering._training.mixed_precision import PRECISIONS
from contrastive_clustering._training.net_params import (
    arguments_of,
    check_net_parameters,
    net_parameters_of,
)
from contrastive_clustering._utils.device import resolve_device
from contrastive_clustering._utils.distributed import n_processes
from contrastive_clustering._utils.messages import reason_of, show
from contrastive_clustering._utils.param_validation import Count, Number

PARAMETER_CONSTRAINTS: dict[str, list[Any]] = {
    "n_clusters": [
        Count(1),
        StrOptions({"auto"}),
        ClusterNumberSearch,
    ],
    "clusterer": [StrOptions(set(NAMED_CLUSTERERS)), HasMethods("fit_predict")],
    "whiten": ["boolean"],
    "normalize": ["boolean"],
    "latent_dim": [Count(1)],
    "encoder": [callable, None],
    "decoder": [callable, None],
    "temperature": [Number(0, None, closed="neither")],
    "reconstruction_weight": [Number(0, None, closed="left")],
    "augmentation": [StrOptions({"auto", *PRESETS}), callable, None],
    "image_shape": ["array-like", None],
    "channel_axis": [Integral, StrOptions({"auto"}), None],
    "max_epochs": [Count(0), StrOptions({"auto"})],
    "refinement": [
        StrOptions(set(REFINEMENTS)),
        PrototypeRefinement,
        SelfTrainingRefinement,
    ],
    "refinement_epochs": [Count(0)],
    "kl_weight": [Number(0, None, closed="left")],
    "kl_warm_up": [Number(0, 1, closed="both")],
    "batch_size": [Count(2), StrOptions({"auto"})],
    "optimizer": [type],
    "lr": [Number(0, None, closed="neither")],
    "lr_schedule": [StrOptions({"cosine", "constant"})],
    "weight_decay": [Number(0, None, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Number(0, 1, closed="neither")],
    "n_iter_no_change": [Count(1)],
    "callbacks": [list, tuple, None],
    "warm_start": ["boolean"],
    "precision": [StrOptions(set(PRECISIONS))],
    "compile": ["boolean"],
    "checkpoint_dir": [str, PathLike, None],
    "checkpoint_every": [Count(1)],
    "num_workers": [Count(0)],
    "store_examples": ["boolean"],
    "device": [str, torch.device],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}


def check_relations(params: dict[str, Any], n_samples: int) -> None:
    """Check the parameters whose limits depend on each other or on the data.

    Parameters
    ----------
    params : dict
        The parameters of the estimator, each of which has passed its constraint.

    n_samples : int
        Number of training samples.

    Raises
    ------
    ValueError
        If there are fewer samples than clusters, if the clusterer cannot be cloned or
        has an invalid parameter, if numbers of clusters are to be searched for a
        clusterer that takes none, if the optimizer is none, cannot take a step or does
        not know weight decay, if a callback is none or monitors a validation part that
        is not there, if a parameter of the net cannot be set or used, if a parameter of
        the refinement is out of its range, if there are too many samples to look for
        neighbors, or if the validation fraction leaves too few samples.
    """
    refinement = resolve_refinement(params["refinement"])
    if getattr(refinement, "n_neighbors", 0) and n_samples > LARGEST_CLUSTERED:
        raise ValueError(
            f"refinement={show(params['refinement'])} looks for neighbors among all "
            f"samples, which takes too long beyond {LARGEST_CLUSTERED}, and X has "
            f'n_samples={n_samples}. Take refinement="self_training".'
        )
    n_clusters = params["n_clusters"]
    if isinstance(n_clusters, int | np.integer) and n_samples < n_clusters:
        raise ValueError(
            f"X has n_samples={n_samples}, fewer than n_clusters={n_clusters}. Give "
            "more samples or lower n_clusters."
        )
    # Even batches may be half as large as the largest.
    together = n_processes()
    batch_size = count_batch_size(params["batch_size"], n_samples)
    if together > 1 and min(batch_size, n_samples) < 4 * together:
        raise ValueError(
            f"batch_size={batch_size} (of n_samples={n_samples}) is shared "
            f"by {together} processes; each needs 2 samples at least. Raise batch_size "
            "or start fewer processes."
        )
    check_clusterer(
        params["clusterer"], None if params["whiten"] else params["latent_dim"]
    )
    if isinstance(n_clusters, ClusterNumberSearch) and not takes_number(
        params["clusterer"]
    ):
        raise ValueError(
            f"n_clusters={show(n_clusters)} searches for a number of clusters, but "
            f"clusterer={show(params['clusterer'])} is not asked for one. Set "
            'n_clusters="auto", and it finds the number itself.'
        )
    check_callbacks(
        params["callbacks"] or (),
        early_stopping=params["early_stopping"],
        are_changed=any(name.startswith("callbacks__") for name in params),
    )
    _check_optimizer_class(params["optimizer"], params["weight_decay"])
    check_net_parameters(params)
    _check_step(params)
    fraction = params["validation_fraction"]
    held_out = math.ceil(fraction * n_samples)
    if params["early_stopping"] and not 2 <= held_out <= n_samples - 2:
        raise ValueError(
            f"validation_fraction={fraction} holds out {held_out} of {n_samples} "
            "samples; training and validation need 2 each. Change "
            "validation_fraction or set early_stopping=False."
        )


def _check_optimizer_class(
    optimizer: type[torch.optim.Optimizer], weight_decay: float
) -> None:
    if not issubclass(optimizer, torch.optim.Optimizer):
        raise ValueError(
            f"optimizer={show(optimizer)} is no torch.optim.Optimizer. Pass a class "
            "such as torch.optim.AdamW."
        )
    if weight_decay and "weight_decay" not in inspect.signature(optimizer).parameters:
        raise ValueError(
            f"optimizer={optimizer.__name__} has no weight decay, but weight_decay="
            f"{weight_decay}. Set weight_decay=0."
        )


def _check_step(params: dict[str, Any]) -> None:
    """Let the optimizer take a step on one weight, as one of each of its groups."""
    optimizer, lr = params["optimizer"], params["lr"]
    given = net_parameters_of(params, "optimizer")
    further = {name.removeprefix("optimizer__"): given[name] for name in given}
    groups = further.pop("param_groups", [])
    _check_groups(groups, optimizer)
    if params["weight_decay"]:
        further["weight_decay"] = params["weight_decay"]
    weight = torch.nn.Parameter(torch.zeros(1, device=resolve_device(params["device"])))
    weight.grad = torch.ones_like(weight)
    try:
        for _, group in [("*", {}), *groups]:
            parts = [{"params": [weight], **group}]
            optimizer(parts, lr=lr, **further).step(lambda: 0.0)
    # Any error is caught: some optimizers take only sparse gradients, or weights of two
    # axes, or cannot be made of a learning rate alone; what they, the user's own among
    # them, then raise has no common type. All of it means the same, and the message
    # says what it was.
    except Exception as error:
        shown = "".join(f", {name}={show(value)}" for name, value in given.items())
        raise ValueError(
            f"optimizer={optimizer.__name__} cannot take a step with lr={lr}, "
            f"weight_decay={params['weight_decay']}{shown}: {reason_of(error)}. "
            "Pass other values, or another class such as torch.optim.AdamW."
        ) from error


def _check_groups(groups: Any, optimizer: type[torch.optim.Optimizer]) -> None:
    """Raise unless parameter groups are pairs of a pattern and a dict, as of skorch."""
    if not isinstance(groups, list | tuple) or not all(
        isinstance(pair, list | tuple)
        and len(pair) == 2
        and isinstance(pair[0], str)
        and isinstance(pair[1], dict)
        for pair in groups
    ):
        raise ValueError(
            f"optimizer__param_groups={show(groups)} is no list of pairs of a pattern "
            "and "
            'a dict, such as [("encoder.*", {"lr": 1e-4})].'
        )
    known = arguments_of(optimizer)
    for pattern, group in groups:
        rate = group.get("lr", 0.0)
        if not Number(0, None, closed="left").is_satisfied_by(rate):
            raise ValueError(
                f"optimizer__param_groups gives {show(pattern)} a learning rate of "
                f"{show(rate)}, which is no number from 0 on."
            )
        # PyTorch would not look at them.
        for name in [] if known is None else group.keys() - set(known):
            raise ValueError(
                f"optimizer__param_groups gives {show(pattern)} a {show(name)}, but "
                f"{optimizer.__name__} has no parameter {show(name)}."
            )
