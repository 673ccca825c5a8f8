"""Check paths, and read and write files safely."""

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import Any

from contrastive_clustering._utils.messages import show

# Most file systems limit names to this many bytes, those of Windows to this many UTF-16
# code units. The name of a partial file begins with the first letters of the target's
# name, each of at most 4 bytes.
MAX_NAME_LENGTH = 255
PARTIAL_LETTERS = 24
PARTIAL_SUFFIX = ".partial"

# O_NONBLOCK does not exist on Windows, O_BINARY only there.
OPEN_FLAGS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

# Extended attribute with a file's access control list on Linux.
ACL = "system.posix_acl_access"


def as_path(path: Any, name: str) -> Path:
    """Return the input as a `Path`, or raise an error that names the parameter.

    Parameters
    ----------
    path : str or path-like
        The caller's input; a leading "~" or "~user" is expanded to a home folder.

    name : str
        Parameter name used in error messages.

    Returns
    -------
    path : Path
        The path.

    Raises
    ------
    TypeError
        If the input is not a path.

    ValueError
        If the path is invalid, or if its user does not exist.
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
            f"{name}={show(path)} contains a character that is not allowed in file "
            "names. Remove it."
        ) from error
    if any(_name_length(part) > MAX_NAME_LENGTH for part in found.parts):
        raise ValueError(
            f"{name}={show(path)} has a component of more than {MAX_NAME_LENGTH} "
            "bytes (on Windows, characters), which file systems do not accept. Shorten "
            "it."
        )
    if not os.fspath(path).startswith("~"):  # "./~" is "~" to pathlib
        return found
    try:
        return found.expanduser()
    except RuntimeError as error:
        raise ValueError(
            f"{name}={show(path)} begins with a home folder that cannot be determined. "
            "Write out the full path."
        ) from error


def _name_length(part: str) -> int:
    """Return the length of a name in the unit that the system counts."""
    if sys.platform == "win32":
        return len(part.encode("utf-16-le", "surrogatepass")) // 2
    return len(os.fsencode(part))


def as_output_path(path: Any, name: str) -> Path:
    """Return the path of a file to write, or fail early if it cannot be written.

    Parameters
    ----------
    path : str or path-like
        The caller's input, as for `as_path`.

    name : str
        Parameter name used in error messages.

    Returns
    -------
    path : Path
        The path.

    Raises
    ------
    TypeError, ValueError
        As for `as_path`.

    OSError
        If `write_atomically` could not write the file.
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
            "the path of a file in an existing, writable folder",
        ) from error
    return file


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading, without ever blocking on a pipe or device.

    Raises
    ------
    OSError
        If the file does not exist, is not readable, or is a folder.

    ValueError
        If the path is a named pipe, a socket or a device.
    """
    _reject_unreadable(path.stat(), path)
    descriptor = os.open(path, os.O_RDONLY | OPEN_FLAGS)
    try:
        # The file may have been replaced since the first check.
        _reject_unreadable(os.fstat(descriptor), path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _reject_unreadable(status: os.stat_result, path: Path) -> None:
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
    """Return the type of a file that is neither regular nor a folder in words."""
    kinds = {stat.S_IFIFO: "named pipe", stat.S_IFSOCK: "socket"}
    return kinds.get(stat.S_IFMT(status.st_mode), "device")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file atomically; see `replacing`.

    If that is not possible, an OSError is raised, and an existing file is left
    unchanged.
    """
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise OSError(
            error.errno,
            f"{os.fspath(path)!r} could not be written ({error.strerror}); an existing "
            "file is unchanged. Check that the folder exists and is writable, that the "
            "disk has free space, and that no other program has the file open",
        ) from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BufferedWriter]:
    """Open a file that replaces another when the context ends without an error.

    Permissions are the same as with ``open(path, "wb")``: a new file follows the umask
    and its folder; an existing one keeps its mode, its access control list and, if the
    system allows it, its group and owner. A symbolic link is kept and its target is
    replaced. Other hard links keep the old content.

    Parameters
    ----------
    path : Path
        The file, which may exist.

    Yields
    ------
    file : file object
        A new file in the same folder, opened for writing in binary mode.

    Raises
    ------
    OSError
        If the path is a folder, a named pipe, a socket, a device, an open file of a
        process or a read-only file, or if the new file cannot be written.
    """
    target, status = find_target(path)
    partial = target.with_name(
        f"{_partial_prefix(target)}{secrets.token_hex(8)}{PARTIAL_SUFFIX}"
    )
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | OPEN_FLAGS
    # Only the owner may read the new file until the old permissions are copied.
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
    """Return the partial files of current or interrupted writes to a path."""
    return [
        file
        for file in path.parent.iterdir()
        if file.name.startswith(_partial_prefix(path))
        and file.name.endswith(PARTIAL_SUFFIX)
    ]


def _partial_prefix(path: Path) -> str:
    return f".{path.name[:PARTIAL_LETTERS]}."


def find_target(path: Path) -> tuple[Path, os.stat_result | None]:
    """Follow links and return the file to replace, with its status if it exists.

    If it cannot be replaced, an OSError is raised, whose `strerror` gives the reason.
    """
    status: os.stat_result | None = None
    with contextlib.suppress(FileNotFoundError):
        status = path.stat()
    if status is not None:
        _reject_irreplaceable(path, status)
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "its folder does not exist")
    if not os.access(
        target.parent,
        os.W_OK | os.X_OK,
        effective_ids=os.access in os.supports_effective_ids,
    ):
        raise PermissionError(errno.EACCES, "its folder is not writable")
    return target, status


def _reject_irreplaceable(path: Path, status: os.stat_result) -> None:
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
            error.errno, f"it exists and is not writable: {error.strerror}"
        ) from error


def _is_descriptor(path: Path) -> bool:
    """Return whether a path leads through /proc, as /dev/stdout does on Linux.

    Replacing such a file would disconnect it from the process that writes to it.
    """
    while path.is_symlink():
        if Path(os.path.realpath(path.parent)).parts[:2] == ("/", "proc"):
            return True
        path = path.parent / path.readlink()
    return False


def _copy_permissions(descriptor: int, path: Path, status: os.stat_result) -> None:
    """Give a new file the owner, the group and the permissions of an old one."""
    mode = stat.S_IMODE(status.st_mode) & 0o777
    if hasattr(os, "fchown"):  # not on Windows
        with contextlib.suppress(OSError):  # only root may change the owner
            os.fchown(descriptor, status.st_uid, -1)
        try:
            os.fchown(descriptor, -1, status.st_gid)
        except OSError:
            # The new group gets only the permissions that others already had.
            os.fchmod(descriptor, mode & (0o707 | (mode & 0o007) << 3))
            return
    if hasattr(os, "fchmod"):
        # Some file systems do not support modes.
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, mode)
    if hasattr(os, "getxattr"):  # on Linux
        # Most files have no such list, and some file systems do not support them.
        with contextlib.suppress(OSError):
            os.setxattr(descriptor, ACL, os.getxattr(path, ACL))


def _sync_folder(folder: Path) -> None:
    """Flush the new directory entry to disk if the system supports it."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    # The file itself is already on disk. Folders without read permission and network
    # file systems may refuse this.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# Errors of building an object from a readable tree that does not describe a valid one.
# PyTorch's optimizers check their parameters with assert.
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
