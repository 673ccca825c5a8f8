"""Reading the fitted state of an estimator while another thread may replace it."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from contrastive_clustering._utils.library_settings import default_library_settings

P = ParamSpec("P")
R = TypeVar("R")
Estimator = TypeVar("Estimator")


def snapshot(estimator: Estimator) -> Estimator:
    """Return an estimator with the same attributes, which keeps them.

    Parameters
    ----------
    estimator : estimator
        An estimator, which another thread may be fitting.

    Returns
    -------
    copied : estimator
        A new estimator of the same class that shares all that it refers to.
    """
    copied = object.__new__(type(estimator))
    # Copying a dict with strings for keys is one step for all other threads.
    copied.__dict__ = vars(estimator).copy()
    return copied


def reads_fitted_state(
    method: Callable[Concatenate[Any, P], R],
) -> Callable[Concatenate[Any, P], R]:
    """Let a method see the fitted state of one moment, in surroundings of its own.

    Without it, a `predict` that runs while a `fit` ends could take latents from the
    old network and strata from the new one. Library settings do not affect it; see
    :func:`~contrastive_clustering._utils.library_settings.default_library_settings`.

    Parameters
    ----------
    method : callable
        A method that reads attributes and sets none.

    Returns
    -------
    method : callable
        The same, called with a snapshot of the estimator.
    """

    @functools.wraps(method)
    def wrapped(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with default_library_settings():
            return method(snapshot(self), *args, **kwargs)

    return wrapped
