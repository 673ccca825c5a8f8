"""Parameters of the net in skorch's own way, such as ``optimizer__betas``."""

import difflib
import inspect
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import torch
from skorch.callbacks import Callback, EarlyStopping
from torch.utils.data import DataLoader

from contrastive_clustering._data.dataset import EvenBatchLoader
from contrastive_clustering._networks.autoencoder import ContrastiveAutoencoder
from contrastive_clustering._networks.losses import JointLoss
from contrastive_clustering._training.callbacks import WarmUpCosine
from contrastive_clustering._utils.messages import reason_of, show
from contrastive_clustering._utils.param_validation import (
    Count,
    Number,
    check_parameters,
)

# What skorch makes of classes and of the parameters that have these for a prefix.
PREFIXES = (
    "module",
    "criterion",
    "optimizer",
    "iterator_train",
    "iterator_valid",
    "callbacks",
    "compile",
)

# What the constructor calls its further keywords. scikit-learn's checks take it for a
# parameter, and let no parameter be refused before fit.
KEYWORDS = "net_params"

# The callbacks that `early_stopping` and `checkpoint_dir` add.
EARLY_STOPPING = "early_stopping"
CHECKPOINT = "checkpoint"

# The callback that sets the learning rate of each step.
LR_SCHEDULE = "lr_schedule"

# Number of epochs between checkpoints.
CHECKPOINT_EVERY = f"callbacks__{CHECKPOINT}__every"

# skorch's own name without a prefix: whether to compile the network for training.
COMPILE = "compile"

# Parameters that fit sets, and those of the estimator that it sets them by.
TAKEN: dict[str, str | None] = {
    "module__sample_shape": "image_shape",
    "module__input_mean": None,
    "module__input_std": None,
    "module__latent_dim": "latent_dim",
    "module__variational": "kl_weight",
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
            # Another order or other batches would belong to other samples.
            **dict.fromkeys(
                ("dataset", "shuffle", "sampler", "batch_sampler", "collate_fn")
            ),
            **dict.fromkeys(("drop_last", "in_order", "persistent_workers")),
        }.items()
    },
}

# The same of the callback that `early_stopping` adds; the empty name is itself.
TAKEN_FROM_EARLY_STOPPING: dict[str, str | None] = {
    "": "early_stopping",
    "sink": None,
}

# What other packages call what this one has another name for.
SYNONYMS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("learning_rate", "learning_rate_init", "eta"), ("lr",)),
    **dict.fromkeys(
        ("epochs", "n_epochs", "num_epochs", "max_iter", "n_iter"), ("max_epochs",)
    ),
    **dict.fromkeys(
        ("k", "n_strata", "num_clusters", "nb_clusters", "n_clusters_"),
        ("n_clusters",),
    ),
    "n_components": ("n_clusters", "latent_dim"),
    **dict.fromkeys(
        ("embedding_dim", "n_latents", "n_latent", "z_dim", "hidden_dim"),
        ("latent_dim",),
    ),
    **dict.fromkeys(("seed", "random_seed", "rng"), ("random_state",)),
    **dict.fromkeys(("tau", "t"), ("temperature",)),
    **dict.fromkeys(("lambda_", "lam", "alpha"), ("reconstruction_weight",)),
    "beta": ("kl_weight",),
    **dict.fromkeys(("batch", "minibatch_size", "bs"), ("batch_size",)),
    **dict.fromkeys(("wd", "l2", "weight_decay"), ("optimizer__weight_decay",)),
    **dict.fromkeys(
        ("scheduler", "lr_scheduler", "lr_schedule"),
        (f"callbacks__{LR_SCHEDULE}", "callbacks"),
    ),
    **dict.fromkeys(
        ("patience", "n_iter_no_change"), ("callbacks__early_stopping__patience",)
    ),
    **dict.fromkeys(("transform", "transforms", "augment"), ("augmentation",)),
    **dict.fromkeys(
        ("n_jobs", "n_workers", "num_workers", "workers"),
        ("iterator_train__num_workers",),
    ),
    **dict.fromkeys(("kl_warm_up", "kl_annealing"), ("criterion__kl_warm_up",)),
    "finetune_epochs": ("refinement_epochs",),
    **dict.fromkeys(("checkpoint_every", "save_every"), (CHECKPOINT_EVERY,)),
    **dict.fromkeys(("cuda", "gpu", "use_cuda", "use_gpu", "gpus"), ("device",)),
    **dict.fromkeys(("amp", "fp16", "mixed_precision"), ("precision",)),
    **dict.fromkeys(("checkpoint", "checkpoint_path"), ("checkpoint_dir",)),
    **dict.fromkeys(("input_shape", "img_size", "image_size"), ("image_shape",)),
    **dict.fromkeys(("quiet", "progress", "progress_bar"), ("verbose",)),
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
    "iterator_train__num_workers": [Count(0)],
    "iterator_valid__num_workers": [Count(0)],
    f"callbacks__{EARLY_STOPPING}__patience": [Count(1)],
    f"callbacks__{LR_SCHEDULE}": [None],
    CHECKPOINT_EVERY: [Count(1)],
    COMPILE: ["boolean"],
}


def is_net_parameter(name: str) -> bool:
    """Return whether a name is one of skorch's: ``compile``, or one with a prefix.

    Examples
    --------
    >>> from contrastive_clustering._training.net_params import is_net_parameter
    >>> [is_net_parameter(n) for n in ("optimizer__betas", "optimizer", "clusterer__k")]
    [True, False, False]
    """
    prefix, _, rest = name.partition("__")
    return (prefix in PREFIXES and bool(rest)) or name in (COMPILE, KEYWORDS)


def net_parameters_of(params: Mapping[str, Any], *prefixes: str) -> dict[str, Any]:
    """Return those parameters that are the net's, of some prefixes or of all."""
    return {
        name: value
        for name, value in params.items()
        if is_net_parameter(name)
        and (not prefixes or name.partition("__")[0] in prefixes)
    }


def parameters_of_callbacks(
    params: Mapping[str, Any], names: Collection[str]
) -> dict[str, Any]:
    """Return those parameters of the net that are for callbacks of these names."""
    return {
        name: value
        for name, value in net_parameters_of(params, "callbacks").items()
        if name.split("__")[1] in names
    }


def name_callbacks(callbacks: Iterable[Any]) -> list[tuple[str, Any]]:
    """Return pairs of a name, as skorch gives it, and a callback.

    Examples
    --------
    >>> from skorch.callbacks import EpochTimer
    >>> from contrastive_clustering._training.net_params import name_callbacks
    >>> [name for name, _ in name_callbacks([EpochTimer, EpochTimer, ("own", None)])]
    ['EpochTimer_1', 'EpochTimer_2', 'own']
    """
    named = [
        tuple(item)
        if isinstance(item, tuple | list)
        else (getattr(item, "__name__", type(item).__name__), item)
        for item in callbacks
    ]
    total = Counter(name for name, _ in named)
    seen: Counter[str] = Counter()
    result = []
    for name, callback in named:
        seen[name] += 1
        number = f"_{seen[name]}" if total[name] > 1 else ""
        result.append((name + number, callback))
    return result


def check_net_parameters(
    net_params: Mapping[str, Any],
    *,
    optimizer: type[torch.optim.Optimizer],
    callbacks: Sequence[Any],
    early_stopping: bool,
) -> None:
    """Check the parameters of the net that the user has set by skorch's names.

    Parameters
    ----------
    net_params : mapping of str to object
        The parameters.

    optimizer : type
        Class of the optimizer.

    callbacks : sequence
        The user's callbacks: instances, classes, or pairs of a name and one of these.

    early_stopping : bool
        Whether the first phase stops early. If not, parameters of that callback are
        checked as well, and have no effect.

    Raises
    ------
    ValueError
        If the net has no such parameter, if fit sets it itself, or if its value cannot
        be used.
    """
    for name, value in net_params.items():
        if name == KEYWORDS:
            raise ValueError(
                f"{name}={show(value)} is not a parameter. Pass those of the net by "
                "their own names, such as optimizer__betas."
            )
        if name in TAKEN:
            raise _taken(name, value, TAKEN[name])
    check_parameters(CONSTRAINTS, net_params, caller="ContrastiveAutoencoderClusterer")
    _check_names(net_params, "module", arguments_of(ContrastiveAutoencoder))
    _check_names(net_params, "criterion", arguments_of(JointLoss))
    _check_names(net_params, "compile", arguments_of(torch.compile))
    arguments = arguments_of(optimizer)
    _check_names(net_params, "optimizer", arguments and [*arguments, "param_groups"])
    for prefix in ("iterator_train", "iterator_valid"):
        _check_names(net_params, prefix, arguments_of(DataLoader))
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
            and parameter in TAKEN_FROM_EARLY_STOPPING
        ):
            raise _taken(name, value, TAKEN_FROM_EARLY_STOPPING[parameter])
        if name != CHECKPOINT_EVERY:
            _check_callback_parameter(name, value, net_params, named)


def arguments_of(kind: Any) -> list[str] | None:
    """Return the names that a class can be called with; None if they may be any."""
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
    free = [f"{prefix}{each}" for each in known if f"{prefix}{each}" not in TAKEN]
    return ValueError(
        f"{name}={show(value)} is no parameter of the net.{suggest(name, free)} With "
        f"that prefix there are: {', '.join(free)}."
    )


def _taken(name: str, value: Any, own: str | None) -> ValueError:
    remedy = "Leave it out." if own is None else f"Use the parameter {own}."
    return ValueError(
        f"{name}={show(value)} cannot be set: fit sets it itself. {remedy}"
    )


def suggest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _check_loader(net_params: Mapping[str, Any], prefix: str) -> None:
    given = net_parameters_of(net_params, prefix)
    further = {name.removeprefix(f"{prefix}__"): given[name] for name in given}
    samples: Any = range(4)
    try:
        EvenBatchLoader(samples, 2, **further)
    except (TypeError, ValueError, AssertionError) as error:
        shown = ", ".join(f"{name}={show(value)}" for name, value in given.items())
        raise ValueError(
            f"{shown} cannot be used by a torch.utils.data.DataLoader: "
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
            f"{name}={show(value)} is for a callback of the name {callback!r}, and "
            f"there is none: the names of callbacks are {sorted(named)}."
        )
    if not parameter:
        kind = value if isinstance(value, type) else type(value)
        if value is not None and not issubclass(kind, Callback):
            raise ValueError(
                f"{name}={show(value)} is no skorch callback. Pass one, or None to "
                "leave the callback out."
            )
        return
    found = net_params.get(f"callbacks__{callback}", named[callback])
    if found is None:
        raise ValueError(
            f"{name}={show(value)} is for a callback that callbacks__{callback}=None "
            "leaves out. Set only one of them."
        )
    known = arguments_of(found) if isinstance(found, type) else list(found.get_params())
    if known is not None and parameter not in known:
        raise _unknown(name, value, f"callbacks__{callback}__", known)
