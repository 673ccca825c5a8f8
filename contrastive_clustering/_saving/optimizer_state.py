"""Convert the moments of an optimizer to a tree, and check and load them.

PyTorch's fused optimizers do not check the shapes of moments before they write to them.
Therefore the moments of a file are compared with those that a step creates.
"""

import copy
from typing import Any

import numpy as np
import torch

from contrastive_clustering._io.schema import Entries, shown
from contrastive_clustering._saving.codec import VALUE, from_tree, to_tree
from contrastive_clustering._training.net import ContrastiveNet

# The moments of each weight, by name; a weight without a gradient has none.
OPTIMIZER = Entries(Entries(VALUE))

Moments = dict[str, dict[str, Any]]


def optimizer_to_tree(net: ContrastiveNet) -> Moments:
    """Return the moments of an optimizer as a tree that fits `OPTIMIZER`.

    It does not include learning rates and other settings, which parameters and
    schedules set. A ValueError is raised if the optimizer's state cannot be saved.
    """
    if isinstance(net.optimizer_, torch.optim.LBFGS):
        raise ValueError(
            "the state of optimizer=LBFGS cannot be saved, because it is not separate "
            "for each weight. Fit with checkpoint_dir=None and save with "
            "warm_start=False; after partial_fit, use pickle or joblib, or choose "
            "another optimizer."
        )
    names, kind = _names(net), type(net.optimizer_).__name__
    return {
        names[id(weight)]: {
            key: to_tree(value, name=f"the state of optimizer={kind}")
            for key, value in moments.items()
        }
        for weight, moments in net.optimizer_.state.items()
    }


def load_optimizer(net: ContrastiveNet, tree: Moments) -> None:
    """Load moments, checked by `OPTIMIZER`, into an optimizer that has taken no step.

    A ValueError is raised if they do not match the optimizer and the weights.
    """
    expected = _moments_after_a_step(net)
    for name, moments in tree.items():
        if name not in expected:
            raise ValueError(
                f"the optimizer has moments of an unknown weight, {shown(name)}"
            )
        if moments:
            _compare(moments, expected[name], name)
    names = _names(net)
    weights = [w for group in net.optimizer_.param_groups for w in group["params"]]
    state = net.optimizer_.state_dict()
    state["state"] = {
        index: {
            key: _in_layout_of(expected[names[id(weight)]][key], from_tree(value))
            for key, value in tree[names[id(weight)]].items()
        }
        for index, weight in enumerate(weights)
        if names[id(weight)] in tree
    }
    net.optimizer_.load_state_dict(state)


def _in_layout_of(wanted: Any, value: Any) -> Any:
    """Return a moment with the strides of one that a step creates.

    Fused optimizers go through weights and moments in the order of the memory, so that
    contiguous moments would be those of other weights of a channels-last convolution.
    """
    if not isinstance(wanted, torch.Tensor):
        return value
    return torch.empty_like(wanted).copy_(value)


def _names(net: ContrastiveNet) -> dict[int, str]:
    return {id(weight): name for name, weight in net.module_.named_parameters()}


def _moments_after_a_step(net: ContrastiveNet) -> Moments:
    """Take a step with a copy of the optimizer and return its moments by name."""
    names = _names(net)
    weights = [w for group in net.optimizer_.param_groups for w in group["params"]]
    optimizer = copy.deepcopy(net.optimizer_)
    copies = [w for group in optimizer.param_groups for w in group["params"]]
    for weight in copies:
        # Callbacks may freeze a weight that has moments, or free one later.
        if weight.is_floating_point() or weight.is_complex():
            weight.grad = torch.zeros_like(weight)
    optimizer.step(lambda: 0.0)
    return {
        names[id(weight)]: dict(optimizer.state.get(copied, {}))
        for weight, copied in zip(weights, copies, strict=True)
    }


def _compare(moments: dict[str, Any], expected: dict[str, Any], name: str) -> None:
    """Raise unless moments have the expected names, shapes and dtypes."""
    if moments.keys() != expected.keys():
        raise ValueError(
            f"the optimizer has the moments {shown(sorted(moments))} of {name}, not "
            f"{sorted(expected)}"
        )
    for key, wanted in expected.items():
        found = from_tree(moments[key])
        if isinstance(wanted, torch.Tensor):
            fits = (
                isinstance(found, torch.Tensor)
                and found.shape == wanted.shape
                and found.dtype == wanted.dtype
                and bool(torch.isfinite(found).all())
            )
        else:
            fits = type(found) is type(wanted) and bool(
                found is None or np.isfinite(found)
            )
        if not fits:
            raise ValueError(
                f"{key} of {name} in the optimizer is {shown(moments[key])}, which "
                "does not match that weight"
            )
