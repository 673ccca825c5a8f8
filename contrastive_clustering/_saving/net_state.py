"""Convert the state of a trained net to plain values and arrays, and load it."""

import copy
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from skorch.history import History

from contrastive_clustering._io.leaves import tensor_to_array
from contrastive_clustering._io.schema import (
    Array,
    Entries,
    Fields,
    Integer,
    Items,
    Maybe,
    Node,
    Number,
    Real,
    Scope,
    Text,
    shown,
)
from contrastive_clustering._networks.autoencoder import PrototypeHead
from contrastive_clustering._networks.erasure import LatentErasure
from contrastive_clustering._saving.codec import VALUE, from_tree, to_tree
from contrastive_clustering._saving.optimizer_state import (
    OPTIMIZER,
    load_optimizer,
    optimizer_to_tree,
)
from contrastive_clustering._training.loss_recording import PHASES
from contrastive_clustering._training.net import ContrastiveNet

# Prefixes of the names of the weights of the parts that `fit` adds to the network.
HEAD = "prototype_head."
ERASURE = "erasure."

_HEAD_SHAPES: dict[str, tuple[str, ...]] = {
    "prototypes": ("n_strata", "n_prototypes", "latent_dim"),
    "origin": ("latent_dim",),
    "condition_weight": ("latent_dim", "n_strata"),
}


class _Epoch(Node):
    """A row of the history: plain values; losses and times are numbers."""

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        Entries(_PLAIN).check(tree, where, scope)
        Integer(1).check(tree.get("epoch"), f"epoch of {where}", scope)
        Integer(1, len(PHASES)).check(tree.get("phase"), f"phase of {where}", scope)
        for name, value in tree.items():
            if name == "dur" or name.endswith("_loss"):
                Number().check(value, f"{shown(name)} of {where}", scope)


class _Plain(Node):
    """None, a boolean, a number or a string."""

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        if isinstance(tree, str):
            Text().check(tree, where, scope)
        elif not (tree is None or isinstance(tree, bool)):
            Number().check(tree, where, scope)


_PLAIN = _Plain()

_ERASURE_SHAPES: dict[str, tuple[str, ...]] = {
    "matrix": ("latent_dim", "latent_dim"),
    "mean": ("latent_dim",),
}

# `check_weights` compares the weights with those of a network.
NET = Fields(
    {
        "weights": Entries(VALUE),
        "frozen": Items(Text()),
        "temperature": Maybe(Real(0.0, open=True)),
        "optimizer": Maybe(OPTIMIZER),
        "history": Items(_Epoch()),
    }
)


def net_state(net: ContrastiveNet, *, resumable: bool = True) -> dict[str, Any]:
    """Return a tree of the state of an initialized net, which fits `NET`.

    The history contains the epochs but not their batches. The optimizer's moments,
    which only training needs, are left out unless the state is `resumable`. A
    ValueError is raised if the state of a custom module or of the optimizer cannot be
    saved.
    """
    head = net.module_.prototype_head
    return {
        "weights": weights_to_tree(net.module_.state_dict()),
        "frozen": sorted(
            name for name, weight in _own_weights(net) if not weight.requires_grad
        ),
        "temperature": None if head is None else float(head.temperature),
        "optimizer": optimizer_to_tree(net) if resumable else None,
        "history": [
            {
                name: value
                for name, value in zip(row, map(to_plain, row.values()), strict=True)
                if value is None or isinstance(value, (bool, int, float, str))
            }
            for row in net.history
        ],
    }


def to_plain(value: Any) -> Any:
    """Return a number of NumPy or PyTorch, such as a score, as one of Python."""
    if isinstance(value, np.generic):
        return value.item()
    is_number = isinstance(value, np.ndarray | torch.Tensor) and value.ndim == 0
    return value.item() if is_number else value


def _own_weights(net: ContrastiveNet) -> list[tuple[str, torch.nn.Parameter]]:
    """Return the weights that callbacks may freeze, without the parts that fit adds."""
    return [
        (name, weight)
        for name, weight in net.module_.named_parameters()
        if not name.startswith((HEAD, ERASURE))
    ]


def weights_to_tree(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return copies of weights as arrays, and other state of modules as trees."""
    return {
        name: tensor_to_array(value, name).copy(order="K")
        if isinstance(value, torch.Tensor)
        else to_tree(copy.deepcopy(value), name=name)
        for name, value in weights.items()
    }


def check_weights(
    weights: Mapping[str, Any],
    expected: Mapping[str, Any],
    custom_parts: Collection[str] = (),
) -> None:
    """Raise unless weights have the shapes and dtypes of a network, and are finite.

    Parameters
    ----------
    weights : dict of str to ndarray
        The weights of a file.

    expected : dict of str to torch.Tensor
        The state of the network, without the parts that `fit` adds; tensors may be on
        "meta".

    custom_parts : collection of str, default=()
        Custom parts of the network, whose weights need not be finite.

    Raises
    ------
    ValueError
        If a weight is missing or unknown, or its shape, dtype or values are wrong.
    """
    own = tuple(f"{part}." for part in custom_parts)
    found = {name for name in weights if not name.startswith((HEAD, ERASURE))}
    for name in sorted(found ^ set(expected)):
        problem = "has the unknown weights" if name in found else "lacks the weights"
        raise ValueError(f"the network {problem} {shown(name)}")
    for name, wanted in expected.items():
        value = weights[name]
        if not isinstance(wanted, torch.Tensor):  # other state of a custom module
            continue
        if (
            not isinstance(value, np.ndarray)
            or value.shape != wanted.shape
            or value.dtype != _dtype_of(wanted)
        ):
            raise ValueError(
                f"{name} is {shown(value)}, but the network requires shape "
                f"{tuple(wanted.shape)} and {wanted.dtype}"
            )
        if name.startswith(own) and own:
            continue
        if not np.isfinite(value).all():
            raise ValueError(f"{name} is not finite")
        if name.endswith("running_var") and (value < 0).any():
            raise ValueError(f"{name} contains negative variances")


def _dtype_of(tensor: torch.Tensor) -> np.dtype:
    return tensor_to_array(torch.empty(0, dtype=tensor.dtype), "a weight").dtype


def _make_head(state: Mapping[str, Any], latent_dim: int) -> PrototypeHead | None:
    """Return the prototypes among the weights, or None if there are none."""
    parts = _read_part(state, HEAD, _HEAD_SHAPES, latent_dim)
    if not parts and state["temperature"] is None:
        return None
    if state["temperature"] is None:
        raise ValueError("there are prototypes without a temperature")
    return PrototypeHead(
        torch.from_numpy(parts["prototypes"]),
        torch.from_numpy(parts["origin"]),
        state["temperature"],
    )


def _make_erasure(state: Mapping[str, Any], latent_dim: int) -> LatentErasure | None:
    """Return the erasure among the weights, or None if there is none."""
    parts = _read_part(state, ERASURE, _ERASURE_SHAPES, latent_dim)
    if not parts:
        return None
    return LatentErasure(**{name: torch.from_numpy(parts[name]) for name in parts})


def _read_part(
    state: Mapping[str, Any],
    prefix: str,
    shapes: Mapping[str, tuple[str, ...]],
    latent_dim: int,
) -> dict[str, np.ndarray]:
    """Return the weights with a prefix, or raise unless all have the right shapes."""
    parts = {
        name.removeprefix(prefix): value
        for name, value in state["weights"].items()
        if name.startswith(prefix)
    }
    if parts or (prefix == HEAD and state["temperature"] is not None):
        fields: dict[str, Node] = {n: Array(s, ("f4",)) for n, s in shapes.items()}
        where = prefix.removesuffix(".")
        Fields(fields).check(parts, where, Scope({"latent_dim": latent_dim}))
    return parts


def load_net_state(net: ContrastiveNet, state: dict[str, Any]) -> None:
    """Load the state of another net, checked by `NET`, into an initialized net.

    A ValueError is raised if the weights or the names of frozen ones do not match the
    network, or the moments the optimizer.
    """
    module = net.module_
    module.prototype_head = module.erasure = None
    check_weights(state["weights"], module.state_dict(), module.custom_parts)
    erasure = _make_erasure(state, module.latent_dim)
    if erasure is not None:
        module.erasure = erasure.to(module.input_mean.device)
    head = _make_head(state, module.latent_dim)
    if head is not None:
        module.prototype_head = head.to(module.input_mean.device)
    module.load_state_dict(
        {
            name: torch.from_numpy(value)
            if isinstance(value, np.ndarray)
            else from_tree(value)
            for name, value in state["weights"].items()
        }
    )
    _freeze(net, state["frozen"])
    if state["optimizer"] is not None:
        load_optimizer(net, state["optimizer"])
    # skorch's Checkpoint reads the last batch of the best epoch.
    net.history = History({**row, "batches": [{}]} for row in state["history"])


def _freeze(net: ContrastiveNet, frozen: Collection[str]) -> None:
    """Freeze the weights of these names, and no others."""
    weights = dict(_own_weights(net))
    for name in sorted(set(frozen) - set(weights)):
        raise ValueError(f"the network lacks the frozen weights {shown(name)}")
    for name, weight in weights.items():
        if weight.is_floating_point() or weight.is_complex():
            weight.requires_grad_(name not in frozen)
