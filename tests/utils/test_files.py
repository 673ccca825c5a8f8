"""Checks of paths, and safe reading and writing of files."""

import contextlib
import os
import shutil
import stat
import tempfile
import threading
from pathlib import Path

import pytest

from contrastive_clustering._utils.files import (
    as_output_path,
    as_path,
    open_regular,
    partial_files,
    replacing,
    write_atomically,
)

NOBODY = 65534

pytestmark = pytest.mark.usefixtures("umask")


@contextlib.contextmanager
def as_nobody():
    """Drop all privileges, even if root runs the tests."""
    is_root = os.geteuid() == 0
    if is_root:
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
            os.setegid(0)


@pytest.fixture
def open_folder():
    """Return a world-writable folder, as others cannot enter pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


# --- paths ---------------------------------------------------------------------------


@pytest.mark.parametrize("convert", [str, Path])
def test_tilde_is_the_home_folder(home, convert):
    assert as_path(convert("~/a/~b"), "path") == home / "a" / "~b"
    assert as_path(convert("~"), "path") == home
    assert as_path(convert("a/~"), "path") == Path("a/~")
    assert as_path("./~a", "path") == as_path("./~a/.", "path") == Path("~a")


def test_tilde_and_a_name_is_the_home_folder_of_that_user():
    pwd = pytest.importorskip("pwd")
    user = pwd.getpwuid(os.getuid())
    assert as_path(f"~{user.pw_name}/a", "path") == Path(user.pw_dir, "a")
    with pytest.raises(ValueError, match=r"='~nobody-at-all/a'.*cannot be determined"):
        as_path("~nobody-at-all/a", "folder")


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        (3, TypeError, r"folder=3 is not a path\. Pass a str or"),
        (b"file", TypeError, "folder=.* is not a path"),
        (None, TypeError, "folder=None is not a path"),
        (["secret"], TypeError, "^(?!.*secret)folder=<list of 1 "),
        ("", ValueError, "folder is an empty string"),
        ("a\0b", ValueError, "folder='a.*null character"),
        ("~a\0b", ValueError, "folder='~a.*null character"),
        ("\ud800", ValueError, "folder=.*character that is not allowed in file"),
        ("~\ud800", ValueError, "folder=.*character that is not allowed in file"),
    ],
)
def test_invalid_paths_are_errors(path, error, message):
    with pytest.raises(error, match=message):
        as_path(path, "folder")


# --- reading -------------------------------------------------------------------------


def test_regular_files_are_opened_through_links(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"content"


def test_pipes_sockets_and_devices_are_not_read(special_file, tmp_path):
    path, kind = special_file
    (tmp_path / "link").symlink_to(path)
    for each in (path, tmp_path / "link"):
        with pytest.raises(ValueError, match=rf"{each.name}' is a {kind}\. Pass"):
            open_regular(each)


def test_pipes_that_replace_a_file_are_not_read(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"content")
    os.mkfifo(tmp_path / "pipe")
    status = (tmp_path / "file").stat()
    monkeypatch.setattr(Path, "stat", lambda path: status)
    with pytest.raises(ValueError, match="is a named pipe"):
        open_regular(tmp_path / "pipe")


def test_folders_and_missing_files_are_not_read(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "missing")


# --- writing -------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [0o002, 0o022, 0o027, 0o077])
def test_new_files_have_the_mode_and_group_of_open(tmp_path, mask):
    tmp_path.chmod(0o2775)
    if os.geteuid() == 0:
        os.chown(tmp_path, -1, NOBODY)
    os.umask(mask)
    (tmp_path / "other").write_bytes(b"")
    write_atomically(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"
    assert mode(tmp_path / "file") == mode(tmp_path / "other") == 0o666 & ~mask
    assert (tmp_path / "file").stat().st_gid == tmp_path.stat().st_gid


@pytest.mark.parametrize("before", [0o600, 0o640, 0o664, 0o666, 0o755, 0o444])
def test_existing_files_keep_their_mode(tmp_path, before):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(before)
    if os.access(path, os.W_OK):  # of a mode of 0o444 root alone can say so
        write_atomically(path, b"new")
        assert path.read_bytes() == b"new"
    assert mode(path) == before


def test_replacements_of_private_files_stay_private(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o600)
    with replacing(path):
        (partial,) = partial_files(path)
        assert mode(partial) == 0o600


def test_existing_files_keep_owner_and_group_if_possible(open_folder):
    path = open_folder / "file"
    path.write_bytes(b"old")
    path.chmod(0o664)
    if os.geteuid() != 0:
        pytest.skip("only root may give a file away")
    os.chown(path, 1234, 4321)
    write_atomically(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)
    # Other users become owners, and their group gets no permission of the old one.
    path.chmod(0o666 & ~0o004 | 0o020)
    with as_nobody():
        write_atomically(path, b"newer")
    assert path.read_bytes() == b"newer"
    assert (path.stat().st_uid, path.stat().st_gid) == (NOBODY, NOBODY)
    assert mode(path) == 0o622


def test_existing_files_keep_their_access_control_list(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    # Version 2; tag, permissions and ID of the owner, a user, group, mask and others.
    entries = [(1, 6, -1), (2, 4, 1234), (4, 4, -1), (16, 4, -1), (32, 0, -1)]
    rights = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little")
        + allowed.to_bytes(2, "little")
        + (number % 2**32).to_bytes(4, "little")
        for tag, allowed, number in entries
    )
    try:
        os.setxattr(path, "system.posix_acl_access", rights)
    except (AttributeError, OSError):
        pytest.skip("needs a file system with access control lists")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.getxattr(path, "system.posix_acl_access") == rights


def test_links_are_kept(tmp_path):
    (tmp_path / "models").mkdir()
    target = tmp_path / "models" / "first"
    target.write_bytes(b"old")
    target.chmod(0o640)
    (tmp_path / "latest").symlink_to("models/first")
    (tmp_path / "current").symlink_to("latest")
    write_atomically(tmp_path / "current", b"new")
    assert (tmp_path / "current").readlink() == Path("latest")
    assert (tmp_path / "latest").readlink() == Path("models/first")
    assert target.read_bytes() == b"new"
    assert mode(target) == 0o640
    assert list(target.parent.iterdir()) == [target]


def test_targets_of_dangling_links_are_created(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "latest").symlink_to("models/first")
    write_atomically(tmp_path / "latest", b"new")
    assert (tmp_path / "latest").is_symlink()
    assert (tmp_path / "models" / "first").read_bytes() == b"new"
    (tmp_path / "lost").symlink_to("nowhere/first")
    with pytest.raises(FileNotFoundError, match="its folder does not exist"):
        write_atomically(tmp_path / "lost", b"new")
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(OSError, match="symbolic links"):
        write_atomically(tmp_path / "circle", b"new")
    assert (tmp_path / "circle").is_symlink()


def test_read_only_files_are_kept(open_folder):
    path = open_folder / "file"
    path.write_bytes(b"old")
    path.chmod(0o444)
    (open_folder / "link").symlink_to("file")
    for each in (path, open_folder / "link"):
        with (
            as_nobody(),
            pytest.raises(PermissionError, match="it exists and is not writable"),
        ):
            write_atomically(each, b"new")
    open_folder.chmod(0o555)
    with (
        as_nobody(),
        pytest.raises(PermissionError, match="its folder is not writable"),
    ):
        write_atomically(open_folder / "new", b"new")
    assert path.read_bytes() == b"old"
    assert len(list(open_folder.iterdir())) == 2


def test_pipes_sockets_and_devices_are_not_replaced(special_file, tmp_path):
    path, kind = special_file
    (tmp_path / "link").symlink_to(path)
    before = path.stat()
    for each in (path, tmp_path / "link"):
        with pytest.raises(OSError, match=rf"{each.name}'.*\(it is a {kind}\)"):
            write_atomically(each, b"new")
        with pytest.raises(OSError, match=rf"out='.*{each.name}'.*\(it is a {kind}\)"):
            as_output_path(each, "out")
    assert os.path.samestat(path.stat(), before)
    assert len(list(tmp_path.iterdir())) == 2


def test_open_files_of_a_process_are_not_replaced(tmp_path):
    if not Path("/proc/self/fd").exists():
        pytest.skip("needs the folder /proc of Linux")
    path = tmp_path / "output"
    with path.open("wb") as file:
        (tmp_path / "link").symlink_to(f"/dev/fd/{file.fileno()}")
        for each in (f"/proc/self/fd/{file.fileno()}", tmp_path / "link"):
            with pytest.raises(OSError, match="it is an open file of a process"):
                write_atomically(Path(each), b"new")
        file.write(b"old")
    assert path.read_bytes() == b"old"


def test_folders_are_not_replaced(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    for path in (tmp_path, tmp_path / "link", Path("/")):
        with pytest.raises(IsADirectoryError, match="it is a folder"):
            write_atomically(path, b"new")
    for text in (f"{tmp_path}/new/", f"{tmp_path}/new/.", f"{tmp_path}/..", "~"):
        with pytest.raises(IsADirectoryError, match=r"path='.*it is .*a folder"):
            as_output_path(text, "path")


@pytest.mark.parametrize("letter", ["x", "ä", "字", "🩻"])
def test_the_longest_names_work(tmp_path, letter):
    n = 255 // len(letter.encode())
    path = tmp_path / (letter * n)
    for content in (b"new", b"newer"):
        write_atomically(as_output_path(path, "path"), content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ValueError, match=r"path='.*a component of more than 255 bytes"):
        as_output_path(tmp_path / (letter * (n + 1)), "path")


@pytest.mark.parametrize(("letter", "n"), [("x", 255), ("字", 255), ("🩻", 127)])
def test_names_on_windows_are_limited_by_code_units(monkeypatch, letter, n):
    monkeypatch.setattr("sys.platform", "win32")
    assert as_path(letter * n, "path").name == letter * n
    with pytest.raises(ValueError, match="component of more than 255"):
        as_path(letter * (n + 1), "path")


def test_output_paths_are_checked_and_not_modified(tmp_path, home):
    (tmp_path / "file").write_bytes(b"old")
    assert as_output_path("~/new", "path") == home / "new"
    assert as_output_path(tmp_path / "file", "path") == tmp_path / "file"
    assert (tmp_path / "file").read_bytes() == b"old"
    assert list(home.iterdir()) == []
    for path in (tmp_path / "nowhere" / "new", tmp_path / "file" / "new"):
        with pytest.raises(OSError, match=r"path='.*new' cannot be written \(.*\)\. P"):
            as_output_path(path, "path")


def test_errors_leave_only_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write_half():
        with replacing(path) as file:
            file.write(b"new")
            assert len(partial_files(path)) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_other_files_are_not_mistaken_for_partial_ones(tmp_path):
    for name in (".file.swp", ".file", "file.partial", ".file2.a.partial"):
        (tmp_path / name).write_bytes(b"")
    assert partial_files(tmp_path / "file") == []


def test_concurrent_writes_leave_one_complete_file(tmp_path):
    path = tmp_path / "file"
    contents = [bytes([i]) * 10_000 for i in range(8)]
    threads = [
        threading.Thread(target=write_atomically, args=(path, content))
        for content in contents
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


def test_folders_that_cannot_be_synced(tmp_path, monkeypatch):
    sync = os.fsync

    def refusing(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", refusing)
    write_atomically(tmp_path / "file", b"content")
    monkeypatch.delattr(os, "O_DIRECTORY")  # as on Windows
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
