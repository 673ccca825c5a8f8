"""Random numbers that neither read nor change the global generators."""

import hashlib
import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import numpy as np
import torch


class SeedStream(IntEnum):
    """The streams of random numbers that are derived from the seed of a fit.

    The numbers must differ and may not change, or the same `random_state` would give
    another model.
    """

    WEIGHTS = 0
    TRAINING_VIEWS = 1
    VALIDATION_VIEWS = 2
    SHUFFLING = 3
    VALIDATION_SPLIT = 4
    PROTOTYPES = 5
    CLUSTERED_SAMPLES = 6
    GROUP_PARTNERS = 7
    CALLBACKS = 8


# All threads of a process share the global generators. Code that borrows them holds
# this lock, so that two estimators fitted in two threads draw independent numbers.
_GLOBAL_GENERATORS = threading.RLock()


# A fork waits at most this many seconds for the lock. The limit avoids a deadlock if
# the code that holds the lock itself waits for a fork in another thread.
MAX_WAIT = 10.0

_held_for_fork: list[bool] = []


def _before_fork() -> None:
    """Wait until no other thread has borrowed the generators.

    That thread does not exist in the child, so the lock, and PyTorch's internal lock
    during a draw, would never be released there.
    """
    _held_for_fork.append(_GLOBAL_GENERATORS.acquire(timeout=MAX_WAIT))


def _after_fork_in_parent() -> None:
    if _held_for_fork.pop():
        _GLOBAL_GENERATORS.release()


def _after_fork_in_child() -> None:
    global _GLOBAL_GENERATORS  # noqa: PLW0603  # one per process
    _held_for_fork.clear()
    _GLOBAL_GENERATORS = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )


def derive_seed(*keys: int) -> int:
    """Hash non-negative integers into one seed in ``[0, 2**63)``.

    Equal keys give equal seeds, and keys that differ in one entry give unrelated seeds.
    For example, ``derive_seed(seed, epoch)`` needs no generator state to be kept.
    """
    state = np.random.SeedSequence(keys).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def make_generator(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a new PyTorch generator on `device`, seeded with `seed`."""
    return torch.Generator(device=device).manual_seed(seed)


def draw_seed(generator: torch.Generator) -> int:
    """Draw a seed from a PyTorch generator without synchronizing with its device."""
    draw = torch.randint(2**62, (), generator=generator, device=generator.device)
    if generator.device.type == "cpu":
        return derive_seed(int(draw))
    # Reading the number would wait for the device; the advanced state is on the host.
    state = generator.get_state().numpy().tobytes()
    return derive_seed(int.from_bytes(hashlib.sha256(state).digest()[:8], "little"))


@contextmanager
def seeded_global_generators(
    seed: int, device: torch.device | str = "cpu"
) -> Iterator[None]:
    """Seed the global generators temporarily, for code that cannot use others.

    Weight initializers of PyTorch and third-party augmentations draw from the global
    generators of PyTorch, on the CPU and on `device`, of NumPy and of Python. This
    context seeds them and restores their states at the end, even after an error.
    """
    device = torch.device(device)
    device_type = device.type if device.type != "cpu" else "cuda"
    forked = [] if device.type == "cpu" else [device]
    with _GLOBAL_GENERATORS:
        numpy_state = np.random.get_state()
        python_state = random.getstate()
        try:
            with torch.random.fork_rng(devices=forked, device_type=device_type):
                # torch.manual_seed would also seed the devices that are not forked.
                torch.set_rng_state(make_generator(seed).get_state())
                for lent in forked:
                    state = make_generator(seed, lent).get_state()
                    torch.get_device_module(lent.type).set_rng_state(state, lent)
                np.random.seed(seed % 2**32)
                random.seed(seed)
                yield
        finally:
            np.random.set_state(numpy_state)
            random.setstate(python_state)


def draw_rows(n_samples: int, largest: int, rng: np.random.RandomState) -> np.ndarray:
    """Return the ascending indices of all samples, or of `largest` random ones."""
    if n_samples <= largest:
        return np.arange(n_samples)
    return np.sort(rng.choice(n_samples, largest, replace=False))
