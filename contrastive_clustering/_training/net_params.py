"""Parameters of the net by skorch's names, such as ``optimizer__betas``."""

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
from contrastive_clustering._networks.joint_loss import JointLoss
from contrastive_clustering._training.callbacks import WarmUpCosine, class_of
from contrastive_clustering._utils.messages import reason_of, show
from contrastive_clustering._utils.param_validation import (
    Count,
    Number,
    check_parameters,
)

# Prefixes of parameters that skorch passes to the classes that it instantiates.
PREFIXES = (
    "module",
    "criterion",
    "optimizer",
    "iterator_train",
    "iterator_valid",
    "callbacks",
    "compile",
)

# The constructor's name for its further keywords. scikit-learn's checks treat it as a
# parameter, and parameters must not be validated before fit.
KEYWORDS = "net_params"

# The callbacks that `early_stopping` and `checkpoint_dir` add.
EARLY_STOPPING = "early_stopping"
CHECKPOINT = "checkpoint"

# The callback that sets the learning rate of each step.
LR_SCHEDULE = "lr_schedule"

# Whether the second view of a sample is one of another sample of its group.
GROUP_POSITIVES = "iterator_train__group_positives"

# Number of epochs between checkpoints.
CHECKPOINT_EVERY = f"callbacks__{CHECKPOINT}__every"

# skorch's name, without a prefix, for whether to compile the network for training.
COMPILE = "compile"

# Parameters that concern the machine and do not affect what is learned.
MACHINE_PARAMETERS = {"checkpoint_dir", CHECKPOINT_EVERY, COMPILE}
MACHINE_PREFIXES = ("iterator_train__", "iterator_valid__", "compile__")

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

# Names of parameters in other packages, and their names in this one.
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
    GROUP_POSITIVES: ["boolean"],
    "iterator_train__num_workers": [Count(0)],
    "iterator_valid__num_workers": [Count(0)],
    f"callbacks__{EARLY_STOPPING}__patience": [Count(1)],
    f"callbacks__{LR_SCHEDULE}": [None],
    CHECKPOINT_EVERY: [Count(1)],
    COMPILE: ["boolean"],
}


def is_net_parameter(name: str) -> bool:
    """Return whether a name is one of skorch's: ``compile``, or a name with a prefix.

    Examples
    --------
    >>> from contrastive_clustering._training.net_params import is_net_parameter
    >>> [is_net_parameter(n) for n in ("optimizer__betas", "optimizer", "clusterer__k")]
    [True, False, False]
    """
    prefix, _, rest = name.partition("__")
    return (prefix in PREFIXES and bool(rest)) or name in (COMPILE, KEYWORDS)


def net_parameters_of(params: Mapping[str, Any], *prefixes: str) -> dict[str, Any]:
    """Return the parameters of the net, with the given prefixes or with any."""
    return {
        name: value
        for name, value in params.items()
        if is_net_parameter(name)
        and (not prefixes or name.partition("__")[0] in prefixes)
    }


def concerns_machine(name: str) -> bool:
    """Return whether a parameter concerns the machine rather than the model.

    Examples
    --------
    >>> from contrastive_clustering._training.net_params import concerns_machine
    >>> [concerns_machine(name) for name in ("checkpoint_dir", "compile", "lr")]
    [True, True, False]
    """
    return name in MACHINE_PARAMETERS or (
        name.startswith(MACHINE_PREFIXES) and name != GROUP_POSITIVES
    )


def parameters_of_callbacks(
    params: Mapping[str, Any], names: Collection[str]
) -> dict[str, Any]:
    """Return the parameters of the net that belong to callbacks of these names.

    Callbacks that replace others are not among them: see `resolve_callbacks`.
    """
    return {
        name: value
        for name, value in net_parameters_of(params, "callbacks").items()
        if name.split("__")[1] in names and (name.count("__") > 1 or value is None)
    }


def name_callbacks(callbacks: Iterable[Any]) -> list[tuple[str, Any]]:
    """Return pairs of a callback's name, as skorch assigns it, and the callback.

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


def resolve_callbacks(
    callbacks: Iterable[Any], net_params: Mapping[str, Any]
) -> list[tuple[str, Any, dict[str, Any]]]:
    """Return name, callback and parameters of each callback, as skorch applies them.

    A callback that ``callbacks__name`` replaces is that value, and None if it is
    removed. Parameters are those of ``callbacks__name__``, without this prefix.

    Examples
    --------
    >>> from contrastive_clustering._training.net_params import resolve_callbacks
    >>> changes = {"callbacks__a": None, "callbacks__b__patience": 1}
    >>> resolve_callbacks([("a", "first"), ("b", "second")], changes)
    [('a', None, {}), ('b', 'second', {'patience': 1})]
    """
    given = net_parameters_of(net_params, "callbacks")
    resolved = []
    for name, callback in name_callbacks(callbacks):
        prefix = f"callbacks__{name}__"
        params = {
            key.removeprefix(prefix): value
            for key, value in given.items()
            if key.startswith(prefix)
        }
        resolved.append((name, given.get(f"callbacks__{name}", callback), params))
    return resolved


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
