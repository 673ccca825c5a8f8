"""What can be said against callbacks before training begins."""

import difflib
import inspect
from collections.abc import Iterable, Sequence
from typing import Any

from sklearn.metrics._scorer import _BaseScorer
from skorch.callbacks import (
    BatchScoring,
    Callback,
    EpochScoring,
    InputShapeSetter,
    LRScheduler,
    PassthroughScoring,
    lr_scheduler,
)

from contrastive_clustering._networks.losses import LOSS_TITLES
from contrastive_clustering._utils.messages import reason_of, show

SCORINGS = (EpochScoring, BatchScoring)

# What the history holds of each epoch, beside what callbacks record.
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


def check_callbacks(
    callbacks: Sequence[Any], *, early_stopping: bool, are_changed: bool
) -> None:
    """Raise if a callback is none, or would fail in the middle of the training.

    Parameters
    ----------
    callbacks : sequence of skorch callbacks, or of pairs of a name and a callback
        The parameter of the estimator.

    early_stopping : bool
        Whether a validation part is held out.

    are_changed : bool
        Whether parameters of callbacks are set by their names, so that classes may lack
        arguments here.

    Raises
    ------
    ValueError
        If one is not a callback, monitors what is not recorded, asks for a score that
        compares predictions with labels, or cannot print.
    """
    found = [item[1] if _is_named(item) else item for item in callbacks]
    for place, (item, callback) in enumerate(zip(callbacks, found, strict=True)):
        kind = callback if isinstance(callback, type) else type(callback)
        if not issubclass(kind, Callback) or (
            _is_named(item) and not isinstance(item[0], str)
        ):
            raise ValueError(
                f"callbacks[{place}] is or holds a {kind.__name__}, which is not a "
                "skorch callback. Pass such as skorch.callbacks.EpochTimer(), or pairs "
                "of a name and a callback."
            )
    for place, callback in enumerate(found):
        if isinstance(callback, type) and not are_changed:
            _check_arguments(callback, (), {}, f"callbacks[{place}]")
        if not isinstance(callback, type):
            name = f"callbacks[{place}], of class {type(callback).__name__},"
            _check_scoring(callback, name)
            _check_monitor(callback, found, early_stopping)
            _check_rest(callback, name)


def _is_named(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 2


def _check_scoring(callback: Any, name: str) -> None:
    if not isinstance(callback, SCORINGS):
        return
    scoring = callback.scoring
    module = str(getattr(scoring, "__module__", ""))
    of_labels = (
        isinstance(scoring, str | _BaseScorer)
        or scoring is None
        or module.startswith("sklearn.metrics.")
        or not callable(scoring)
    )
    if of_labels:
        raise ValueError(
            f"{name} has scoring={show(scoring)}, but training has no labels to score "
            "predictions by. Pass a function of the net, the data set and y=None that "
            "returns a number, for example of net.predict(dataset), the latents."
        )


def _check_monitor(
    callback: Any, callbacks: Iterable[Any], early_stopping: bool
) -> None:
    monitor, kind = getattr(callback, "monitor", None), type(callback).__name__
    if not isinstance(monitor, str):
        return
    if monitor.startswith("valid_") and not early_stopping:
        raise ValueError(
            f"callbacks holds {kind}, which monitors {show(monitor)}, but no "
            "validation part is held out. Set early_stopping=True, or let it monitor "
            '"train_loss".'
        )
    recorded = _recorded(callbacks)
    if recorded is not None and monitor not in recorded:
        near = difflib.get_close_matches(monitor, recorded, n=1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"callbacks holds {kind}, which monitors {show(monitor)}, but nothing "
            f'records it.{meant} Let it monitor "train_loss", or a score that an '
            "EpochScoring among the callbacks records."
        )


def _recorded(callbacks: Iterable[Any]) -> list[str] | None:
    """Return what the history will hold; None if a callback may record anything."""
    names = list(ALWAYS_RECORDED)
    for callback in callbacks:
        kind = callback if isinstance(callback, type) else type(callback)
        if not kind.__module__.startswith("skorch.") or isinstance(callback, type):
            return None
        if isinstance(callback, LRScheduler):
            names.append(str(callback.event_name))
        if isinstance(callback, PassthroughScoring):
            names += [callback.name, f"{callback.name}_best"]
        if isinstance(callback, SCORINGS):
            name = callback.name or getattr(callback.scoring, "__name__", None)
            if name is None:  # skorch finds it in its own way
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
            f"{name} cannot make a {kind.__name__}: {reason_of(error)}. Pass it with "
            "the parameters that it needs."
        ) from error


def _check_schedule(callback: Any, name: str) -> None:
    """Raise if there is no such schedule, or if it needs other parameters."""
    policy = callback.policy
    if isinstance(policy, str):
        policy = getattr(lr_scheduler, policy, None)
    if policy is None:
        raise ValueError(
            f"{name} has policy={show(callback.policy)}, a name that skorch does not "
            "know. Pass a class of torch.optim.lr_scheduler."
        )
    if isinstance(policy, type):
        _check_arguments(policy, (None,), callback.kwargs, name)


def _check_rest(callback: Any, name: str) -> None:
    if isinstance(callback, LRScheduler):
        _check_schedule(callback, name)
    if isinstance(callback, InputShapeSetter):
        raise ValueError(
            f"{name} has nothing to set, as the network is made for the shape of the "
            "samples. Leave it out."
        )
    is_stock = type(callback).__module__.startswith("skorch.")
    if is_stock and not callable(getattr(callback, "sink", print)):
        raise ValueError(
            f"{name} has sink={show(callback.sink)}, which cannot be called. Pass a "
            "function such as print."
        )
