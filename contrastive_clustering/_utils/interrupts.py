"""Telling Ctrl-C from callbacks that stop a training in the same way."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def record_interrupts() -> Iterator[list[int]]:
    """Yield a list that is empty unless Ctrl-C is pressed inside the context.

    skorch ends a training at a KeyboardInterrupt without a word, whether Ctrl-C or a
    callback such as early stopping raised it. Inside this context Ctrl-C does what it
    did before, and is noted. Only the main thread of a process gets signals, so that in
    others the list stays empty.
    """
    seen: list[int] = []
    previous = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not callable(previous):
        yield seen
        return

    def note(number: int, frame: Any) -> None:
        seen.append(number)
        previous(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, previous)
