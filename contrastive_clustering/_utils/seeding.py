"""Randomness that neither reads nor disturbs the global generators."""

import hashlib
import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

# The global generators are shared by all threads of a process. Whoever borrows
# them holds this lock, so that two estimators fitted in two threads each see
# their own numbers.
_GLOBAL_GENERATORS = threading.RLock()


# A fork waits for so many seconds, so that code which borrows the generators and itself
# waits for a fork in another thread goes on.
LONGEST_WAIT = 10.0

_held_for_fork: list[bool] = []


def _before_fork() -> None:
    """Wait until no other thread has borrowed the generators.

    In the child, that thread would not be there to return them: their lock, and
    PyTorch's own inside of a draw, would stay closed.
    """
    _held_for_fork.append(_GLOBAL_GENERATORS.acquire(timeout=LONGEST_WAIT))


def _after_fork_in_parent() -> None:
    if _held_for_fork.pop():
        _GLOBAL_GENERATORS.release()


def _after_fork_in_child() -> None:
    global _GLOBAL_GENERATORS  # noqa: PLW0603  # one for each process
    _held_for_fork.clear()
    _GLOBAL_GENERATORS = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )


def derive_seed(*keys: int) -> int:
    """Mix non-negative integers into one seed.

    The same keys give the same seed, and keys that differ in one place give
    unrelated seeds, so ``derive_seed(seed, epoch)`` can be asked for at any time
    without a generator whose state would have to be kept.

    Parameters
    ----------
    *keys : int
        Non-negative integers.

    Returns
    -------
    seed : int
        A seed in ``[0, 2**63)``.
    """
    state = np.random.SeedSequence(keys).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def make_generator(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a new torch generator on `device`, seeded with `seed`."""
    return torch.Generator(device=device).manual_seed(seed)


def draw_seed(generator: torch.Generator) -> int:
    """Draw a seed from a torch generator on any device, without waiting for it."""
    draw = torch.randint(2**62, (), generator=generator, device=generator.device)
    if generator.device.type == "cpu":
        return derive_seed(int(draw))
    # The number lies on the device; the state that the draw has moved on does not.
    state = generator.get_state().numpy().tobytes()
    return derive_seed(int.from_bytes(hashlib.sha256(state).digest()[:8], "little"))


@contextmanager
def seeded_global_generators(
    seed: int, device: torch.device | str = "cpu"
) -> Iterator[None]:
    """Lend the global generators, seeded, to code that can use no other.

    Weight initializers of PyTorch and augmentations of third parties draw from
    the global generators of PyTorch, NumPy and Python. Inside this context these
    are seeded; afterwards, also after an error, they are as they were before.

    Parameters
    ----------
    seed : int
        Seed for all three generators.

    device : torch.device or str, default="cpu"
        Device whose generator is lent beside the CPU's.
    """
    device = torch.device(device)
    device_type = device.type if device.type != "cpu" else "cuda"
    forked = [] if device.type == "cpu" else [device]
    with _GLOBAL_GENERATORS:
        numpy_state = np.random.get_state()
        python_state = random.getstate()
        try:
            with torch.random.fork_rng(devices=forked, device_type=device_type):
                # torch.manual_seed would seed the devices that are not forked, too.
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
    """Return which samples to look at: all, or so many of them drawn at random.

    Parameters
    ----------
    n_samples : int
        Number of samples.

    largest : int
        How many to look at at most.

    rng : RandomState
        Draws them.

    Returns
    -------
    rows : ndarray of shape (n_drawn,)
        Their places, ascending.
    """
    if n_samples <= largest:
        return np.arange(n_samples)
    return np.sort(rng.choice(n_samples, largest, replace=False))
