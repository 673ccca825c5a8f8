"""The memory of a training step, calculated from the sizes of its tensors."""

import functools
import math

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from contrastive_clustering._networks.backbones import default_decoder, default_encoder
from contrastive_clustering._utils.memory import BYTES_OF_FLOAT32

# The largest batch of smaller samples fits into memory. They are not calculated, as the
# first use of the meta device takes about a second.
SMALL = 2**15

# Two views of each sample are in a batch.
N_VIEWS = 2

# Copies of a view that exist at the same time besides the activations of the network:
# the sample, the view, the batch of both, its copy in the layout of the network, the
# reconstruction and its gradient.
COPIES_OF_A_VIEW = 6


@functools.lru_cache(maxsize=64)
def step_bytes(sample_shape: tuple[int, ...], latent_dim: int) -> int:
    """Return the bytes that a training step of the default network takes per sample.

    Encoder and decoder are run on PyTorch's meta device, which knows shapes but
    computes and allocates nothing. Hooks add up the activations that are kept for the
    gradients.

    Parameters
    ----------
    sample_shape : tuple of int
        Shape of a sample, channels first; ``(n_features,)`` for tables.

    latent_dim : int
        Dimension of the latent space.

    Returns
    -------
    n_bytes : int
        Bytes per sample, for both views.

    Notes
    -----
    The gradients of the largest activation and of its successor exist at the same time
    as all activations, so the sum includes them.
    """
    with torch.device("meta"):
        parts = [
            default_encoder(sample_shape, latent_dim),
            default_decoder(sample_shape, latent_dim),
        ]
        # Batch normalization of tables requires two rows.
        batch = torch.empty(N_VIEWS, *sample_shape)
    n_values, largest = _count_activations(nn.Sequential(*parts), batch)
    n_values += 2 * largest
    n_values += COPIES_OF_A_VIEW * N_VIEWS * math.prod(sample_shape)
    return BYTES_OF_FLOAT32 * n_values


def _count_activations(network: nn.Module, batch: torch.Tensor) -> tuple[int, int]:
    """Return the numbers of values of all kept activations and of the largest."""
    # Layers may keep views of weights, such as their transposes.
    weights = {_storage(parameter) for parameter in network.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if _storage(tensor) not in weights:
            kept[_storage(tensor)] = tensor
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        network(batch)
    sizes = [tensor.numel() for tensor in kept.values()]
    return sum(sizes), max(sizes)


def _storage(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
