"""What a trained net has learnt, as plain values and arrays, and back into a net."""

import copy
from typing import Any

from skorch.callbacks import (
    Callback,
    EarlyStopping,
    LRScheduler,
    PassthroughScoring,
)
from skorch.history import History

from contrastive_clustering._codec import decode, encode
from contrastive_clustering._networks import PrototypeHead
from contrastive_clustering._training import ContrastiveNet

# The weights of a module that has prototypes begin with this.
HEAD = "prototype_head."

# What skorch's callbacks count over the epochs of a training, and begin anew with it.
COUNTED: dict[type[Callback], tuple[str, ...]] = {
    EarlyStopping: (
        "misses_",
        "dynamic_threshold_",
        "best_epoch_",
        "best_model_weights_",
    ),
    PassthroughScoring: ("best_score_",),
}


def net_state(net: ContrastiveNet) -> dict[str, Any]:
    """Return weights, the optimizer's state and the history of a net.

    Parameters
    ----------
    net : ContrastiveNet
        An initialised net.

    Returns
    -------
    state : dict
        A tree of plain values and arrays. Of the history the epochs are kept, and not
        their batches.
    """
    head = net.module_.prototype_head
    # Copies: a checkpoint is written once more when the network has moved on.
    weights = copy.deepcopy(dict(net.module_.state_dict()))
    return {
        "weights": encode(weights),
        "temperature": None if head is None else head.temperature,
        "optimizer": encode(net.optimizer_.state_dict()),
        "history": [
            {
                name: value
                for name, value in row.items()
                if value is None or isinstance(value, (bool, int, float, str))
            }
            for row in net.history
        ],
    }


def load_net_state(net: ContrastiveNet, state: dict[str, Any]) -> None:
    """Give a net what another has learnt.

    Parameters
    ----------
    net : ContrastiveNet
        An initialised net whose network has the same parameters.

    state : dict
        What `net_state` has returned.

    Raises
    ------
    ValueError
        If the weights are not those of such a network.
    """
    weights = decode(state["weights"])
    module = net.module_
    module.prototype_head = None
    names = {f"{HEAD}{part}" for part in ("prototypes", "origin", "condition_weight")}
    if names <= set(weights):
        device = module.input_mean.device
        module.prototype_head = PrototypeHead(
            weights[f"{HEAD}prototypes"].to(device),
            weights[f"{HEAD}origin"].to(device),
            state["temperature"],
        )
    expected = {name: value.shape for name, value in module.state_dict().items()}
    if expected != {name: value.shape for name, value in weights.items()}:
        raise ValueError("the weights are not those of the network that it describes")
    module.load_state_dict(weights)
    net.optimizer_.load_state_dict(decode(state["optimizer"]))
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
        A tree of plain values and arrays.
    """
    return {
        "counts": {
            name: {
                key: encode(getattr(callback, key)) for key in COUNTED[type(callback)]
            }
            for name, callback in net.callbacks_
            if type(callback) in COUNTED
        },
        "schedules": {
            name: encode(callback.lr_scheduler_.state_dict())
            for name, callback in net.callbacks_
            if isinstance(callback, LRScheduler)
        },
        "grad_scaler": encode(net.grad_scaler_.state_dict()),
        "rates": [float(group["lr"]) for group in net.optimizer_.param_groups],
    }


class RestoreCallbacks(Callback):  # type: ignore[misc]  # skorch is not typed
    """Give callbacks their counts back at the start of a training that goes on.

    Parameters
    ----------
    state : dict
        What `callbacks_state` has returned.
    """

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def on_train_begin(self, net: ContrastiveNet, **kwargs: Any) -> None:
        """Overwrite what the callbacks have just begun anew."""
        for name, callback in net.callbacks_:
            for key, value in self.state["counts"].get(name, {}).items():
                setattr(callback, key, decode(value))
            if name in self.state["schedules"]:
                schedule = decode(self.state["schedules"][name])
                callback.lr_scheduler_.load_state_dict(schedule)
        net.grad_scaler_.load_state_dict(decode(self.state["grad_scaler"]))
        # A schedule takes its first step when it is made.
        for group, rate in zip(
            net.optimizer_.param_groups, self.state["rates"], strict=True
        ):
            group["lr"] = rate
