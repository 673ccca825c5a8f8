"""State of callbacks, which a resumed training continues from."""

import contextlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    LRScheduler,
    PassthroughScoring,
)

from contrastive_clustering._io.schema import (
    Entries,
    Fields,
    Integer,
    Items,
    Maybe,
    Node,
    Number,
    Real,
    Scope,
    shown,
)
from contrastive_clustering._saving.codec import VALUE, from_tree, to_tree
from contrastive_clustering._saving.net_state import check_weights, to_plain
from contrastive_clustering._training.net import ContrastiveNet

# Attributes that skorch's callbacks accumulate over epochs and reset before training.
_ACCUMULATED: dict[type[Callback], dict[str, Node]] = {
    EarlyStopping: {
        "misses_": Integer(),
        "dynamic_threshold_": VALUE,
        "best_epoch_": Integer(),
        "best_model_weights_": Maybe(Entries(VALUE)),
    },
    PassthroughScoring: {"best_score_": VALUE},
}


class _Group(Node):
    """Numbers in a parameter group of the optimizer, with its learning rate."""

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        Entries(VALUE).check(tree, where, scope)
        Real(0.0).check(tree.get("lr"), f"lr of {where}", scope)


CALLBACKS = Fields(
    {
        "counts": Entries(Entries(VALUE)),
        "schedules": Entries(Entries(VALUE)),
        "grad_scaler": Entries(Number()),
        "groups": Items(_Group()),
    }
)


def callbacks_state(net: ContrastiveNet) -> dict[str, Any]:
    """Return the state of callbacks so far, as a tree that fits `CALLBACKS`."""
    return {
        "counts": {
            name: {
                key: to_tree(getattr(callback, key))
                for key in _ACCUMULATED[type(callback)]
            }
            for name, callback in net.callbacks_
            if type(callback) in _ACCUMULATED
        },
        "schedules": {
            name: to_tree(callback.lr_scheduler_.state_dict())
            for name, callback in net.callbacks_
            if isinstance(callback, LRScheduler)
        },
        "grad_scaler": net.grad_scaler_.state_dict(),
        "groups": [_group_to_tree(group) for group in net.optimizer_.param_groups],
    }


def _group_to_tree(group: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers in a parameter group, and lists and tuples of numbers.

    Schedules change rates and momenta, and some optimizers also count or estimate there
    what they need in the next step.
    """
    plain = {key: to_plain(value) for key, value in group.items() if key != "params"}
    return {
        key: to_tree(value)
        for key, value in plain.items()
        if _is_number(value)
        or (isinstance(value, list | tuple) and all(map(_is_number, value)))
    }


class RestoreCallbacks(Callback):  # type: ignore[misc]  # skorch is not typed
    """Restore the state of callbacks at the start of a resumed training.

    Parameters
    ----------
    state : dict
        The result of `callbacks_state`, checked by `CALLBACKS`.

    resuming : callable, default=contextlib.nullcontext
        ``resuming()`` returns a context that explains errors.
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
        """Overwrite the state that the callbacks have just reset."""
        with self.resuming():
            self._restore(net)

    def _restore(self, net: ContrastiveNet) -> None:
        callbacks = dict(net.callbacks_)
        for name, counts in self.state["counts"].items():
            callback = callbacks.get(name)
            nodes = _ACCUMULATED.get(type(callback), {})
            Fields(nodes).check(counts, f"the state of {shown(name)}", Scope())
            for key, value in counts.items():
                setattr(callback, key, _value_from_tree(key, value, net))
        for name, saved in self.state["schedules"].items():
            callback = callbacks.get(name)
            if not isinstance(callback, LRScheduler):
                raise ValueError(f"{shown(name)} is not a schedule")
            schedule = callback.lr_scheduler_
            schedule.load_state_dict(
                _check_form(from_tree(saved), schedule.state_dict(), name)
            )
        scaler = net.grad_scaler_
        scaler.load_state_dict(
            _check_form(self.state["grad_scaler"], scaler.state_dict(), "grad_scaler")
        )
        groups, saved_groups = net.optimizer_.param_groups, self.state["groups"]
        if len(groups) != len(saved_groups):
            raise ValueError(
                f"it has {len(saved_groups)} parameter groups, but the optimizer has "
                f"{len(groups)}"
            )
        # A schedule changes the rates when it is created.
        for group, saved in zip(groups, saved_groups, strict=True):
            _restore_group(group, saved)


def _restore_group(group: dict[str, Any], saved: dict[str, Any]) -> None:
    """Set the numbers in a parameter group of the optimizer."""
    for key, value in from_tree(saved).items():
        # An optimizer may add a number in its first step.
        present = group.get(key)
        _check_form(value, to_plain(present), f"{shown(key)} of the optimizer")
        if isinstance(present, torch.Tensor):
            present.fill_(value)
        else:
            group[key] = value


def _value_from_tree(key: str, tree: Any, net: ContrastiveNet) -> Any:
    """Return a number or the best weights."""
    value = from_tree(tree)
    if key == "best_model_weights_":
        if value is not None:
            arrays = {
                name: item.numpy() if isinstance(item, torch.Tensor) else item
                for name, item in value.items()
            }
            expected = net.module_.state_dict()
            check_weights(arrays, expected, net.module_.custom_parts)
    elif isinstance(value, bool) or not isinstance(
        value, int | float | np.integer | np.floating
    ):
        raise ValueError(f"{key} is {shown(value)}, not a number")
    return value


def _check_form(found: Any, expected: Any, where: str) -> Any:
    """Return a state unchanged, or raise unless it has the form of another."""
    if isinstance(expected, dict):
        # A schedule that monitors a loss has no last rate before its first step.
        known = expected.keys() | {"_last_lr"}
        if not isinstance(found, dict) or found.keys() - known:
            raise ValueError(f"{where} has an unexpected state, {shown(found)}")
        for key, value in expected.items():
            if key not in found:
                raise ValueError(f"{where} lacks {shown(key)}")
            _check_form(found[key], value, f"{shown(key)} of {where}")
    elif isinstance(expected, list | tuple):
        if not isinstance(found, type(expected)) or len(found) != len(expected):
            raise ValueError(
                f"{where} is {shown(found)}, not a {type(expected).__name__} of "
                f"{len(expected)} items"
            )
        for item, value in zip(found, expected, strict=True):
            _check_form(item, value, where)
    elif not (_is_number(found) and (expected is None or _is_number(expected))):
        same = type(found) is type(expected) and (
            found == expected or isinstance(found, bool | torch.Tensor)
        )
        if not same:
            raise ValueError(f"{where} is {shown(found)}, not {shown(expected)}")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not (
        isinstance(value, bool) or math.isnan(value)
    )
