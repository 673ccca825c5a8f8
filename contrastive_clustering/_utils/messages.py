"""Show values and other errors in messages without revealing samples."""

import dataclasses
import difflib
import os
import re
from collections.abc import Callable, Collection, Mapping, Set
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import numpy as np
import torch

# Longer texts are cut to keep messages readable.
MAX_TEXT_LENGTH = 80
MAX_REASON_LENGTH = 300

# The shape of a volume with channels.
MAX_TUPLE_LENGTH = 4

# Integers of more bits are described, as Python refuses to print large ones.
MAX_BITS = 256

NUMBER = re.compile(
    r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?|\b(?:nan|inf)\b", re.IGNORECASE
)
WORD = re.compile(r"[a-z]{3}", re.IGNORECASE)
INNERMOST = re.compile(r"[\[({][^\[\](){}]*[\])}]")
# Remains of an array without its brackets, and rows of a printed table.
RUN = re.compile(rf"(?:(?:{NUMBER.pattern})[\s,;|]+){{5,}}(?:{NUMBER.pattern})?", re.I)
# Placeholders for values: GAP has no brackets, so that outer brackets can be checked.
GAP, LEFT_OUT = "\N{HORIZONTAL ELLIPSIS}", "[...]"

# Text or bytes in quotes, but not apostrophes.
QUOTE = re.compile(r"(?<![a-z0-9])(b?)'([^']*)(?:'|$)", re.IGNORECASE)

# In messages of Python and NumPy about text, a value follows.
NOT_A_NUMBER = re.compile(
    r"(could not convert string(?: to [\w.]+)?|invalid literal for int\(\) with base 10"
    r")(?:: .*| '.*)",
    re.DOTALL,
)

# Shapes have at most this many entries, separated by commas.
MAX_SHAPE_LENGTH = 6


def show(value: Any) -> str:
    """Return a value as text for an error message.

    Strings, numbers, functions and short tuples, such as shapes, are shown literally
    and cut if they are long. Other values might contain samples and are only described:
    arrays, tensors and tables by type, shape and dtype, containers by length, and other
    objects by class. An object's own `repr` is never called.

    Parameters
    ----------
    value : object
        Any value.

    Returns
    -------
    text : str
        One line of at most about a hundred characters.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._utils.messages import show
    >>> show(-1), show("auto"), show(None), show([0.5, 2.5])
    ('-1', "'auto'", 'None', '<list of 2 entries>')
    >>> show(np.zeros((28, 28)))
    '<ndarray of shape (28, 28) and dtype float64>'
    >>> show("a" * 1000)
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'"
    """
    if _is_short_tuple(value):
        return f"({', '.join(map(show, value))}{',' * (len(value) == 1)})"
    for kinds, shown in _WRITTEN:
        if isinstance(value, kinds):
            return shown(value)
    return _describe(value)


def _is_short_tuple(value: Any) -> bool:
    return (
        isinstance(value, tuple)
        and 0 < len(value) <= MAX_TUPLE_LENGTH
        and all(isinstance(entry, bool | int | float | str | None) for entry in value)
    )


def _show_text(value: str | os.PathLike[Any]) -> str:
    text = str.__str__(value) if isinstance(value, str) else os.fspath(value)
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    if len(text) > MAX_TEXT_LENGTH:
        text = f"{text[:MAX_TEXT_LENGTH]}..."
    return repr(text)


def _show_int(value: int) -> str:
    n_bits = value.bit_length()
    return f"<int of {n_bits} bits>" if n_bits > MAX_BITS else int.__repr__(value)


def _describe(value: Any) -> str:
    """Describe an object without reading its values."""
    name = type(value).__name__
    # Reading an attribute may raise any error, which must not replace the message
    # that this description is part of.
    try:
        shape = getattr(value, "shape", None)
        dtype = getattr(value, "dtype", None)
    except Exception:
        shape = dtype = None
    if isinstance(shape, tuple) and all(isinstance(side, int) for side in shape):
        known = isinstance(dtype, torch.dtype | np.dtype) and not _has_fields(dtype)
        kind = f" and dtype {dtype}" if known else ""
        return f"<{name} of shape {tuple(shape)}{kind}>"
    if isinstance(value, list | tuple | Set | Mapping | bytes | bytearray):
        is_bytes = isinstance(value, bytes | bytearray)
        nouns = ("byte", "bytes") if is_bytes else ("entry", "entries")
        return f"<{name} of {len(value)} {nouns[len(value) != 1]}>"
    if dataclasses.is_dataclass(value):
        fields = (field for field in dataclasses.fields(value) if field.repr)
        shown = ", ".join(f"{f.name}={show(getattr(value, f.name))}" for f in fields)
        if len(shown) <= MAX_TEXT_LENGTH:
            return f"{name}({shown})"
    return f"{name}(...)"


def _has_fields(dtype: Any) -> bool:
    """Return whether a dtype is structured, so that its text would be long."""
    return getattr(dtype, "names", None) is not None


# Types that are shown literally. The methods of the base classes are called, because
# subclasses may override their text.
_WRITTEN: tuple[tuple[Any, Callable[[Any], str]], ...] = (
    (str | os.PathLike, _show_text),
    (bool | np.bool_ | np.number | None, repr),
    (float, float.__repr__),
    (complex, complex.__repr__),
    (int, _show_int),
    (type, lambda kind: f"<class '{kind.__module__}.{kind.__qualname__}'>"),
    (
        FunctionType | BuiltinFunctionType | MethodType,
        lambda function: f"<function {function.__qualname__}>",
    ),
    (torch.device | torch.dtype | np.dtype, str),
)


def quantity(n: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun, in the singular or the plural.

    Examples
    --------
    >>> from contrastive_clustering._utils.messages import quantity
    >>> quantity(1, "sample"), quantity(12000, "sample")
    ('1 sample', '12,000 samples')
    >>> quantity(2, "stratum", "strata")
    '2 strata'
    """
    return f"{n:,} {noun if n == 1 else plural or f'{noun}s'}"


def without_values(text: str) -> str:
    """Remove array contents from a message of another package or of custom code.

    Parameters
    ----------
    text : str
        A message, which may contain printed arrays.

    Returns
    -------
    text : str
        The message with "[...]" in place of each array and row of numbers, and without
        text that is not a number. Shapes, ranges and single numbers are kept.

    Examples
    --------
    >>> from contrastive_clustering._utils.messages import without_values
    >>> without_values("got 1D array instead: array=[0.5 1.5 2.5]. Reshape it")
    'got 1D array instead: array=[...]. Reshape it'
    >>> without_values("shape (64, 1, 28, 28) is not in the range [0.0, 1.0)")
    'shape (64, 1, 28, 28) is not in the range [0.0, 1.0)'
    >>> without_values("could not convert string to float: 'Doe'")
    'could not convert string to float'
    """
    text = NOT_A_NUMBER.sub(r"\1", text)
    before = None
    while before != text:
        before = text
        text = INNERMOST.sub(_leave_out, text)
    text = RUN.sub(f"{GAP} ", text).replace(GAP, LEFT_OUT)
    return QUOTE.sub(_cut_quote, text)


def _cut_quote(found: re.Match[str]) -> str:
    return found.group() if len(found.group(2)) <= MAX_TEXT_LENGTH else "'...'"


def _leave_out(found: re.Match[str]) -> str:
    """Return a bracketed group, or a placeholder if it contains values."""
    group = found.group()
    inner = group[1:-1]
    numbers = NUMBER.findall(inner)
    has_words = WORD.search(NUMBER.sub("", inner)) is not None
    before = found.string[: found.start()]
    if before.endswith("range "):
        return group
    printed = before.endswith(("array", "tensor")) and numbers
    if printed or len(numbers) > MAX_SHAPE_LENGTH or (GAP in inner and not has_words):
        return GAP
    is_whole = all(number.removeprefix("-").isdecimal() for number in numbers)
    is_shape = is_whole and not re.search(r"\d\s+\d", inner)
    return group if has_words or is_shape or len(numbers) == 1 else GAP


def shorten(text: str) -> str:
    """Return a message without array contents, cut if it is long."""
    text = without_values(text).strip().removesuffix(f"\n{LEFT_OUT}")
    return text if len(text) <= MAX_REASON_LENGTH else f"{text[:MAX_REASON_LENGTH]}..."


def reason_of(error: Exception) -> str:
    r"""Return the first line of an error's message, or its class without a message.

    The line has no contents of arrays.

    Examples
    --------
    >>> from contrastive_clustering._utils.messages import reason_of
    >>> reason_of(ValueError("first line\nsecond line")), reason_of(AssertionError())
    ('first line', 'AssertionError')
    """
    text = shorten(str(error))
    return text.splitlines()[0] if text else type(error).__name__


def describe_error(error: Exception) -> str:
    """Return the class and the message of an error.

    Examples
    --------
    >>> from contrastive_clustering._utils.messages import describe_error
    >>> describe_error(KeyError("image")), describe_error(AssertionError())
    ("KeyError: 'image'", 'AssertionError')
    """
    kind, reason = type(error).__name__, reason_of(error)
    return kind if reason == kind else f"{kind}: {reason}"


def suggest(name: str, known: Collection[str]) -> str:
    """Return a sentence that suggests a similar known name; empty if there is none.

    Examples
    --------
    >>> from contrastive_clustering._utils.messages import suggest
    >>> suggest("betta", ["beta", "eps"]), suggest("rate", ["beta", "eps"])
    (' Did you mean beta?', '')
    """
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""
