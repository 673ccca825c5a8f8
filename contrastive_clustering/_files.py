"""Paths that a caller passes, and files that are read or written safely."""

import contextlib
import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import Any, BinaryIO


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
            f"{name}={path!r} is no path. Pass a str or a pathlib.Path."
        ) from error
    if "\0" in str(found):
        raise ValueError(f"{name}={path!r} holds a null character, which no path can.")
    return found


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; never wait for a named pipe or a device.

    Parameters
    ----------
    path : Path
        The file, or a symbolic link to it.

    Returns
    -------
    file : file object
        The file, opened in binary mode.

    Raises
    ------
    OSError
        If there is no such file, if it may not be read, or if it is a folder.

    ValueError
        If it is a named pipe, a socket or a device.
    """
    _refuse_to_read(path.stat(), path)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        # It may have been replaced in between.
        _refuse_to_read(os.fstat(descriptor), path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _refuse_to_read(status: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(
            errno.EISDIR, f"{os.fspath(path)!r} is a folder. Pass the path of a file"
        )
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(
            f"{os.fspath(path)!r} is a {kind_of(status)}. Pass the path of a regular "
            "file."
        )


def kind_of(status: os.stat_result) -> str:
    """Return what the path of a status leads to, in words."""
    kinds = {
        stat.S_IFDIR: "folder",
        stat.S_IFIFO: "named pipe",
        stat.S_IFSOCK: "socket",
        stat.S_IFCHR: "device",
        stat.S_IFBLK: "device",
    }
    return kinds.get(stat.S_IFMT(status.st_mode), "regular file")


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
