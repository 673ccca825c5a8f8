"""Read and write trees as safetensors files that are validated and never unpickled.

A tree of dicts with string keys, lists, strings, numbers, booleans, None and NumPy
arrays is stored in a single safetensors file: arrays as tensors, and the rest as JSON
in the header, with a digest of both.
"""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as from_safetensors
from safetensors.numpy import save as to_safetensors

from contrastive_clustering._io.schema import shown
from contrastive_clustering._utils.files import open_regular, write_atomically
from contrastive_clustering._utils.provenance import FORMAT, package_versions

# Increased whenever readers of the previous version cannot read new files.
FORMAT_VERSION = 1

# Headers take kilobytes. Parsed JSON takes about twenty times its size in memory.
MAX_HEADER_BYTES = 2**23

# Supported dtypes of safetensors and the number of bytes per value.
ITEM_BYTES = {
    "BOOL": 1,
    **{f"{kind}{8 * size}": size for kind in "IU" for size in (1, 2, 4, 8)},
    **{f"F{8 * size}": size for size in (2, 4, 8)},
}

# Maximum number of axes and values of an array, and maximum depth of a tree.
MAX_AXES, LARGEST_ARRAY, DEEPEST = 16, 2**40, 60

# Maximum number of digits of an integer; seeds and counts have ten.
MAX_DIGITS = 40

# Key of the name of a tensor, which replaces an array in the JSON.
ARRAY_KEY = "$array"


def write_tree(path: Path, kind: str, tree: Mapping[str, Any]) -> None:
    """Write a tree to a file atomically.

    The file appears under its name once it is complete and on disk. If writing fails,
    an existing file is left unchanged.

    Parameters
    ----------
    path : Path
        Path of the file; overwritten if it exists.

    kind : str
        Kind of object that the tree describes; readers must request the same.

    tree : mapping
        Dicts and lists of strings, numbers, booleans, None and arrays.

    Raises
    ------
    TypeError
        If the tree contains other types.

    ValueError
        If the part outside of arrays is larger than readers accept.

    OSError
        If the file cannot be written.
    """
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_take_arrays(tree, arrays))
    if len(text) > MAX_HEADER_BYTES // 2:
        raise ValueError(
            f"The names, parameters and history take {len(text) / 2**20:.1f} MiB, but "
            f"at most {MAX_HEADER_BYTES // 2**21} MiB can be saved."
        )
    header = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "kind": kind,
        "versions": json.dumps(package_versions()),
        "tree": text,
    }
    header["sha256"] = _digest(header, arrays)
    write_atomically(path, to_safetensors(arrays, metadata=header))


def read_tree(path: Path, kind: str) -> dict[str, Any]:
    """Read a tree that was written by `write_tree`.

    Raises
    ------
    OSError
        If the file does not exist or cannot be read.

    ValueError
        If the file has another kind or format version, or is damaged.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        n_header = int.from_bytes(file.read(8), "little")
        if size < 8 or not 2 <= n_header <= min(size - 8, MAX_HEADER_BYTES):
            raise _damaged(path, "it has no safetensors header")
        file.seek(0)
        content = file.read(size)
    try:
        header = _read_header(content[8 : 8 + n_header])
        _check_header(header, path, kind)
        arrays = from_safetensors(content)
        for name, array in arrays.items():
            # NumPy requires bytes of 0 and 1, and gives wrong results for others.
            if array.dtype == bool and array.size and array.view(np.uint8).max() > 1:
                raise _MalformedError(f"its tensor {shown(name)} is not boolean")
        if _digest(header, arrays) != header["sha256"]:
            raise _damaged(path, "its content does not match its digest")
        tree: dict[str, Any] = _put_arrays(_from_json(header["tree"]), arrays)
        if arrays:
            raise _MalformedError(f"its array {shown(min(arrays))} is not used")
    except (
        SafetensorError,
        KeyError,
        TypeError,
        RecursionError,
        MemoryError,
    ) as error:
        raise _damaged(path, shown(str(error))) from error
    except _MalformedError as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(tree, dict):
        raise _damaged(path, "its header does not contain a dict")
    return tree


class _MalformedError(Exception):
    """A file does not conform to the format of `write_tree`."""


def _from_json(text: str | bytes) -> Any:
    try:
        return json.loads(text, parse_int=_parse_int)
    except ValueError as error:  # a JSONDecodeError or a UnicodeDecodeError
        reason = shown(str(error))
        raise _MalformedError(f"its header is not JSON: {reason}") from error


def _parse_int(digits: str) -> int:
    # Python raises its own error for thousands of digits.
    if len(digits) > MAX_DIGITS:
        raise _MalformedError(f"it contains an integer of {len(digits)} digits")
    return int(digits)


def _read_header(content: bytes) -> dict[str, str]:
    """Return the metadata of a header, and check its tensors before they are read."""
    entries = _from_json(content)
    if not isinstance(entries, dict):
        raise _MalformedError("its header does not contain a dict")
    header = entries.pop("__metadata__", {})
    if not isinstance(header, dict) or not all(
        isinstance(value, str) for value in header.values()
    ):
        raise _MalformedError("its header does not contain strings")
    for name, entry in entries.items():
        _check_entry(name, entry)
    return header


def _check_entry(name: str, entry: Any) -> None:
    """Raise an error unless an entry describes a valid NumPy array."""
    entry = entry if isinstance(entry, dict) else {}
    dtype: Any = entry.get("dtype")
    shape: Any = entry.get("shape")
    offsets: Any = entry.get("data_offsets")
    if (
        dtype not in ITEM_BYTES
        or not _are_sizes(shape)
        or not _are_sizes(offsets)
        or len(shape) > MAX_AXES
        or len(offsets) != 2
        # The other axes of an empty array could have any size.
        or math.prod(max(1, side) for side in shape) > LARGEST_ARRAY
        or offsets[1] - offsets[0] != ITEM_BYTES[dtype] * math.prod(shape)
    ):
        raise _MalformedError(f"its tensor {shown(name)} is not an array")


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, int) and not isinstance(value, bool) and value >= 0
        for value in values
    )


def _check_header(header: Mapping[str, str], path: Path, kind: str) -> None:
    if header.get("format") != FORMAT:
        raise ValueError(
            f"{os.fspath(path)!r} is a safetensors file, but was not written by "
            f"{FORMAT}. Pass a file written by save."
        )
    found = header.get("format_version")
    if found != str(FORMAT_VERSION):
        raise ValueError(
            f"{os.fspath(path)!r} has format version {shown(found)}, but this version "
            f"of {FORMAT} reads version {FORMAT_VERSION}. It was written with "
            f"{ascii(header.get('versions'))[:300]}. Use these versions to read it."
        )
    if header.get("kind") != kind:
        raise ValueError(
            f"{os.fspath(path)!r} contains a {shown(header.get('kind'))}, but a "
            f"{kind!r} is needed."
        )


def _damaged(path: Path, reason: str) -> ValueError:
    return ValueError(
        f"{os.fspath(path)!r} is damaged or was not written by {FORMAT} ({reason}). "
        "Use another copy of the file."
    )


def _take_arrays(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Move the arrays of a tree to `arrays`, and return the tree with their names."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        name = str(len(arrays))
        # safetensors only supports C order and native byte order. The memory order is
        # restored, because it affects the rounding of matrix products.
        transposed = value.flags.f_contiguous and not value.flags.c_contiguous
        arrays[name] = np.require(
            value.T if transposed else value, value.dtype.newbyteorder("="), ["C"]
        )
        return {ARRAY_KEY: name, "transposed": transposed}
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value) or ARRAY_KEY in value:
            raise TypeError(f"a dict with keys {list(value)} cannot be written")
        return {key: _take_arrays(entry, arrays) for key, entry in value.items()}
    if isinstance(value, list):
        return [_take_arrays(entry, arrays) for entry in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a value of type {type(value).__qualname__} cannot be written")


def _put_arrays(value: Any, arrays: dict[str, np.ndarray], depth: int = 0) -> Any:
    """Invert `_take_arrays`."""
    if depth > DEEPEST:
        raise _MalformedError(f"its header is nested more than {DEEPEST} levels deep")
    if isinstance(value, dict):
        if ARRAY_KEY in value:
            if value.keys() != {ARRAY_KEY, "transposed"}:
                raise _MalformedError("its header describes an array by unknown fields")
            # Each array is used once, because many references to one array could take
            # far more memory and time than the size of the file suggests.
            array = arrays.pop(value[ARRAY_KEY])
            return array.T if value["transposed"] else array
        return {
            key: _put_arrays(entry, arrays, depth + 1) for key, entry in value.items()
        }
    if isinstance(value, list):
        return [_put_arrays(entry, arrays, depth + 1) for entry in value]
    return value


def _digest(header: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> str:
    """Return a digest of the contents of a file, except the digest itself."""
    said = {name: header[name] for name in sorted(header) if name != "sha256"}
    digest = hashlib.sha256(json.dumps(said).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.data if array.size else b"")
    return digest.hexdigest()
