"""Schemas that validate trees of plain values and arrays.

A schema defines the type, the shape and the range of each field. Sizes have names, by
which fields are compared: two arrays whose shapes both contain ``"latent_dim"`` must
agree on it. A tree is validated before any object is created from it.
"""

import math
import reprlib
from abc import ABC, abstractmethod
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

FLOATS = ("f4", "f8")
INTEGERS = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
NUMBERS = ("f2", *FLOATS, *INTEGERS)

# Upper limit for sizes and numbers in files, because NumPy and PyTorch multiply them.
MAX_INTEGER = 2**31 - 1

# Maximum number of characters of a value in a message.
MAX_SHOWN = 200


class _Shown(reprlib.Repr):
    """Short text for any value; arrays and tensors are described without values."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 60
        self.maxlist = self.maxdict = self.maxtuple = 3
        self.maxlevel = 3

    def repr_ndarray(self, value: np.ndarray, level: int) -> str:
        return f"an array of {value.dtype} and shape {value.shape}"

    def repr_Tensor(self, value: Any, level: int) -> str:  # noqa: N802
        return f"a tensor of {value.dtype} and shape {tuple(value.shape)}"

    def repr_int(self, value: int, level: int) -> str:
        # Python refuses to print thousands of digits.
        if value.bit_length() > 128:
            return f"an integer of {value.bit_length()} bits"
        return repr(value)


_shown = _Shown()


def shown(value: Any) -> str:
    """Return a short description of a value in a file."""
    text = _shown.repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."


class Scope(ChainMap[str, int]):
    """Sizes found so far, by name; a child also knows those of its parents."""

    def bind(self, name: str, size: int, where: str) -> None:
        """Record a size, or raise an error if a different one is known."""
        known = self.setdefault(name, size)
        if known != size:
            raise ValueError(f"{where} has {name}={size}, and not {known}")


class Node(ABC):
    """Schema of a part of a tree."""

    @abstractmethod
    def check(self, tree: Any, where: str, scope: Scope) -> None:
        """Raise a ValueError unless a tree conforms to the schema.

        Parameters
        ----------
        tree : dict, list, str, int, float, bool, ndarray or None
            Contents of a file.

        where : str
            Name of the tree in error messages.

        scope : Scope
            Known sizes, to which those of this tree are added.
        """


def _mismatch(where: str, tree: Any, needed: str) -> ValueError:
    return ValueError(f"{where} is {shown(tree)}, and not {needed}")


@dataclass(frozen=True)
class Boolean(Node):
    """True or False."""

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        if not isinstance(tree, bool):
            raise _mismatch(where, tree, "a boolean")


@dataclass(frozen=True)
class Integer(Node):
    """An integer from `low` to `high`, which defines the size `size` if given."""

    low: int = 0
    high: int = MAX_INTEGER
    size: str | None = None

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        if (
            isinstance(tree, bool)
            or not isinstance(tree, int)
            or not self.low <= tree <= self.high
        ):
            raise _mismatch(where, tree, f"an integer from {self.low} to {self.high}")
        if self.size is not None:
            scope.bind(self.size, tree, where)


@dataclass(frozen=True)
class Number(Node):
    """Any number, including infinity and NaN."""

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        if not _is_number(tree):
            raise _mismatch(where, tree, "a number")


def _is_number(tree: Any) -> bool:
    return isinstance(tree, float) or (
        isinstance(tree, int) and not isinstance(tree, bool) and abs(tree) < 2**63
    )


@dataclass(frozen=True)
class Real(Node):
    """A finite number of at least `low`, or above `low` if `open`."""

    low: float = -math.inf
    open: bool = False

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        fits = (
            _is_number(tree)
            and math.isfinite(tree)
            and (tree > self.low if self.open else tree >= self.low)
        )
        if not fits:
            sign = ">" if self.open else ">="
            raise _mismatch(where, tree, f"a finite number {sign} {self.low}")


@dataclass(frozen=True)
class Text(Node):
    """A string of at most `longest` characters."""

    longest: int = 10_000

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        if not isinstance(tree, str) or len(tree) > self.longest:
            raise _mismatch(where, tree, f"a string of up to {self.longest} characters")


@dataclass(frozen=True)
class OneOf(Node):
    """One of a few strings."""

    choices: tuple[str, ...]

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        if not isinstance(tree, str) or tree not in self.choices:
            raise _mismatch(where, tree, f"one of {list(self.choices)}")


@dataclass(frozen=True)
class Array(Node):
    """An array of given dtypes and sizes, none of which are zero.

    Parameters
    ----------
    shape : tuple of int or str
        Size of each axis; a name refers to a size that is compared.

    dtypes : tuple of str
        Allowed dtypes as NumPy codes.

    low : float
        Minimum value.

    below : str, default=None
        Name of a size that exceeds all values, as for indices.

    finite : bool, default=True
        Whether all values must be finite.
    """

    shape: tuple[int | str, ...]
    dtypes: tuple[str, ...] = FLOATS
    low: float = -math.inf
    below: str | None = None
    finite: bool = True

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        if (
            not isinstance(tree, np.ndarray)
            or tree.dtype.str[1:] not in self.dtypes
            or tree.ndim != len(self.shape)
            or not tree.size
        ):
            raise _mismatch(
                where,
                tree,
                f"an array of {' or '.join(self.dtypes)} and shape {self.shape}",
            )
        for size, wanted in zip(tree.shape, self.shape, strict=True):
            if isinstance(wanted, str):
                scope.bind(wanted, size, where)
            elif size != wanted:
                raise _mismatch(where, tree, f"an array of shape {self.shape}")
        if self.finite and not np.isfinite(tree).all():
            raise ValueError(f"{where} is not finite")
        if self.low > -math.inf and not tree.min() >= self.low:
            raise ValueError(f"{where} holds values below {self.low}")
        high = None if self.below is None else scope.get(self.below)
        if high is not None and not tree.max() < high:
            raise ValueError(f"{where} holds values that are not below {high}")


@dataclass(frozen=True)
class AnyArray(Node):
    """An array of numbers or booleans, of any shape."""

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        if not isinstance(tree, np.ndarray):
            raise _mismatch(where, tree, "an array")


@dataclass(frozen=True)
class Maybe(Node):
    """None, or a tree that conforms to another node."""

    node: Node

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        if tree is not None:
            self.node.check(tree, where, scope)


@dataclass(frozen=True)
class Items(Node):
    """A list of `least` to `most` items that conform to another node.

    Sizes in the items are compared within each item, unless they are known outside.
    """

    node: Node
    least: int = 0
    size: str | None = None
    most: int | None = None

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        if (
            not isinstance(tree, list)
            or len(tree) < self.least
            or (self.most is not None and len(tree) > self.most)
        ):
            end = "items or more" if self.most is None else f"to {self.most} items"
            raise _mismatch(where, tree, f"a list of {self.least} {end}")
        if self.size is not None:
            scope.bind(self.size, len(tree), where)
        for number, item in enumerate(tree):
            self.node.check(item, f"item {number} of {where}", scope.new_child())


@dataclass(frozen=True)
class Entries(Node):
    """A dict with any strings as keys, whose values conform to another node."""

    node: Node

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        if not isinstance(tree, dict):
            raise _mismatch(where, tree, "a dict")
        for name, item in tree.items():
            Text(1000).check(name, f"a key of {where}", scope)
            self.node.check(item, f"{shown(name)} of {where}", scope)


Relation = tuple[Callable[[Mapping[str, Any]], bool], str]


@dataclass(frozen=True)
class Fields(Node):
    """A dict with exactly the given fields, which define sizes in their order.

    Parameters
    ----------
    fields : dict of str to Node
        Schema of each field.

    relations : tuple of (callable, str)
        Further conditions on the checked dict, with their error messages.
    """

    fields: dict[str, Node]
    relations: tuple[Relation, ...] = ()

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        if not isinstance(tree, dict):
            raise _mismatch(where, tree, "a dict")
        for name in [*self.fields, *tree]:
            if (name in tree) != (name in self.fields):
                state = "lacks" if name in self.fields else "has an unknown field"
                raise ValueError(f"{where} {state} {shown(name)}")
        for name, node in self.fields.items():
            node.check(tree[name], f"{name} of {where}", scope)
        for holds, message in self.relations:
            if not holds(tree):
                raise ValueError(f"{where}: {message}")


@dataclass(frozen=True)
class Kinds(Node):
    """A dict whose field `key` selects one of several nodes for the other fields."""

    nodes: dict[str, Fields]
    key: str = "kind"

    def check(self, tree: Any, where: str, scope: Scope) -> None:
        if not isinstance(tree, dict):
            raise _mismatch(where, tree, "a dict")
        kind = tree.get(self.key)
        OneOf(tuple(self.nodes)).check(kind, f"the {self.key} of {where}", scope)
        fields = {name: item for name, item in tree.items() if name != self.key}
        self.nodes[kind].check(fields, where, scope)  # type: ignore[index]
