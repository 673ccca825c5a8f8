"""Sharing cores with other threads and processes, and surviving a fork."""

import functools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from joblib.parallel import get_active_backend
from threadpoolctl import ThreadpoolController


@functools.cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def limit_nested_threads() -> Iterator[None]:
    """Use one core while joblib runs several threads, and all cores otherwise.

    joblib tells its worker processes how many threads to start, but not its worker
    threads: each would start one thread a core.
    """
    _note_computation()
    backend, _ = get_active_backend()
    is_main = threading.current_thread() is threading.main_thread()
    if is_main or not backend.nesting_level:
        yield
        return
    # PyTorch sets the number of threads when a thread first asks for it: ask now, so
    # that it does not overwrite the limit. Limits are those of this thread alone.
    torch.get_num_threads()
    with _controller().limit(limits=1, user_api="openmp"):
        yield


_computed_in: set[int] = set()


def _note_computation() -> None:
    """Remember that this process has started OpenMP's threads."""
    if os.getpid() not in _computed_in:
        _controller()
        _computed_in.add(os.getpid())


def _after_fork() -> None:
    """Keep a forked process to one thread where its parent has started more.

    They do not survive the fork, and OpenMP would wait for them for ever: what
    joblib's "multiprocessing" would otherwise do after a fit in the main process.
    """
    if os.getppid() in _computed_in:
        torch.set_num_threads(1)
        _controller().limit(limits=1, user_api="openmp")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
