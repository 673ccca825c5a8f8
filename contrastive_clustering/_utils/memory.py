"""Explain errors of training and prediction that run out of memory."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch

# Text of RuntimeErrors raised by allocators without an error class of their own.
ALLOCATORS = (
    "DefaultCPUAllocator",
    "can't allocate memory",
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)

# NT-Xent requires two samples.
MIN_BATCH = 2

BYTES_OF_FLOAT32 = 4


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error reports a lack of memory.

    Examples
    --------
    >>> from contrastive_clustering._utils.memory import is_out_of_memory
    >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("shapes differ"))
    (True, False)
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in ALLOCATORS
    )


def explain_out_of_memory(net: Any, task: str) -> AbstractContextManager[None]:
    """Add the batch size and the memory of a batch to out-of-memory errors.

    Errors are of the same type as the original ones.

    Parameters
    ----------
    net : skorch.NeuralNet
        Net with the batch size, the device and the shape of a sample.

    task : {"training", "prediction"}
        Task that runs inside.
    """
    return _explaining(lambda: _message(net, task))


def explain_network_out_of_memory(net: Any) -> AbstractContextManager[None]:
    """Explain how to shrink a network whose weights do not fit into memory.

    Like `explain_out_of_memory`, for a net with a number of latents.
    """
    return _explaining(
        lambda: (
            "There is not enough memory for the weights of the network with "
            f"latent_dim={net.module__latent_dim} for samples of shape "
            f"{net.module__sample_shape}, channels first. Lower latent_dim, make the "
            "samples smaller, or pass a smaller encoder and decoder."
        )
    )


@contextmanager
def _explaining(message: Callable[[], str]) -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        # Subclasses of NumPy and other packages take other constructor arguments.
        kinds = (torch.OutOfMemoryError, MemoryError, RuntimeError)
        kind: type[Exception] = next(k for k in kinds if isinstance(error, k))
        raise kind(message()) from error


def _message(net: Any, task: str) -> str:
    training = task == "training"
    together = 2 if training else 1  # two views of each sample
    n_values = math.prod(net.module__sample_shape)
    n_bytes = net.batch_size * together * n_values * BYTES_OF_FLOAT32
    views = "two views of each sample" if training else "its samples"
    message = (
        f"There is not enough memory for {task} on the device {net.device} with "
        f"batch_size={net.batch_size}: {views} of a batch take "
        f"{show_bytes(n_bytes)} as float32, and the activations of the network many "
        "times that. "
    )
    half = net.batch_size // 2
    if half < MIN_BATCH:
        return message + "Make the samples smaller, or pass a smaller encoder."
    if training:
        return (
            message
            + f"Lower batch_size, for example to {half}, which takes about half "
            "as much, or make the samples smaller."
        )
    return (
        message + f"Pass fewer samples per call, or set net_.batch_size={half} on the "
        "fitted estimator, which takes about half as much; the result is the same."
    )


def total_memory() -> int | None:
    """Return the number of bytes of the memory of this machine, or None if unknown."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # on Windows, for example
        return None


def show_bytes(n_bytes: int) -> str:
    """Return a human-readable number of bytes.

    Examples
    --------
    >>> from contrastive_clustering._utils.memory import show_bytes
    >>> show_bytes(5000), show_bytes(3 * 2**30)
    ('4.9 KiB', '3.0 GiB')
    """
    units = ("bytes", "KiB", "MiB", "GiB", "TiB")
    power = min(int(math.log2(max(1, n_bytes))) // 10, len(units) - 1)
    return f"{n_bytes / 2 ** (10 * power):.1f} {units[power]}"
