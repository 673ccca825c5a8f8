"""The settings of scikit-learn, PyTorch and NumPy that computations can rely on."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from sklearn import config_context

# Devices whose autocasting a caller may have turned on.
AUTOCAST_DEVICES = ("cpu", "cuda", "mps", "xpu")


@contextmanager
def plain_surroundings() -> Iterator[None]:
    """Compute as if the caller had set nothing, and leave what was set as it was.

    Inside, scikit-learn returns arrays, computes with NumPy and checks for NaN; PyTorch
    has its own default dtype (float32) and device (CPU), records gradients and does not
    autocast; NumPy's floating-point errors are those that it warns of by default. Own
    networks, clusterers and callbacks run inside, too.

    All of these settings belong to a thread but for PyTorch's default dtype, which all
    threads share: it is float32 until the last of them has left.
    """
    with ExitStack() as stack:
        stack.enter_context(
            config_context(
                transform_output="default",
                array_api_dispatch=False,
                assume_finite=False,
            )
        )
        # As of `numpy.geterr()` in a new process.
        stack.enter_context(
            np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
        )
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.enable_grad())
        for device in AUTOCAST_DEVICES:
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        # A device context slows every call of PyTorch down: only where it is needed.
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(_float32())
        yield


_lock = threading.Lock()
_n_inside = 0
_callers_dtype = torch.float32


@contextmanager
def _float32() -> Iterator[None]:
    global _n_inside, _callers_dtype  # noqa: PLW0603  # as the setting itself
    with _lock:
        if _n_inside == 0:
            _callers_dtype = torch.get_default_dtype()
            _set(torch.float32)
        _n_inside += 1
    try:
        yield
    finally:
        with _lock:
            _n_inside -= 1
            if _n_inside == 0:
                _set(_callers_dtype)


def _set(dtype: torch.dtype) -> None:
    if torch.get_default_dtype() != dtype:
        torch.set_default_dtype(dtype)
