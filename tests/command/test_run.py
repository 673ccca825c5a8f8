import errno
import os
import re
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from image_files import write_dicom
from PIL import Image
from scan_folder import BROKEN, write_scans, write_table

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._command.main import main
from contrastive_clustering._command.run import _summarize
from contrastive_clustering._saving.checkpoint import Checkpoint
from contrastive_clustering._training.inference_net import EncodingNet
from contrastive_clustering._utils.optional import import_simpleitk

SHORT = ["--size", "8", "--n-clusters", "2", "--max-epochs", "2"]


def call(*arguments, status=0):
    assert main([str(each) for each in arguments]) == status


def interrupt(monkeypatch, *arguments):
    """Press Ctrl-C when the first checkpoint is written."""
    write = Checkpoint.write

    def interrupting(self, stage, **state):
        write(self, stage, **state)
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "write", interrupting)
        call(*arguments, status=130)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Results of the command on a folder with broken files."""
    home = tmp_path_factory.mktemp("fitted")
    scans = write_scans(home / "scans")
    model, labels = home / "model.safetensors", home / "strata.csv"
    call(scans, *SHORT, "--model", model, "--labels", labels, "--quiet")
    return SimpleNamespace(scans=scans, model=model, labels=labels)


def test_all_files_are_in_the_table(fitted):
    table = pd.read_csv(fitted.labels)
    assert len(table) == 27
    assert table["path"].tolist()[24:] == BROKEN
    assert table["stratum"][:24].isin([0, 1]).all()
    assert table["stratum"][24:].isna().all()
    assert table["error"].isna().tolist() == [True] * 24 + [False] * 3


def test_results_are_written_even_if_others_cannot_be(tmp_path, capsys, monkeypatch):
    def fail(path, content):
        raise OSError(errno.ENOSPC, f"{str(path)!r} could not be written (full)")

    scans = write_scans(tmp_path / "scans")
    home = tmp_path / "results"
    home.mkdir()
    model, labels = home / "m.safetensors", home / "strata.csv"
    files = ["--model", model, "--labels", labels, "--report", home / "r.html"]
    with monkeypatch.context() as patch:
        for module in ("_io.safetensors_file", "_command.labels"):
            name = f"contrastive_clustering.{module}.write_atomically"
            patch.setattr(name, fail)
        call(scans, *SHORT, *files, "--quiet", status=1)
    assert [path.name for path in home.iterdir()] == ["r.html"]
    shown = capsys.readouterr().err
    assert f"Error: {str(model)!r} could not be written (full).\n" in shown
    assert f"{str(labels)!r} could not be written (full).\n" in shown


def test_the_model_predicts_the_same_strata(fitted, tmp_path, capsys):
    out = tmp_path / "out.csv"
    call("predict", fitted.model, fitted.scans, "--labels", out)
    pd.testing.assert_frame_equal(pd.read_csv(out), pd.read_csv(fitted.labels))
    shown = capsys.readouterr()
    assert shown.out.startswith("24 images in 2 strata of ")
    assert "3 files could not be read" in shown.err
    before = out.read_bytes()
    call("predict", fitted.model, fitted.scans, "--labels", out, status=1)
    assert "exists. Pass another name, or --overwrite" in capsys.readouterr().err
    assert out.read_bytes() == before


def test_quiet_leaves_what_the_help_says(fitted, tmp_path, capsys):
    line = ["predict", fitted.model, fitted.scans, "--labels", tmp_path / "out.csv"]
    call(*line, "--quiet")
    shown = capsys.readouterr()
    assert shown.out.startswith("24 images in 2 strata of ")
    assert shown.err.startswith("Warning: 3 files could not be read")
    with pytest.raises(SystemExit):
        main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "--quiet show only the sizes of the strata, warnings and errors" in said


def test_noise_is_counted_apart(capsys):
    _summarize(np.array([0, -1, 1, 0, -1]), 3)
    printed = capsys.readouterr().out
    assert printed == "5 images in 3 strata of 2, 1, 0 images, and 2 in none (noise)\n"
    _summarize(np.array([1]), 2)
    assert capsys.readouterr().out == "1 image in 2 strata of 0, 1 images\n"


def test_patients_of_new_images_are_groups(fitted, tmp_path):
    out = tmp_path / "out.csv"
    line = ["predict", fitted.model, fitted.scans, "--labels", out]
    call(*line, "--groups", "patient", "--quiet")
    table = pd.read_csv(out)
    of_dicom = table["path"].str.endswith("0.dcm") & (table["error"].isna())
    assert table["group"][of_dicom].notna().all()
    assert "MRN" not in out.read_text()
    sizes = table.groupby("group").size()
    assert sizes.tolist() == [2] * 4
    assert (table.groupby("group")["group_stratum"].nunique() == 1).all()


def test_patients_have_a_table(fitted, tmp_path):
    line = ["predict", fitted.model, fitted.scans, "--groups", "patient", "--quiet"]
    both = ["--labels", tmp_path / "a.csv", "--group-labels", tmp_path / "b.csv"]
    call(*line, *both)
    images, patients = (pd.read_csv(tmp_path / name) for name in ("a.csv", "b.csv"))
    assert "MRN" not in (tmp_path / "b.csv").read_text()
    assert patients["n_images"].sum() == images["error"].isna().sum()
    known = patients.dropna(subset="group").set_index("group")
    of_known = images.dropna(subset="group")
    np.testing.assert_array_equal(
        known["stratum"][of_known["group"]], of_known["group_stratum"]
    )
    scans, out = fitted.scans, tmp_path / "fit.csv"
    call(scans, *SHORT, "--groups", "patient", "--group-labels", out, "--quiet")
    assert len(pd.read_csv(out)) == len(patients)


def test_the_report_knows_the_patients_without_other_variables(tmp_path):
    """No DICOM attribute varies, so that patients are all that is known."""
    scans, report = tmp_path / "scans", tmp_path / "report.html"
    scans.mkdir()
    rng = np.random.default_rng(0)
    for number in range(24):
        image = rng.integers(0, 60, (8, 8), dtype=np.uint16)
        image[:, : 4 if number % 2 else 8] += 180
        write_dicom(scans / f"{number}.dcm", image, PatientID=f"MRN-{number // 6}")
    call(scans, *SHORT, "--groups", "patient", "--report", report, "--quiet")
    text = report.read_text("utf-8")
    assert "on 24 samples of 4 groups; a group weighs as one" in text
    assert "MRN-" not in text


def test_the_model_remembers_how_images_were_read(fitted):
    notes = ContrastiveAutoencoderClusterer.load(fitted.model).notes_
    assert notes == {
        "load_images": {
            "as_volumes": False,
            "channels": "gray",
            "fit": "letterbox",
            "size": 8,
            "spacing": None,
            "window": "file",
        },
        "dtype": "uint8",
    }


def test_the_report_says_how_images_were_read(fitted, tmp_path):
    report = tmp_path / "report.html"
    line = [fitted.scans, *SHORT, "--report", report, "--quiet"]
    call(*line, "--window", "40,400")
    text = report.read_text("utf-8")
    assert "X was read from files of images as follows." in text
    for name, value in {
        "Read as": "gray images",
        "Size": "8 \N{MULTIPLICATION SIGN} 8 pixels",
        "Fit to the size": "letterbox",
        "Spacing": "not set, so that scales may differ",
        "Window": "center 40, width 400",
        "Left out": "3 files that could not be read",
    }.items():
        assert f"<dt>{name}</dt><dd>{value}</dd>" in text


def test_models_that_python_has_saved_need_notes(fitted, tmp_path, capsys):
    model, out = tmp_path / "model", tmp_path / "out.csv"
    clusterer = ContrastiveAutoencoderClusterer.load(fitted.model)
    line = ["predict", model, fitted.scans, "--labels", out, "--quiet"]
    clusterer.save(model, notes={})
    call(*line, status=1)
    assert "does not say how its images were read" in capsys.readouterr().err
    clusterer.save(model, notes={"load_images": {"size": 8, "window": "file"}})
    call(*line)
    pd.testing.assert_frame_equal(pd.read_csv(out), pd.read_csv(fitted.labels))


def test_variables_are_checked_before_the_training(fitted, tmp_path, capsys):
    table = write_table(tmp_path / "table.csv", fitted.scans)
    line = [fitted.scans, *SHORT, "--metadata", table, "--quiet"]
    labels = ["--labels", tmp_path / "x.csv"]
    call(*line, *labels, "--nuisance", "hospital", status=1)
    assert "--nuisance: there is no column 'hospital'" in capsys.readouterr().err
    report = ["--report", tmp_path / "x.html", "--survival", "months"]
    call(*line, *report, "age", status=1)
    assert "event" in capsys.readouterr().err
    call(*line, *report, "dead", status=1)
    assert "--survival: there is no column 'dead'" in capsys.readouterr().err
    assert not (tmp_path / "x.html").exists()


def test_the_report_has_groups_without_other_variables(tmp_path):
    scans = write_scans(tmp_path / "scans", broken=False)
    for file in scans.rglob("*.dcm"):  # which state their manufacturers
        file.unlink()
    files = sorted(scans.rglob("*.png"))
    rows = [f"{file.name},p{number // 2}" for number, file in enumerate(files)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["path,patient", *rows]))
    report = tmp_path / "report.html"
    line = [scans, *SHORT, "--metadata", table, "--groups", "patient", "--quiet"]
    call(*line, "--report", report)
    assert "16 samples of 8 groups; a group weighs as one" in report.read_text("utf-8")


def test_new_images_are_encoded_once(fitted, tmp_path, monkeypatch):
    map_latents, calls = EncodingNet.map_latents, []

    def count(net, dataset, *arguments):
        calls.append(len(dataset))
        return map_latents(net, dataset, *arguments)

    monkeypatch.setattr(EncodingNet, "map_latents", count)
    line = ["predict", fitted.model, fitted.scans, "--labels", tmp_path / "x.csv"]
    call(*line, "--groups", "patient", "--quiet")
    assert calls == [24]


def test_odd_images_are_named_by_their_files(fitted, tmp_path, capsys, monkeypatch):
    def refuse(self, X):
        raise ValueError(f"X[{len(X) - 1}] is odd. Convert X to those seen in fit.")

    monkeypatch.setattr(ContrastiveAutoencoderClusterer, "transform", refuse)
    line = ["predict", fitted.model, fitted.scans, "--labels", tmp_path / "x.csv"]
    call(*line, "--quiet", status=1)
    assert capsys.readouterr().err.endswith(
        "Error: ward 1/23.png is odd. Convert the images to those seen in the "
        "training.\n"
    )


def test_models_of_volumes_and_of_images_do_not_mix(fitted, tmp_path, capsys):
    volumes = tmp_path / "volumes"
    volumes.mkdir()
    sitk = import_simpleitk()
    volume = sitk.GetImageFromArray(np.zeros((8, 8, 8), np.uint8))
    sitk.WriteImage(volume, volumes / "a.nii")
    out = ["--labels", tmp_path / "x.csv", "--quiet"]
    call("predict", fitted.model, volumes, *out, status=1)
    found = capsys.readouterr().err
    assert "Use a model that was trained with --volumes" in found
    assert "Pass --volumes" not in found


def test_options_are_checked_before_the_images_are_read(fitted, tmp_path, capsys):
    table, labels = tmp_path / "table.csv", tmp_path / "x.csv"
    table.write_text("path,age\n1.png,60\n")
    line = [fitted.scans, *SHORT, "--labels", labels]
    call(*line, "--metadata", tmp_path / "none.csv", status=1)
    call(*line, "--metadata", table, "--groups", "patent", status=1)
    call(*line, "--device", "tpu", status=1)
    call(*line, "--checkpoint", table, status=1)
    line = ["predict", fitted.model, fitted.scans, "--labels", labels]
    call(*line, "--metadata", table, "--groups", "patent", status=1)
    found = capsys.readouterr().err
    assert "--device='tpu' cannot be used here" in found
    assert f"--checkpoint='{table}' cannot be written to" in found
    assert found.count("--groups: there is no column 'patent'") == 2
    assert "Reading the images" not in found


def test_too_few_files_are_refused_before_they_are_read(tmp_path, capsys):
    scans = tmp_path / "scans"
    scans.mkdir()
    for number in range(4):
        Image.fromarray(np.full((8, 8), number, np.uint8)).save(scans / f"{number}.png")
    line = [scans, "--labels", tmp_path / "x.csv", "--n-clusters", "5"]
    call(*line, status=1)
    found = capsys.readouterr().err
    assert "has 4 images, but at least 5 are needed. Pass more images, or a" in found
    assert "Reading the images" not in found
    # A TIFF file may have several pages, whatever its suffix.
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(scans / "3.png", "TIFF")
    call(*line, status=1)
    assert "has 4 images that can be read, but" in capsys.readouterr().err


def test_an_interrupted_training_is_resumed(fitted, tmp_path, capsys, monkeypatch):
    labels = tmp_path / "strata.csv"
    line = [fitted.scans, *SHORT, "--labels", labels]
    line += ["--checkpoint", tmp_path / "progress"]
    interrupt(monkeypatch, *line)
    assert "Run the same command again to resume" in capsys.readouterr().err
    assert not labels.exists()
    call(*line)
    shown = capsys.readouterr().err
    assert "training 1/2" not in shown
    assert "training 2/2" in shown
    pd.testing.assert_frame_equal(pd.read_csv(labels), pd.read_csv(fitted.labels))


def test_a_checkpoint_of_other_images_is_refused(fitted, tmp_path, capsys, monkeypatch):
    line = [*SHORT, "--labels", tmp_path / "x.csv", "--quiet"]
    line += ["--checkpoint", tmp_path / "progress"]
    interrupt(monkeypatch, fitted.scans, *line)
    others = write_scans(tmp_path / "others", 9, broken=False)
    capsys.readouterr()
    call(others, *line, status=1)
    assert re.search("^Error: --checkpoint=", capsys.readouterr().err, re.M)


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "contrastive_clustering", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "MPLBACKEND": "agg"},
    )


@pytest.mark.slow
def test_from_a_folder_to_a_report_in_one_command(tmp_path):
    scans = write_scans(tmp_path / "scans", 60)
    table = write_table(tmp_path / "table.csv", scans)
    report, model = tmp_path / "report.html", tmp_path / "model.safetensors"
    labels, progress = tmp_path / "strata.csv", tmp_path / "progress"
    line = [scans, "--size", 16, "--n-clusters", "auto", "--max-epochs", 5]
    line += ["--report", report, "--model", model, "--labels", labels]
    line += ["--metadata", table, "--nuisance", "site", "--survival", "months", "died"]
    line += ["--checkpoint", progress]
    process = start(*line)
    for shown in process.stderr:
        if "training 2/5" in shown:
            break
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert not labels.exists()
    process = start(*line)
    out, shown = process.communicate()
    assert process.returncode == 0, shown
    assert "training 1/5" not in shown
    assert out.startswith("60 images in ")
    assert "3 files could not be read" in shown
    page = report.read_text(encoding="utf-8")
    for text in ("Strata", "site", "Kaplan-Meier", "Training"):
        assert text in page
    assert "MRN-" not in page + labels.read_text() + shown
    found = pd.read_csv(labels)
    assert len(found) == 63
    process = start("predict", model, scans, "--labels", tmp_path / "again.csv")
    process.communicate()
    assert process.returncode == 0
    again = pd.read_csv(tmp_path / "again.csv")
    np.testing.assert_array_equal(again["stratum"][:60], found["stratum"][:60])
