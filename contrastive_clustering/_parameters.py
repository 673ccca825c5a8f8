"""What the estimator's parameters may be."""

import inspect
import math
from numbers import Integral, Real
from typing import Any

import torch
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from contrastive_clustering._augmentation import PRESETS
from contrastive_clustering._latent import NAMED_CLUSTERERS

PARAMETER_CONSTRAINTS: dict[str, list[Any]] = {
    "n_clusters": [Interval(Integral, 1, None, closed="left")],
    "clusterer": [StrOptions(set(NAMED_CLUSTERERS)), HasMethods("fit_predict")],
    "whiten": ["boolean"],
    "normalize": ["boolean"],
    "latent_dim": [Interval(Integral, 1, None, closed="left")],
    "temperature": [Interval(Real, 0, None, closed="neither")],
    "reconstruction_weight": [Interval(Real, 0, None, closed="left")],
    "augmentation": [StrOptions({"auto", *PRESETS}), callable, None],
    "image_shape": ["array-like", None],
    "channel_axis": [Integral, StrOptions({"auto"}), None],
    "max_epochs": [Interval(Integral, 1, None, closed="left")],
    "batch_size": [Interval(Integral, 2, None, closed="left")],
    "optimizer": [type],
    "lr": [Interval(Real, 0, None, closed="neither")],
    "lr_schedule": [StrOptions({"cosine", "constant"})],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "callbacks": [list, tuple, None],
    "warm_start": ["boolean"],
    "device": [str, torch.device],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}


def check_relations(params: dict[str, Any], n_samples: int) -> None:
    """Check the parameters whose limits hang on each other or on the data.

    Parameters
    ----------
    params : dict
        The parameters of the estimator, each of which has passed its constraint.

    n_samples : int
        Number of training samples.

    Raises
    ------
    ValueError
        If there are fewer samples than clusters, if the optimizer is none or does not
        know weight decay, or if the validation fraction leaves too few samples.
    """
    n_clusters = params["n_clusters"]
    if n_samples < n_clusters:
        raise ValueError(
            f"X has n_samples={n_samples}, fewer than n_clusters={n_clusters}. Give "
            "more samples or lower n_clusters."
        )
    optimizer, weight_decay = params["optimizer"], params["weight_decay"]
    if not issubclass(optimizer, torch.optim.Optimizer):
        raise ValueError(
            f"optimizer={optimizer!r} is no torch.optim.Optimizer. Pass a class such "
            "as torch.optim.AdamW."
        )
    if weight_decay and "weight_decay" not in inspect.signature(optimizer).parameters:
        raise ValueError(
            f"optimizer={optimizer.__name__} has no weight decay, but weight_decay="
            f"{weight_decay}. Set weight_decay=0."
        )
    fraction = params["validation_fraction"]
    held_out = math.ceil(fraction * n_samples)
    if params["early_stopping"] and not 2 <= held_out <= n_samples - 2:
        raise ValueError(
            f"validation_fraction={fraction} holds out {held_out} of {n_samples} "
            "samples; training and validation need 2 each. Change "
            "validation_fraction or set early_stopping=False."
        )
