"""Memoize computations on equal arrays within a context."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import joblib
import numpy as np

T = TypeVar("T")

# Results within `memoizing` by their inputs; None outside of the context.
_RESULTS: ContextVar[dict[tuple[Any, ...], Any] | None] = ContextVar(
    "_RESULTS", default=None
)


@contextmanager
def memoizing() -> Iterator[None]:
    """Let :class:`Memoized` reuse its results for equal samples within this context.

    Results are the same as without the context and are kept until it ends.
    """
    token = _RESULTS.set({})
    try:
        yield
    finally:
        _RESULTS.reset(token)


class Memoized:
    """Samples and the results computed from them, computed once within `memoizing`.

    Parameters
    ----------
    samples : ndarray
        The samples, which must not be modified afterwards.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._utils.memoize import Memoized, memoizing
    >>> with memoizing():
    ...     first = Memoized(np.arange(3)).compute(np.square)
    ...     again = Memoized(np.arange(3)).compute(np.square)
    >>> first is again
    True
    """

    def __init__(self, samples: np.ndarray) -> None:
        self.samples = samples
        self._results = _RESULTS.get()
        self._digest = None if self._results is None else joblib.hash(samples)

    def compute(self, function: Callable[..., T], *args: Any) -> T:
        """Return ``function(samples, *args)``, or an earlier result of the same call.

        The function must be deterministic, and its result must never be modified.
        """
        if self._results is None:
            return function(self.samples, *args)
        key = (self._digest, function, *args)
        if key not in self._results:
            self._results[key] = function(self.samples, *args)
        result: T = self._results[key]
        return result
