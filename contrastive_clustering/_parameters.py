"""What the estimator's parameters may be."""

import inspect
import math
from numbers import Integral, Real
from os import PathLike
from typing import Any

import numpy as np
import torch
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from contrastive_clustering._augmentation import PRESETS
from contrastive_clustering._cluster_number import ClusterNumberSearch
from contrastive_clustering._latent import NAMED_CLUSTERERS
from contrastive_clustering._refinement import (
    REFINEMENTS,
    PrototypeRefinement,
    SelfTrainingRefinement,
    resolve_refinement,
)
from contrastive_clustering._training import PRECISIONS

PARAMETER_CONSTRAINTS: dict[str, list[Any]] = {
    "n_clusters": [
        Interval(Integral, 1, None, closed="left"),
        StrOptions({"auto"}),
        ClusterNumberSearch,
    ],
    "clusterer": [StrOptions(set(NAMED_CLUSTERERS)), HasMethods("fit_predict")],
    "whiten": ["boolean"],
    "normalize": ["boolean"],
    "latent_dim": [Interval(Integral, 1, None, closed="left")],
    "temperature": [Interval(Real, 0, None, closed="neither")],
    "reconstruction_weight": [Interval(Real, 0, None, closed="left")],
    "augmentation": [StrOptions({"auto", *PRESETS}), callable, None],
    "image_shape": ["array-like", None],
    "channel_axis": [Integral, StrOptions({"auto"}), None],
    "max_epochs": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
    "refinement": [
        StrOptions(set(REFINEMENTS)),
        PrototypeRefinement,
        SelfTrainingRefinement,
    ],
    "refinement_epochs": [Interval(Integral, 0, None, closed="left")],
    "kl_weight": [Interval(Real, 0, None, closed="left")],
    "kl_warm_up": [Interval(Real, 0, 1, closed="both")],
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
    "precision": [StrOptions(set(PRECISIONS))],
    "checkpoint_dir": [str, PathLike, None],
    "checkpoint_every": [Interval(Integral, 1, None, closed="left")],
    "num_workers": [Interval(Integral, 0, None, closed="left")],
    "store_examples": ["boolean"],
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
        know weight decay, if a parameter of the refinement is out of its range, or if
        the validation fraction leaves too few samples.
    """
    resolve_refinement(params["refinement"])
    n_clusters = params["n_clusters"]
    if isinstance(n_clusters, int | np.integer) and n_samples < n_clusters:
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


# Epochs of the first phase for max_epochs="auto": most and fewest, and the number of
# samples, over all epochs, that is aimed at in between.
MOST_EPOCHS, FEWEST_EPOCHS, SAMPLES_SEEN = 30, 15, 600_000


def count_epochs(max_epochs: int | str, n_samples: int) -> int:
    """Return the number of epochs of the first phase.

    Parameters
    ----------
    max_epochs : int or "auto"
        The parameter; "auto" is 30 for up to 20,000 samples and falls to 15 for 40,000
        and more.

    n_samples : int
        Number of training samples.

    Returns
    -------
    n_epochs : int
        Number of epochs.

    Examples
    --------
    >>> from contrastive_clustering._parameters import count_epochs
    >>> [count_epochs("auto", n) for n in (100, 20_000, 30_000, 60_000)]
    [30, 30, 20, 15]
    """
    if not isinstance(max_epochs, str):
        return int(max_epochs)
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, SAMPLES_SEEN // n_samples))
