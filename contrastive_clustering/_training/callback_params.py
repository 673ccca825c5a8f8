"""Callbacks and their parameters, by the names that skorch gives to them."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from contrastive_clustering._training.net_params import net_parameters_of


def parameters_of_callbacks(
    params: Mapping[str, Any], names: Collection[str]
) -> dict[str, Any]:
    """Return the parameters of the net that belong to callbacks of these names.

    Callbacks that replace others are not among them: see `resolve_callbacks`.
    """
    return {
        name: value
        for name, value in net_parameters_of(params, "callbacks").items()
        if name.split("__")[1] in names and (name.count("__") > 1 or value is None)
    }


def name_callbacks(callbacks: Iterable[Any]) -> list[tuple[str, Any]]:
    """Return pairs of a callback's name, as skorch assigns it, and the callback.

    Examples
    --------
    >>> from skorch.callbacks import EpochTimer
    >>> from contrastive_clustering._training.callback_params import name_callbacks
    >>> [name for name, _ in name_callbacks([EpochTimer, EpochTimer, ("own", None)])]
    ['EpochTimer_1', 'EpochTimer_2', 'own']
    """
    named = [
        tuple(item)
        if isinstance(item, tuple | list)
        else (getattr(item, "__name__", type(item).__name__), item)
        for item in callbacks
    ]
    total = Counter(name for name, _ in named)
    seen: Counter[str] = Counter()
    result = []
    for name, callback in named:
        seen[name] += 1
        number = f"_{seen[name]}" if total[name] > 1 else ""
        result.append((name + number, callback))
    return result


def resolve_callbacks(
    callbacks: Iterable[Any], net_params: Mapping[str, Any]
) -> list[tuple[str, Any, dict[str, Any]]]:
    """Return name, callback and parameters of each callback, as skorch applies them.

    A callback that ``callbacks__name`` replaces is that value, and None if it is
    removed. Parameters are those of ``callbacks__name__``, without this prefix.

    Examples
    --------
    >>> from contrastive_clustering._training.callback_params import resolve_callbacks
    >>> changes = {"callbacks__a": None, "callbacks__b__patience": 1}
    >>> resolve_callbacks([("a", "first"), ("b", "second")], changes)
    [('a', None, {}), ('b', 'second', {'patience': 1})]
    """
    given = net_parameters_of(net_params, "callbacks")
    resolved = []
    for name, callback in name_callbacks(callbacks):
        prefix = f"callbacks__{name}__"
        params = {
            key.removeprefix(prefix): value
            for key, value in given.items()
            if key.startswith(prefix)
        }
        resolved.append((name, given.get(f"callbacks__{name}", callback), params))
    return resolved
