import hashlib
import multiprocessing
import os
import threading
from io import BytesIO
from queue import SimpleQueue
from typing import ClassVar

import pytest

from contrastive_clustering._utils import download as _download
from contrastive_clustering._utils.download import download


@pytest.fixture
def source(tmp_path):
    """Return the address of a file and its digest."""
    path = tmp_path / "source.npz"
    path.write_bytes(bytes(range(256)) * 1000)
    return path.as_uri(), hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "target"
    folder.mkdir()
    return folder / "images.npz"


def test_files_are_downloaded_completely(source, target, capsys):
    download(source[0], target, source[1], verbose=0)
    assert target.read_bytes() == bytes(range(256)) * 1000
    assert list(target.parent.iterdir()) == [target]
    assert capsys.readouterr() == ("", "")


def test_progress_is_shown_if_verbose(source, target, capsys):
    download(source[0], target, source[1], verbose=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith(
        "download of images.npz 256k/256k bytes, after "
    )


def test_servers_without_a_content_length(source, target, monkeypatch, capsys):
    class Response(BytesIO):
        headers: ClassVar = {}

    content = b"x" * 100_000
    monkeypatch.setattr(_download, "urlopen", lambda *_, **__: Response(content))
    digest = hashlib.md5(content).hexdigest()
    download("https://example.org/images.npz", target, digest, verbose=1)
    assert target.read_bytes() == content
    assert capsys.readouterr().err.startswith("download of images.npz 100k bytes")


def test_damaged_downloads_keep_the_old_file(source, target):
    target.write_text("old")
    with pytest.raises(ValueError, match="was damaged and has been deleted: its MD5"):
        download(source[0], target, "0" * 32, verbose=0)
    assert target.read_text() == "old"
    assert list(target.parent.iterdir()) == [target]


def test_broken_connections_leave_no_file(source, target, monkeypatch):
    class Response(BytesIO):
        headers: ClassVar = {"Content-Length": "1000"}

        def read(self, size):
            if self.tell():
                raise ConnectionResetError("gone")
            return super().read(10)

    monkeypatch.setattr(_download, "urlopen", lambda *_, **__: Response(bytes(20)))
    with pytest.raises(OSError, match="gone"):
        download(source[0], target, source[1], verbose=0)
    assert list(target.parent.iterdir()) == []


def test_missing_files_are_errors(source, target):
    with pytest.raises(OSError, match="nowhere"):
        download(source[0].replace("source", "nowhere"), target, source[1], verbose=0)
    assert list(target.parent.iterdir()) == []


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_concurrent_downloads_of_one_file(source, target, monkeypatch, kind):
    if kind == "threads":
        worker, barrier, queue = threading.Thread, threading.Barrier(4), SimpleQueue()
    else:
        fork = multiprocessing.get_context("fork")
        worker, barrier, queue = fork.Process, fork.Barrier(4), fork.SimpleQueue()
    content = bytes(range(256)) * 1000

    class Response(BytesIO):
        headers: ClassVar = {}

        def read(self, size):
            chunk = super().read(size)
            if not chunk:  # all of them have written, and none has renamed its file
                barrier.wait(timeout=60)
            return chunk

    def work():
        try:
            download(source[0], target, source[1], verbose=0)
            queue.put("done")
        except Exception as error:
            queue.put(str(error))

    monkeypatch.setattr(_download, "urlopen", lambda *_, **__: Response(content))
    workers = [worker(target=work) for _ in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert [queue.get() for _ in workers] == ["done"] * 4
    assert target.read_bytes() == content
    assert list(target.parent.iterdir()) == [target]


def test_a_pipe_is_not_replaced(source, target):
    os.mkfifo(target)
    with pytest.raises(OSError, match="it is a named pipe"):
        download(source[0], target, source[1], verbose=0)
    assert target.is_fifo()
