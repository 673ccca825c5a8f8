import os
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from contrastive_clustering._images.finding import Entry, find_entries, natural_key


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"content")


def names(entries, folder):
    return [entry.path.relative_to(folder).as_posix() for entry in entries]


def test_natural_order_is_by_numbers_and_ignores_case():
    listed = ["B3", "a10.png", "a9.png", "a09b", "10", "9"]
    expected = ["9", "10", "a09b", "a9.png", "a10.png", "B3"]
    assert sorted(listed, key=natural_key) == expected


def test_folders_are_searched_recursively_in_natural_order(tmp_path):
    touch(tmp_path, "img10.PNG", "img9.jpg", "p10/b.tiff", "p9/a.nii.gz", "p9/c.dcm")
    touch(tmp_path, ".hidden.png", ".git/x.png", "notes.txt")
    (tmp_path / "x.png").mkdir()
    touch(tmp_path, "x.png/in.tif")
    (tmp_path / "IM0001").write_bytes(bytes(128) + b"DICM")
    for index in ("DICOMDIR", "p9/dicomdir"):
        (tmp_path / index).write_bytes(bytes(128) + b"DICM")
    entries, table = find_entries(str(tmp_path), "path")
    assert table is None
    assert names(entries, tmp_path) == [
        "IM0001",
        "img9.jpg",
        "img10.PNG",
        "p9/a.nii.gz",
        "p9/c.dcm",
        "p10/b.tiff",
        "x.png/in.tif",
    ]
    assert [entry.row for entry in entries] == list(range(7))


def test_links_to_folders_are_followed_once(tmp_path):
    touch(tmp_path, "a/1.png", "other/2.png")
    (tmp_path / "a" / "link").symlink_to(tmp_path / "other")
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "again").symlink_to(tmp_path / "other")
    entries, _ = find_entries(tmp_path / "a", "path")
    assert names(entries, tmp_path) == ["a/1.png", "a/again/2.png"]


def test_locked_folders_are_named(tmp_path, monkeypatch):
    touch(tmp_path, "a/1.png", "b/2.png")
    search = os.scandir

    def scandir(path):
        if Path(path) == tmp_path / "a":
            raise PermissionError(13, "Permission denied", str(path))
        return search(path)

    monkeypatch.setattr(os, "scandir", scandir)
    entries, _ = find_entries(tmp_path, "path")
    assert names(entries, tmp_path) == ["b/2.png", "a"]


def test_patterns_match_files_at_any_depth(tmp_path):
    touch(tmp_path, "2.png", "10.png", "a/1.png", "a/1.txt")
    (tmp_path / "d.png").mkdir()
    entries, _ = find_entries(f"{tmp_path}/**/*.png", "path")
    assert names(entries, tmp_path) == ["2.png", "10.png", "a/1.png"]
    assert find_entries(f"{tmp_path}/**/**/*.png", "path")[0] == entries
    touch(tmp_path, "[1].png")  # the name of a file, and not a pattern
    assert names(find_entries(tmp_path / "[1].png", "path")[0], tmp_path) == ["[1].png"]


def test_patterns_match_a_file_once_in_spite_of_links(tmp_path):
    touch(tmp_path, "a/1.png", "a/b/2.png", "other/3.png")
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "link").symlink_to(tmp_path / "other")
    (tmp_path / "a" / "4.png").symlink_to(tmp_path / "a" / "1.png")
    expected = ["a/1.png", "a/4.png", "a/b/2.png", "a/link/3.png"]
    for pattern in ("a/**/*", "a/**/*.png", "a/**/**/*.png"):
        entries, _ = find_entries(tmp_path / pattern, "path")
        assert names(entries, tmp_path) == expected


@pytest.mark.parametrize("as_table", [pd.DataFrame, pl.DataFrame])
def test_lists_and_tables_keep_their_order(as_table):
    listed = ["b.png", Path("a.png")]
    expected = [Entry(Path("b.png"), 0), Entry(Path("a.png"), 1)]
    assert find_entries(listed, "path") == (expected, None)
    table = as_table({"file": ["b.png", "a.png"], "site": [1, 2]})
    assert find_entries(table, "file") == (expected, table) or as_table is pl.DataFrame
    assert find_entries(table, "file")[0] == expected


@pytest.mark.parametrize("as_column", [np.array, pd.Series, pl.Series])
def test_columns_of_paths_are_lists(as_column):
    expected = [Entry(Path("b.png"), 0), Entry(Path("a.png"), 1)]
    assert find_entries(as_column(["b.png", "a.png"]), "path") == (expected, None)


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        (np.array([["a.png"]]), TypeError, "^source=<ndarray of shape .* is not a sou"),
        (["a.png", np.nan], ValueError, r"^source has no path at index 1\. Leave out"),
        (pd.Series([None, "a.png"]), ValueError, "^source has no path at index 0"),
        (3, TypeError, r"^source=3 is not a source of images\. Pass a folder, a patt"),
        ([], ValueError, r"^source contains no paths\. Pass at least one"),
        (["a.png", 3], TypeError, r"^source has a value of type int at index 1\. Pa"),
        (
            ["a.png", ""],
            ValueError,
            r"^source, index 1 is an empty string\. Pass a pat",
        ),
        (pd.DataFrame({"x": []}), ValueError, r"without a column 'path'.*path_column"),
        (
            pd.DataFrame([["a.png", "b.png"]], columns=["path", "path"]),
            ValueError,
            r"^source is a table with 2 columns 'path'\. Give each column a name",
        ),
        (pd.DataFrame({"path": []}), ValueError, r"^the column 'path' of source conta"),
        ("{}/*.png", ValueError, r"is a pattern that matches no files\. Correct"),
        ("{}/none", ValueError, r"^source='.*none' does not exist\. Correct the path"),
        ("none", ValueError, r"^source='none' does not exist\. It was sought in '/.*'"),
        ("{}", ValueError, r"is a folder without files of images\. Pass a folder with"),
    ],
    ids=str,
)
def test_other_sources_are_errors(source, kind, message, tmp_path):
    touch(tmp_path, "notes.txt")
    if isinstance(source, str):
        source = source.format(tmp_path)
    with pytest.raises(kind, match=message):
        find_entries(source, "path")
