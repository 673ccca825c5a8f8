"""The moments of an optimizer by the names of the weights, and back, checked.

PyTorch's fused optimizers write to the memory that moments ought to have, whatever
their shapes are. So the moments of a file are compared with those that a step makes.
"""

import copy
from typing import Any

import numpy as np
import torch

from contrastive_clustering._io.schema import Entries, shown
from contrastive_clustering._saving.codec import VALUE, from_tree, to_tree
from contrastive_clustering._training.net import ContrastiveNet

# For each weight its moments by name; a weight without a gradient has none.
OPTIMIZER = Entries(Entries(VALUE))

Moments = dict[str, dict[str, Any]]


def optimizer_to_tree(net: ContrastiveNet) -> Moments:
    """Return what an optimizer has gathered, which fits `OPTIMIZER`.

    Learning rates and the like are not part of it: parameters and schedules set them.

    Parameters
    ----------
    net : ContrastiveNet
        An initialized net.

    Returns
    -------
    moments : dict of str to dict
        By the name of the weight and by the name of the moment.

    Raises
    ------
    ValueError
        If the optimizer keeps what a file cannot hold.
    """
    if isinstance(net.optimizer_, torch.optim.LBFGS):
        raise ValueError(
            "the state of optimizer=LBFGS cannot be saved, because it is not kept "
            "weight by weight. Save with warm_start=False, and fit with "
            "checkpoint_dir=None; or choose another optimizer."
        )
    names = _names(net)
    return {
        names[id(weight)]: {
            key: to_tree(value, name=f"the state of optimizer={_kind(net)}")
            for key, value in moments.items()
        }
        for weight, moments in net.optimizer_.state.items()
    }


def load_optimizer(net: ContrastiveNet, tree: Moments) -> None:
    """Give a net's optimizer what another has gathered.

    Parameters
    ----------
    net : ContrastiveNet
        An initialized net, whose optimizer has not taken a step.

    tree : dict
        What `optimizer_to_tree` has returned, checked by `OPTIMIZER`.

    Raises
    ------
    ValueError
        If these are not the moments that such an optimizer has of such weights.
    """
    expected = _moments_after_a_step(net)
    for name, moments in tree.items():
        if name not in expected:
            raise ValueError(f"the optimizer has moments of no weight: {shown(name)}")
        if moments:
            _compare(moments, expected[name], name)
    names = _names(net)
    weights = [w for group in net.optimizer_.param_groups for w in group["params"]]
    state = net.optimizer_.state_dict()
    # A moment of NumPy without axes is not a tensor yet: it is a scalar's.
    state["state"] = {
        index: {key: from_tree(value) for key, value in tree[names[id(weight)]].items()}
        for index, weight in enumerate(weights)
        if names[id(weight)] in tree
    }
    net.optimizer_.load_state_dict(state)


def _kind(net: ContrastiveNet) -> str:
    return type(net.optimizer_).__name__


def _names(net: ContrastiveNet) -> dict[int, str]:
    return {id(weight): name for name, weight in net.module_.named_parameters()}


def _moments_after_a_step(net: ContrastiveNet) -> Moments:
    """Let a copy of the optimizer take a step, and return its moments by name."""
    names = _names(net)
    weights = [w for group in net.optimizer_.param_groups for w in group["params"]]
    optimizer = copy.deepcopy(net.optimizer_)
    copies = [w for group in optimizer.param_groups for w in group["params"]]
    for weight in copies:
        if weight.requires_grad:
            weight.grad = torch.zeros_like(weight)
    optimizer.step(lambda: 0.0)
    return {
        names[id(weight)]: dict(optimizer.state.get(copied, {}))
        for weight, copied in zip(weights, copies, strict=True)
    }


def _compare(moments: dict[str, Any], expected: dict[str, Any], name: str) -> None:
    """Raise unless moments have the names, shapes and dtypes that are expected."""
    if moments.keys() != expected.keys():
        raise ValueError(
            f"the optimizer has the moments {shown(sorted(moments))} of {name}, and "
            f"not {sorted(expected)}"
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
                f"{key} of {name} in the optimizer is {shown(moments[key])}, which is "
                "not such a moment of that weight"
            )
