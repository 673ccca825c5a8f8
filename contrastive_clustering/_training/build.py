"""From settings to the net of the first phase."""

import copy
import fnmatch
import inspect
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from skorch.callbacks import EarlyStopping

from contrastive_clustering._augmentation.draws import Changes
from contrastive_clustering._augmentation.presets import PRESETS
from contrastive_clustering._data.dataset import ArrayDataset, EvenBatchLoader
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._networks.autoencoder import (
    ContrastiveAutoencoder,
    PrototypeHead,
)
from contrastive_clustering._networks.joint_loss import JointLoss
from contrastive_clustering._networks.pretrained import PretrainedEncoder
from contrastive_clustering._training.callback_params import (
    parameters_of_callbacks,
    resolve_callbacks,
)
from contrastive_clustering._training.callbacks import (
    TrainingBar,
    WarmUpCosine,
    changes_itself,
)
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._training.net_param_checks import SET_BY_FIT
from contrastive_clustering._training.net_params import (
    EARLY_STOPPING,
    GROUP_POSITIVES,
    LR_SCHEDULE,
    net_parameters_of,
)
from contrastive_clustering._training.settings import TrainingSettings
from contrastive_clustering._training.validation_split import ValidationSplit
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.seeding import SeedStream, derive_seed

# Weight decay, if the optimizer has one.
WEIGHT_DECAY = 1e-4

# Implementations of a step, of which PyTorch allows only one.
STEP_IMPLEMENTATIONS = {
    f"optimizer__{way}" for way in ("fused", "foreach", "differentiable", "capturable")
}


def make_net(
    settings: TrainingSettings, scaler: Scaler, n_changes: int = 0
) -> ContrastiveNet:
    """Return an initialized net of the first phase.

    Raises
    ------
    ValueError
        If a custom encoder or decoder cannot be used, or a parameter group of the
        optimizer is empty.
    """
    callbacks = user_callbacks(settings)
    callbacks.append((LR_SCHEDULE, WarmUpCosine()))
    if settings.verbose:
        callbacks.append(("training_bar", TrainingBar("training")))
    train_split = None
    if settings.early_stopping and settings.max_epochs:  # else there is no best epoch
        # It interrupts the callbacks of the epoch, so it has to come last.
        callbacks.append((EARLY_STOPPING, EarlyStopping(sink=_discard, load_best=True)))
        train_split = ValidationSplit(
            settings.validation_fraction,
            random_state=derive_seed(settings.seed, SeedStream.VALIDATION_SPLIT)
            % 2**32,
        )
    names = [name for name, _ in callbacks]
    net = ContrastiveNet(
        ContrastiveAutoencoder,
        module__sample_shape=scaler.layout.network_shape,
        module__input_mean=scaler.mean,
        module__input_std=scaler.std,
        module__input_range=input_range(settings, scaler),
        module__latent_dim=settings.latent_dim,
        module__variational=settings.kl_weight > 0,
        module__n_changes=n_changes,
        module__encoder=settings.encoder,
        module__decoder=settings.decoder,
        train_split=train_split,
        callbacks=callbacks,
        lr=settings.lr,
        max_epochs=settings.max_epochs,
        batch_size=settings.batch_size,
        augmentation=settings.augmentation,
        nuisance_negatives=settings.nuisance_negatives,
        device=str(settings.device),
        **net_parameters(settings),
        **net_parameters_of(settings.net_params, "module"),
        **parameters_of_callbacks(settings.net_params, names),
    )
    net.initialize()
    _check_groups_not_empty(net)
    return net


def count_changes(settings: TrainingSettings, dataset: ArrayDataset) -> int:
    """Return the number of changes between views that a network has to predict.

    Returns
    -------
    n_changes : int
        0 if the loss has no such term, or if changes are not known: with views other
        than those of a preset, or with views of two samples of a group.
    """
    weight = settings.net_params.get("criterion__change_weight")
    has_groups = dataset.metadata.groups is not None
    is_paired = has_groups and settings.net_params.get(GROUP_POSITIVES, False)
    augmentation = settings.augmentation
    # A subclass of a preset may draw its views in another way.
    if not weight or is_paired or type(augmentation) not in PRESETS.values():
        return 0
    assert augmentation is not None
    changes: Changes = []
    sample = torch.zeros(1, *dataset.scaler.layout.network_shape)
    augmentation.pair(sample, torch.Generator(), changes)
    return len(changes)


def net_parameters(settings: TrainingSettings) -> dict[str, Any]:
    """Return the keyword arguments that the nets of both phases share."""
    parameters = {
        "criterion": JointLoss,
        "criterion__temperature": settings.temperature,
        "criterion__reconstruction_weight": settings.reconstruction_weight,
        "criterion__kl_weight": settings.kl_weight,
        "precision": settings.precision,
        "optimizer": settings.optimizer,
        "iterator_train": EvenBatchLoader,
        "iterator_train__shuffle": True,
        "iterator_train__seed": derive_seed(settings.seed, SeedStream.SHUFFLING),
        "iterator_valid": EvenBatchLoader,
        "seed": settings.seed,
        "verbose": settings.verbose,
    }
    encoder = settings.encoder
    if isinstance(encoder, PretrainedEncoder) and not encoder.is_frozen:
        # At the rate of new weights, the first steps would undo the pretraining.
        rate = settings.lr * encoder.lr_factor
        parameters["optimizer__param_groups"] = [("encoder.backbone.*", {"lr": rate})]
    given = net_parameters_of(
        settings.net_params,
        "criterion",
        "optimizer",
        "iterator_train",
        "iterator_valid",
        "compile",
    )
    for name, value in optimizer_defaults(settings.optimizer).items():
        parameters[f"optimizer__{name}"] = value
    known = inspect.signature(settings.optimizer).parameters
    if "fused" in known and not STEP_IMPLEMENTATIONS & given.keys():
        parameters["optimizer__fused"] = True  # one kernel for all weights
    return parameters | given


def input_range(settings: TrainingSettings, scaler: Scaler) -> tuple[float, float]:
    """Return the values of samples that are 0 and 1 for a pretrained encoder."""
    encoder = settings.encoder
    if isinstance(encoder, PretrainedEncoder) and encoder.value_range is not None:
        return encoder.value_range
    if scaler.dtype == np.uint8:
        return 0.0, 255.0
    return (0.0, 1.0) if scaler.dtype == bool else (scaler.low, scaler.high)


def optimizer_defaults(optimizer: type[torch.optim.Optimizer]) -> dict[str, Any]:
    """Return the defaults of an optimizer that differ from PyTorch's."""
    has_decay = "weight_decay" in inspect.signature(optimizer).parameters
    return {"weight_decay": WEIGHT_DECAY} if has_decay else {}


def given_parameters(net: ContrastiveNet) -> dict[str, Any]:
    """Return the estimator's parameters that a net was made from and still holds.

    These are encoder, decoder, optimizer and the parameters set by skorch's names.
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
        **{name: set_by_user[name] for name in set_by_user.keys() - SET_BY_FIT.keys()},
    }


def user_callbacks(settings: TrainingSettings) -> list[Any]:
    """Return the user's callbacks; those that skorch is about to change are copied."""
    return [
        (name, copy.copy(callback) if params or changes_itself(callback) else callback)
        for name, callback, params in resolve_callbacks(
            settings.callbacks, settings.net_params
        )
        if callback is not None
    ]


def _check_groups_not_empty(net: ContrastiveNet) -> None:
    """Raise if skorch found no weight for one of the optimizer's groups."""
    groups: Iterable[tuple[str, Any]] = getattr(net, "optimizer__param_groups", [])
    names = [name for name, _ in net.module_.named_parameters()]
    # The second phase adds these weights.
    names += [f"prototype_head.{name}" for name in PrototypeHead.PARAMETERS]
    for pattern, _ in groups:
        if not fnmatch.filter(names, pattern):
            raise ValueError(
                f"optimizer__param_groups has the pattern {show(pattern)}, which does "
                "not match the name of any weight. Names of weights are, for example, "
                f"{names[0]!r} and {names[-1]!r}."
            )


def _discard(text: str) -> None:
    """Discard what a callback would print."""
