"""One file of arrays and plain values: safetensors, checked when read, never pickled.

A tree of dicts with string keys, lists, strings, numbers, booleans, None and NumPy
arrays goes into a single safetensors file: the arrays as its tensors, all else as JSON
in its header, beside a digest of both.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_safetensors

from contrastive_clustering._messages import show

FORMAT = "contrastive_clustering"

# Raised when a reader of the old version could not make sense of a new file.
FORMAT_VERSION = 1

# A header needs kilobytes; JSON read into Python takes some twenty times its own size.
MOST_HEADER_BYTES = 2**23

# Stands in the JSON for an array, under which name it is among the tensors.
ARRAY_KEY = "$array"

# Of a file or a folder, in bytes; what an operating system says of longer ones repeats
# them in full.
LONGEST_NAME = 255

PACKAGES = ("numpy", "scikit-learn", "skorch", "torch")


def as_path(path: Any, name: str) -> Path:
    """Return the path that a caller means, or raise an error that names it.

    Parameters
    ----------
    path : str or path-like
        What the caller passed.

    name : str
        What the caller calls it.

    Returns
    -------
    path : Path
        The path.

    Raises
    ------
    TypeError
        If it is no path.

    ValueError
        If no system could have such a path.
    """
    try:
        found = Path(path)
    except TypeError as error:
        raise TypeError(
            f"{name}={show(path)} is no path. Pass a str or a pathlib.Path."
        ) from error
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in found.parts):
        raise ValueError(
            f"{name}={show(path)} has a name of more than {LONGEST_NAME} bytes, which "
            "file systems do not take. Shorten it."
        )
    if "\0" in str(found):
        raise ValueError(
            f"{name}={show(path)} holds a null character, which no path can."
        )
    return found


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

    OSError
        If the file cannot be written.
    """
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_take_arrays(tree, arrays))
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
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        n_header = int.from_bytes(file.read(8), "little")
    if size < 8 or not 2 <= n_header <= min(size - 8, MOST_HEADER_BYTES):
        raise _damaged(path, "it has no header of safetensors")
    try:
        with safe_open(path, framework="np") as file:
            header = file.metadata() or {}
            _check_header(header, path, kind)
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if _digest(header, arrays) != header["sha256"]:
            raise _damaged(path, "its content does not match its digest")
        tree: dict[str, Any] = _put_arrays(json.loads(header["tree"]), arrays)
    except (SafetensorError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path, str(error)) from error
    except json.JSONDecodeError as error:
        raise _damaged(path, f"its header is no JSON: {error}") from error
    if not isinstance(tree, dict):
        raise _damaged(path, "its header does not hold a dict")
    return tree


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that a file's meaning hangs on."""
    return {name: version(name) for name in (FORMAT, *PACKAGES)}


def _check_header(header: Mapping[str, str], path: Path, kind: str) -> None:
    if header.get("format") != FORMAT:
        raise ValueError(
            f"{os.fspath(path)!r} is a safetensors file, but not one of "
            f"{FORMAT}. Pass a file that save has written."
        )
    found = header.get("format_version")
    if found != str(FORMAT_VERSION):
        raise ValueError(
            f"{os.fspath(path)!r} has format version {found!r}, and this version of "
            f"{FORMAT} reads version {FORMAT_VERSION}. It was written with "
            f"{header.get('versions')}: read it with these."
        )
    if header.get("kind") != kind:
        raise ValueError(
            f"{os.fspath(path)!r} holds a {header.get('kind')!r} where a {kind!r} is "
            "needed."
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


def _put_arrays(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Undo `_take_arrays`."""
    if isinstance(value, dict):
        if ARRAY_KEY in value:
            array = arrays[value[ARRAY_KEY]]
            return array.T if value["transposed"] else array
        return {key: _put_arrays(entry, arrays) for key, entry in value.items()}
    if isinstance(value, list):
        return [_put_arrays(entry, arrays) for entry in value]
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


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file, all of it or nothing.

    Parameters
    ----------
    path : Path
        The file; overwritten if it exists.

    content : bytes
        What it shall hold.

    Raises
    ------
    OSError
        If the file cannot be written; one that was there before is untouched.
    """
    try:
        descriptor, name = tempfile.mkstemp(
            prefix=partial_prefix(path), dir=path.parent
        )
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise OSError(
            error.errno,
            f"{os.fspath(path)!r} could not be written ({error.strerror}); a file that "
            "was there before is untouched. Check that the folder exists and may be "
            "written to, and that the disk has room",
        ) from error


def partial_prefix(path: Path) -> str:
    """Return how the names begin of files that were being written as `path`."""
    return f".{path.name}."


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk, too, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
