"""What a trained net has learnt, as plain values and arrays, and back into a net."""

import contextlib
import copy
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    LRScheduler,
    PassthroughScoring,
)
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
from contrastive_clustering._saving.codec import VALUE, decode, encode
from contrastive_clustering._saving.optimizer_state import (
    OPTIMIZER,
    load_optimizer,
    optimizer_to_tree,
)
from contrastive_clustering._training.net import ContrastiveNet

# The weights of a module that has prototypes begin with this.
HEAD = "prototype_head."

_HEAD_SHAPES: dict[str, tuple[str, ...]] = {
    "prototypes": ("n_strata", "n_prototypes", "latent_dim"),
    "origin": ("latent_dim",),
    "condition_weight": ("latent_dim", "n_strata"),
}


class _Epoch(Node):
    """A row of the history: plain values, of which losses and times are numbers."""

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        """Raise a ValueError unless a tree fits."""
        Entries(_PLAIN).check(tree, where, scope)
        Integer(1).check(tree.get("epoch"), f"epoch of {where}", scope)
        for name, value in tree.items():
            if name == "dur" or name.endswith("_loss"):
                Number().check(value, f"{shown(name)} of {where}", scope)


class _Plain(Node):
    """None, a boolean, a number or a string."""

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        """Raise a ValueError unless a tree fits."""
        if isinstance(tree, str):
            Text().check(tree, where, scope)
        elif not (tree is None or isinstance(tree, bool)):
            Number().check(tree, where, scope)


_PLAIN = _Plain()

# Weights are compared with those of a network by `check_weights`.
NET = Fields(
    {
        "weights": Entries(VALUE),
        "temperature": Maybe(Real(0.0, open=True)),
        "optimizer": Maybe(OPTIMIZER),
        "history": Items(_Epoch()),
    }
)

# What skorch's callbacks count over the epochs of a training, and reset with it.
_COUNTED: dict[type[Callback], dict[str, Node]] = {
    EarlyStopping: {
        "misses_": Integer(),
        "dynamic_threshold_": VALUE,
        "best_epoch_": Integer(),
        "best_model_weights_": Maybe(Entries(VALUE)),
    },
    PassthroughScoring: {"best_score_": VALUE},
}

CALLBACKS = Fields(
    {
        "counts": Entries(Entries(VALUE)),
        "schedules": Entries(Entries(VALUE)),
        "grad_scaler": Entries(Number()),
        "rates": Items(Real(0.0)),
    }
)


def net_state(net: ContrastiveNet, *, resumable: bool = True) -> dict[str, Any]:
    """Return weights, the optimizer's moments and the history of a net.

    Parameters
    ----------
    net : ContrastiveNet
        An initialized net.

    resumable : bool, default=True
        Whether to include the moments, which only training needs.

    Returns
    -------
    state : dict
        A tree that fits `NET`. Of the history the epochs are kept, and not their
        batches.

    Raises
    ------
    ValueError
        If a module of the user's own or the optimizer keeps what a file cannot hold.
    """
    head = net.module_.prototype_head
    return {
        "weights": weights_to_tree(net.module_.state_dict()),
        "temperature": None if head is None else float(head.temperature),
        "optimizer": optimizer_to_tree(net) if resumable else None,
        "history": [
            {
                name: value
                for name, value in row.items()
                if value is None or isinstance(value, (bool, int, float, str))
            }
            for row in net.history
        ],
    }


def weights_to_tree(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return copies of weights as arrays, and what else modules keep as trees."""
    return {
        name: tensor_to_array(value, name).copy(order="K")
        if isinstance(value, torch.Tensor)
        else encode(copy.deepcopy(value), name=name)
        for name, value in weights.items()
    }


def check_weights(
    weights: Mapping[str, Any],
    expected: Mapping[str, Any],
    own_parts: Collection[str] = (),
) -> None:
    """Raise unless weights have the shapes and dtypes of a network, and are finite.

    Parameters
    ----------
    weights : dict of str to ndarray
        The weights of a file.

    expected : dict of str to torch.Tensor
        The state of the network, without prototypes; tensors may be on "meta".

    own_parts : collection of str, default=()
        Parts that are the user's own: they may keep what is not finite.

    Raises
    ------
    ValueError
        If a weight is missing, unknown or not what it has to be.
    """
    own = tuple(f"{part}." for part in own_parts)
    found = {name for name in weights if not name.startswith(HEAD)}
    for name in sorted(found ^ set(expected)):
        state = "holds" if name in found else "lacks"
        raise ValueError(f"the network {state} the weights {shown(name)}")
    for name, wanted in expected.items():
        value = weights[name]
        if not isinstance(wanted, torch.Tensor):  # what a module of the user's keeps
            continue
        if (
            not isinstance(value, np.ndarray)
            or value.shape != wanted.shape
            or value.dtype != _dtype_of(wanted)
        ):
            raise ValueError(
                f"{name} is {shown(value)}, and has shape {tuple(wanted.shape)} and "
                f"{wanted.dtype} in the network that is described"
            )
        if name.startswith(own) and own:
            continue
        if not np.isfinite(value).all():
            raise ValueError(f"{name} is not finite")
        if name.endswith("running_var") and (value < 0).any():
            raise ValueError(f"{name} holds variances below zero")


def _dtype_of(tensor: torch.Tensor) -> np.dtype:
    return tensor_to_array(torch.empty(0, dtype=tensor.dtype), "a weight").dtype


def _make_head(state: Mapping[str, Any], latent_dim: int) -> PrototypeHead | None:
    """Return the prototypes among the weights, or None if there are none."""
    parts = {
        name.removeprefix(HEAD): value
        for name, value in state["weights"].items()
        if name.startswith(HEAD)
    }
    if not parts and state["temperature"] is None:
        return None
    shapes = {name: Array(shape, ("f4",)) for name, shape in _HEAD_SHAPES.items()}
    Fields(dict(shapes)).check(parts, "prototype_head", Scope(latent_dim=latent_dim))
    if state["temperature"] is None:
        raise ValueError("there are prototypes without a temperature")
    return PrototypeHead(
        torch.from_numpy(parts["prototypes"]),
        torch.from_numpy(parts["origin"]),
        state["temperature"],
    )


def load_net_state(net: ContrastiveNet, state: dict[str, Any]) -> None:
    """Give a net what another has learnt.

    Parameters
    ----------
    net : ContrastiveNet
        An initialized net whose network has the same parameters.

    state : dict
        What `net_state` has returned, checked by `NET`.

    Raises
    ------
    ValueError
        If the weights are not those of such a network, or the moments not those of
        such an optimizer.
    """
    module = net.module_
    module.prototype_head = None
    check_weights(state["weights"], module.state_dict(), module.own_parts)
    head = _make_head(state, module.latent_dim)
    if head is not None:
        module.prototype_head = head.to(module.input_mean.device)
    module.load_state_dict(
        {
            name: torch.from_numpy(value)
            if isinstance(value, np.ndarray)
            else decode(value)
            for name, value in state["weights"].items()
        }
    )
    if state["optimizer"] is not None:
        load_optimizer(net, state["optimizer"])
    net.history = History({**row, "batches": []} for row in state["history"])


def callbacks_state(net: ContrastiveNet) -> dict[str, Any]:
    """Return what each of skorch's callbacks has counted so far.

    Parameters
    ----------
    net : ContrastiveNet
        A net in training.

    Returns
    -------
    state : dict
        A tree that fits `CALLBACKS`.
    """
    return {
        "counts": {
            name: {
                key: encode(getattr(callback, key)) for key in _COUNTED[type(callback)]
            }
            for name, callback in net.callbacks_
            if type(callback) in _COUNTED
        },
        "schedules": {
            name: encode(callback.lr_scheduler_.state_dict())
            for name, callback in net.callbacks_
            if isinstance(callback, LRScheduler)
        },
        "grad_scaler": net.grad_scaler_.state_dict(),
        "rates": [float(group["lr"]) for group in net.optimizer_.param_groups],
    }


class RestoreCallbacks(Callback):  # type: ignore[misc]  # skorch is not typed
    """Give callbacks their counts back at the start of a training that is resumed.

    Parameters
    ----------
    state : dict
        What `callbacks_state` has returned, checked by `CALLBACKS`.

    resuming : callable, default=contextlib.nullcontext
        ``resuming()`` returns a context in which errors are explained.
    """

    def __init__(
        self,
        state: dict[str, Any],
        resuming: Callable[
            [], contextlib.AbstractContextManager[None]
        ] = contextlib.nullcontext,
    ) -> None:
        self.state = state
        self.resuming = resuming

    def on_train_begin(self, net: ContrastiveNet, **kwargs: Any) -> None:
        """Overwrite what the callbacks have just reset.

        Raises
        ------
        ValueError
            If the state is not that of these callbacks.
        """
        with self.resuming():
            self._restore(net)

    def _restore(self, net: ContrastiveNet) -> None:
        callbacks = dict(net.callbacks_)
        for name, counts in self.state["counts"].items():
            callback = callbacks.get(name)
            nodes = _COUNTED.get(type(callback), {})
            Fields(nodes).check(counts, f"the state of {shown(name)}", Scope())
            for key, value in counts.items():
                setattr(callback, key, _decode_count(key, value, net))
        for name, saved in self.state["schedules"].items():
            callback = callbacks.get(name)
            if not isinstance(callback, LRScheduler):
                raise ValueError(f"{shown(name)} is not a schedule")
            schedule = callback.lr_scheduler_
            schedule.load_state_dict(_like(decode(saved), schedule.state_dict(), name))
        scaler = net.grad_scaler_
        scaler.load_state_dict(
            _like(self.state["grad_scaler"], scaler.state_dict(), "grad_scaler")
        )
        groups, rates = net.optimizer_.param_groups, self.state["rates"]
        if len(groups) != len(rates):
            raise ValueError(f"it has {len(rates)} rates, and not {len(groups)}")
        # A schedule takes its first step when it is made.
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate


def _decode_count(key: str, tree: Any, net: ContrastiveNet) -> Any:
    """Return what a callback has counted: a number, or the best weights."""
    value = decode(tree)
    if key == "best_model_weights_":
        if value is not None:
            arrays = {
                name: item.numpy() if isinstance(item, torch.Tensor) else item
                for name, item in value.items()
            }
            expected = net.module_.state_dict()
            check_weights(arrays, expected, net.module_.own_parts)
    elif isinstance(value, bool) or not isinstance(
        value, int | float | np.integer | np.floating
    ):
        raise ValueError(f"{key} is {shown(value)}, and not a number")
    return value


def _like(found: Any, wanted: Any, where: str) -> Any:
    """Return a state if it has the form of another, or raise a ValueError."""
    if isinstance(wanted, dict):
        # A schedule that watches a loss knows its last rate only after a step.
        if not isinstance(found, dict) or found.keys() - wanted.keys() - {"_last_lr"}:
            raise ValueError(f"{where} has the state {shown(found)}")
        for key, value in wanted.items():
            if key not in found:
                raise ValueError(f"{where} lacks {shown(key)}")
            _like(found[key], value, f"{shown(key)} of {where}")
    elif isinstance(wanted, list | tuple):
        if not isinstance(found, type(wanted)) or len(found) != len(wanted):
            raise ValueError(f"{where} is {shown(found)}, and not of {len(wanted)}")
        for item, value in zip(found, wanted, strict=True):
            _like(item, value, where)
    elif not (_is_number(found) and (wanted is None or _is_number(wanted))):
        same = type(found) is type(wanted) and (
            found == wanted or isinstance(found, bool | torch.Tensor)
        )
        if not same:
            raise ValueError(f"{where} is {shown(found)}, and not {shown(wanted)}")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not (
        isinstance(value, bool) or math.isnan(value)
    )
