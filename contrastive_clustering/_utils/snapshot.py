"""Read the fitted state of an estimator while another thread may replace it."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from contrastive_clustering._utils.library_settings import default_library_settings

P = ParamSpec("P")
R = TypeVar("R")
Estimator = TypeVar("Estimator")


def snapshot(estimator: Estimator) -> Estimator:
    """Return a shallow copy of an estimator that another thread may be fitting."""
    copied = object.__new__(type(estimator))
    # Copying a dict with string keys is atomic with respect to other threads.
    copied.__dict__ = vars(estimator).copy()
    return copied


def reads_fitted_state(
    method: Callable[Concatenate[Any, P], R],
) -> Callable[Concatenate[Any, P], R]:
    """Run a method on a snapshot of the estimator, with default library settings.

    Otherwise, a `predict` that runs while a `fit` ends could combine latents of the old
    network with clusters of the new one. The method must not set attributes. For the
    settings, see
    :func:`~contrastive_clustering._utils.library_settings.default_library_settings`.
    """

    @functools.wraps(method)
    def wrapped(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with default_library_settings():
            return method(snapshot(self), *args, **kwargs)

    return wrapped
