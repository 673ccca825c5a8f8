"""Descriptions of values as texts that are equal for equal values."""

import dataclasses
import functools
import hashlib
import inspect
import sys
import types
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator

from contrastive_clustering._utils.provenance import import_path

# Attributes that PyTorch itself adds to every module.
_MODULE_ATTRIBUTES = frozenset(vars(torch.nn.Module()))

# Types of settings that a layer may keep in private attributes.
_PLAIN = (bool, int, float, str, bytes)

# The code of these packages is not described: identities and saved files have the
# versions of those that affect results.
_WITHOUT_CODE = sys.stdlib_module_names | {
    "contrastive_clustering",
    "numpy",
    "sklearn",
    "skorch",
    "torch",
}

# Nested objects are described up to this depth.
MAX_DEPTH = 40


def describe(value: Any, within: tuple[int, ...] = ()) -> str:
    """Return a text that is the same for equal values, also in another process.

    It is the value itself if that is plain, and otherwise its class and a digest.
    `within` has the ids of the objects that contain the value, as an object may contain
    itself.

    Examples
    --------
    >>> from contrastive_clustering._saving.description import describe
    >>> describe({"degrees": (1, 2.5)})
    "['degrees': [1, 2.5]]"
    """
    if id(value) in within or len(within) > MAX_DEPTH:
        return "<enclosing object>"
    return _describe(value, (*within, id(value)))


@functools.singledispatch
def _describe(value: Any, within: tuple[int, ...]) -> str:
    if dataclasses.is_dataclass(value):
        fields = [
            f"{field.name}={describe(getattr(value, field.name), within)}"
            for field in dataclasses.fields(value)
        ]
        kind = type(value)
        return f"{kind.__qualname__}({', '.join(fields)}){_code_of_class(kind)}"
    if callable(value) and hasattr(value, "__qualname__"):  # of a compiled module
        owner = getattr(value, "__self__", None)
        if owner is None or isinstance(owner, type | types.ModuleType):
            return import_path(value)
        return f"{value.__qualname__} of {describe(owner, within)}"
    state = describe(_state_of(value), within)
    return f"{_describe_class(type(value))} {hash_text(state)}"


@_describe.register(types.NoneType | bool | int | float | str | bytes | np.generic)
def _describe_plain(value: Any, within: tuple[int, ...]) -> str:
    # A number or a text of NumPy is the same setting as one of Python.
    is_of_numpy = isinstance(value, np.number | np.bool | np.character)
    return repr(value.item() if is_of_numpy else value)


@_describe.register(dict)
def _describe_dict(value: dict[Any, Any], within: tuple[int, ...]) -> str:
    items = [
        f"{describe(key, within)}: {describe(item, within)}"
        for key, item in value.items()
    ]
    return f"[{', '.join(items)}]"


@_describe.register(list | tuple)
def _describe_list(value: list[Any], within: tuple[int, ...]) -> str:
    return f"[{', '.join(describe(item, within) for item in value)}]"


@_describe.register(set | frozenset)
def _describe_set(value: set[Any], within: tuple[int, ...]) -> str:
    return f"[{', '.join(sorted(describe(item, within) for item in value))}]"


@_describe.register(np.ndarray)
def _describe_array(value: np.ndarray, within: tuple[int, ...]) -> str:
    if value.dtype.hasobject:
        return describe(value.tolist(), within)
    return f"{value.dtype} {value.shape} {hash_arrays([value])}"


@_describe.register(torch.Tensor)
def _describe_tensor(value: torch.Tensor, within: tuple[int, ...]) -> str:
    return f"{value.dtype} {tuple(value.shape)} {hash_arrays([to_bytes(value)])}"


@_describe.register(BaseEstimator)
def _describe_estimator(value: BaseEstimator, within: tuple[int, ...]) -> str:
    params = value.get_params().items()
    inner = ", ".join(f"{name}={describe(item, within)}" for name, item in params)
    kind = type(value)
    return f"{kind.__name__}({inner}){_code_of_class(kind)}"


@_describe.register(functools.partial)
def _describe_partial(value: Any, within: tuple[int, ...]) -> str:
    return f"partial{describe([value.func, value.args, value.keywords], within)}"


@_describe.register(types.MethodType)
def _describe_method(value: types.MethodType, within: tuple[int, ...]) -> str:
    function, owner = value.__func__, value.__self__
    return f"{describe(function, within)} of {describe(owner, within)}"


# The number of a device differs between processes that train together.
_describe.register(torch.device, lambda value, _: value.type)
_describe.register(types.ModuleType, lambda value, _: value.__name__)
_describe.register(type, lambda value, _: _describe_class(value))


@_describe.register(types.FunctionType)
def _describe_function(value: types.FunctionType, within: tuple[int, ...]) -> str:
    return f"{import_path(value)} {_hash_function(value, within)}"


@_describe.register(torch.nn.Module)
def _describe_module(value: torch.nn.Module, within: tuple[int, ...]) -> str:
    return f"{_describe_class(type(value))} {_hash_module(value, within)}"


def _hash_module(module: torch.nn.Module, within: tuple[int, ...]) -> str:
    """Return a digest of a module's layers, their attributes and their weights."""
    parts = []
    for name, layer in module.named_modules():
        settings = describe(_settings_of(layer), within)
        parts.append(f"{name} {_describe_class(type(layer))} {settings}")
    weights = [describe(value, within) for value in module.state_dict().values()]
    return hash_text("\n".join([*parts, *weights]))


def _settings_of(layer: torch.nn.Module) -> dict[str, Any]:
    """Return a layer's attributes, without state left by the last batch.

    Augmentations of kornia, for example, keep their last random numbers in private
    attributes, and the dtype of the batch.
    """
    return {
        name: value
        for name, value in vars(layer).items()
        if name not in _MODULE_ATTRIBUTES
        and (isinstance(value, _PLAIN) or not name.startswith("_"))
        and not isinstance(value, torch.dtype | None)
    }


def _hash_function(function: types.FunctionType, within: tuple[int, ...]) -> str:
    """Return a digest of a function's code, its defaults and its closure."""
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # not assigned yet
            cells.append(None)
    parts = [
        _describe_code(function.__code__),
        describe([function.__defaults__, function.__kwdefaults__], within),
        describe(cells, within),
    ]
    return hash_text("\n".join(parts))


def _describe_code(code: types.CodeType) -> str:
    constants = [
        _describe_code(constant)
        if isinstance(constant, types.CodeType)
        else describe(constant)
        for constant in code.co_consts
    ]
    return f"{code.co_code.hex()} {code.co_names} {constants}"


def _describe_class(kind: type) -> str:
    return f"{import_path(kind)}{_code_of_class(kind)}"


def _code_of_class(kind: type) -> str:
    """Return a digest of the methods of a class, after a space, or an empty text.

    Closures are not part of it, because a decorator may keep there what it has seen.
    """
    codes = [
        f"{name} {_describe_code(function.__code__)}"
        for base in kind.__mro__
        if str(base.__module__).partition(".")[0] not in _WITHOUT_CODE
        for name, item in sorted(vars(base).items())
        for function in _functions_in(item)
    ]
    return f" {hash_text(chr(10).join(codes))}" if codes else ""


def _functions_in(item: Any) -> Iterator[types.FunctionType]:
    """Yield the functions behind an attribute of a class."""
    parts = [item.fget, item.fset] if isinstance(item, property) else [item]
    part: Any
    for part in parts:
        # Static methods and methods of classes have it, too.
        function = inspect.unwrap(part) if hasattr(part, "__wrapped__") else part
        function = getattr(function, "func", function)  # of a cached property
        if isinstance(function, types.FunctionType):
            yield function


def _state_of(value: Any) -> Any:
    """Return the state of an object, as it would be pickled."""
    try:
        reduced = value.__reduce_ex__(4)
    # An object that cannot be pickled, such as a lock or an open file, may raise any
    # exception. It is compared only by its attributes.
    except Exception:
        return getattr(value, "__dict__", None)
    if isinstance(reduced, str):
        return reduced
    return [
        list(part) if hasattr(part, "__next__") else part
        for part in reduced
        if part is not None
    ]


def hash_arrays(arrays: Iterable[np.ndarray]) -> str:
    """Return a digest of the values of arrays."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def hash_text(text: str) -> str:
    """Return a digest of a text."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def to_bytes(value: Any) -> np.ndarray:
    """Return a value of a module's state, a tensor or any other object, as bytes."""
    if not isinstance(value, torch.Tensor):
        return np.array(describe(value))
    return value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
