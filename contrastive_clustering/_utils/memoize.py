"""Work on the same samples that several computations have in common, done once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import joblib
import numpy as np

T = TypeVar("T")

# What has been made within `memoizing`, by what it was made of; None outside of it.
_MADE: ContextVar[dict[tuple[Any, ...], Any] | None] = ContextVar("_MADE", default=None)


@contextmanager
def memoizing() -> Iterator[None]:
    """Keep what :class:`Memoized` makes within this context, for equal samples.

    Results are the same as without it. All that is made is kept until the context ends.
    """
    token = _MADE.set({})
    try:
        yield
    finally:
        _MADE.reset(token)


class Memoized:
    """Samples, and what is made of them: of equal ones once within `memoizing`.

    Parameters
    ----------
    samples : ndarray
        The samples; may not be changed afterwards.

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
        self._made = _MADE.get()
        self._digest = None if self._made is None else joblib.hash(samples)

    def compute(self, make: Callable[..., T], *args: Any) -> T:
        """Return ``make(samples, *args)``, which may have been made before.

        Parameters
        ----------
        make : callable
            Makes something that nobody changes, and the same each time.

        *args : hashable
            Its further arguments.

        Returns
        -------
        made : object
            What it returns.
        """
        if self._made is None:
            return make(self.samples, *args)
        key = (self._digest, make, *args)
        if key not in self._made:
            self._made[key] = make(self.samples, *args)
        made: T = self._made[key]
        return made
