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
    """A file of some size, and its digest; it has an address of its own."""
    path = tmp_path / "source.npz"
    path.write_bytes(bytes(range(256)) * 1000)
    return path.as_uri(), hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "target"
    folder.mkdir()
    return folder / "images.npz"


def test_a_file_comes_whole(source, target, capsys):
    download(source[0], target, source[1], verbose=0)
    assert target.read_bytes() == bytes(range(256)) * 1000
    assert list(target.parent.iterdir()) == [target]
    assert capsys.readouterr() == ("", "")


def test_its_progress_is_shown_when_asked_for(source, target, capsys):
    download(source[0], target, source[1], verbose=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith(
        "download of images.npz 256k/256k bytes, after "
    )


def test_a_server_may_not_say_how_much_there_is(source, target, monkeypatch, capsys):
    class Response(BytesIO):
        headers: ClassVar = {}

    content = b"x" * 100_000
    monkeypatch.setattr(_download, "urlopen", lambda *_, **__: Response(content))
    digest = hashlib.md5(content).hexdigest()
    download("https://example.org/images.npz", target, digest, verbose=1)
    assert target.read_bytes() == content
    assert capsys.readouterr().err.startswith("download of images.npz 100k bytes")


def test_damage_leaves_what_was_there(source, target):
    target.write_text("old")
    with pytest.raises(ValueError, match="was damaged and has been deleted: its MD5"):
        download(source[0], target, "0" * 32, verbose=0)
    assert target.read_text() == "old"
    assert list(target.parent.iterdir()) == [target]


def test_a_connection_that_breaks_leaves_nothing(source, target, monkeypatch):
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


def test_what_is_not_there_is_an_error(source, target):
    with pytest.raises(OSError, match="nowhere"):
        download(source[0].replace("source", "nowhere"), target, source[1], verbose=0)
    assert list(target.parent.iterdir()) == []


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_several_may_download_one_file_at_once(source, target, monkeypatch, kind):
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
