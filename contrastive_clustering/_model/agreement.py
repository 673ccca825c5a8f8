"""Whether processes that are about to train together fit the same to the same samples.

Each process takes its share of every batch, clusters all latents, and adds its
gradients to those of the others. With other samples, another order or other parameters
in one of them, they would train into different weights, or send each other tensors of
different sizes, which ends in an abort.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch.distributed as dist

from contrastive_clustering._data.validation import Samples
from contrastive_clustering._saving.identity import (
    Identity,
    describe_callbacks,
    describe_training,
    digest_samples,
)
from contrastive_clustering._training.callbacks import changes_training
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._training.net_params import (
    EARLY_STOPPING,
    name_callbacks,
    net_parameters_of,
)
from contrastive_clustering._utils.device import resolve_device
from contrastive_clustering._utils.distributed import (
    explain_lost_processes,
    n_processes,
    rank,
)
from contrastive_clustering._utils.messages import reason_of

T = TypeVar("T")

# A message names so many of the parameters that differ, and cuts their values.
MOST_NAMED, LONGEST = 5, 200

# What has to be done where these differ; all else are parameters.
REMEDIES = {
    "X": "Pass the whole of X, in the same order and dtype, to each process: it takes "
    "its own share of every batch, so that X must not be split beforehand.",
    "state to continue from": "Let each process continue from the same fit: load the "
    "same file in all of them before.",
    "versions": "Install the same versions for each process.",
    "checkpoint_dir": "Pass the same checkpoint_dir to each process: the first alone "
    "writes there.",
    **dict.fromkeys(
        ("encoder", "decoder", "augmentation", "clusterer"),
        "Pass the same parameters to each process. Where an object begins with random "
        "weights or holds a generator, seed it alike in each, for example by "
        "torch.manual_seed before it is made.",
    ),
}
OF_PARAMETERS = "Pass the same parameters to each process."


def run_on_all_ranks(function: Callable[[], T]) -> T:
    """Return what a function returns in this process, unless it fails in any.

    Parameters
    ----------
    function : callable
        Takes no arguments. All processes call it, each for itself.

    Returns
    -------
    result : object
        What it returned here.

    Raises
    ------
    Exception
        What it raised here.

    ValueError
        If it succeeded here and failed in another process.
    """
    if n_processes() == 1:
        return function()
    error: Exception | None = None
    try:
        result = function()
    # Nothing is hidden: it is raised below, once the others have been told, which
    # would otherwise wait for this process.
    except Exception as caught:
        error = caught
    reasons = _all_gather_object(None if error is None else reason_of(error))
    if error is not None:
        raise error
    for process, reason in enumerate(reasons):
        if reason is not None:
            raise ValueError(
                f"Process {process} of {len(reasons)} that train together has failed "
                f"({reason}), and so this one, process {rank()}, stops as well."
            )
    return result


def check_same_fit(
    identity: Identity,
    params: dict[str, Any],
    X: Samples,
    previous: ContrastiveNet | None,
) -> None:
    """Raise unless all processes are about to fit the same.

    Seeds may differ, because that of the first process is taken; so may folders of
    checkpoints, and callbacks that do not change the training, as often only the first
    process writes and logs.

    Parameters
    ----------
    identity : dict
        What the fit is of: see `identify`.

    params : dict
        The estimator's parameters.

    X : ndarray or LazyArray of shape (n_samples, ...)
        The training set. It is read again where its values differ.

    previous : ContrastiveNet or None
        The net whose training is continued.

    Raises
    ------
    ValueError
        If samples, their order, parameters, the state to continue from or versions
        differ. It is the same in all processes.
    """
    if n_processes() == 1:
        return
    described = run_on_all_ranks(lambda: _describe_fit(identity, params, previous))
    kinds = (len(X), tuple(X.shape[1:]), str(X.dtype))
    found: list[tuple[Identity, tuple[Any, ...]]] = _all_gather_object(
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
        shown = "; ".join(differences[:MOST_NAMED])
        if len(differences) > MOST_NAMED:
            shown += f"; and {len(differences) - MOST_NAMED} more"
        remedies = dict.fromkeys(REMEDIES.get(n, OF_PARAMETERS) for n in names)
        raise ValueError(
            f"Processes that train together must fit the same, and differ: {shown}. "
            + " ".join(remedies)
        )


def _describe_fit(
    identity: Identity, params: dict[str, Any], previous: ContrastiveNet | None
) -> Identity:
    """Return what has to be the same in all processes, X first."""
    named = name_callbacks(params["callbacks"] or ())
    trainers = [(name, each) for name, each in named if changes_training(each)]
    names = {EARLY_STOPPING, *(name for name, _ in trainers)}
    left_out = {"callbacks", "random_state", "warm_start"} | {
        name
        for name, value in net_parameters_of(params, "callbacks").items()
        if name.split("__")[1] not in names and not changes_training(value)
    }
    described = {name: identity[name] for name in sorted(identity.keys() - left_out)}
    return {
        "X": described.pop("X"),
        **described,
        "callbacks": describe_callbacks(trainers),
        "checkpoint_dir": "None" if params["checkpoint_dir"] is None else "a folder",
        "device": resolve_device(params["device"]).type,
        "state to continue from": describe_training(previous),
    }


def _compare_kinds(
    first: tuple[Any, ...], other: tuple[Any, ...], process: int
) -> Iterator[str]:
    """Yield how the number, the shape and the dtype of samples differ."""
    texts = ("{} samples", "samples of shape {}", "dtype {}")
    for text, of_first, of_other in zip(texts, first, other, strict=True):
        if of_first != of_other:
            yield (
                f"X has {text.format(of_first)} in process 0 and "
                f"{text.format(of_other)} in process {process}"
            )


def _locate(X: Samples, process: int) -> str:
    """Return which samples differ; all processes have to ask for it."""
    digests = _all_gather_object(run_on_all_ranks(lambda: digest_samples(X)))
    first, other = digests[0], digests[process]
    indices = [i for i, d in enumerate(first) if d != other[i]]
    where = f"in process {process} than in process 0"
    if not indices:
        return f"X is not the same each time that it is read, and was another {where}"
    if sorted(first) == sorted(other):
        return f"X has its samples in another order {where}, from X[{indices[0]}] on"
    return (
        f"X has other values {where}, in {len(indices)} of {len(first)} samples, the "
        f"first of which is X[{indices[0]}]"
    )


def _all_gather_object(value: Any) -> list[Any]:
    """Return the values of all processes, which can be pickled, in their order."""
    values: list[Any] = [None] * n_processes()
    with explain_lost_processes():
        dist.all_gather_object(values, value)
    return values


def _cut(text: str | None) -> str:
    text = str(text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
