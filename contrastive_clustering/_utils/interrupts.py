"""Distinguish Ctrl-C from callbacks that stop training by the same exception."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def record_interrupts() -> Iterator[list[int]]:
    """Yield a list that stays empty unless Ctrl-C is pressed inside the context.

    skorch silently ends training at a KeyboardInterrupt, whether Ctrl-C or a callback
    such as early stopping raised it. Inside this context, Ctrl-C works as before and is
    also recorded. Only the main thread of a process receives signals, so the list
    stays empty in other threads.
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
