import os
import sys
from argparse import Namespace

import pytest

from contrastive_clustering._command.console import CommandError
from contrastive_clustering._command.outputs import check_outputs


def options(folder, **changed):
    names = ("report", "model", "labels", "group_labels")
    paths = {name: folder / name for name in names}
    inputs = {"folder": folder / "scans", "metadata": None, "checkpoint": None}
    flags = {"predicts": False, "overwrite": False}
    return Namespace(**{**flags, **inputs, **paths, **changed})


def test_new_files_are_accepted_and_not_created(tmp_path):
    check_outputs(options(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "file", "suffix"),
    [
        ("labels", "strata.XLSX", ".csv"),
        ("group-labels", "patients.ods", ".csv"),
        ("report", "report.pdf", ".html"),
    ],
)
def test_names_of_other_formats_are_refused(tmp_path, name, file, suffix):
    with pytest.raises(CommandError, match=rf"^--{name}: .*{file}.* with '{suffix}'"):
        check_outputs(options(tmp_path, **{name.replace("-", "_"): tmp_path / file}))


def test_existing_files_are_kept_unless_they_may_be_replaced(tmp_path):
    (tmp_path / "model").write_text("a model")
    with pytest.raises(CommandError, match=r"--model: .* exists.* or --overwrite"):
        check_outputs(options(tmp_path))
    check_outputs(options(tmp_path, overwrite=True))
    check_outputs(options(tmp_path, predicts=True))  # reads the model
    assert (tmp_path / "model").read_text() == "a model"


def test_one_file_cannot_hold_two_results(tmp_path):
    other = tmp_path / "x" / ".." / "model"
    (tmp_path / "x").mkdir()
    with pytest.raises(CommandError, match="--model and --labels name the same file"):
        check_outputs(options(tmp_path, labels=other))


def test_the_tables_of_images_and_of_groups_are_two_files(tmp_path):
    match = "--labels and --group-labels name the same file"
    for predicts in (False, True):
        with pytest.raises(CommandError, match=match):
            check_outputs(
                options(tmp_path, predicts=predicts, group_labels=tmp_path / "labels")
            )


def test_inputs_are_never_replaced(tmp_path):
    scans = tmp_path / "scans"
    scans.mkdir()
    for name in ("1.PNG", "IM2"):
        (scans / name).write_bytes(128 * b"x" + b"DICM")
    (scans / "table.csv").write_text("path")
    model = tmp_path / "model"
    model.write_text("a model")
    others = {"overwrite": True, "report": None}
    for name in ("1.PNG", "IM2"):
        with pytest.raises(CommandError, match=r"--labels: .* is an image of the fol"):
            check_outputs(options(tmp_path, labels=scans / name, **others))
    table = scans / "table.csv"
    link = tmp_path / "link"
    link.symlink_to(table)
    with pytest.raises(CommandError, match="is the table of --metadata, which would"):
        check_outputs(options(tmp_path, metadata=link, labels=table, **others))
    with pytest.raises(CommandError, match="is the model, which would be lost"):
        check_outputs(options(tmp_path, predicts=True, labels=model, **others))
    for checkpoint, message in (
        (scans, "--checkpoint: .* is the folder of the images"),
        (tmp_path / "labels", "--labels and --checkpoint have the same name"),
    ):
        with pytest.raises(CommandError, match=message):
            check_outputs(options(tmp_path, checkpoint=checkpoint, **others))
    check_outputs(options(tmp_path, labels=table, **others))  # an earlier result


def test_missing_folders_and_folders_are_found_before_the_work(tmp_path):
    with pytest.raises(OSError, match=r"--labels=.* cannot be written"):
        check_outputs(options(tmp_path, labels=tmp_path / "none" / "labels.csv"))
    with pytest.raises(OSError, match=r"--report=.* cannot be written"):
        check_outputs(options(tmp_path, report=tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folders_are_found_before_the_work(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(OSError, match=r"--labels=.* cannot be written"):
        check_outputs(options(tmp_path, labels=locked / "labels.csv"))


@pytest.mark.parametrize(
    ("package", "name"), [("pandas", "labels"), ("matplotlib.pyplot", "report")]
)
def test_missing_packages_are_named_before_the_work(
    tmp_path, monkeypatch, package, name
):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r"pip install (pandas|matplotlib)"):
        check_outputs(options(tmp_path, **{name: tmp_path / "x"}))
