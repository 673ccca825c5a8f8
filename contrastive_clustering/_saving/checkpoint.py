"""Checkpoints: write the progress of a fit, and resume it."""

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

# The stages of a fit: the first phase, the clustering, the second phase.
FIRST, STRATA, SECOND = "first", "strata", "second"

# Fields of every checkpoint, in addition to its stage.
_COMMON: dict[str, Node] = {
    "identity": Entries(Text(100_000)),
    "seed": Integer(),
    "finished": Boolean(),
}

CHECKPOINT = Kinds(
    {
        FIRST: Fields(
            {**_COMMON, "n_done": Integer(), "net": NET, "callbacks": CALLBACKS}
        ),
        STRATA: Fields({**_COMMON, "net": NET}),
        SECOND: Fields(
            {
                **_COMMON,
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

# Largest number of differing parameters in a message, and length of a quoted value.
MAX_DIFFERENT, MAX_QUOTED = 5, 120

# Number of equal letters before a difference that are shown, to tell where it is.
N_BEFORE = 60


class Checkpoint:
    """The checkpoint of one fit.

    Parameters
    ----------
    folder : Path
        Folder of its file; see `locked_folder`.

    every : int
        Number of epochs between two checkpoints.

    identity : dict
        Identity of the fit; see `identify`.

    seed : int
        Seed of the fit, unless an earlier fit is resumed.

    n_samples : int
        Number of training samples.

    Attributes
    ----------
    reached : dict or None
        The state from which the fit resumes; None if it starts from scratch.

    seed : int
        Seed of the fit.

    Raises
    ------
    ValueError
        If the file belongs to another, unfinished fit, or is damaged.

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
        # All processes that train together resume from the file that the first reads.
        self.reached = run_on_first_rank(self._read)
        self.seed = seed if self.reached is None else int(self.reached["seed"])

    def _read(self) -> dict[str, Any] | None:
        if not self.path.exists():
            return None
        try:
            reached = read_tree(self.path, KIND)
        except ValueError as error:
            reason = str(error).removesuffix("Use another copy of the file.")
            raise self._unusable(reason) from error
        with self.resuming():
            # Neighbors and memberships are indexed by samples.
            scope = Scope({"n_samples": self.n_samples})
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
        # A fit without a seed differs from every other. A finished fit may be
        # overwritten, because nothing is lost.
        if finished and (different or "random_state" not in found):
            return None
        if not different:
            return reached
        raise ValueError(
            f"checkpoint_dir={os.fspath(self.path.parent)!r} contains the checkpoint "
            "of an unfinished fit that differs from this one: "
            + "; ".join(
                f"{_cut(name)} was {was} and is now {now}"
                for name in different[:MAX_DIFFERENT]
                for was, now in [_cut_both(found.get(name), self.identity.get(name))]
            )
            + ". Fit with the earlier values to resume it, or set another "
            "checkpoint_dir to start from scratch."
        )

    @contextlib.contextmanager
    def resuming(self) -> Iterator[None]:
        """Convert any error about the state into one that names the file."""
        try:
            yield
        except UNREADABLE as error:
            raise self._unusable(reason_of(error)) from error

    def _unusable(self, reason: str) -> ValueError:
        return ValueError(
            f"checkpoint_dir={os.fspath(self.path.parent)!r} has a checkpoint that "
            f"cannot be resumed: {reason.rstrip('. ')}. Take another copy of "
            f"{self.path.name}, or set another checkpoint_dir to start from scratch."
        )

    def write(self, stage: str, **state: Any) -> None:
        """Overwrite the checkpoint with a stage and the trees to resume from it."""
        self.reached = {
            "identity": self.identity,
            "seed": self.seed,
            "finished": False,
            "stage": stage,
            **state,
        }
        self._save(self.reached)

    def finish(self) -> None:
        """Mark the fit as finished, so that another may overwrite the checkpoint."""
        assert self.reached is not None  # written by the first phase
        self.reached["finished"] = True
        self._save(self.reached)

    def _save(self, reached: dict[str, Any]) -> None:
        if rank() == 0:  # only one of the processes that train together writes
            write_tree(self.path, KIND, reached)


def _cut(text: str | None) -> str:
    text = str(text)
    # The text may come from an untrusted file.
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}..."


def _cut_both(was: str | None, now: str | None) -> tuple[str, str]:
    """Return two texts, or their parts from shortly before the first difference."""
    first, second = str(was), str(now)
    n_equal = _count_equal(first, second)
    if n_equal < MAX_QUOTED - N_BEFORE:
        return _cut(first), _cut(second)
    start = n_equal - N_BEFORE
    return f"...{_cut(first[start:])}", f"...{_cut(second[start:])}"


def _count_equal(first: str, second: str) -> int:
    """Return the number of letters with which both texts begin."""
    for index, (letter, other) in enumerate(zip(first, second, strict=False)):
        if letter != other:
            return index
    return min(len(first), len(second))


class SaveCheckpoint(Callback):  # type: ignore[misc]  # skorch is not typed
    """Write a checkpoint after every `checkpoint.every` epochs, and after the last.

    ``collect(net)`` returns the state to write in addition to the stage of the
    training.
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
        """Write the checkpoint if it is due."""
        n_done = net.epoch_number
        if n_done % self.checkpoint.every == 0 or n_done == net.max_epochs:
            self.checkpoint.write(self.stage, n_done=n_done, **self.collect(net))
