"""Checkpoints: what a fit has reached, on the disk, and whether another may go on."""

import functools
import hashlib
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import is_dataclass
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from skorch.callbacks import Callback

from contrastive_clustering._container import (
    as_path,
    partial_prefix,
    read_tree,
    write_tree,
)
from contrastive_clustering._distributed import once, rank
from contrastive_clustering._import_paths import import_path
from contrastive_clustering._messages import shorten
from contrastive_clustering._scaling import iterate_chunks
from contrastive_clustering._training import ContrastiveNet
from contrastive_clustering._validation import Samples

FILE_NAME = "checkpoint.safetensors"
KIND = "checkpoint"

# The stages of a fit: its first phase, the search for strata, the second phase.
FIRST, STRATA, SECOND = "first", "strata", "second"

# Parameters that do not bear on what is learnt.
IRRELEVANT = {
    "checkpoint_dir",
    "checkpoint_every",
    "compile",
    "device",
    "num_workers",
    "random_state",
    "store_examples",
    "verbose",
    "warm_start",
}
IRRELEVANT_PREFIXES = ("iterator_train__", "iterator_valid__", "compile__")

Identity = dict[str, str]


class Checkpoint:
    """The checkpoint of one fit.

    Parameters
    ----------
    folder : str or path-like
        Where its file is; made if it does not exist.

    every : int
        Number of epochs after which it is written anew.

    identity : dict
        What the fit is of: see `identify`.

    seed : int
        The seed of the fit, unless an earlier one goes on.

    Attributes
    ----------
    reached : dict or None
        The state from which the fit goes on; None where it starts anew.

    seed : int
        The seed of the fit.

    Raises
    ------
    ValueError
        If the file is of another fit that has not finished, or damaged.

    OSError
        If the folder cannot be written to.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        every: int,
        identity: Identity,
        seed: int,
    ) -> None:
        self.path = as_path(folder, "checkpoint_dir") / FILE_NAME
        self.every = every
        self.identity = identity
        # Processes that train together go on from what the first of them has read.
        self.reached = once(self._prepare_and_read)
        self.seed = seed if self.reached is None else int(self.reached["seed"])

    def _prepare_and_read(self) -> dict[str, Any] | None:
        self._prepare_folder()
        return self._read()

    def _prepare_folder(self) -> None:
        """Find out before hours of training whether a file can be written."""
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # What a process that was killed while it wrote has left behind.
            for stale in folder.glob(f"{partial_prefix(self.path)}*"):
                stale.unlink()
            probe = folder / f"{partial_prefix(self.path)}probe"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise OSError(
                error.errno,
                f"checkpoint_dir={os.fspath(folder)!r} cannot be written to "
                f"({error.strerror}). Give a folder that can, or checkpoint_dir=None",
            ) from error

    def _read(self) -> dict[str, Any] | None:
        if not self.path.exists():
            return None
        try:
            reached = read_tree(self.path, KIND)
        except ValueError as error:
            raise ValueError(
                f"checkpoint_dir={os.fspath(self.path.parent)!r} has a checkpoint that "
                f"cannot be gone on from: {error} Or delete it to start anew."
            ) from error
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
                f"{name} was {shorten(str(found.get(name)))}, and is "
                f"{shorten(str(self.identity.get(name)))}"
                for name in different
            )
            + ". Fit with these as they were to go on from it, give another "
            f"checkpoint_dir, or delete {self.path.name} in it to start anew."
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


def identify(
    params: dict[str, Any],
    X: Samples,
    seed: int | None,
    previous: ContrastiveNet | None,
) -> Identity:
    """Return what has to be the same for a fit to go on from another's checkpoint.

    Parameters
    ----------
    params : dict
        The estimator's parameters.

    X : ndarray or LazyArray of shape (n_samples, ...)
        The training set; only a digest of it is kept.

    seed : int or None
        The seed; None where it was drawn by chance.

    previous : ContrastiveNet or None
        The net whose training the fit goes on with.

    Returns
    -------
    identity : dict
        A short text for each.
    """
    identity = {
        name: _describe(value)
        for name, value in params.items()
        if name not in IRRELEVANT and not name.startswith(IRRELEVANT_PREFIXES)
    }
    digest = _hash(iterate_chunks(X))
    identity["X"] = f"{X.dtype} {X.shape} {digest}"
    if seed is not None:
        identity["random_state"] = f"seed {seed}"
    if previous is not None:
        weights = previous.module_.state_dict().values()
        identity["warm_start"] = "from " + _hash(map(_to_bytes, weights))
    return identity


def _hash(arrays: Iterable[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def _to_bytes(value: Any) -> np.ndarray:
    """Return a tensor of a state, or what else a module keeps there, as bytes."""
    if not isinstance(value, torch.Tensor):
        return np.array(_describe(value))
    return value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()


def _describe(value: Any) -> str:
    """Return a text that is the same in another process; of code, its name alone."""
    if isinstance(value, np.ndarray):
        # An array might be a sample, and no file or message holds one.
        entries = value
        if value.dtype.hasobject:  # whose bytes are positions in memory
            entries = np.array(_describe(value.tolist()))
        return f"{value.dtype} of shape {value.shape}, hash {_hash([entries])}"
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_describe(item) for item in value)}]"
    plain = (bool, int, float, str, np.generic)
    if value is None or isinstance(value, plain) or is_dataclass(value):
        return repr(value)
    return _describe_object(value)


def _describe_object(value: Any) -> str:
    if isinstance(value, BaseEstimator):
        params = value.get_params().items()
        inner = ", ".join(f"{name}={_describe(item)}" for name, item in params)
        return f"{type(value).__name__}({inner})"
    if isinstance(value, functools.partial):
        return f"partial{_describe([value.func, value.args, value.keywords])}"
    if isinstance(value, torch.nn.Module):
        # Layers show what cannot be seen from their weights, and places in memory.
        layers = re.sub(" at 0x[0-9a-f]+", "", repr(value))
        parts = [np.array(layers), *map(_to_bytes, value.state_dict().values())]
        return f"{import_path(type(value))} {_hash(parts)}"
    if hasattr(value, "__qualname__"):
        return import_path(value)
    return import_path(type(value))
