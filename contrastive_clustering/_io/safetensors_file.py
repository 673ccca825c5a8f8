"""One file of arrays and plain values: safetensors, checked when read, never pickled.

A tree of dicts with string keys, lists, strings, numbers, booleans, None and NumPy
arrays goes into a single safetensors file: the arrays as its tensors, all else as JSON
in its header, beside a digest of both.
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

# Raised when a reader of the old version could not make sense of a new file.
FORMAT_VERSION = 1

# A header needs kilobytes; JSON read into Python takes some twenty times its own size.
MOST_HEADER_BYTES = 2**23

# The dtypes of safetensors that are written, and how many bytes a value takes.
ITEM_BYTES = {
    "BOOL": 1,
    **{f"{kind}{8 * size}": size for kind in "IU" for size in (1, 2, 4, 8)},
    **{f"F{8 * size}": size for size in (2, 4, 8)},
}

# An array may have up to so many axes and values, and a tree be nested so deeply.
MOST_AXES, LARGEST_ARRAY, DEEPEST = 16, 2**40, 60

# Integers of files have no more digits; seeds and counts have ten.
MOST_DIGITS = 40

# Stands in the JSON for an array, under which name it is among the tensors.
ARRAY_KEY = "$array"

# Of a file or a folder, in bytes; what an operating system says of longer ones repeats
# them in full.
LONGEST_NAME = 255


def write_tree(path: Path, kind: str, tree: Mapping[str, Any]) -> None:
    """Write a tree to a file, all of it or nothing.

    The file appears under its name when it is complete and on the disk: whatever
    happens in between, a file that was there before stays as it was.

    Parameters
    ----------
    path : Path
        The file; overwritten if it exists.

    kind : str
        What the tree describes; the reader asks for the same.

    tree : mapping
        Strings, numbers, booleans, None and arrays, in dicts and lists.

    Raises
    ------
    TypeError
        If the tree holds anything else.

    ValueError
        If what is not in arrays is more than a reader accepts.

    OSError
        If the file cannot be written.
    """
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_take_arrays(tree, arrays))
    if len(text) > MOST_HEADER_BYTES // 2:
        raise ValueError(
            f"{len(text) / 2**20:.1f} MiB of names, parameters and history are to be "
            f"saved, and {MOST_HEADER_BYTES // 2**21} MiB is the most that is read."
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
    """Read a tree that `write_tree` has written.

    Parameters
    ----------
    path : Path
        The file.

    kind : str
        What the tree has to describe.

    Returns
    -------
    tree : dict
        The tree.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.

    ValueError
        If the file is of another kind or format version, or damaged.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        n_header = int.from_bytes(file.read(8), "little")
        if size < 8 or not 2 <= n_header <= min(size - 8, MOST_HEADER_BYTES):
            raise _damaged(path, "it has no header of safetensors")
        file.seek(0)
        content = file.read(size)
    try:
        header = _read_header(content[8 : 8 + n_header])
        _check_header(header, path, kind)
        arrays = from_safetensors(content)
        for name, array in arrays.items():
            # NumPy counts on bytes of 0 and 1, and would count others wrongly.
            if array.dtype == bool and array.size and array.view(np.uint8).max() > 1:
                raise _MalformedError(f"its tensor {shown(name)} is not of booleans")
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
        raise _damaged(path, "its header does not hold a dict")
    return tree


class _MalformedError(Exception):
    """Part of a file is not what `write_tree` writes."""


def _from_json(text: str | bytes) -> Any:
    try:
        return json.loads(text, parse_int=_parse_int)
    except ValueError as error:  # a JSONDecodeError or a UnicodeDecodeError
        reason = shown(str(error))
        raise _MalformedError(f"its header is not JSON: {reason}") from error


def _parse_int(digits: str) -> int:
    # Python refuses thousands of digits by an error of its own.
    if len(digits) > MOST_DIGITS:
        raise _MalformedError(f"it holds an integer of {len(digits)} digits")
    return int(digits)


def _read_header(content: bytes) -> dict[str, str]:
    """Return the strings in a header, and check its tensors before they are read."""
    entries = _from_json(content)
    if not isinstance(entries, dict):
        raise _MalformedError("its header does not hold a dict")
    header = entries.pop("__metadata__", {})
    if not isinstance(header, dict) or not all(
        isinstance(value, str) for value in header.values()
    ):
        raise _MalformedError("its header does not hold strings")
    for name, entry in entries.items():
        _check_entry(name, entry)
    return header


def _check_entry(name: str, entry: Any) -> None:
    """Raise unless an entry describes an array that NumPy can make."""
    entry = entry if isinstance(entry, dict) else {}
    dtype: Any = entry.get("dtype")
    shape: Any = entry.get("shape")
    offsets: Any = entry.get("data_offsets")
    if (
        dtype not in ITEM_BYTES
        or not _are_sizes(shape)
        or not _are_sizes(offsets)
        or len(shape) > MOST_AXES
        or len(offsets) != 2
        # Axes beside an empty one could be of any size.
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
            f"{os.fspath(path)!r} is a safetensors file, but not one of "
            f"{FORMAT}. Pass a file that save has written."
        )
    found = header.get("format_version")
    if found != str(FORMAT_VERSION):
        raise ValueError(
            f"{os.fspath(path)!r} has format version {shown(found)}, and this version "
            f"of {FORMAT} reads version {FORMAT_VERSION}. It was written with "
            f"{ascii(header.get('versions'))[:300]}: read it with these."
        )
    if header.get("kind") != kind:
        raise ValueError(
            f"{os.fspath(path)!r} holds a {shown(header.get('kind'))} where a {kind!r} "
            "is needed."
        )


def _damaged(path: Path, reason: str) -> ValueError:
    return ValueError(
        f"{os.fspath(path)!r} is damaged or was not written by {FORMAT} ({reason}). "
        "Take another copy of the file."
    )


def _take_arrays(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Return the tree with names in place of its arrays, which go to `arrays`."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        name = str(len(arrays))
        # C order and the machine's own byte order are all that safetensors knows, but
        # a product of matrices in another order has other last bits.
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
    """Undo `_take_arrays`."""
    if depth > DEEPEST:
        raise _MalformedError(f"its header is nested more than {DEEPEST} deep")
    if isinstance(value, dict):
        if ARRAY_KEY in value:
            if value.keys() != {ARRAY_KEY, "transposed"}:
                raise _MalformedError("its header describes an array by other fields")
            # Each array is used once: many references to one would take more memory
            # and time than the size of the file suggests.
            array = arrays.pop(value[ARRAY_KEY])
            return array.T if value["transposed"] else array
        return {
            key: _put_arrays(entry, arrays, depth + 1) for key, entry in value.items()
        }
    if isinstance(value, list):
        return [_put_arrays(entry, arrays, depth + 1) for entry in value]
    return value


def _digest(header: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> str:
    """Return a digest of all that a file holds but the digest itself."""
    said = {name: header[name] for name in sorted(header) if name != "sha256"}
    digest = hashlib.sha256(json.dumps(said).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.data if array.size else b"")
    return digest.hexdigest()
