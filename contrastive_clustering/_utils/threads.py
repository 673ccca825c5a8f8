"""Limit the number of threads in joblib workers and after a fork."""

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
    """Use one core inside joblib's worker threads, and all cores otherwise.

    joblib limits the threads of its worker processes, but not those of its worker
    threads: each would start one thread per core.
    """
    _note_computation()
    backend, _ = get_active_backend()
    is_main = threading.current_thread() is threading.main_thread()
    if is_main or not backend.nesting_level:
        yield
        return
    # PyTorch sets the number of threads when a thread first queries it. Query it now,
    # so that it does not overwrite the limit, which applies to this thread only.
    torch.get_num_threads()
    with _controller().limit(limits=1, user_api="openmp"):
        yield


_computed_in: set[int] = set()


def _note_computation() -> None:
    """Record that this process has started OpenMP's threads."""
    if os.getpid() not in _computed_in:
        _controller()
        _computed_in.add(os.getpid())


def _after_fork() -> None:
    """Limit a forked process to one thread if its parent has started OpenMP threads.

    The threads do not survive the fork, and OpenMP would wait for them forever, for
    example with joblib's "multiprocessing" backend after a fit in the main process.
    """
    if os.getppid() in _computed_in:
        torch.set_num_threads(1)
        _controller().limit(limits=1, user_api="openmp")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
