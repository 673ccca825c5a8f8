"""What numbers a parameter may be: scikit-learn's intervals without odd numbers."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval

# The largest number of samples, directions, epochs and so on that can be asked for.
# NumPy and PyTorch cannot count much farther, and say so in their own words.
LARGEST_COUNT = 2**31 - 1


class Count(Interval):  # type: ignore[misc]  # scikit-learn is not typed
    """A whole number, which True and False are not, though they are Python's ints.

    Parameters
    ----------
    least : int
        The smallest that is allowed.

    Examples
    --------
    >>> from contrastive_clustering._constraints import Count
    >>> print(Count(1))
    an int in the range [1, 2147483647]
    >>> [Count(1).is_satisfied_by(value) for value in (1, 0, True, 1.0, 10**12)]
    [True, False, False, False, False]
    """

    def __init__(self, least: int) -> None:
        super().__init__(Integral, least, LARGEST_COUNT, closed="both")

    def is_satisfied_by(self, val: Any) -> bool:
        """Return whether a value is allowed."""
        return not isinstance(val, bool) and bool(super().is_satisfied_by(val))


class Number(Interval):  # type: ignore[misc]
    """A finite number that arithmetic with arrays and tensors knows.

    Neither a bool nor a fraction nor a whole number beyond the largest float.

    Parameters
    ----------
    low, high : float or None
        Its limits; None for no limit.

    closed : {"left", "right", "both", "neither"}
        Which of the limits it may be.

    Examples
    --------
    >>> from contrastive_clustering._constraints import Number
    >>> print(Number(0, 1, closed="left"))
    a float in the range [0.0, 1.0)
    >>> positive = Number(0, None, closed="neither")
    >>> [positive.is_satisfied_by(value) for value in (0.5, 2, True, 10**400)]
    [True, True, False, False]
    """

    def __init__(self, low: float | None, high: float | None, *, closed: str) -> None:
        super().__init__(Real, low, high, closed=closed)

    def is_satisfied_by(self, val: Any) -> bool:
        """Return whether a value is allowed."""
        if isinstance(val, bool) or not isinstance(
            val, int | float | np.integer | np.floating
        ):
            return False
        try:
            return bool(super().is_satisfied_by(float(val)))
        except OverflowError:
            return False
