"""Checks of parameters that depend on each other or on the data."""

import math
from typing import Any

import numpy as np
import torch

from contrastive_clustering._clustering.clusterers import (
    check_clusterer,
    check_n_groups,
    takes_number,
)
from contrastive_clustering._clustering.latent_clustering import MAX_CLUSTERED
from contrastive_clustering._clustering.n_clusters_search import ClusterNumberSearch
from contrastive_clustering._clustering.settings import resolve_number
from contrastive_clustering._data.metadata import Metadata
from contrastive_clustering._estimator.parameters import EstimatorParameters
from contrastive_clustering._refinement.resolve import resolve_refinement
from contrastive_clustering._training.auto import count_batch_size
from contrastive_clustering._training.build import optimizer_defaults
from contrastive_clustering._training.callback_checks import (
    check_callback_settings,
    check_callbacks,
)
from contrastive_clustering._training.net_param_checks import (
    arguments_of,
    check_net_parameters,
)
from contrastive_clustering._training.net_params import net_parameters_of
from contrastive_clustering._training.settings import WITH_ERASURE
from contrastive_clustering._utils.device import resolve_device
from contrastive_clustering._utils.distributed import n_processes
from contrastive_clustering._utils.messages import reason_of, show
from contrastive_clustering._utils.param_validation import Number

# Largest part of the latent directions that nuisance variables may take up.
MAX_ERASED = 0.5


def check_relations(
    params: EstimatorParameters, n_samples: int, metadata: Metadata
) -> None:
    """Check the relations between parameters, and between parameters and the data.

    Parameters
    ----------
    params : EstimatorParameters
        The parameters; each satisfies its own constraints.

    n_samples : int
        Number of training samples.

    metadata : Metadata
        Their groups and nuisance variables.

    Raises
    ------
    ValueError
        If there are fewer samples or groups than clusters, or too few samples to search
        for a number of clusters; if erasing the nuisance would remove more than half of
        the latent directions; if the clusterer cannot be cloned or has an invalid
        parameter; if the number of clusters is searched for although the clusterer does
        not use it; if the optimizer is not valid or cannot take a step; if a callback
        is not valid or monitors a validation part that does not exist; if a parameter
        of the net or of the refinement is not valid; if there are too many samples to
        search for neighbors; or if the validation fraction leaves too few samples.
    """
    refinement = resolve_refinement(params.refinement)
    if refinement.target_neighbors and n_samples > MAX_CLUSTERED:
        raise ValueError(
            f"refinement={show(params.refinement)} searches for neighbors among all "
            f"samples, which takes too long for more than {MAX_CLUSTERED}, but X "
            f'has n_samples={n_samples}. Use refinement="self_training".'
        )
    n_clusters, groups = params.n_clusters, metadata.groups
    if isinstance(n_clusters, int | np.integer):
        if n_samples < n_clusters:
            raise ValueError(
                f"X has n_samples={n_samples}, fewer than n_clusters={n_clusters}. "
                "Pass more samples or lower n_clusters."
            )
        check_n_groups(n_clusters, groups, params.clusterer)
    chosen = resolve_number(n_clusters, params.clusterer)
    if isinstance(chosen, ClusterNumberSearch) and n_samples < 2:
        raise ValueError(
            f"X has n_samples={n_samples}, too few to choose a number of clusters by "
            f"n_clusters={show(n_clusters)}. Pass at least 2 samples or set n_clusters "
            "to an int."
        )
    # Batches of equal size may be half as large as batch_size.
    size = n_processes()
    batch_size = count_batch_size(params.batch_size, n_samples)
    if size > 1 and min(batch_size, n_samples) < 4 * size:
        raise ValueError(
            f"batch_size={batch_size} (n_samples={n_samples}) is too small for {size} "
            "processes: each needs at least 2 samples of every batch. Raise batch_size "
            "or start fewer processes."
        )
    check_clusterer(
        params.clusterer, None if params.whiten else params.latent_dim, n_clusters
    )
    if isinstance(n_clusters, ClusterNumberSearch) and not takes_number(
        params.clusterer
    ):
        raise ValueError(
            f"n_clusters={show(n_clusters)} searches for a number of clusters, but "
            f"clusterer={show(params.clusterer)} finds the number itself. Set "
            'n_clusters="auto".'
        )
    net_params = params._net_params
    callbacks = params.callbacks or ()
    check_callbacks(callbacks)
    if not issubclass(params.optimizer, torch.optim.Optimizer):
        raise ValueError(
            f"optimizer={show(params.optimizer)} is not a torch.optim.Optimizer. Pass "
            "a class such as torch.optim.AdamW."
        )
    check_net_parameters(
        net_params,
        optimizer=params.optimizer,
        callbacks=callbacks,
        early_stopping=params.early_stopping,
    )
    check_callback_settings(callbacks, net_params, early_stopping=params.early_stopping)
    _check_step(params)
    _check_erasure(params, metadata)
    fraction = params.validation_fraction
    n_units, units = n_samples, "samples"
    if groups is not None:
        n_units, units = groups.n_groups, "groups"
    held_out = math.ceil(fraction * n_units)
    if params.early_stopping and not 2 <= held_out <= n_units - 2:
        raise ValueError(
            f"validation_fraction={fraction} holds out {held_out} of {n_units} "
            f"{units}, but training and validation need at least 2 each. Change "
            "validation_fraction or set early_stopping=False."
        )


def _check_erasure(params: EstimatorParameters, metadata: Metadata) -> None:
    if metadata.nuisance is None or params.nuisance_removal not in WITH_ERASURE:
        return
    n_erased = metadata.nuisance.n_directions
    if n_erased > MAX_ERASED * params.latent_dim:
        raise ValueError(
            f"nuisance has {n_erased} more levels than variables. Erasing it would "
            f"remove up to {n_erased} of the {params.latent_dim} directions of the "
            "latents. Merge levels, raise latent_dim, or set "
            'nuisance_removal="negatives".'
        )


def _check_step(params: EstimatorParameters) -> None:
    """Take a step with the optimizer on a single weight, once per parameter group."""
    optimizer, lr = params.optimizer, params.lr
    given = net_parameters_of(params._net_params, "optimizer")
    further = optimizer_defaults(optimizer) | {
        name.removeprefix("optimizer__"): value for name, value in given.items()
    }
    groups = further.pop("param_groups", [])
    _check_groups(groups, optimizer)
    weight = torch.nn.Parameter(torch.zeros(1, device=resolve_device(params.device)))
    weight.grad = torch.ones_like(weight)
    # The loss is scaled, so that PyTorch does not pass a function that computes it.
    is_scaled = params.precision == "16-mixed"
    closure = () if is_scaled else (lambda: 0.0,)
    try:
        for _, group in [("*", {}), *groups]:
            parts = [{"params": [weight], **group}]
            optimizer(parts, lr=lr, **further).step(*closure)  # type: ignore[call-arg]
    # Any error is caught, because optimizers, including custom ones, have no common
    # type of error: some require sparse gradients, two-dimensional weights or further
    # arguments. The message includes the original error.
    except Exception as error:
        if is_scaled:
            given["precision"] = params.precision
        shown = "".join(f", {name}={show(value)}" for name, value in given.items())
        raise ValueError(
            f"optimizer={optimizer.__name__} cannot take a step with lr={lr}{shown}: "
            f"{reason_of(error).rstrip('.')}. Pass other values, or another class such "
            "as torch.optim.AdamW."
        ) from error


def _check_groups(groups: Any, optimizer: type[torch.optim.Optimizer]) -> None:
    """Raise unless parameter groups are pairs of a pattern and a dict, as in skorch."""
    if not isinstance(groups, list | tuple) or not all(
        isinstance(pair, list | tuple)
        and len(pair) == 2
        and isinstance(pair[0], str)
        and isinstance(pair[1], dict)
        for pair in groups
    ):
        raise ValueError(
            f"optimizer__param_groups={show(groups)} is not a list of pairs of a "
            'pattern and a dict, such as [("encoder.*", {"lr": 1e-4})].'
        )
    known = arguments_of(optimizer)
    for pattern, group in groups:
        rate = group.get("lr", 0.0)
        if not Number(0, None, closed="left").is_satisfied_by(rate):
            raise ValueError(
                f"optimizer__param_groups gives {show(pattern)} a learning rate of "
                f"{show(rate)}, which is not a number of at least 0."
            )
        # PyTorch would ignore them.
        for name in [] if known is None else group.keys() - set(known):
            raise ValueError(
                f"optimizer__param_groups sets {show(name)} for {show(pattern)}, but "
                f"{optimizer.__name__} has no parameter {show(name)}."
            )
