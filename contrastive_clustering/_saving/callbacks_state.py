"""What callbacks have counted, to resume a training with them."""

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
from contrastive_clustering._saving.net_state import check_weights
from contrastive_clustering._training.net import ContrastiveNet

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
                key: to_tree(getattr(callback, key)) for key in _COUNTED[type(callback)]
            }
            for name, callback in net.callbacks_
            if type(callback) in _COUNTED
        },
        "schedules": {
            name: to_tree(callback.lr_scheduler_.state_dict())
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
                setattr(callback, key, _count_from_tree(key, value, net))
        for name, saved in self.state["schedules"].items():
            callback = callbacks.get(name)
            if not isinstance(callback, LRScheduler):
                raise ValueError(f"{shown(name)} is not a schedule")
            schedule = callback.lr_scheduler_
            schedule.load_state_dict(
                _like(from_tree(saved), schedule.state_dict(), name)
            )
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


def _count_from_tree(key: str, tree: Any, net: ContrastiveNet) -> Any:
    """Return what a callback has counted: a number, or the best weights."""
    value = from_tree(tree)
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
