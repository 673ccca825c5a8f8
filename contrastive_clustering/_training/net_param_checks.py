"""Check the parameters of the net that the user sets by skorch's names."""

import inspect
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from skorch.callbacks import Callback, EarlyStopping
from torch.utils.data import DataLoader

from contrastive_clustering._data.dataset import EvenBatchLoader
from contrastive_clustering._networks.autoencoder import ContrastiveAutoencoder
from contrastive_clustering._networks.joint_loss import JointLoss
from contrastive_clustering._training.callback_params import name_callbacks
from contrastive_clustering._training.callbacks import WarmUpCosine, class_of
from contrastive_clustering._training.net_params import (
    CHECKPOINT_EVERY,
    COMPILE,
    EARLY_STOPPING,
    GROUP_POSITIVES,
    KEYWORDS,
    LR_SCHEDULE,
    net_parameters_of,
)
from contrastive_clustering._utils.messages import reason_of, show, suggest
from contrastive_clustering._utils.param_validation import (
    Count,
    Number,
    check_parameters,
)

# Parameters that fit sets, and the estimator's parameter to use instead, if any.
SET_BY_FIT: dict[str, str | None] = {
    "module__sample_shape": "image_shape",
    "module__input_mean": None,
    "module__input_std": None,
    "module__input_range": None,
    "module__latent_dim": "latent_dim",
    "module__variational": "kl_weight",
    "module__n_changes": "criterion__change_weight",
    "module__encoder": "encoder",
    "module__decoder": "decoder",
    "criterion__temperature": "temperature",
    "criterion__reconstruction_weight": "reconstruction_weight",
    "criterion__kl_weight": "kl_weight",
    "compile__model": None,
    "compile__disable": COMPILE,
    "optimizer__params": None,
    "optimizer__lr": "lr",
    **{
        f"iterator_{part}__{name}": own
        for part in ("train", "valid")
        for name, own in {
            "batch_size": "batch_size",
            "seed": "random_state",
            "generator": "random_state",
            # A different order or different batches would no longer match the samples.
            **dict.fromkeys(
                ("dataset", "shuffle", "sampler", "batch_sampler", "collate_fn")
            ),
            **dict.fromkeys(("drop_last", "in_order", "persistent_workers")),
        }.items()
    },
}

# The same for the callback that `early_stopping` adds; "" is the callback itself.
EARLY_STOPPING_SET_BY_FIT: dict[str, str | None] = {
    "": "early_stopping",
    "sink": None,
}

CONSTRAINTS: dict[str, list[Any]] = {
    "module__projection_dim": [Count(1)],
    "module__projection_width": [Count(1)],
    **{
        f"criterion__{name}": [Number(0, None, closed="left")]
        for name in inspect.signature(JointLoss).parameters
        if name.endswith("_weight")
    },
    "criterion__kl_warm_up": [Number(0, 1, closed="both")],
    GROUP_POSITIVES: ["boolean"],
    "iterator_train__num_workers": [Count(0)],
    "iterator_valid__num_workers": [Count(0)],
    f"callbacks__{EARLY_STOPPING}__patience": [Count(1)],
    f"callbacks__{LR_SCHEDULE}": [None],
    CHECKPOINT_EVERY: [Count(1)],
    COMPILE: ["boolean"],
}


def check_net_parameters(
    net_params: Mapping[str, Any],
    *,
    optimizer: type[torch.optim.Optimizer],
    callbacks: Sequence[Any],
    early_stopping: bool,
) -> None:
    """Check the parameters of the net that the user set by skorch's names.

    Parameters
    ----------
    net_params : mapping of str to object
        The parameters.

    optimizer : type
        Class of the optimizer.

    callbacks : sequence
        The user's callbacks: instances, classes, or pairs of a name and one of these.

    early_stopping : bool
        Whether the first phase stops early. If False, parameters of that callback are
        checked but have no effect.

    Raises
    ------
    ValueError
        If the net has no such parameter, if fit sets it, or if its value is not valid.
    """
    for name, value in net_params.items():
        if name == KEYWORDS:
            raise ValueError(
                f"{name}={show(value)} is not a parameter. Pass parameters of the net "
                "by their own names, such as optimizer__betas."
            )
        if name in SET_BY_FIT:
            raise _set_by_fit(name, value, SET_BY_FIT[name])
    check_parameters(CONSTRAINTS, net_params, caller="ContrastiveAutoencoderClusterer")
    _check_names(net_params, "module", arguments_of(ContrastiveAutoencoder))
    _check_names(net_params, "criterion", arguments_of(JointLoss))
    _check_names(net_params, "compile", arguments_of(torch.compile))
    arguments = arguments_of(optimizer)
    _check_names(net_params, "optimizer", arguments and [*arguments, "param_groups"])
    for prefix in ("iterator_train", "iterator_valid"):
        known = arguments_of(DataLoader) or []
        if GROUP_POSITIVES.startswith(prefix):
            known = [*known, GROUP_POSITIVES.removeprefix(f"{prefix}__")]
        _check_names(net_params, prefix, known)
        _check_loader(net_params, prefix)
    named = {**dict(name_callbacks(callbacks)), LR_SCHEDULE: WarmUpCosine}
    adds_stopping = early_stopping or EARLY_STOPPING not in named
    if adds_stopping:
        named[EARLY_STOPPING] = EarlyStopping
    for name, value in net_parameters_of(net_params, "callbacks").items():
        callback, _, parameter = name.removeprefix("callbacks__").partition("__")
        if (
            adds_stopping
            and callback == EARLY_STOPPING
            and parameter in EARLY_STOPPING_SET_BY_FIT
        ):
            raise _set_by_fit(name, value, EARLY_STOPPING_SET_BY_FIT[parameter])
        if name != CHECKPOINT_EVERY:
            _check_callback_parameter(name, value, net_params, named)


def arguments_of(kind: Any) -> list[str] | None:
    """Return the names of a class's arguments; None if it accepts any keyword."""
    parameters = inspect.signature(kind).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return [parameter.name for parameter in parameters]


def _check_names(
    net_params: Mapping[str, Any], prefix: str, known: Collection[str] | None
) -> None:
    for name, value in net_parameters_of(net_params, prefix).items():
        if name == COMPILE or known is None:
            continue
        if name.removeprefix(f"{prefix}__") not in known:
            raise _unknown(name, value, f"{prefix}__", known)


def _unknown(name: str, value: Any, prefix: str, known: Collection[str]) -> ValueError:
    full_names = [f"{prefix}{each}" for each in known]
    valid = [each for each in full_names if each not in SET_BY_FIT]
    return ValueError(
        f"{name}={show(value)} is not a parameter of the net.{suggest(name, valid)} "
        f"Valid parameters with this prefix are: {', '.join(valid)}."
    )


def _set_by_fit(name: str, value: Any, own: str | None) -> ValueError:
    remedy = "Remove it." if own is None else f"Use the parameter {own}."
    return ValueError(
        f"{name}={show(value)} is not allowed, because fit sets it. {remedy}"
    )


def _check_loader(net_params: Mapping[str, Any], prefix: str) -> None:
    given = net_parameters_of(net_params, prefix)
    further = {name.removeprefix(f"{prefix}__"): given[name] for name in given}
    samples: Any = range(4)
    try:
        EvenBatchLoader(samples, 2, **further)
    except (TypeError, ValueError, AssertionError) as error:
        shown = ", ".join(f"{name}={show(value)}" for name, value in given.items())
        raise ValueError(
            f"{shown} is not valid for a torch.utils.data.DataLoader: "
            f"{reason_of(error)}"
        ) from None


def _check_callback_parameter(
    name: str,
    value: Any,
    net_params: Mapping[str, Any],
    named: Mapping[str, Any],
) -> None:
    callback, _, parameter = name.removeprefix("callbacks__").partition("__")
    if callback not in named:
        raise ValueError(
            f"{name}={show(value)} refers to a callback named {callback!r}, which does "
            f"not exist. The names of callbacks are {sorted(named)}."
        )
    if not parameter:
        if value is not None and not issubclass(class_of(value), Callback):
            raise ValueError(
                f"{name}={show(value)} is not a skorch callback. Pass a callback, or "
                "None to remove it."
            )
        return
    found = net_params.get(f"callbacks__{callback}", named[callback])
    if found is None:
        raise ValueError(
            f"{name}={show(value)} refers to a callback that "
            f"callbacks__{callback}=None removes. Set only one of them."
        )
    known = arguments_of(found) if isinstance(found, type) else list(found.get_params())
    if known is not None and parameter not in known:
        raise _unknown(name, value, f"callbacks__{callback}__", known)
