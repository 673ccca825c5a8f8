"""Paths, and files that are read or written safely."""

import os
import socket
from pathlib import Path

import pytest

from contrastive_clustering._files import open_regular


@pytest.fixture(params=["named pipe", "socket", "device"])
def no_file(request, tmp_path):
    """Something that is neither a regular file nor a folder, and what it is."""
    path = tmp_path / "no file"
    if request.param == "named pipe":
        os.mkfifo(path)
    elif request.param == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    else:
        path.symlink_to("/dev/zero")
    return path, request.param


def test_regular_files_are_opened_also_through_links(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"content"


def test_pipes_sockets_and_devices_are_not_read(no_file, tmp_path):
    path, kind = no_file
    (tmp_path / "link").symlink_to(path)
    for each in (path, tmp_path / "link"):
        with pytest.raises(ValueError, match=rf"{each.name}' is a {kind}\. Pass"):
            open_regular(each)


def test_a_pipe_that_takes_the_place_of_a_file_is_not_read(tmp_path, monkeypatch):
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
