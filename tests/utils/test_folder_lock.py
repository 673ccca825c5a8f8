"""Locks on checkpoint folders."""

import contextlib
import errno
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from contrastive_clustering._utils import folder_lock as _folder_lock
from contrastive_clustering._utils.folder_lock import LOCK_NAME, locked_folder

FILE = "checkpoint.safetensors"
PARTIAL = f".{FILE}.0123.partial"

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]


def lock(folder):
    with locked_folder(folder, FILE) as found:
        return found


@contextlib.contextmanager
def child(work):
    """Run a context in a process; yield its ID while the context is active."""
    ready, done = os.pipe(), os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(done[1])
            with work():
                os.write(ready[1], b"x")
                os.read(done[0], 1)  # until the parent closes it, or ends
        finally:
            os._exit(0)
    os.close(ready[1])
    os.close(done[0])
    assert os.read(ready[0], 1) == b"x"
    try:
        yield process
    finally:
        os.close(done[1])
        os.close(ready[0])
        os.waitpid(process, 0)


def test_folders_are_created_and_left_empty(tmp_path, monkeypatch, home):
    monkeypatch.chdir(tmp_path)
    with locked_folder(Path("a", "b"), FILE) as folder:
        assert folder == tmp_path / "a" / "b"
        assert folder.is_dir()
    assert list(folder.iterdir()) == []
    assert lock("~/c") == home / "c"
    assert lock(None) is None


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_errors_release_the_lock(tmp_path, error):
    def fail():
        with locked_folder(tmp_path, FILE):
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []
    lock(tmp_path)


def test_other_threads_are_rejected(tmp_path):
    (tmp_path / PARTIAL).write_bytes(b"half")
    with locked_folder(tmp_path, FILE), ThreadPoolExecutor(1) as pool:
        assert not (tmp_path / PARTIAL).exists()
        (tmp_path / PARTIAL).write_bytes(b"half of the first")
        with pytest.raises(
            ValueError,
            match=r"checkpoint_dir='.*' is in use: another thread of this process is "
            r"training with it\. Wait.*another checkpoint_dir",
        ):
            pool.submit(lock, tmp_path).result()
        assert (tmp_path / PARTIAL).exists()
    assert lock(tmp_path) == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_other_processes_are_named_and_rejected(tmp_path):
    with (
        child(lambda: locked_folder(tmp_path, FILE)) as process,
        pytest.raises(ValueError, match=f"in use: process {process} is training"),
    ):
        lock(tmp_path)
    lock(tmp_path)


def test_killed_processes_leave_no_lock(tmp_path):
    with child(lambda: locked_folder(tmp_path, FILE)) as process:
        (tmp_path / PARTIAL).write_bytes(b"half")
        os.kill(process, signal.SIGKILL)
        os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
        assert {path.name for path in tmp_path.iterdir()} == {LOCK_NAME, PARTIAL}
        with locked_folder(tmp_path, FILE):
            assert [path.name for path in tmp_path.iterdir()] == [LOCK_NAME]
            assert (tmp_path / LOCK_NAME).read_text().split()[0] == str(os.getpid())
    assert list(tmp_path.iterdir()) == []


def test_workers_do_not_keep_the_lock_of_a_killed_fit(tmp_path):
    gate = os.pipe()

    @contextlib.contextmanager
    def fit_with_worker():
        with locked_folder(tmp_path, FILE):
            if os.fork() == 0:  # the worker, which outlives the fit
                os.read(gate[0], 1)
                os._exit(0)
            yield

    try:
        with child(fit_with_worker) as process:
            # The worker has not released the lock either.
            with pytest.raises(ValueError, match="in use"):
                lock(tmp_path)
            os.kill(process, signal.SIGKILL)
            os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
            lock(tmp_path)
    finally:
        os.write(gate[1], b"x")
        os.close(gate[0])
        os.close(gate[1])


@pytest.mark.parametrize(
    ("content", "owner"),
    [
        ("17 elsewhere\n", "process 17 on elsewhere"),
        ("", "another process or thread"),
        ("x" * 1000, "another process or thread"),
        ("17 a b\n", "another process or thread"),
        ("17 \x1b[31m\n", "another process or thread"),
    ],
)
def test_owners_on_other_machines(tmp_path, content, owner):
    with locked_folder(tmp_path, FILE):
        (tmp_path / LOCK_NAME).write_text(content)
        with pytest.raises(ValueError, match=f"in use: {owner} is training"):
            lock(tmp_path)


def test_locks_that_their_owner_removes_are_acquired_again(tmp_path, monkeypatch):
    take, calls = _folder_lock._lock, []

    def take_late(descriptor):
        calls.append(1)
        if len(calls) == 1:  # its last holder ends between opening and locking
            (tmp_path / LOCK_NAME).unlink()
        take(descriptor)

    monkeypatch.setattr(_folder_lock, "_lock", take_late)
    with locked_folder(tmp_path, FILE):
        assert len(calls) == 2
        with pytest.raises(ValueError, match="in use"):
            lock(tmp_path)


def test_locks_of_another_folder_with_the_same_name_are_kept(tmp_path):
    with locked_folder(tmp_path / "folder", FILE) as folder:
        folder.rename(tmp_path / "renamed")
        with locked_folder(folder, FILE):
            pass
        folder.mkdir(exist_ok=True)
        (folder / LOCK_NAME).write_text("of another fit")
    assert (folder / LOCK_NAME).read_text() == "of another fit"


def test_file_systems_without_locks(tmp_path, monkeypatch):
    def refuse(descriptor):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(_folder_lock, "_lock", refuse)
    (tmp_path / PARTIAL).write_bytes(b"half, perhaps of another fit")
    with (
        pytest.warns(UserWarning, match=r"cannot be locked \(No locks available\)"),
        locked_folder(tmp_path, FILE) as folder,
    ):
        assert folder == tmp_path
    assert (tmp_path / PARTIAL).exists()


def test_folders_that_are_not_writable_are_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder" / FILE).mkdir(parents=True)
    for path in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "folder"):
        with pytest.raises(OSError, match=r"checkpoint_dir='.*' cannot be written to"):
            lock(path)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / LOCK_NAME).symlink_to(tmp_path / "file")
    with pytest.raises(OSError, match="cannot be written to"):
        lock(tmp_path / "linked")
    assert (tmp_path / "file").read_text() == "in the way"
    with pytest.raises(TypeError, match="checkpoint_dir=3 is not a path"):
        lock(3)
