"""Convert objects that consist of a few plain values or arrays to trees and back."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from contrastive_clustering._io.schema import (
    NUMBERS,
    AnyArray,
    Array,
    Fields,
    Integer,
    Real,
    Text,
    shown,
)

# Dtypes of samples: booleans, integers and real numbers in either byte order.
DTYPE = re.compile(r"[<>|](b1|[iu][1248]|f(2|4|8|16))")


class Leaf(NamedTuple):
    """Type of objects, with the schema of its trees and both conversions.

    Attributes
    ----------
    type : type
        Type of the objects; includes subclasses.

    fields : Fields
        Schema of the trees.

    to_tree : callable
        ``to_tree(value, name)`` returns a tree; `name` is used in error messages.

    from_tree : callable
        ``from_tree(tree)`` returns an object for a tree that conforms to `fields`.
    """

    type: Any
    fields: Fields
    to_tree: Callable[[Any, str], dict[str, Any]]
    from_tree: Callable[[dict[str, Any]], Any]


def tensor_to_array(tensor: torch.Tensor, name: str) -> np.ndarray:
    """Return the values of a tensor on any device as an array that can be saved.

    The dtype is the same, but bfloat16 becomes float32, which is exact. A ValueError
    that names the tensor is raised if NumPy does not support its dtype or layout.
    """
    tensor = tensor.detach().cpu()
    if tensor.dtype is torch.bfloat16:
        tensor = tensor.float()
    if tensor.is_sparse or tensor.is_complex() or tensor.is_quantized:
        raise ValueError(f"{name} is a tensor of {tensor.dtype}, which cannot be saved")
    return np.asarray(tensor.numpy())


def to_dtype(text: str) -> np.dtype:
    """Return the numeric dtype with the given name, or raise a ValueError."""
    if not DTYPE.fullmatch(text):
        raise ValueError(f"{shown(text)} is not a numeric dtype")
    return np.dtype(text)


def _to_device(text: str) -> torch.device:
    try:
        return torch.device(text)
    except RuntimeError as error:
        raise ValueError(f"{shown(text)} is not a device") from error


def _random_state_to_tree(value: np.random.RandomState, name: str) -> dict[str, Any]:
    state: Any = value.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        raise ValueError(
            f"{name} uses the generator {state['bit_generator']}, which cannot be saved"
        )
    return {
        "keys": state["state"]["key"],
        "position": int(state["state"]["pos"]),
        "has_gauss": int(state["has_gauss"]),
        "gauss": float(state["gauss"]),
    }


def _random_state_from_tree(tree: dict[str, Any]) -> np.random.RandomState:
    state = np.random.RandomState()
    names = ("keys", "position", "has_gauss", "gauss")
    state.set_state(("MT19937", *(tree[name] for name in names)))
    return state


LEAVES: dict[str, Leaf] = {
    "device": Leaf(
        torch.device,
        Fields({"value": Text(100)}),
        lambda value, _: {"value": str(value)},
        lambda tree: _to_device(tree["value"]),
    ),
    "dtype": Leaf(
        np.dtype,
        Fields({"value": Text(10)}),
        lambda value, _: {"value": value.str},
        lambda tree: to_dtype(tree["value"]),
    ),
    "path": Leaf(
        Path,
        Fields({"value": Text()}),
        lambda value, _: {"value": str(value)},
        lambda tree: Path(tree["value"]),
    ),
    "RandomState": Leaf(
        np.random.RandomState,
        Fields(
            {
                "keys": Array((624,), dtypes=("u4",)),
                # Larger values would make NumPy read beyond the keys.
                "position": Integer(0, 624),
                "has_gauss": Integer(0, 1),
                "gauss": Real(),
            }
        ),
        _random_state_to_tree,
        _random_state_from_tree,
    ),
    "scalar": Leaf(
        np.generic,
        Fields({"value": Array((), dtypes=(*NUMBERS, "b1"), finite=False)}),
        lambda value, _: {"value": np.asarray(value)},
        lambda tree: tree["value"][()],
    ),
    "tensor": Leaf(
        torch.Tensor,
        Fields({"value": AnyArray()}),
        lambda value, name: {"value": tensor_to_array(value, name)},
        lambda tree: torch.from_numpy(tree["value"]),
    ),
}
