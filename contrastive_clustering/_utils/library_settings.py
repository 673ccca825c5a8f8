"""Settings of other libraries: the same in every public call, and then given back.

Programs set switches that other code shares: scikit-learn's configuration, PyTorch's
default dtype and device, autograd and autocast, NumPy's floating-point errors. The same
call gives the same result under all of them.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self

import numpy as np
import scipy.special
import torch
from sklearn import config_context

# scikit-learn's settings that change results. The others, such as working_memory and
# skip_parameter_validation, are the user's choice.
SKLEARN_DEFAULTS = {
    "assume_finite": False,
    "array_api_dispatch": False,
    "transform_output": "default",
    "enable_metadata_routing": False,
    "enable_cython_pairwise_dist": True,
    "pairwise_dist_chunk_size": 256,
}

NUMPY_DEFAULTS: dict[str, Any] = {
    "divide": "warn",
    "over": "warn",
    "under": "ignore",
    "invalid": "warn",
}

AUTOCAST_DEVICES = ("cpu", "cuda", "mps", "xpu")


class _Float32ByDefault:
    """PyTorch's default dtype is float32 while any thread is inside.

    The default is shared by all threads. The first to enter changes it and the last to
    leave changes it back: a thread that restored it on its own would do so while
    another is still training.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_inside = 0
        self._depth = threading.local()
        self._given: torch.dtype | None = None

    def __enter__(self) -> Self:
        with self._lock:
            default = torch.get_default_dtype()
            if default != torch.float32:
                self._given = default
                torch.set_default_dtype(torch.float32)
            self._move(1)
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._move(-1)
            if not self._n_inside:
                self._give_back()

    def _move(self, step: int) -> None:
        self._n_inside += step
        self._depth.value = getattr(self._depth, "value", 0) + step

    def _give_back(self) -> None:
        # Whoever has set another default in the meantime wants to keep it.
        if self._given is not None and torch.get_default_dtype() == torch.float32:
            torch.set_default_dtype(self._given)
        self._given = None

    def after_fork_in_child(self) -> None:
        """Forget the threads that have not survived a fork."""
        self._lock = threading.Lock()
        self._n_inside = getattr(self._depth, "value", 0)
        if not self._n_inside:
            self._give_back()


_float32_by_default = _Float32ByDefault()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_float32_by_default.after_fork_in_child)


@contextmanager
def no_autocast() -> Iterator[None]:
    """Compute in the dtype of the tensors, also where the caller uses autocast."""
    with ExitStack() as disabled:
        for device_type in AUTOCAST_DEVICES:
            if torch.is_autocast_enabled(device_type):
                disabled.enter_context(torch.autocast(device_type, enabled=False))
        yield


@contextmanager
def default_library_settings() -> Iterator[None]:
    """Set what the package relies on, and give the caller's settings back afterwards.

    Used as a context or, as ``@default_library_settings()``, as a decorator. Inside,
    the following are at their defaults, also for the user's own modules, callables,
    callbacks and clusterers that are called there:

    - scikit-learn's configuration, as far as it changes results;
    - PyTorch's default dtype (float32) and default device (the CPU);
    - gradients (recorded), inference mode and autocast (off);
    - the floating-point errors of NumPy and :mod:`scipy.special`.

    All of them belong to the calling thread, except PyTorch's default dtype: if it is
    not float32, other threads see float32 until the call has ended.
    """
    with ExitStack() as settings:
        enter = settings.enter_context
        enter(config_context(**SKLEARN_DEFAULTS))
        enter(np.errstate(**NUMPY_DEFAULTS))
        enter(scipy.special.errstate(all="ignore"))
        enter(_float32_by_default)
        # Each call of PyTorch is slower under a device that was set in any way.
        if torch.get_default_device() != torch.device("cpu"):
            enter(torch.device("cpu"))
        enter(no_autocast())
        enter(torch.inference_mode(False))
        enter(torch.enable_grad())
        yield
