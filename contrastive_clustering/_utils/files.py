"""Paths that a caller passes, and files that are read or written safely."""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import Any

from contrastive_clustering._utils.messages import show

# Names of most file systems have at most so many bytes. A letter has at most 4, and so
# many letters of a file's name are in the name of what is being written in its place.
LONGEST_NAME = 255
PARTIAL_LETTERS = 24
PARTIAL_SUFFIX = ".partial"

# Windows knows neither the first, nor Linux and macOS the second.
OPEN_FLAGS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

# Where Linux keeps the access control list of a file.
ACL = "system.posix_acl_access"


def as_path(path: Any, name: str) -> Path:
    """Return the path that a caller means, or raise an error that names it.

    Parameters
    ----------
    path : str or path-like
        What the caller passed; "~" and "~user" at its beginning stand for the folder
        of a user.

    name : str
        What the caller calls it.

    Returns
    -------
    path : Path
        The path.

    Raises
    ------
    TypeError
        If it is not a path.

    ValueError
        If no system could have such a path, or if there is no such user.
    """
    try:
        found = Path(path)
    except TypeError as error:
        raise TypeError(
            f"{name}={show(path)} is not a path. Pass a str or a pathlib.Path."
        ) from error
    if isinstance(path, str) and not path:
        raise ValueError(f"{name} is an empty string. Pass a path.")
    if "\0" in str(found):
        raise ValueError(f"{name}={show(path)} contains a null character. Remove it.")
    try:
        os.fsencode(found)
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name}={show(path)} contains a character that file names cannot contain. "
            "Remove it."
        ) from error
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in found.parts):
        raise ValueError(
            f"{name}={show(path)} has a part of more than {LONGEST_NAME} bytes, which "
            "file systems do not accept. Shorten it."
        )
    if not os.fspath(path).startswith("~"):  # "./~" is "~" to pathlib
        return found
    try:
        return found.expanduser()
    except RuntimeError as error:
        raise ValueError(
            f"{name}={show(path)} begins with the home folder of a user, which is not "
            "known. Write the whole path out."
        ) from error


def as_output_path(path: Any, name: str) -> Path:
    """Return the path of a file to write, or find out early that it cannot be written.

    Parameters
    ----------
    path : str or path-like
        What the caller passed, as for `as_path`.

    name : str
        What the caller calls it.

    Returns
    -------
    path : Path
        The path.

    Raises
    ------
    TypeError, ValueError
        As for `as_path`.

    OSError
        If `write_atomically` could not write to it.
    """
    file = as_path(path, name)
    try:
        # "folder/" and "folder/." are "folder" to pathlib, but not to the system.
        if os.path.basename(os.fspath(path)) in {"", ".", ".."}:  # noqa: PTH119
            raise IsADirectoryError(errno.EISDIR, "it is the path of a folder")
        find_target(file)
    except OSError as error:
        raise OSError(
            error.errno,
            f"{name}={os.fspath(path)!r} cannot be written ({error.strerror}). Pass "
            "the path of a file in a folder that exists and may be written to",
        ) from error
    return file


def open_regular(path: Path) -> BufferedReader:
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
    descriptor = os.open(path, os.O_RDONLY | OPEN_FLAGS)
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
            f"{os.fspath(path)!r} is a {_kind_of(status)}. Pass the path of a regular "
            "file."
        )


def _kind_of(status: os.stat_result) -> str:
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
        The file; see `replacing`.

    content : bytes
        What it shall hold.

    Raises
    ------
    OSError
        If the file cannot be written; one that was there before is untouched.
    """
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise OSError(
            error.errno,
            f"{os.fspath(path)!r} could not be written ({error.strerror}); a file that "
            "was there before is untouched. Check that the folder exists and may be "
            "written to, and that the disk has room",
        ) from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BufferedWriter]:
    """Open a file that takes the place of another when the context ends without error.

    The rights are those that ``open(path, "wb")`` would give: a new file has the mode
    that the umask and the folder leave, an existing one keeps its mode, its access
    control list and, where the system allows, its group and owner. A symbolic link
    stays, and what it leads to is replaced. Other hard links keep the old content.

    Parameters
    ----------
    path : Path
        The file, which may exist.

    Yields
    ------
    file : file object
        A new file beside it, opened for writing in binary mode.

    Raises
    ------
    OSError
        If the path leads to a folder, a named pipe, a socket, a device or an open file
        of a process, or to a file that may not be written to; or if the new file
        cannot be written.
    """
    target, status = find_target(path)
    partial = target.with_name(
        f"{_partial_prefix(target)}{secrets.token_hex(8)}{PARTIAL_SUFFIX}"
    )
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | OPEN_FLAGS
    # Until it has the rights of the old file, nobody else may read the new one.
    descriptor = os.open(partial, flags, 0o666 if status is None else 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if status is not None:
                _copy_permissions(descriptor, target, status)
            yield file
            file.flush()
            os.fsync(descriptor)
        partial.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    _sync_folder(target.parent)


def partial_files(path: Path) -> list[Path]:
    """Return the files beside a path that are being written, or were, in its place."""
    return [
        file
        for file in path.parent.iterdir()
        if file.name.startswith(_partial_prefix(path))
        and file.name.endswith(PARTIAL_SUFFIX)
    ]


def _partial_prefix(path: Path) -> str:
    return f".{path.name[:PARTIAL_LETTERS]}."


def find_target(path: Path) -> tuple[Path, os.stat_result | None]:
    """Return which file to replace, links followed, and its status if it exists.

    Parameters
    ----------
    path : Path
        The path that is to be written.

    Returns
    -------
    target : Path
        The file that it leads to.

    status : os.stat_result or None
        The status of that file; None if it does not exist.

    Raises
    ------
    OSError
        If it cannot be replaced; `strerror` is the reason.
    """
    status: os.stat_result | None = None
    with contextlib.suppress(FileNotFoundError):
        status = path.stat()
    if status is not None:
        _refuse_to_replace(path, status)
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "its folder does not exist")
    if not os.access(
        target.parent,
        os.W_OK | os.X_OK,
        effective_ids=os.access in os.supports_effective_ids,
    ):
        raise PermissionError(errno.EACCES, "its folder may not be written to")
    return target, status


def _refuse_to_replace(path: Path, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, f"it is a {_kind_of(status)}")
    if _is_descriptor(path):
        raise OSError(errno.EINVAL, "it is an open file of a process")
    try:
        os.close(os.open(path, os.O_WRONLY | OPEN_FLAGS))
    except OSError as error:
        raise OSError(
            error.errno, f"it exists and may not be written to: {error.strerror}"
        ) from error


def _is_descriptor(path: Path) -> bool:
    """Return whether a path leads through /proc, as /dev/stdout does on Linux.

    To replace the file behind it would part the process from what it writes to.
    """
    while path.is_symlink():
        if Path(os.path.realpath(path.parent)).parts[:2] == ("/", "proc"):
            return True
        path = path.parent / path.readlink()
    return False


def _copy_permissions(descriptor: int, path: Path, status: os.stat_result) -> None:
    """Give a new file the owner, the group and the rights of an old one."""
    mode = stat.S_IMODE(status.st_mode) & 0o777
    if hasattr(os, "fchown"):  # not on Windows
        with contextlib.suppress(OSError):  # only root may give a file away
            os.fchown(descriptor, status.st_uid, -1)
        try:
            os.fchown(descriptor, -1, status.st_gid)
        except OSError:
            # The new group gets no right that the old one alone had.
            os.fchmod(descriptor, mode & (0o707 | (mode & 0o007) << 3))
            return
    if hasattr(os, "fchmod"):
        # Some file systems have no modes.
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, mode)
    if hasattr(os, "getxattr"):  # on Linux
        # Most files have no list, and some file systems none at all.
        with contextlib.suppress(OSError):
            os.setxattr(descriptor, ACL, os.getxattr(path, ACL))


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk, too, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    # The file is there already. A folder that may be written to and not be read, or a
    # file system of a network, may refuse this.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# What a tree may lead to that can be read and describes nothing that can be made.
# PyTorch asserts what its optimizers' parameters have to be.
UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)
