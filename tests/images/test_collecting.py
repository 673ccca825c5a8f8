import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from image_files import IDENTIFIER, write_dicom, write_series
from joblib import parallel_config
from PIL import Image

from contrastive_clustering._images import collecting
from contrastive_clustering._images.collecting import MixedUnitsWarning, load_files
from contrastive_clustering._images.loaded import ReadSettings

rng = np.random.default_rng(0)
IMAGES = rng.integers(0, 256, (20, 12, 10), np.uint8)


def load(source, *, settings=None, **params):
    usual = {
        "path_column": "path",
        "on_error": "raise",
        "n_jobs": None,
        "out": None,
        "verbose": 0,
    }
    read = ReadSettings(**{"key": b"key"} | (settings or {}))
    return load_files(source, read, **usual | params)


@pytest.fixture
def folder(tmp_path):
    for index, image in enumerate(IMAGES):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    return tmp_path


@pytest.mark.parametrize(
    ("n_jobs", "out"), [(None, None), (2, None), (None, "a.npy"), (None, "a.zarr")]
)
def test_images_are_in_order(folder, n_jobs, out, tmp_path_factory, monkeypatch):
    monkeypatch.setattr(collecting, "ROUND_BYTES", 500)  # rounds of a few files
    path = None if out is None else tmp_path_factory.mktemp("out") / out
    with parallel_config("threading"):  # starting processes takes seconds
        bunch = load(str(folder), n_jobs=n_jobs, out=path)
    np.testing.assert_array_equal(bunch.images[:], IMAGES)
    assert bunch.images.dtype == np.uint8
    assert bunch.paths.tolist() == [str(folder / f"{i}.png") for i in range(20)]
    assert len(bunch.metadata) == 20
    assert bunch.errors.columns.tolist() == ["path", "reason"]
    assert len(bunch.errors) == 0


def test_unreadable_files_are_named_and_counted(folder):
    (folder / "3.png").write_bytes(b"")
    (folder / "7.png").write_bytes((folder / "7.png").read_bytes()[:40])
    (folder / "9.png").write_text("no image")
    with pytest.raises(ValueError, match=r"3\.png is empty\. Remove it from the sour"):
        load(folder)
    with pytest.warns(UserWarning, match=r"^3 files could not be read.*3\.png is emp"):
        bunch = load(folder, on_error="skip")
    np.testing.assert_array_equal(bunch.images, np.delete(IMAGES, [3, 7, 9], axis=0))
    assert bunch.errors["path"].tolist() == [
        str(folder / name) for name in ("3.png", "7.png", "9.png")
    ]
    assert bunch.errors["reason"].str.len().min() > 0
    assert len(bunch.paths) == len(bunch.metadata) == 17


def test_a_single_unreadable_file_is_in_the_singular(folder):
    (folder / "3.png").write_bytes(b"")
    message = "^1 file could not be read and was left out; it is named in errors"
    with pytest.warns(UserWarning, match=message):
        load(folder, on_error="skip")


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "a.png").touch()
    with pytest.raises(ValueError, match=r"^No file could be read\. .*is empt"):
        load(tmp_path, on_error="skip", out=tmp_path / "out.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_copies_are_reported(folder):
    Image.fromarray(IMAGES[4]).save(folder / "4 again.tif")
    with pytest.warns(UserWarning, match="^1 of 21 images are exact copies of others"):
        bunch = load(folder)
    copies = np.flatnonzero(bunch.metadata["duplicate_of"] >= 0)
    (copy,) = copies
    first = bunch.metadata["duplicate_of"][copy]
    assert {bunch.paths[copy], bunch.paths[first]} == {
        str(folder / "4.png"),
        str(folder / "4 again.tif"),
    }


def test_a_table_may_have_the_column_of_copies(folder):
    paths = [str(folder / "4.png")] * 2
    table = pd.DataFrame({"path": paths, "duplicate_of": ["no", "yes"]})
    with pytest.warns(UserWarning, match="^1 of 2 images are exact copies of others"):
        bunch = load(table)
    assert bunch.metadata["duplicate_of"].tolist() == ["no", "yes"]


def test_sides_must_agree_without_size(folder):
    Image.fromarray(IMAGES[0, :5]).save(folder / "30.png")
    with pytest.raises(
        ValueError, match=r"30\.png has sides \(5, 10\), but .*0\.png h"
    ):
        load(folder, on_error="skip")
    assert load(folder, settings={"size": (8, 8)}).images.shape == (21, 8, 8)


def test_frames_and_tables(tmp_path):
    frames = np.arange(2 * 12 * 10, dtype=np.uint16).reshape(2, 12, 10)
    write_dicom(tmp_path / "a.dcm", frames, StudyDate="20200110")
    write_dicom(tmp_path / "b.dcm", frames[0] + 1000, StudyDate="20200101")
    table = pd.DataFrame(
        {"file": [tmp_path / "b.dcm", tmp_path / "a.dcm"], "site": ["x", "y"]}
    )
    bunch = load(table, path_column="file")
    np.testing.assert_array_equal(bunch.images, [frames[0] + 1000, *frames])
    assert bunch.images.dtype == np.float32
    assert bunch.metadata["site"].tolist() == ["x", "y", "y"]
    assert bunch.metadata["frame"].tolist() == [0, 0, 1]
    assert bunch.metadata["study_day"].tolist() == [0, 9, 9]
    assert bunch.metadata["patient"].nunique() == 1
    assert IDENTIFIER not in bunch.metadata.to_string()
    assert "2020" not in bunch.metadata.to_string()


def test_volumes(tmp_path):
    volumes = rng.integers(0, 4096, (2, 5, 6, 7)).astype(np.uint16)
    for name, volume in zip("ab", volumes, strict=True):
        write_series(tmp_path / name, volume, order=[4, 1, 0, 2, 3])
    bunch = load(tmp_path, settings={"as_volumes": True})
    np.testing.assert_array_equal(bunch.images, volumes)
    assert bunch.paths.tolist() == [str(tmp_path / name / "IM0") for name in "ab"]
    table = pd.DataFrame({"path": [tmp_path / "b", tmp_path / "a"], "age": [50, 60]})
    bunch = load(table, settings={"as_volumes": True})
    np.testing.assert_array_equal(bunch.images, volumes[::-1])
    assert bunch.metadata["age"].tolist() == [50, 60]
    (tmp_path / "a" / "IM1").unlink()
    with pytest.warns(UserWarning, match="missing or unevenly spaced slices"):
        bunch = load(tmp_path, settings={"as_volumes": True}, on_error="skip")
    np.testing.assert_array_equal(bunch.images, volumes[1:])
    (tmp_path / "a" / "IM2").write_bytes(b"")
    with pytest.raises(ValueError, match=r"IM2 is empty\. Remove it from the source"):
        load(sorted((tmp_path / "a").iterdir()), settings={"as_volumes": True})


def test_images_of_other_bits_are_counted(folder):
    write_dicom(folder / "a.dcm", IMAGES[0].astype(np.uint16) * 16)
    text = r"^20 of 21 images have 8 bits and the others more.* Pass window='file'"
    with pytest.warns(MixedUnitsWarning, match=text):
        load(folder)
    load(folder, settings={"window": "file"})


def test_progress_is_reported(folder, capsys):
    load(folder, verbose=1)
    assert "images 20/20 files" in capsys.readouterr().err


@pytest.mark.parametrize("to_table", [pd.DataFrame, pl.DataFrame])
def test_rows_of_slices_of_a_volume_that_differ_are_named(tmp_path, to_table):
    volumes = rng.integers(0, 4096, (3, 3, 6, 7)).astype(np.uint16)
    paths = []
    for name, volume in zip("abc", volumes, strict=True):
        folder = write_series(tmp_path / name, volume)
        paths += [str(path) for path in sorted(folder.iterdir())]
    columns = {"path": paths, "age": np.repeat([40, 50, 60], 3), "site": [None] * 9}
    load(to_table(columns), settings={"as_volumes": True})
    sites = [None, *"NNN", "S", None, *"SSS"]
    columns |= {
        "site": sites,
        "slice": np.tile([1, 2, 3], 3),
        "side": list("lrlllllll"),
    }
    message = (
        r"volume differ in the columns 'site', 'slice', 'side', for 3 volumes, the "
        rf"first of which begins with {re.escape(paths[0])}\. The first row counts\."
    )
    with pytest.warns(UserWarning, match=message):
        bunch = load(to_table(columns), settings={"as_volumes": True})
    assert bunch.metadata["age"].tolist() == [40, 50, 60]
    assert bunch.metadata["slice"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("memory", [20 * 8 * 9 - 1, None])
def test_sizes_beyond_the_memory_are_refused_before_reading(
    folder, memory, monkeypatch, tmp_path_factory
):
    monkeypatch.setattr(collecting, "total_memory", lambda: memory)
    settings = {"size": (8, 9)}
    out = tmp_path_factory.mktemp("out") / "a.npy"
    assert load(folder, settings=settings, out=out).images.shape == (20, 8, 9)
    if memory is None:
        assert load(folder, settings=settings).images.shape == (20, 8, 9)
        return
    monkeypatch.setattr(collecting, "read_item", None)
    message = r"^size=\(8, 9\) is too large: 20 files .*1\.4 KiB.* Pass a smaller size"
    with pytest.raises(ValueError, match=message):
        load(folder, settings=settings)
