import re
import signal
from fractions import Fraction

import pytest
from scan_folder import write_scans

from contrastive_clustering._command import run as run_module
from contrastive_clustering._command.interrupts import training_begun
from contrastive_clustering._command.main import main


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    return write_scans(tmp_path_factory.mktemp("main") / "scans", 4)


def refuse(capsys, *arguments):
    """Return the only line that is shown when the command fails."""
    assert main([str(each) for each in (*arguments, "--quiet")]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert lines[-1].startswith("Error: ")
    return lines[-1]


def test_wrong_input_is_refused_in_a_line(scans, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "the folder 'none' does not exist" in refuse(
        capsys, "none", "--labels", "x.csv"
    )
    assert "--labels='no/x.csv' cannot be written (its folder" in refuse(
        capsys, scans, "--labels", "no/x.csv"
    )
    assert "has 4 images that can be read, but at least 5 are needed" in refuse(
        capsys, scans, "--labels", "x.csv", "--size", "8", "--n-clusters", "5"
    )
    assert "--device='tpu'" in refuse(
        capsys, scans, "--labels", "x.csv", "--size", "8", "--device", "tpu"
    )
    assert list(tmp_path.iterdir()) == []


def test_one_image_is_too_few(tmp_path, capsys):
    scans = write_scans(tmp_path / "scans", 1, broken=False)
    found = refuse(capsys, scans, "--labels", tmp_path / "x.csv")
    assert "has 1 image that can be read, but at least 2 are needed" in found


def test_files_that_are_no_models_are_refused(scans, tmp_path, capsys):
    labels = ["--labels", tmp_path / "x.csv"]
    missing = refuse(capsys, "predict", "none", scans, *labels)
    assert "MODEL: the file 'none' does not exist. Pass a file that" in missing
    image = scans / "ward 1" / "1.png"
    assert "damaged or was not written by" in refuse(
        capsys, "predict", image, scans, *labels
    )
    swapped = refuse(capsys, "predict", scans, image, *labels)
    assert f"MODEL: {str(scans)!r} is a folder. Pass a file that" in swapped


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, "No space left", "x.csv"), "x.csv: No space left"),
        (MemoryError(), "there is not enough memory"),
        (ValueError("two\nlines"), "two lines"),
        (RuntimeError(), "RuntimeError"),
        (KeyError("x"), "KeyError in line"),
    ],
)
def test_failures_have_no_traceback(error, message, monkeypatch, capsys):
    def fails(_):
        raise error

    monkeypatch.setattr(run_module, "run", fails)
    found = refuse(capsys, "scans", "--labels", "x.csv")
    assert message in found
    assert "Traceback" not in found
    assert ("defect" in found) == isinstance(error, KeyError)


def test_a_defect_names_the_line_of_the_library_and_of_the_package(monkeypatch, capsys):
    monkeypatch.setattr(run_module, "check_outputs", lambda _: Fraction(1, 0))
    found = refuse(capsys, "scans", "--labels", "x.csv")
    assert re.search(
        r"ZeroDivisionError in line \d+ of fractions\.py, "
        r"called from line \d+ of run\.py\.",
        found,
    )


@pytest.mark.parametrize("arguments", [[], ["--checkpoint", "progress"]])
def test_ctrl_c_ends_with_status_130(arguments, monkeypatch, capsys):
    def run(_):
        with training_begun():
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(run_module, "run", run)
    assert main(["scans", "--labels", "x.csv", *arguments]) == 130
    remedy = "Run the same command again" if arguments else "With --checkpoint FOLDER"
    assert f"Error: interrupted. {remedy}" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--checkpoint", "progress"]])
def test_ctrl_c_before_the_training_has_no_checkpoint(arguments, monkeypatch, capsys):
    monkeypatch.setattr(run_module, "run", lambda _: signal.raise_signal(signal.SIGINT))
    assert main(["scans", "--labels", "x.csv", *arguments]) == 130
    found = capsys.readouterr().err
    assert "Error: interrupted before the training, so that nothing is lost." in found
    assert "--checkpoint" not in found
    assert ("to start or resume the training." in found) == bool(arguments)


def test_ctrl_c_after_the_training_keeps_the_results(monkeypatch, tmp_path, capsys):
    model = tmp_path / "model"

    def run(_):
        model.touch()
        with training_begun():
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(run_module, "run", run)
    line = ["scans", "--model", str(model), "--checkpoint", str(tmp_path / "progress")]
    assert main(line) == 130
    remedy = "Run the same command again, with --overwrite because some results are"
    assert remedy in capsys.readouterr().err
    assert main([*line, "--overwrite"]) == 130
    assert "again to resume the training." in capsys.readouterr().err
    assert main(["predict", "m", "scans", "--labels", "x.csv"]) == 130
    assert capsys.readouterr().err == "Error: interrupted.\n"
