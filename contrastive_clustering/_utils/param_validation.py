"""Validate parameters by scikit-learn's constraints, without showing samples."""

import functools
import inspect
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any, ClassVar, ParamSpec, TypeVar

import numpy as np
from sklearn import config_context, get_config
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    Options,
    make_constraint,
    validate_parameter_constraints,
)

from contrastive_clustering._utils.messages import show

P = ParamSpec("P")
R = TypeVar("R")

# Upper limit for the number of samples, directions, epochs and so on. NumPy and PyTorch
# fail with obscure messages not far beyond it.
MAX_COUNT = 2**31 - 1


class Count(Interval):  # type: ignore[misc]  # scikit-learn is not typed
    """Integer constraint that rejects True and False.

    Examples
    --------
    >>> from contrastive_clustering._utils.param_validation import Count
    >>> print(Count(1))
    an int in the range [1, 2147483647]
    >>> [Count(1).is_satisfied_by(value) for value in (1, 0, True, 1.0, 10**12)]
    [True, False, False, False, False]
    """

    def __init__(self, least: int) -> None:
        super().__init__(Integral, least, MAX_COUNT, closed="both")

    def is_satisfied_by(self, val: Any) -> bool:
        """Return whether a value is allowed."""
        return not isinstance(val, bool) and bool(super().is_satisfied_by(val))


class WholeNumber(Interval):  # type: ignore[misc]
    """Constraint for an integer of any size that rejects True and False.

    Examples
    --------
    >>> from contrastive_clustering._utils.param_validation import WholeNumber
    >>> print(WholeNumber())
    an int
    >>> [WholeNumber().is_satisfied_by(value) for value in (-1, True, 1.0)]
    [True, False, False]
    """

    def __init__(self) -> None:
        super().__init__(Integral, None, None, closed="neither")

    def is_satisfied_by(self, val: Any) -> bool:
        """Return whether a value is allowed."""
        return isinstance(val, Integral) and not isinstance(val, bool)

    def __str__(self) -> str:
        return "an int"


class InstanceWith(HasMethods):  # type: ignore[misc]
    """Constraint for an object with some methods that rejects its class.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from contrastive_clustering._utils.param_validation import InstanceWith
    >>> print(InstanceWith("predict"))
    an instance of a class implementing 'predict'
    >>> [InstanceWith("predict").is_satisfied_by(value) for value in (KMeans(), KMeans)]
    [True, False]
    """

    def is_satisfied_by(self, val: Any) -> bool:
        """Return whether a value is allowed."""
        return not isinstance(val, type) and bool(super().is_satisfied_by(val))

    def __str__(self) -> str:
        return str(super().__str__()).replace("an object", "an instance of a class")


class InstanceOf(Options):  # type: ignore[misc]
    """Constraint for objects of a class, which messages describe in words.

    scikit-learn would name the private module in which the class is defined.

    Examples
    --------
    >>> from contrastive_clustering._utils.param_validation import InstanceOf
    >>> print(InstanceOf(dict, "a mapping"))
    a mapping
    >>> InstanceOf(dict, "a mapping").is_satisfied_by({})
    True
    """

    def __init__(self, kind: type, description: str) -> None:
        super().__init__(kind, set())
        self.description = description

    def is_satisfied_by(self, val: Any) -> bool:
        """Return whether a value is allowed."""
        return isinstance(val, self.type)

    def __str__(self) -> str:
        return self.description


class Number(Interval):  # type: ignore[misc]
    """Constraint for a finite number that arrays and tensors support.

    Rejects bools, fractions and integers beyond the largest float.

    Parameters
    ----------
    low, high : float or None
        Limits; None for no limit.

    closed : {"left", "right", "both", "neither"}
        Which of the limits are allowed values.

    Examples
    --------
    >>> from contrastive_clustering._utils.param_validation import Number
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


class _Shown:
    """Placeholder for a value in scikit-learn's message; satisfies no constraint."""

    def __init__(self, value: Any) -> None:
        self.text = show(value)

    def __repr__(self) -> str:
        return self.text


def check_parameters(
    constraints: Mapping[str, Any], params: Mapping[str, Any], caller: str
) -> None:
    """Check parameters like scikit-learn, but never print arrays or objects in full.

    Parameters
    ----------
    constraints : mapping of str to list
        Constraints of each parameter.

    params : mapping of str to object
        The parameters; those without constraints are not checked.

    caller : str
        Name of the class or function that takes the parameters.

    Raises
    ------
    InvalidParameterError
        If a parameter satisfies none of its constraints.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._utils.param_validation import (
    ...     Count,
    ...     check_parameters,
    ... )
    >>> check_parameters({"n": [Count(1)]}, {"n": np.zeros((28, 28))}, "sample")
    Traceback (most recent call last):
    ...
    sklearn.utils._param_validation.InvalidParameterError: The 'n' parameter of sample \
must be an int in the range [1, 2147483647]. Got <ndarray of shape (28, 28) and dtype \
float64> instead.
    """
    for name, value in params.items():
        if name in constraints and not _is_satisfied(constraints[name], value):
            validate_parameter_constraints(constraints, {name: _Shown(value)}, caller)


def _is_satisfied(constraints: list[Any] | str, value: Any) -> bool:
    if constraints == "no_validation":
        return True
    return any(make_constraint(each).is_satisfied_by(value) for each in constraints)


class CheckedParametersMixin:
    """Mixin that validates the parameters of an estimator by `check_parameters`."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]]
    get_params: Callable[..., dict[str, Any]]

    def _validate_params(self) -> None:
        """Override scikit-learn's method, which prints values in full."""
        check_parameters(
            self._parameter_constraints,
            self.get_params(deep=False),
            type(self).__name__,
        )


def validate_params(
    constraints: Mapping[str, Any],
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Check the parameters of a function, like scikit-learn's decorator of this name.

    scikit-learn functions that it calls do not check their parameters again.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            if get_config()["skip_parameter_validation"]:
                return function(*args, **kwargs)
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError:
                bound = None
            if bound is None:  # the error of the call names the function
                return function(*args, **kwargs)
            bound.apply_defaults()
            caller = function.__qualname__
            if "self" in bound.arguments:
                # The class that defines a method may be private.
                kind = type(bound.arguments["self"]).__name__
                caller = f"{kind}.{function.__name__}"
            check_parameters(constraints, bound.arguments, caller)
            with config_context(skip_parameter_validation=True):
                return function(*args, **kwargs)

        return checked

    return decorate
