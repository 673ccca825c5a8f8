"""Distributed training: several processes share each batch and take each step together.

Distributed training is active if a ``torch.distributed`` process group exists when a
fit begins. ``accelerate.Accelerator()`` or ``torch.distributed.init_process_group``
creates one in a script started by ``accelerate launch`` or ``torchrun``. Each process
then works on its shard of every batch, while batch-norm statistics, the negatives of
NT-Xent and the gradients cover the whole batch. Two processes therefore train the same
model as one process with the same ``batch_size``. Without a process group, these
functions do nothing.
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
    # The functions of this module keep the process group that exists at their first
    # import as their default. If PyTorch imported them during a fit, the group would
    # outlive its destruction, and its threads could abort the process when Python
    # exits. No group exists yet at this point.
    import torch.distributed.nn.functional

T = TypeVar("T")


def n_processes() -> int:
    """Return the number of processes that train together, 1 without a group."""
    if dist.is_available() and dist.is_initialized():
        return int(dist.get_world_size())
    return 1


def rank() -> int:
    """Return the rank of this process, starting at 0."""
    return int(dist.get_rank()) if n_processes() > 1 else 0


def run_on_first_rank(function: Callable[[], T]) -> T:
    """Call a function in process 0; return its result, or raise its error, in all."""
    if n_processes() == 1:
        return function()
    sent: list[Any] = [None, None]
    if rank() == 0:
        try:
            sent[0] = function()
        # The error is raised below, in this process and in the others, which would
        # otherwise wait forever.
        except Exception as error:
            sent[1] = error
    try:
        with explain_lost_processes():
            dist.broadcast_object_list(sent, src=0)
    finally:
        # Reached even if the error cannot be pickled; the other processes then report
        # a lost process.
        if sent[1] is not None:
            raise sent[1]
    result: T = sent[0]
    return result


def run_on_all_ranks(function: Callable[[], T]) -> T:
    """Run a function in each process, and raise in all if it fails in any.

    The result and the error are those of this process. If the function failed only in
    others, a ValueError is raised.
    """
    if n_processes() == 1:
        return function()
    error: Exception | None = None
    try:
        result = function()
    # The error is raised below, after the others have been notified. They would
    # otherwise wait for this process.
    except Exception as caught:
        error = caught
    reasons = all_gather_object(None if error is None else reason_of(error))
    if error is not None:
        raise error
    for process, reason in enumerate(reasons):
        if reason is not None:
            raise ValueError(
                f"Process {process} of the {len(reasons)} that train together failed "
                f"({reason}), so process {rank()} stops as well."
            )
    return result


def all_gather_object(value: Any) -> list[Any]:
    """Return the picklable values of all processes, in the order of their ranks."""
    values: list[Any] = [None] * n_processes()
    with explain_lost_processes():
        dist.all_gather_object(values, value)
    return values


def shard_slice(n: int, process: int | None = None) -> slice:
    """Return a process's slice of `n` batch rows, by default that of this process."""
    size, mine = n_processes(), rank() if process is None else process
    return slice(n * mine // size, n * (mine + 1) // size)


def all_gather(rows: torch.Tensor, n: int) -> torch.Tensor:
    """Return the rows of all processes; only those of this process keep gradients.

    Each process computes the loss of all rows, but backpropagates only through its own.
    :func:`all_reduce_gradients` sums these partial gradients.

    Parameters
    ----------
    rows : torch.Tensor of shape (n_own, ...)
        The rows ``shard_slice(n)`` of this process.

    n : int
        Number of rows of all processes together.

    Returns
    -------
    gathered : torch.Tensor of shape (n, ...)
        All rows in their original order.
    """
    size = n_processes()
    if size == 1:
        return rows
    # all_gather requires equal sizes.
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
    """Return the sum of a tensor over all processes, without a gradient."""
    value = value.detach().clone()
    if n_processes() > 1:
        dist.all_reduce(value)
    return value


def broadcast(value: torch.Tensor) -> torch.Tensor:
    """Return the tensor of process 0 in all processes, without a gradient."""
    value = value.detach().clone()
    if n_processes() > 1:
        dist.broadcast(value, src=0)
    return value


@contextmanager
def explain_lost_processes() -> Iterator[None]:
    """Replace errors about a lost or unreachable process by one with a remedy."""
    try:
        yield
    except RuntimeError as error:
        # Errors of gloo have no class of their own.
        if n_processes() == 1 or not (
            isinstance(error, dist.DistError) or "gloo" in str(error)
        ):
            raise
        raise RuntimeError(
            f"Process {rank()} of {n_processes()} that train together has lost contact "
            f"with another ({reason_of(error)}). See the output of that process. "
            "Restart all processes; with checkpoint_dir, the fit resumes from its "
            "checkpoint."
        ) from error


def all_reduce_gradients(module: nn.Module) -> None:
    """Sum the gradients over all processes in a single all-reduce."""
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
    """Sum over all processes; the gradient is summed as well."""

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
    """Batch normalization with statistics over the batches of all processes.

    PyTorch's ``SyncBatchNorm`` works on GPUs only.
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
            if momentum is None:  # cumulative average
                momentum = 1 / int(layer.num_batches_tracked)
            layer.running_mean.lerp_(mean, momentum)
            layer.running_var.lerp_(variance * n / (n - 1), momentum)
        scaled = centered * torch.rsqrt(variance + layer.eps).reshape(shape)
        if not layer.affine:
            return scaled
        return scaled * layer.weight.reshape(shape) + layer.bias.reshape(shape)


@contextmanager
def synchronized_batch_norm(module: nn.Module) -> Iterator[None]:
    """Compute a module's batch-norm statistics over the batches of all processes."""
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
