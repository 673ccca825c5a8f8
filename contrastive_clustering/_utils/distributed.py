"""Training in several processes at once, which together take one step.

Where a process group of ``torch.distributed`` is there when a fit begins (such as an
``accelerate.Accelerator()`` or ``torch.distributed.init_process_group`` makes in a
script that ``accelerate launch`` or ``torchrun`` has started), each process takes its
share of each batch, and all that a step computes of a batch is computed of the whole:
the statistics of normalization, the negatives of NT-Xent, the gradients. Two processes
therefore train what one would with the same ``batch_size``. Without a group, all of
this does nothing.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn

from contrastive_clustering._utils.messages import reason_of

if dist.is_available():
    # Its functions keep for ever, as a default, the group there is when they are first
    # imported, as PyTorch does in a fit: what destroys the group then ends none of its
    # threads, which may abort the process when Python ends. Here there is none yet.
    import torch.distributed.nn.functional

T = TypeVar("T")


def n_processes() -> int:
    """Return how many processes train together."""
    if dist.is_available() and dist.is_initialized():
        return int(dist.get_world_size())
    return 1


def rank() -> int:
    """Return the number of this process among them, from 0."""
    return int(dist.get_rank()) if n_processes() > 1 else 0


def run_on_first_rank(function: Callable[[], T]) -> T:
    """Return what a function gives, or raises, in the first process, in all of them."""
    if n_processes() == 1:
        return function()
    sent: list[Any] = [None, None]
    if rank() == 0:
        try:
            sent[0] = function()
        # Nothing is hidden: whatever it is, it is raised below, in this process and in
        # the others, which would else wait for ever.
        except Exception as error:
            sent[1] = error
    try:
        with explain_lost_processes():
            dist.broadcast_object_list(sent, src=0)
    finally:
        # Here also if it cannot be pickled: the others are then told of a lost process.
        if sent[1] is not None:
            raise sent[1]
    result: T = sent[0]
    return result


def shard_slice(n: int, process: int | None = None) -> slice:
    """Return which of `n` rows of a batch are a process's, this one's if None."""
    size, mine = n_processes(), rank() if process is None else process
    return slice(n * mine // size, n * (mine + 1) // size)


def all_gather(rows: torch.Tensor, n: int) -> torch.Tensor:
    """Return the rows of all processes, of which this one's keep their gradient.

    A loss of all rows, computed by each process, has its gradient in the weights
    scattered over the processes, each of which knows the part that goes through its
    own rows; :func:`all_reduce_gradients` adds these up.

    Parameters
    ----------
    rows : torch.Tensor of shape (n_own, ...)
        This process's rows, which are ``shard_slice(n)``.

    n : int
        Number of the rows of all processes.

    Returns
    -------
    gathered : torch.Tensor of shape (n, ...)
        The rows in their order.
    """
    size = n_processes()
    if size == 1:
        return rows
    # All processes have to send as much.
    padded = rows.new_zeros((math.ceil(n / size), *rows.shape[1:]))
    padded[: len(rows)] = rows.detach()
    parts = [torch.empty_like(padded) for _ in range(size)]
    dist.all_gather(parts, padded)
    shares = [shard_slice(n, process) for process in range(size)]
    cut = [
        part[: share.stop - share.start]
        for part, share in zip(parts, shares, strict=True)
    ]
    cut[rank()] = rows
    return torch.cat(cut)


def all_reduce(value: torch.Tensor) -> torch.Tensor:
    """Return the sum of a value over the processes, without a gradient."""
    value = value.detach().clone()
    if n_processes() > 1:
        dist.all_reduce(value)
    return value


def broadcast(value: torch.Tensor) -> torch.Tensor:
    """Return the first process's value in all of them, without a gradient."""
    value = value.detach().clone()
    if n_processes() > 1:
        dist.broadcast(value, src=0)
    return value


@contextmanager
def explain_lost_processes() -> Iterator[None]:
    """Say what can be done where another process has ended or cannot be reached."""
    try:
        yield
    except RuntimeError as error:
        # What gloo finds out has no class of its own.
        if n_processes() == 1 or not (
            isinstance(error, dist.DistError) or "gloo" in str(error)
        ):
            raise
        raise RuntimeError(
            f"Process {rank()} of {n_processes()} that train together has lost another "
            f"({reason_of(error)}). Its own output says why it ended. Start all of "
            "them again: with a checkpoint_dir the fit resumes from its checkpoint."
        ) from error


def all_reduce_gradients(module: nn.Module) -> None:
    """Add the gradients of all processes up, in one message."""
    if n_processes() == 1:
        return
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    if not gradients:
        return
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    parts = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


class _AllReduce(torch.autograd.Function):
    """The sum over the processes, whose gradient is the sum of theirs."""

    @staticmethod
    def forward(_: Any, value: torch.Tensor) -> torch.Tensor:
        value = value.clone()
        dist.all_reduce(value)
        return value

    @staticmethod
    def backward(_: Any, gradient: torch.Tensor) -> torch.Tensor:
        gradient = gradient.clone()
        dist.all_reduce(gradient)
        return gradient


class _SynchronizedBatchNorm:
    """Batch normalization by the statistics of the batches of all processes.

    PyTorch's own ``SyncBatchNorm`` works on GPUs alone.
    """

    def __init__(self, layer: nn.modules.batchnorm._BatchNorm) -> None:
        self.layer = layer

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        layer = self.layer
        if not layer.training:
            return type(layer).forward(layer, batch)
        axes = [axis for axis in range(batch.ndim) if axis != 1]
        values = batch.float()
        count = values.new_full((1,), batch.numel() / batch.shape[1])
        sums: torch.Tensor = _AllReduce.apply(  # type: ignore[no-untyped-call]
            torch.cat([values.sum(axes), count])
        )
        n = sums[-1]
        mean = sums[:-1] / n
        shape = (1, -1, *[1] * (batch.ndim - 2))
        centered = values - mean.reshape(shape)
        squares: torch.Tensor = _AllReduce.apply(centered.square().sum(axes))  # type: ignore[no-untyped-call]
        variance = squares / n
        with torch.no_grad():
            assert layer.running_mean is not None
            assert layer.running_var is not None
            assert layer.num_batches_tracked is not None
            layer.num_batches_tracked.add_(1)
            momentum = layer.momentum
            if momentum is None:  # the mean of all batches so far
                momentum = 1 / int(layer.num_batches_tracked)
            layer.running_mean.lerp_(mean, momentum)
            layer.running_var.lerp_(variance * n / (n - 1), momentum)
        scaled = centered * torch.rsqrt(variance + layer.eps).reshape(shape)
        if not layer.affine:
            return scaled
        return scaled * layer.weight.reshape(shape) + layer.bias.reshape(shape)


@contextmanager
def synchronized_batch_norm(module: nn.Module) -> Iterator[None]:
    """Let a module's batch normalization see the batches of all processes."""
    layers = []
    if n_processes() > 1:
        layers = [
            layer
            for layer in module.modules()
            if isinstance(layer, nn.modules.batchnorm._BatchNorm)
        ]
    for layer in layers:
        layer.forward = _SynchronizedBatchNorm(layer)  # type: ignore[assignment]
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward
