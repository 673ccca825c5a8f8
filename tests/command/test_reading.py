import os
from argparse import Namespace

import numpy as np
import pytest
from image_files import write_dicom, write_series
from PIL import Image
from scan_folder import BROKEN, write_scans

from contrastive_clustering._command.console import CommandError, Console
from contrastive_clustering._command.reading import read_folder
from contrastive_clustering._command.recipe import Recipe

RECIPE = Recipe({"size": 8, "window": "file"})


def read(folder, recipe=RECIPE, **changed):
    options = Namespace(
        **{
            "folder": folder,
            "on_error": "skip",
            "n_jobs": 1,
            "predicts": False,
            **changed,
        }
    )
    return read_folder(options, recipe, Console(quiet=False))


def test_images_are_read_and_broken_files_named(tmp_path, capsys):
    scans = write_scans(tmp_path)
    (scans / "notes.txt").write_text("ignored")
    (scans / ".hidden.png").touch()
    folder = read(scans)
    assert folder.images.shape == (24, 8, 8)
    assert folder.images.dtype == np.uint8
    assert folder.paths[:2] == ["ward 0/0.dcm", "ward 0/2.png"]
    assert len(folder.facts) == len(folder.paths) == 24
    assert list(folder.errors) == BROKEN
    shown = capsys.readouterr().err
    assert "Warning: 3 files could not be read:\n  cut.png is a damaged" in shown
    assert "  empty.png is empty.\n" in shown
    assert "1 file was ignored" in shown
    assert "MRN" not in shown


def test_ignored_files_are_counted_among_volumes(tmp_path, capsys):
    write_series(tmp_path / "scan", np.arange(512).reshape(8, 8, 8).astype(np.int16))
    for name in ("notes.txt", "scan/list.csv"):
        (tmp_path / name).write_text("ignored")
    folder = read(tmp_path, Recipe({"as_volumes": True, "size": 8}))
    assert folder.images.shape == (1, 8, 8, 8)
    assert "2 files were ignored, because of other" in capsys.readouterr().err


def test_ct_images_of_several_windows_are_doubted(tmp_path, capsys):
    values = np.arange(64).reshape(8, 8).astype(np.int16)
    for number, center in enumerate((40, 40, -600)):
        write_dicom(
            tmp_path / f"{number}.dcm",
            values + number,
            WindowCenter=center,
            WindowWidth=400,
        )
    write_dicom(tmp_path / "3.dcm", values, Modality="MR")
    expected = "Warning: the 3 CT images have 2 different windows"
    read(tmp_path)
    assert expected in capsys.readouterr().err
    read(tmp_path, Recipe({"size": 8, "window": (40, 400)}))
    assert "windows" not in capsys.readouterr().err
    read(tmp_path, predicts=True)
    assert "windows" not in capsys.readouterr().err
    (tmp_path / "2.dcm").unlink()
    read(tmp_path)
    assert "windows" not in capsys.readouterr().err


def test_images_of_several_modalities_are_counted(tmp_path, capsys):
    for number, modality in enumerate(("CT", "RTDOSE", "CT")):
        values = np.full((8, 8), number, np.uint8)
        write_dicom(tmp_path / f"{number}.dcm", values, Modality=modality)
    read(tmp_path)
    assert "several modalities: 2 CT, 1 RTDOSE." in capsys.readouterr().err


def test_the_first_of_many_broken_files_are_named(tmp_path, capsys):
    scans = write_scans(tmp_path, 4)
    for number in range(20):
        (scans / f"{number}.png").touch()
    assert len(read(scans).errors) == 23
    shown = capsys.readouterr().err
    assert shown.count(" is empty.") == 3
    assert 'more. All are in the column "error"' in shown


def test_broken_files_may_be_errors(tmp_path):
    with pytest.raises(CommandError, match=r"(?s)3 files could not.*--on-error skip"):
        read(write_scans(tmp_path), on_error="raise")


def test_copies_are_counted(tmp_path, capsys):
    scans = write_scans(tmp_path, 4, broken=False)
    (scans / "copy.png").write_bytes((scans / "ward 1" / "1.png").read_bytes())
    read(scans)
    shown = capsys.readouterr().err
    assert "1 of 5 images are exact copies of others, such as ward 1/1.png, a" in shown
    assert "a copy of copy.png. Remove" in shown


def test_a_few_images_in_color_are_named(tmp_path, capsys):
    scans = write_scans(tmp_path / "scans", 4, broken=False)
    Image.new("RGB", (9, 9), "red").save(scans / "screen.png")
    assert read(scans).images.shape == (5, 8, 8, 3)
    text = "Warning: 1 of 5 images has colors, such as screen.png, so that all are"
    assert text in capsys.readouterr().err
    for number in range(4):
        Image.new("RGB", (9, 9), (255, number, 0)).save(scans / f"{number}.png")
    read(scans)
    assert "have colors" not in capsys.readouterr().err


def test_gray_images_for_a_model_of_images_in_color_are_doubted(tmp_path, capsys):
    scans = write_scans(tmp_path, 4, broken=False)
    recipe = Recipe({"size": 8, "window": "file", "channels": "rgb"})
    for predicts in (False, True):
        assert "are gray" not in capsys.readouterr().err
        options = Namespace(folder=scans, on_error="skip", n_jobs=1, predicts=predicts)
        read_folder(options, recipe, Console(quiet=False))
    text = "Warning: all images are gray, but the model is one of images in color."
    assert text in capsys.readouterr().err
    Image.new("RGB", (9, 9), "red").save(scans / "red.png")
    read_folder(options, recipe, Console(quiet=False))
    assert "are gray" not in capsys.readouterr().err


def test_images_of_other_bits_are_counted(tmp_path, capsys):
    scans = write_scans(tmp_path, 4, broken=False)
    console = Console(quiet=True)
    options = Namespace(folder=scans, on_error="skip", n_jobs=1)
    with console.shows_warnings():
        read_folder(options, Recipe({"size": 8, "window": None}), console)
    text = "Warning: 2 of 4 images have 8 bits and the others more, so that their units"
    assert text in capsys.readouterr().err


def test_folders_without_images_are_refused(tmp_path):
    with pytest.raises(CommandError, match=r"'.*none' does not exist"):
        read(tmp_path / "none")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(CommandError, match=r"no files of images. It is empty"):
        read(empty)
    (empty / "a.bmp").touch()
    (empty / "README").touch()
    with pytest.raises(
        CommandError, match=r"files: 1 with .*, 1 with .*\. Supported are PNG"
    ):
        read(empty)
    with pytest.raises(CommandError, match="is not a folder"):
        read(empty / "a.bmp")
    (empty / "b.png").touch()
    with pytest.raises(ValueError, match="No file could be read"):
        read(empty)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_locked_folders_are_refused(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o000)
    with pytest.raises(CommandError, match="permission denied"):
        read(locked)
