"""Parameters of the net by skorch's names, such as ``optimizer__betas``."""

from collections.abc import Mapping
from typing import Any

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
