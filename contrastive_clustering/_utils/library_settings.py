"""Use default settings of other libraries inside public calls, and restore them after.

Programs change global settings that this package shares: scikit-learn's configuration,
PyTorch's default dtype and device, autograd and autocast, and NumPy's handling of
floating-point errors. The results of this package do not depend on these settings.
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

# scikit-learn's settings that affect results. The others, such as working_memory and
# skip_parameter_validation, are left to the user.
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
    """Keep PyTorch's default dtype at float32 while any thread is inside.

    All threads share the default. The first thread to enter changes it and the last to
    leave restores it; otherwise, one thread could restore it while another is still
    training.
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
                self._restore()

    def _move(self, step: int) -> None:
        self._n_inside += step
        self._depth.value = getattr(self._depth, "value", 0) + step

    def _restore(self) -> None:
        # Another default that was set in the meantime is kept.
        if self._given is not None and torch.get_default_dtype() == torch.float32:
            torch.set_default_dtype(self._given)
        self._given = None

    def after_fork_in_child(self) -> None:
        """Forget the threads that do not exist after a fork."""
        self._lock = threading.Lock()
        self._n_inside = getattr(self._depth, "value", 0)
        if not self._n_inside:
            self._restore()


_float32_by_default = _Float32ByDefault()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_float32_by_default.after_fork_in_child)


@contextmanager
def no_autocast() -> Iterator[None]:
    """Compute in the dtype of the tensors even if the caller uses autocast."""
    with ExitStack() as disabled:
        for device_type in AUTOCAST_DEVICES:
            if torch.is_autocast_enabled(device_type):
                disabled.enter_context(torch.autocast(device_type, enabled=False))
        yield


@contextmanager
def default_library_settings() -> Iterator[None]:
    """Set the defaults that the package relies on, and restore the caller's settings.

    Usable as a context manager and as the decorator ``@default_library_settings()``.
    Inside, these settings have their default values, including for custom modules,
    callables, callbacks and clusterers that are called there:

    - scikit-learn's configuration, as far as it affects results;
    - PyTorch's default dtype (float32) and default device (CPU);
    - gradients (enabled), inference mode and autocast (disabled);
    - the floating-point error handling of NumPy and :mod:`scipy.special`.

    The settings are local to the calling thread, except PyTorch's default dtype: if it
    is not float32, other threads see float32 until the call ends.
    """
    with ExitStack() as settings:
        enter = settings.enter_context
        enter(config_context(**SKLEARN_DEFAULTS))
        enter(np.errstate(**NUMPY_DEFAULTS))
        enter(scipy.special.errstate(all="ignore"))
        enter(_float32_by_default)
        # Setting the device slows down every PyTorch call, even if it is the CPU.
        # torch.get_default_device fails in PyTorch 2.9 if the device was reset to None.
        if torch.empty(0).device != torch.device("cpu"):
            enter(torch.device("cpu"))
        enter(no_autocast())
        enter(torch.inference_mode(False))
        enter(torch.enable_grad())
        yield
