"""End the command at Ctrl-C, which would otherwise only end a phase of the training."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interrupted(BaseException):
    """Ctrl-C was pressed.

    The training treats a `KeyboardInterrupt` as the wish to use the network as it is.
    """


class TrainingInterrupted(Interrupted):
    """Ctrl-C was pressed during the training or after it."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise `Interrupted` at Ctrl-C inside the context."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted from None
    finally:
        signal.signal(signal.SIGINT, previous)


@contextmanager
def training_begun() -> Iterator[None]:
    """Raise `TrainingInterrupted` instead of `Interrupted` inside the context."""
    try:
        yield
    except (Interrupted, KeyboardInterrupt):
        raise TrainingInterrupted from None


def _interrupt(*_: Any) -> None:
    raise Interrupted
