"""Checkpoints: what a fit has reached, on the disk, and whether another may go on."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from skorch.callbacks import Callback

from contrastive_clustering._io.safetensors_file import read_tree, write_tree
from contrastive_clustering._io.schema import (
    Boolean,
    Entries,
    Fields,
    Integer,
    Kinds,
    Maybe,
    Node,
    Scope,
    Text,
)
from contrastive_clustering._saving.callbacks_state import CALLBACKS
from contrastive_clustering._saving.fitted_parts import SEARCH
from contrastive_clustering._saving.identity import Identity
from contrastive_clustering._saving.net_state import NET
from contrastive_clustering._saving.refinement_state import REFINEMENT
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._utils.distributed import rank, run_on_first_rank
from contrastive_clustering._utils.files import UNREADABLE
from contrastive_clustering._utils.messages import reason_of

FILE_NAME = "checkpoint.safetensors"
KIND = "checkpoint"

# The stages of a fit: its first phase, the search for strata, the second phase.
FIRST, STRATA, SECOND = "first", "strata", "second"

# What every checkpoint holds, beside its stage.
_ALWAYS: dict[str, Node] = {
    "identity": Entries(Text(100_000)),
    "seed": Integer(),
    "finished": Boolean(),
}

CHECKPOINT = Kinds(
    {
        FIRST: Fields(
            {**_ALWAYS, "n_done": Integer(), "net": NET, "callbacks": CALLBACKS}
        ),
        STRATA: Fields({**_ALWAYS, "net": NET}),
        SECOND: Fields(
            {
                **_ALWAYS,
                "n_done": Integer(),
                "net": NET,
                "callbacks": CALLBACKS,
                "search": Maybe(SEARCH),
                **REFINEMENT,
            }
        ),
    },
    key="stage",
)

# A message names so many parameters that differ, each by so many characters.
MOST_DIFFERENT, LONGEST_TEXT = 5, 120


class Checkpoint:
    """The checkpoint of one fit.

    Parameters
    ----------
    folder : Path
        Where its file is; see `locked_folder`.

    every : int
        Number of epochs after which it is written again.

    identity : dict
        What the fit is of: see `identify`.

    seed : int
        The seed of the fit, unless an earlier one is resumed.

    n_samples : int
        Number of training samples.

    Attributes
    ----------
    reached : dict or None
        The state from which the fit goes on; None where it starts over.

    seed : int
        The seed of the fit.

    Raises
    ------
    ValueError
        If the file is of another fit that has not finished, or damaged.

    OSError
        If the file cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        every: int,
        identity: Identity,
        seed: int,
        n_samples: int,
    ) -> None:
        self.path = folder / FILE_NAME
        self.every = every
        self.identity = identity
        self.n_samples = n_samples
        # Processes that train together go on from what the first of them has read.
        self.reached = run_on_first_rank(self._read)
        self.seed = seed if self.reached is None else int(self.reached["seed"])

    def _read(self) -> dict[str, Any] | None:
        if not self.path.exists():
            return None
        try:
            reached = read_tree(self.path, KIND)
        except ValueError as error:
            reason = str(error).removesuffix("Take another copy of the file.")
            raise self._unusable(reason) from error
        with self.resuming():
            # Neighbors and memberships are indexed by samples.
            scope = Scope(n_samples=self.n_samples)
            identity = reached.get("identity")
            if isinstance(identity, dict) and identity.get("X") != self.identity["X"]:
                scope = Scope()
            CHECKPOINT.check(reached, "the checkpoint", scope)
        found = reached["identity"]
        finished = reached["finished"]
        different = sorted(
            name
            for name in {*found, *self.identity}
            if found.get(name) != self.identity.get(name)
        )
        # Two fits by chance are two fits, and where one has finished, nothing is lost
        # if another takes its place.
        if finished and (different or "random_state" not in found):
            return None
        if not different:
            return reached
        raise ValueError(
            f"checkpoint_dir={os.fspath(self.path.parent)!r} holds the checkpoint of "
            "an unfinished fit of another kind: "
            + "; ".join(
                f"{_cut(name)} was {_cut(found.get(name))}, and is "
                f"{_cut(self.identity.get(name))}"
                for name in different[:MOST_DIFFERENT]
            )
            + ". Fit with these as they were to go on from it, or set another "
            "checkpoint_dir to start over."
        )

    @contextlib.contextmanager
    def resuming(self) -> Iterator[None]:
        """Turn any error about the state that was read into one that names the file.

        Raises
        ------
        ValueError
            If the state is not that of such a fit.
        """
        try:
            yield
        except UNREADABLE as error:
            raise self._unusable(reason_of(error)) from error

    def _unusable(self, reason: str) -> ValueError:
        return ValueError(
            f"checkpoint_dir={os.fspath(self.path.parent)!r} has a checkpoint that "
            f"cannot be resumed: {reason.rstrip('. ')}. Take another copy of "
            f"{self.path.name}, or set another checkpoint_dir to start over."
        )

    def write(self, stage: str, **state: Any) -> None:
        """Write what the fit has reached, in place of what it had reached before.

        Parameters
        ----------
        stage : {"first", "strata", "second"}
            Which stage it is in.

        **state : dict
            A tree for each thing that is needed to go on.
        """
        self.reached = {
            "identity": self.identity,
            "seed": self.seed,
            "finished": False,
            "stage": stage,
            **state,
        }
        self._save(self.reached)

    def finish(self) -> None:
        """Note that the fit has finished: another may take its place."""
        assert self.reached is not None  # the first phase has written it
        self.reached["finished"] = True
        self._save(self.reached)

    def _save(self, reached: dict[str, Any]) -> None:
        if rank() == 0:  # of processes that train together
            write_tree(self.path, KIND, reached)


def _cut(text: str | None) -> str:
    text = str(text)
    # Anyone may have written what a file says.
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."


class SaveCheckpoint(Callback):  # type: ignore[misc]  # skorch is not typed
    """Write a checkpoint after every so many epochs, and after the last.

    Parameters
    ----------
    checkpoint : Checkpoint
        The checkpoint.

    stage : {"first", "second"}
        The stage that is trained.

    collect : callable
        ``collect(net)`` returns the state.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        stage: str,
        collect: Callable[[Any], dict[str, Any]],
    ) -> None:
        self.checkpoint = checkpoint
        self.stage = stage
        self.collect = collect

    def on_epoch_end(self, net: ContrastiveNet, **kwargs: Any) -> None:
        """Write it if its time has come."""
        n_done = net.epoch_number
        if n_done % self.checkpoint.every == 0 or n_done == net.max_epochs:
            self.checkpoint.write(self.stage, n_done=n_done, **self.collect(net))
