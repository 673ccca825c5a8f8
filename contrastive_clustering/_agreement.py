"""Whether processes that are about to train together fit the same to the same samples.

Each process takes its share of every batch, clusters all latents, and adds its
gradients to those of the others. With other samples, another order or other parameters
in one of them, they would train into different weights, or send each other tensors of
different sizes, which ends in an abort.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import torch.distributed as dist

from contrastive_clustering._distributed import (
    explaining_lost_processes,
    n_processes,
    rank,
)
from contrastive_clustering._identity import Identity
from contrastive_clustering._messages import reason_of

T = TypeVar("T")

# Often only the first process logs and saves.
CALLBACKS = "callbacks"

# A message names so many of the parameters that differ, and cuts their values.
MOST_NAMED, LONGEST = 5, 200


def in_all(function: Callable[[], T]) -> T:
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
    reasons = _gather(None if error is None else reason_of(error))
    if error is not None:
        raise error
    for process, reason in enumerate(reasons):
        if reason is not None:
            raise ValueError(
                f"Process {process} of {len(reasons)} that train together cannot begin "
                f"({reason}), and so this one, process {rank()}, does not either."
            )
    return result


def check_same_fit(identity: Callable[[], Identity]) -> None:
    """Raise unless all processes are about to fit the same.

    Parameters
    ----------
    identity : callable
        Returns what the fit is of: see `identify`. It is called if there are several
        processes, and reads all samples once.

    Raises
    ------
    ValueError
        If samples, their order, parameters, weights to continue from or versions
        differ.
    """
    if n_processes() == 1:
        return
    found: list[Identity] = _gather(in_all(identity))
    first = found[0]
    for process, other in enumerate(found):
        names = sorted(
            name
            for name in {*first, *other} - {CALLBACKS}
            if first.get(name) != other.get(name)
        )
        if names:
            differences = "; ".join(
                f"{name} is {_cut(first.get(name))} in process 0 and "
                f"{_cut(other.get(name))} in process {process}"
                for name in names[:MOST_NAMED]
            )
            raise ValueError(
                f"Processes that train together must fit the same: {differences}. Pass "
                "the whole of X, in the same order and dtype, and the same parameters "
                "to each process; each takes its own share of every batch, so that X "
                "must not be split beforehand."
            )


def _gather(value: Any) -> list[Any]:
    """Return the values of all processes, which can be pickled, in their order."""
    values: list[Any] = [None] * n_processes()
    with explaining_lost_processes():
        dist.all_gather_object(values, value)
    return values


def _cut(text: str | None) -> str:
    text = str(text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
