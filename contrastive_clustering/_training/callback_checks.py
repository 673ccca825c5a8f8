"""Checks of callbacks before training begins."""

import copy
import difflib
import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sklearn.metrics._scorer import _BaseScorer
from skorch.callbacks import (
    BatchScoring,
    Callback,
    EarlyStopping,
    EpochScoring,
    InputShapeSetter,
    LRScheduler,
    PassthroughScoring,
    lr_scheduler,
)

from contrastive_clustering._networks.joint_loss import LOSS_TITLES
from contrastive_clustering._training.callback_params import (
    name_callbacks,
    resolve_callbacks,
)
from contrastive_clustering._training.callbacks import class_of
from contrastive_clustering._training.net_params import (
    CHECKPOINT,
    EARLY_STOPPING,
    LR_SCHEDULE,
)
from contrastive_clustering._utils.messages import reason_of, show
from contrastive_clustering._utils.param_validation import Number

SCORINGS = (EpochScoring, BatchScoring)

# Entries of the history that do not depend on callbacks.
ALWAYS_RECORDED = (
    "epoch",
    "phase",
    "dur",
    "train_batch_count",
    "valid_batch_count",
    *(
        f"{part}_{term}{ending}"
        for part in ("train", "valid")
        for term in LOSS_TITLES
        for ending in ("", "_best")
    ),
)

# Names of the callbacks that a net may have without the user's.
OWN_NAMES = (
    *("epoch_timer", "training_bar", LR_SCHEDULE, EARLY_STOPPING, CHECKPOINT),
    *(f"{part}_{term}" for part in ("train", "valid") for term in LOSS_TITLES),
)


def check_callbacks(callbacks: Sequence[Any]) -> None:
    """Raise a ValueError if an item is not a callback or has an invalid name."""
    for index, item in enumerate(callbacks):
        callback = item[1] if _is_named(item) else item
        kind = class_of(callback)
        if not issubclass(kind, Callback) or (
            _is_named(item) and not isinstance(item[0], str)
        ):
            raise ValueError(
                f"callbacks[{index}] is or holds a {kind.__name__}, which is not a "
                "skorch callback. Pass callbacks, such as "
                "skorch.callbacks.EpochTimer(), or pairs of a name and a callback."
            )
    _check_names(callbacks)


def check_callback_settings(
    callbacks: Sequence[Any], net_params: Mapping[str, Any], *, early_stopping: bool
) -> None:
    """Raise if a callback would fail during training.

    Parameters
    ----------
    callbacks : sequence of skorch callbacks, or of pairs of a name and a callback
        The parameter of the estimator, checked by `check_callbacks`.

    net_params : mapping of str to object
        The parameters of the net, checked by `check_net_parameters`. Those of callbacks
        replace, remove or change them by their names.

    early_stopping : bool
        Whether a validation part is held out.

    Raises
    ------
    ValueError
        If one of them cannot be constructed, monitors a value that is not recorded,
        scores a validation part that does not exist, has a scorer that compares
        predictions with labels, sets the learning rate beside the estimator's own
        schedule, or has another setting that is not valid.
    """
    found = {}
    for index, (name, callback, params) in enumerate(
        resolve_callbacks(callbacks, net_params)
    ):
        if callback is None:
            continue
        replaced = f"callbacks__{name}" in net_params
        where = f"callbacks__{name}" if replaced else f"callbacks[{index}]"
        found[where] = _with_parameters(callback, params, where)
    if early_stopping:
        ((_, callback, params),) = resolve_callbacks(
            [(EARLY_STOPPING, EarlyStopping)], net_params
        )
        where = f"callbacks__{EARLY_STOPPING}"
        found[where] = _with_parameters(callback, params, where)
    for where, callback in found.items():
        if not isinstance(callback, type):
            name = f"{where}, of class {type(callback).__name__},"
            _check_scoring(callback, name)
            _check_part(callback, name, early_stopping)
            _check_monitor(callback, name, list(found.values()), early_stopping)
            _check_settings(callback, name)
            _check_only_schedule(callback, name, net_params)


def _check_names(callbacks: Sequence[Any]) -> None:
    """Raise if a name is not unique, or cannot be part of a parameter's name."""
    owners = dict.fromkeys(OWN_NAMES, "the estimator's own callback")
    indices = [i for i, item in enumerate(callbacks) if not _is_named(item)]
    unnamed = [callbacks[index] for index in indices]
    for index, (numbered, callback) in zip(
        indices, name_callbacks(unnamed), strict=True
    ):
        kind = class_of(callback)
        # skorch numbers callbacks of a class, but also compares names without a number.
        for name in (kind.__name__, numbered):
            owners[name] = f"callbacks[{index}], which has no other name,"
    for index, item in enumerate(callbacks):
        if not _is_named(item):
            continue
        name = item[0]
        if name in owners:
            raise ValueError(
                f"callbacks[{index}] has the name {show(name)}, which {owners[name]} "
                "has. Give it another name."
            )
        if not name or "__" in name:
            raise ValueError(
                f"callbacks[{index}] has the name {show(name)}. Give it a name that is "
                "not empty and has no double underscore, which separates a callback's "
                "name from that of its parameter."
            )
        owners[name] = f"callbacks[{index}]"


def _is_named(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 2


def _with_parameters(callback: Any, params: dict[str, Any], where: str) -> Any:
    """Return a callback as skorch is about to make it, without changing the user's.

    Constructors of classes that are not skorch's are not called, because they may do
    anything.
    """
    if not isinstance(callback, type):
        if params:
            callback = copy.copy(callback)
            callback.set_params(**params)
        return callback
    _check_arguments(callback, (), params, where)
    return callback(**params) if _is_from_skorch(callback) else callback


def _is_from_skorch(callback: Any) -> bool:
    """Return whether a callback, or a class of callbacks, is one of skorch itself."""
    return class_of(callback).__module__.startswith("skorch.")


def _check_part(callback: Any, name: str, early_stopping: bool) -> None:
    """Raise if a callback scores a validation part that does not exist."""
    if (
        _is_from_skorch(callback)
        and isinstance(callback, (*SCORINGS, PassthroughScoring))
        and not (callback.on_train or early_stopping)
    ):
        raise ValueError(
            f"{name} has on_train={show(callback.on_train)} and scores the validation "
            "part, but no validation part is held out. Set on_train=True, or "
            "early_stopping=True."
        )


def _check_scoring(callback: Any, name: str) -> None:
    if not isinstance(callback, SCORINGS):
        return
    scoring = callback.scoring
    module = str(getattr(scoring, "__module__", ""))
    needs_labels = (
        isinstance(scoring, str | _BaseScorer)
        or scoring is None
        or module.startswith("sklearn.metrics.")
        or not callable(scoring)
    )
    if needs_labels:
        raise ValueError(
            f"{name} has scoring={show(scoring)}, but training has no labels to "
            "compare predictions with. Pass a function of the net, the data set and "
            "y=None that returns a number, for example a score of the latents, "
            "net.predict(dataset)."
        )


def _check_monitor(
    callback: Any, name: str, callbacks: Iterable[Any], early_stopping: bool
) -> None:
    monitor = getattr(callback, "monitor", None)
    if not isinstance(monitor, str):
        return
    if monitor.startswith("valid_") and not early_stopping:
        raise ValueError(
            f"{name} monitors {show(monitor)}, but no validation part is held out. Set "
            'early_stopping=True, or let it monitor "train_loss".'
        )
    recorded = _recorded(callbacks)
    if recorded is not None and monitor not in recorded:
        near = difflib.get_close_matches(monitor, recorded, n=1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"{name} monitors {show(monitor)}, but no callback records it.{meant} Let "
            'it monitor "train_loss", or add an EpochScoring callback that records '
            "this score."
        )


def _recorded(callbacks: Iterable[Any]) -> list[str] | None:
    """Return the entries of the history; None if a callback may record any entry."""
    names = list(ALWAYS_RECORDED)
    for callback in callbacks:
        if not _is_from_skorch(callback) or isinstance(callback, type):
            return None
        if isinstance(callback, LRScheduler):
            names.append(str(callback.event_name))
        if isinstance(callback, PassthroughScoring):
            names += [callback.name, f"{callback.name}_best"]
        if isinstance(callback, SCORINGS):
            name = callback.name or getattr(callback.scoring, "__name__", None)
            if name is None:  # skorch derives the name
                return None
            names += [name, f"{name}_best"]
    return names


def _check_arguments(
    kind: Any, positional: tuple[Any, ...], named: dict[str, Any], name: str
) -> None:
    """Raise if a class cannot be called with some arguments."""
    try:
        inspect.signature(kind).bind(*positional, **named)
    except TypeError as error:
        raise ValueError(
            f"{name} cannot construct a {kind.__name__}: {reason_of(error)}. Pass the "
            "arguments that it requires."
        ) from error


def _check_schedule(callback: Any, name: str) -> None:
    """Raise if there is no such schedule, or if it requires other arguments."""
    policy = callback.policy
    if isinstance(policy, str):
        policy = getattr(lr_scheduler, policy, None)
    if policy is None:
        raise ValueError(
            f"{name} has policy={show(callback.policy)}, which skorch does not "
            "recognize. Pass a class of torch.optim.lr_scheduler."
        )
    if isinstance(policy, type):
        _check_arguments(policy, (None,), callback.kwargs, name)


def _check_only_schedule(
    callback: Any, name: str, net_params: Mapping[str, Any]
) -> None:
    """Raise if the estimator's own schedule would replace the rates of a callback."""
    own = f"callbacks__{LR_SCHEDULE}"
    if isinstance(callback, LRScheduler) and own not in net_params:  # it may be None
        raise ValueError(
            f"{name} sets learning rates, but the schedule of the estimator replaces "
            f"them at each step. Set {own}=None to use this callback, or remove it."
        )


def _check_stopping(callback: Any, name: str) -> None:
    """Raise if skorch would fail to compare the losses of two epochs."""
    is_number = Number(None, None, closed="neither").is_satisfied_by
    for setting, is_valid, remedy in (
        ("monitor", isinstance(callback.monitor, str), 'a str, such as "train_loss"'),
        ("threshold", is_number(callback.threshold), "a number"),
        ("threshold_mode", callback.threshold_mode in ("rel", "abs"), '"rel" or "abs"'),
    ):
        if not is_valid:
            value = show(getattr(callback, setting))
            raise ValueError(f"{name} has {setting}={value}. Pass {remedy}.")


def _check_settings(callback: Any, name: str) -> None:
    if isinstance(callback, LRScheduler):
        _check_schedule(callback, name)
    if isinstance(callback, EarlyStopping):
        _check_stopping(callback, name)
    if isinstance(callback, InputShapeSetter):
        raise ValueError(
            f"{name} is not needed, because the network is built for the shape of the "
            "samples. Remove it."
        )
    if _is_from_skorch(callback) and not callable(getattr(callback, "sink", print)):
        raise ValueError(
            f"{name} has sink={show(callback.sink)}, which is not callable. Pass a "
            "function such as print."
        )
