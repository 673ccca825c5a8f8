import os
from pathlib import Path

import pytest
from PIL import Image

from contrastive_clustering._images.file_types import (
    has_image_suffix,
    has_single_image,
    is_dicom,
    type_of,
)
from contrastive_clustering._images.loaded import UnreadableFileError

DICOM = bytes(128) + b"DICM"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.png", DICOM, "dicom"),
        ("a.dcm", PNG, "raster"),
        ("a", b"\xff\xd8\xff\xe0", "raster"),
        ("a.jpg", b"II*\0", "raster"),
        ("a.jpg", b"MM\0*", "raster"),
        ("a.NII.GZ", b"\x1f\x8b", "volume"),
        ("a.mha", b"ObjectType", "volume"),
    ],
)
def test_content_counts_more_than_the_suffix(tmp_path, name, content, expected):
    (tmp_path / name).write_bytes(content)
    assert type_of(tmp_path / name) == expected


def test_unusable_files_are_described(tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "no_prefix.dcm").write_bytes(b"\x08\0\x16\0" + bytes(200))
    (tmp_path / "loop.png").symlink_to("loop.png")
    os.mkfifo(tmp_path / "pipe.png")
    for name, message in {
        "folder.png": "^is a folder, not a file$",
        "empty.png": "^is empty$",
        "text.png": "^is not in a known format: its first bytes",
        "no_prefix.dcm": "^has the suffix of a DICOM file, but not .* If a viewer",
        "none.png": "^does not exist$",
        "loop.png": "^cannot be opened ",
        "pipe.png": "^is a pipe, a socket or a device$",
    }.items():
        with pytest.raises(UnreadableFileError, match=message):
            type_of(tmp_path / name)
        assert not is_dicom(tmp_path / name)


@pytest.mark.parametrize("name", ["PNG", "JPEG", "TIFF"])
def test_png_and_jpeg_files_have_a_single_image(tmp_path, name):
    path = tmp_path / "image.png"
    assert not has_single_image(path)
    Image.new("L", (8, 8)).save(path, name)
    assert has_single_image(path) == (name != "TIFF")


def test_locked_folders_are_described(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UnreadableFileError, match=r"^is a folder that is locked$"):
        type_of(tmp_path)


def test_suffixes_are_compared_in_lower_case():
    assert has_image_suffix(Path("a.DCM"))
    assert has_image_suffix(Path("a.nii.gz"))
    assert not has_image_suffix(Path("a.gz"))
