"""From the estimator's parameters to a net."""

import inspect
from typing import Any

import torch
from skorch.callbacks import EarlyStopping
from skorch.dataset import ValidSplit

from contrastive_clustering._augmentation import Augmentation
from contrastive_clustering._callbacks import TrainingBar, WarmUpCosine
from contrastive_clustering._data import EvenBatchLoader
from contrastive_clustering._distributed import rank
from contrastive_clustering._losses import JointLoss
from contrastive_clustering._networks import ContrastiveAutoencoder
from contrastive_clustering._random import derive_seed
from contrastive_clustering._scaling import Scaler
from contrastive_clustering._training import (
    SEED_SHUFFLE,
    SEED_SPLIT,
    ContrastiveNet,
)


def make_net(
    params: dict[str, Any],
    *,
    scaler: Scaler,
    augmentation: Augmentation | None,
    device: torch.device,
    max_epochs: int,
    seed: int,
) -> ContrastiveNet:
    """Return an initialised net.

    Parameters
    ----------
    params : dict
        The parameters of the estimator.

    scaler : Scaler
        The common scale and the layout of the samples.

    augmentation : callable or None
        Draws views.

    device : torch.device
        Where to compute.

    max_epochs : int
        Number of epochs of a call of ``partial_fit``.

    seed : int
        Seed of all that is random.

    Returns
    -------
    net : ContrastiveNet
        The net, with its weights initialised and nothing learnt.
    """
    callbacks: list[Any] = list(params["callbacks"] or [])
    if params["lr_schedule"] == "cosine":
        callbacks.append(("lr_schedule", WarmUpCosine()))
    if params["verbose"] and rank() == 0:
        callbacks.append(("training_bar", TrainingBar()))
    train_split = None
    if params["early_stopping"] and max_epochs:  # of no epoch there is no best one
        # Interrupts the epoch's callbacks, and so has to come last.
        callbacks.append(
            (
                "early_stopping",
                EarlyStopping(
                    patience=params["n_iter_no_change"], sink=_silent, load_best=True
                ),
            )
        )
        train_split = ValidSplit(
            params["validation_fraction"],
            random_state=derive_seed(seed, SEED_SPLIT) % 2**32,
        )
    net = ContrastiveNet(
        ContrastiveAutoencoder,
        module__sample_shape=scaler.layout.network_shape,
        module__input_mean=scaler.mean,
        module__input_std=scaler.std,
        module__latent_dim=params["latent_dim"],
        module__variational=params["kl_weight"] > 0,
        train_split=train_split,
        callbacks=callbacks,
        lr=params["lr"],
        max_epochs=max_epochs,
        augmentation=augmentation,
        device=str(device),
        **net_parameters(params, seed),
    )
    net.initialize()
    return net


def net_parameters(params: dict[str, Any], seed: int) -> dict[str, Any]:
    """Return what the nets of both phases take from the estimator's parameters.

    Parameters
    ----------
    params : dict
        The parameters of the estimator.

    seed : int
        Seed of all that is random.

    Returns
    -------
    parameters : dict
        Keyword arguments of :class:`ContrastiveNet`.
    """
    parameters = {
        "criterion": JointLoss,
        "criterion__temperature": params["temperature"],
        "criterion__reconstruction_weight": params["reconstruction_weight"],
        "criterion__kl_weight": params["kl_weight"],
        "kl_warm_up": params["kl_warm_up"],
        "precision": params["precision"],
        "compile": params["compile"],
        "optimizer": params["optimizer"],
        "batch_size": params["batch_size"],
        "iterator_train": EvenBatchLoader,
        "iterator_train__shuffle": True,
        "iterator_train__seed": derive_seed(seed, SEED_SHUFFLE),
        "iterator_train__num_workers": params["num_workers"],
        "iterator_valid": EvenBatchLoader,
        "iterator_valid__num_workers": params["num_workers"],
        "seed": seed,
        "verbose": 0,
    }
    if params["weight_decay"]:
        parameters["optimizer__weight_decay"] = params["weight_decay"]
    if "fused" in inspect.signature(params["optimizer"]).parameters:
        parameters["optimizer__fused"] = True  # a quarter of the time, docs "Scaling"
    return parameters


def _silent(text: str) -> None:
    """Swallow what a callback would print."""
