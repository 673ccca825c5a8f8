"""What is said where training or prediction runs out of memory."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

# What allocators raise that have no error of their own.
ALLOCATORS = ("DefaultCPUAllocator", "can't allocate memory", "out of memory")

# NT-Xent needs two samples.
SMALLEST_BATCH = 2

BYTES_OF_FLOAT32 = 4


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that there is not enough memory.

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


@contextmanager
def explain_out_of_memory(net: Any, task: str) -> Iterator[None]:
    """Name the batch size, and what a batch takes, where memory runs out.

    Parameters
    ----------
    net : skorch.NeuralNet
        Knows its batch size, its device and the shape of a sample.

    task : {"training", "prediction"}
        What runs inside.

    Raises
    ------
    MemoryError, torch.OutOfMemoryError, RuntimeError
        Of the kind that was raised inside.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise _kind_of(error)(_message(net, task)) from error


@contextmanager
def explain_network_out_of_memory(net: Any) -> Iterator[None]:
    """Name what a network's size depends on, where there is no memory for its weights.

    Parameters
    ----------
    net : skorch.NeuralNet
        Knows the number of latents and the shape of a sample.

    Raises
    ------
    MemoryError, torch.OutOfMemoryError, RuntimeError
        Of the kind that was raised inside.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise _kind_of(error)(
            "There is not enough memory for the weights of the network with "
            f"latent_dim={net.module__latent_dim} for samples of shape "
            f"{net.module__sample_shape}, channels first. Lower latent_dim, make the "
            "samples smaller, or pass a smaller encoder and decoder."
        ) from error


def _kind_of(error: BaseException) -> type[Exception]:
    """Return the class of an error for another message.

    Those of NumPy and of other packages are made of other arguments.
    """
    kinds = (torch.OutOfMemoryError, MemoryError, RuntimeError)
    return next(kind for kind in kinds if isinstance(error, kind))


def _message(net: Any, task: str) -> str:
    training = task == "training"
    together = 2 if training else 1  # two views of each sample
    n_values = math.prod(net.module__sample_shape)
    n_bytes = net.batch_size * together * n_values * BYTES_OF_FLOAT32
    views = "two views of each sample" if training else "its samples"
    message = (
        f"There is not enough memory for {task} on the device {net.device} with "
        f"batch_size={net.batch_size}: {views} of a batch take "
        f"{show_bytes(n_bytes)} as float32, and what the network computes of them "
        "many times that. "
    )
    half = net.batch_size // 2
    if half < SMALLEST_BATCH:
        return message + "Make the samples smaller, or pass a smaller encoder."
    if training:
        return (
            message
            + f"Lower batch_size, for example to {half}, which takes about half "
            "as much; or make the samples smaller."
        )
    return (
        message + f"Pass fewer samples at once, or set net_.batch_size={half} of the "
        "fitted estimator, which takes about half as much; the result is the same."
    )


def show_bytes(n_bytes: int) -> str:
    """Return a number of bytes as it is read at a glance.

    Examples
    --------
    >>> from contrastive_clustering._utils.memory import show_bytes
    >>> show_bytes(5000), show_bytes(3 * 2**30)
    ('4.9 KiB', '3.0 GiB')
    """
    units = ("bytes", "KiB", "MiB", "GiB", "TiB")
    power = min(int(math.log2(max(1, n_bytes))) // 10, len(units) - 1)
    return f"{n_bytes / 2 ** (10 * power):.1f} {units[power]}"
