"""Lock the checkpoint folder of a fit against other fits."""

import contextlib
import errno
import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from contrastive_clustering._utils.caller_warnings import warn
from contrastive_clustering._utils.distributed import run_on_first_rank
from contrastive_clustering._utils.files import (
    OPEN_FLAGS,
    as_path,
    find_target,
    partial_files,
)

LOCK_NAME = ".checkpoint.lock"

# Content of a lock file: process ID and host name of the owner.
OWNER = re.compile(r"(\d{1,10}) ([\w.-]{1,64})\n")
OWNER_BYTES = 100

if sys.platform == "win32":
    import msvcrt

    # Others cannot read a locked byte, so it lies beyond the content of the file.
    LOCKED_BYTE = 2**20

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        # Unlike lockf, flock also excludes other threads of this process.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FolderLock:
    """Lock on a folder; the system releases it however the process ends.

    Parameters
    ----------
    folder : Path
        The folder.

    Raises
    ------
    FolderInUseError
        If another fit holds the lock.

    OSError
        If the folder is not writable.

    Warns
    -----
    UserWarning
        If the file system does not support locks.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK_NAME
        self.descriptor = self._open()
        _held.add(self)

    def _open(self) -> int | None:
        """Return the locked file, or None if locks are not supported."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | OPEN_FLAGS
        owner = f"{os.getpid()} {socket.gethostname()}\n"
        while True:
            descriptor = os.open(self.path, flags, 0o666)
            try:
                locked = self._take(descriptor)
                # The previous owner may have removed the opened file.
                if locked and self._is_current(descriptor):
                    os.ftruncate(descriptor, 0)
                    os.write(descriptor, owner.encode())
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
            if not locked:
                return None

    def _take(self, descriptor: int) -> bool:
        try:
            _lock(descriptor)
        except OSError as error:
            if error.errno in {errno.EACCES, errno.EAGAIN}:
                raise FolderInUseError(_read_owner(descriptor)) from error
            warn(
                f"checkpoint_dir={os.fspath(self.path.parent)!r} cannot be locked "
                f"({error.strerror}). Make sure that no other fit uses it.",
            )
            return False
        return True

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Remove the file, and with it the lock."""
        _held.discard(self)
        if self.descriptor is None:  # no locks, or in a forked child
            return
        # Windows cannot remove an open file; the next fit reuses it.
        with contextlib.suppress(OSError):
            if self._is_current(self.descriptor):
                self.path.unlink()
        self.abandon()

    def abandon(self) -> None:
        """Close the file; a parent process that forked this one keeps the lock."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


class FolderInUseError(Exception):
    """Another fit, named in the text, holds the lock of a folder."""


_held: set[FolderLock] = set()


def _abandon_all() -> None:
    for lock in _held:
        lock.abandon()
    _held.clear()


# Data-loading workers would otherwise keep the lock of a killed process.
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_abandon_all)


def _read_owner(descriptor: int) -> str:
    """Return the owner of a lock, as named in its file."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    text = os.read(descriptor, OWNER_BYTES).decode(errors="replace")
    found = OWNER.fullmatch(text)
    if found is None:
        return "another process or thread"
    process, machine = int(found[1]), found[2]
    if machine != socket.gethostname():
        return f"process {process} on {machine}"
    if process == os.getpid():
        return "another thread of this process"
    return f"process {process}"


@contextlib.contextmanager
def locked_folder(path: object, file_name: str) -> Iterator[Path | None]:
    """Prepare the checkpoint folder of a fit and keep other fits out of it.

    In distributed training, process 0 prepares and locks the folder.

    Parameters
    ----------
    path : str, path-like or None
        `checkpoint_dir` as passed by the caller; the folder is created if it does not
        exist.

    file_name : str
        Name of the checkpoint file in the folder.

    Yields
    ------
    folder : Path or None
        The folder as an absolute path, which stays valid if the working directory
        changes; None if `path` is None.

    Raises
    ------
    TypeError
        If `path` is not a path.

    ValueError
        If `path` is not valid, or if another fit uses the folder.

    OSError
        If the folder or the file is not writable.
    """
    with contextlib.ExitStack() as stack:
        yield (
            None
            if path is None
            else run_on_first_rank(lambda: _prepare(path, file_name, stack))
        )


def _check_file(file: Path) -> None:
    try:
        find_target(file)
    except OSError as error:
        raise OSError(error.errno, f"{file.name}: {error.strerror}") from error


def _prepare(path: object, file_name: str, stack: contextlib.ExitStack) -> Path:
    """Check before hours of training whether the checkpoint can be written."""
    folder = as_path(path, "checkpoint_dir")
    try:
        folder = folder.absolute()
        folder.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(folder)
        stack.callback(lock.release)
        if lock.descriptor is not None:
            # Left behind by processes that were killed while writing.
            for partial in partial_files(folder / file_name):
                partial.unlink()
        _check_file(folder / file_name)
    except FolderInUseError as error:
        raise ValueError(
            f"checkpoint_dir={os.fspath(folder)!r} is in use: {error} is training with "
            "it. Wait for that fit, stop it, or pass another checkpoint_dir to this "
            "one."
        ) from error
    except OSError as error:
        raise OSError(
            error.errno,
            f"checkpoint_dir={os.fspath(folder)!r} cannot be written to "
            f"({error.strerror}). Pass a writable folder, or checkpoint_dir=None",
        ) from error
    return folder
