"""Check that processes that train together have the same parameters and samples.

Each process takes its shard of every batch, clusters all latents, and adds its
gradients to those of the others. If samples, their order or parameters differ between
processes, their weights would diverge, or they would send tensors of different sizes,
which aborts them.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from contrastive_clustering._data.validation import Samples
from contrastive_clustering._saving.identity import (
    Identity,
    describe_callbacks,
    describe_training,
    digest_samples,
)
from contrastive_clustering._training.callback_params import name_callbacks
from contrastive_clustering._training.callbacks import changes_training
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._training.net_params import (
    EARLY_STOPPING,
    LR_SCHEDULE,
    net_parameters_of,
)
from contrastive_clustering._utils.device import resolve_device
from contrastive_clustering._utils.distributed import (
    all_gather_object,
    n_processes,
    run_on_all_ranks,
)

# Largest number of differing parameters in a message, and length of a quoted value.
MAX_NAMED, MAX_QUOTED = 5, 200

# Remedies for differences; all other names are parameters.
REMEDIES = {
    "X": "Pass the whole X, in the same order and dtype, to each process. Each takes "
    "its shard of every batch, so do not split X beforehand.",
    "state to continue from": "Continue from the same fit in each process, for example "
    "by loading the same file.",
    "versions": "Install the same versions for each process.",
    "checkpoint_dir": "Pass the same checkpoint_dir to each process; only the first "
    "writes to it.",
    **dict.fromkeys(
        ("encoder", "decoder", "augmentation", "clusterer"),
        "Pass the same parameters to each process. If an object has random initial "
        "weights or a generator, use the same seed in each process, for example by "
        "torch.manual_seed before the object is created.",
    ),
}
PARAMETER_REMEDY = "Pass the same parameters to each process."


def check_same_fit(
    identity: Identity,
    X: Samples,
    previous: ContrastiveNet | None,
    *,
    callbacks: Sequence[Any],
    net_params: Mapping[str, Any],
    checkpoint_dir: str | os.PathLike[str] | None,
    device: str | torch.device,
) -> None:
    """Raise unless all processes have the same parameters and samples.

    Seeds may differ, because the seed of the first process is used. Checkpoint folders
    and callbacks that do not affect training may differ as well, because often only the
    first process writes and logs.

    Parameters
    ----------
    identity : dict
        Identity of the fit; see `identify`.

    X : ndarray or LazyArray of shape (n_samples, ...)
        The training set. It is read again if its values differ.

    previous : ContrastiveNet or None
        The net whose training is continued.

    callbacks, net_params, checkpoint_dir, device : object
        Parameters of the estimator that are compared only in part.

    Raises
    ------
    ValueError
        If samples, their order, parameters, the state to continue from or versions
        differ. All processes raise the same error.
    """
    if n_processes() == 1:
        return
    described = run_on_all_ranks(
        lambda: {
            **_describe_parameters(identity, callbacks, net_params),
            "checkpoint_dir": "None" if checkpoint_dir is None else "a folder",
            "device": resolve_device(device).type,
            "state to continue from": describe_training(previous),
        }
    )
    kinds = (len(X), tuple(X.shape[1:]), str(X.dtype))
    found: list[tuple[Identity, tuple[Any, ...]]] = all_gather_object(
        (described, kinds)
    )
    first, first_kinds = found[0]
    for process, (other, other_kinds) in enumerate(found):
        names = [n for n in {**first, **other} if first.get(n) != other.get(n)]
        if not names:
            continue
        differences = [
            f"{name} is {_cut(first.get(name))} in process 0 and "
            f"{_cut(other.get(name))} in process {process}"
            for name in names
            if name != "X"
        ]
        if "X" in names:
            samples = list(_compare_kinds(first_kinds, other_kinds, process))
            differences = (samples or [_locate(X, process)]) + differences
        shown = "; ".join(differences[:MAX_NAMED])
        if len(differences) > MAX_NAMED:
            shown += f"; and {len(differences) - MAX_NAMED} more"
        remedies = dict.fromkeys(REMEDIES.get(n, PARAMETER_REMEDY) for n in names)
        raise ValueError(
            "Processes that train together must have the same parameters and samples, "
            f"but they differ: {shown}. " + " ".join(remedies)
        )


def _describe_parameters(
    identity: Identity, callbacks: Sequence[Any], net_params: Mapping[str, Any]
) -> Identity:
    """Return the samples and parameters that must be the same, X first."""
    named = name_callbacks(callbacks)
    trainers = [(name, each) for name, each in named if changes_training(each)]
    names = {EARLY_STOPPING, LR_SCHEDULE, *(name for name, _ in trainers)}
    ignored = {"callbacks", "random_state", "warm_start"} | {
        name
        for name, value in net_parameters_of(net_params, "callbacks").items()
        if name.split("__")[1] not in names and not changes_training(value)
    }
    described = {name: identity[name] for name in sorted(identity.keys() - ignored)}
    return {
        "X": described.pop("X"),
        **described,
        "callbacks": describe_callbacks(trainers),
    }


def _compare_kinds(
    first: tuple[Any, ...], other: tuple[Any, ...], process: int
) -> Iterator[str]:
    """Yield how the number, the shape and the dtype of samples differ."""
    texts = ("{} samples", "samples of shape {}", "dtype {}")
    for text, first_value, other_value in zip(texts, first, other, strict=True):
        if first_value != other_value:
            yield (
                f"X has {text.format(first_value)} in process 0 and "
                f"{text.format(other_value)} in process {process}"
            )


def _locate(X: Samples, process: int) -> str:
    """Return a text on which samples differ; all processes must call this."""
    digests = all_gather_object(run_on_all_ranks(lambda: digest_samples(X)))
    first, other = digests[0], digests[process]
    indices = [i for i, d in enumerate(first) if d != other[i]]
    where = f"in process {process} than in process 0"
    if not indices:
        return f"X changes each time it is read, and was different {where}"
    if sorted(first) == sorted(other):
        return f"X has a different order {where}, starting at X[{indices[0]}]"
    return (
        f"X has different values {where}, in {len(indices)} of {len(first)} samples, "
        f"starting at X[{indices[0]}]"
    )


def _cut(text: str | None) -> str:
    text = str(text)
    return text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}..."
