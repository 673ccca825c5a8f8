"""From the estimator's parameters to a net."""

import copy
import fnmatch
import inspect
from collections.abc import Iterable
from typing import Any

import torch
from skorch.callbacks import EarlyStopping
from skorch.dataset import ValidSplit

from contrastive_clustering._augmentation.presets import Augmentation
from contrastive_clustering._data.dataset import EvenBatchLoader
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._networks.autoencoder import (
    ContrastiveAutoencoder,
    PrototypeHead,
)
from contrastive_clustering._networks.losses import JointLoss
from contrastive_clustering._training.callbacks import TrainingBar, WarmUpCosine
from contrastive_clustering._training.net import (
    SEED_SHUFFLE,
    SEED_SPLIT,
    ContrastiveNet,
)
from contrastive_clustering._training.net_params import (
    EARLY_STOPPING,
    TAKEN,
    name_callbacks,
    net_parameters_of,
)
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.seeding import derive_seed

# Other ways of computing a step; PyTorch allows one of them.
RIVALS_OF_FUSED = {
    f"optimizer__{way}" for way in ("fused", "foreach", "differentiable", "capturable")
}


def make_net(
    params: dict[str, Any],
    *,
    scaler: Scaler,
    augmentation: Augmentation | None,
    device: torch.device,
    max_epochs: int,
    batch_size: int,
    seed: int,
) -> ContrastiveNet:
    """Return an initialized net.

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

    batch_size : int
        Largest number of samples of a batch.

    seed : int
        Seed of all that is random.

    Returns
    -------
    net : ContrastiveNet
        The net, with its weights initialized and nothing learnt.

    Raises
    ------
    ValueError
        If the user's own encoder or decoder cannot be used, or a group of parameters
        for the optimizer is empty.
    """
    callbacks = users_callbacks(params)
    if params["lr_schedule"] == "cosine":
        callbacks.append(("lr_schedule", WarmUpCosine()))
    if params["verbose"]:
        callbacks.append(("training_bar", TrainingBar("training")))
    train_split = None
    if params["early_stopping"] and max_epochs:  # of no epoch there is no best one
        # Interrupts the epoch's callbacks, and so has to come last.
        callbacks.append(
            (
                EARLY_STOPPING,
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
        module__encoder=params["encoder"],
        module__decoder=params["decoder"],
        train_split=train_split,
        callbacks=callbacks,
        lr=params["lr"],
        max_epochs=max_epochs,
        batch_size=batch_size,
        augmentation=augmentation,
        device=str(device),
        **net_parameters(params, seed),
        **net_parameters_of(params, "module", "callbacks"),
    )
    net.initialize()
    _check_groups_have_members(net)
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
        "iterator_train": EvenBatchLoader,
        "iterator_train__shuffle": True,
        "iterator_train__seed": derive_seed(seed, SEED_SHUFFLE),
        "iterator_train__num_workers": params["num_workers"],
        "iterator_valid": EvenBatchLoader,
        "iterator_valid__num_workers": params["num_workers"],
        "seed": seed,
        "verbose": params["verbose"],
    }
    if params["weight_decay"]:
        parameters["optimizer__weight_decay"] = params["weight_decay"]
    given = net_parameters_of(
        params, "criterion", "optimizer", "iterator_train", "iterator_valid", "compile"
    )
    known = inspect.signature(params["optimizer"]).parameters
    if "fused" in known and not RIVALS_OF_FUSED & given.keys():
        parameters["optimizer__fused"] = True  # a quarter of the time, docs "Scaling"
    return parameters | given


def given_parameters(net: ContrastiveNet) -> dict[str, Any]:
    """Return those parameters of the estimator that a net was made of and still holds.

    Parameters
    ----------
    net : ContrastiveNet
        A net that `make_net` has returned.

    Returns
    -------
    params : dict
        Encoder, decoder, optimizer and what was set in skorch's own way.
    """
    set_by_user = net_parameters_of(
        net.__dict__,
        "module",
        "criterion",
        "optimizer",
        "iterator_train",
        "iterator_valid",
    )
    return {
        "encoder": net.module__encoder,
        "decoder": net.module__decoder,
        "optimizer": net.optimizer,
        **{name: set_by_user[name] for name in set_by_user.keys() - TAKEN.keys()},
    }


def users_callbacks(params: dict[str, Any]) -> list[Any]:
    """Return the user's callbacks, copied where skorch is about to change them."""
    callbacks = list(params["callbacks"] or [])
    changed = {
        name.split("__")[1]
        for name in net_parameters_of(params, "callbacks")
        if name.count("__") > 1
    }
    if not changed:
        return callbacks
    return [
        (name, copy.copy(callback) if name in changed else callback)
        for name, callback in name_callbacks(callbacks)
    ]


def _check_groups_have_members(net: ContrastiveNet) -> None:
    """Raise if skorch has found no weight for one of the optimizer's groups."""
    groups: Iterable[tuple[str, Any]] = getattr(net, "optimizer__param_groups", [])
    names = [name for name, _ in net.module_.named_parameters()]
    # Those that the second phase adds.
    names += [f"prototype_head.{name}" for name in PrototypeHead.PARAMETERS]
    for pattern, _ in groups:
        if not fnmatch.filter(names, pattern):
            raise ValueError(
                f"optimizer__param_groups has the pattern {show(pattern)}, which fits "
                f"the name of no weight. Names are such as {names[0]!r} and "
                f"{names[-1]!r}."
            )


def _silent(text: str) -> None:
    """Swallow what a callback would print."""
