import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from contrastive_clustering._command.options import parse

PAGE = Path(__file__).parents[2] / "docs" / "user_guide" / "command_line.rst"


def shown_help(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        parse([*arguments, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_the_form_of_the_issue_is_accepted():
    line = "scans --size 64 --n-clusters auto --report r.html --model m --labels s.csv"
    options = parse([*line.split(), "--metadata", "table.csv"])
    assert not options.predicts
    assert options.folder == Path("scans")
    assert (options.size, options.n_clusters) == (64, "auto")
    assert options.metadata == Path("table.csv")
    options = parse(["predict", "m", "scans", "--labels", "out.csv"])
    assert options.predicts
    assert (options.model, options.folder) == (Path("m"), Path("scans"))


def test_a_folder_may_be_called_like_the_other_form():
    assert parse(["./predict", "--labels", "x"]).folder == Path("predict")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "required: FOLDER"),
        ("scans", "at least one of --report, --model, --labels and --group-labels"),
        ("scans --group-labels x", "--group-labels needs --groups"),
        ("scans --labels", "argument --labels: expected one argument"),
        ("scans --labels x --size 4", "--size: '4' has a side of fewer than 8"),
        ("scans --labels x --n-clusters 1", "--n-clusters: '1' is neither auto nor"),
        ("scans --labels x --fit wide", "--fit: invalid choice: 'wide'"),
        ("scans --labels x --siz 8", "unrecognized arguments: --siz 8"),
        ("scans --labels x --survival a b", "--survival needs --metadata with both"),
        ("scans --labels x --show-samples", "--show-samples needs --report"),
        ("scans --labels x --path-column a", "--path-column needs --metadata"),
        ("scans --labels x --size 8x8x8", "--size has 3 numbers; pass one, or height"),
        ("scans --labels x --volumes --spacing 1x1", "pass one, or depth x height"),
        ("scans --labels x --spacing 1 --fit stretch", "--fit stretch would change"),
        ("scans --labels x --volumes --channels rgb", "combined with --channels"),
        ("predict m", "required: FOLDER"),
        ("predict m scans", "pass at least one of --labels and --group-labels"),
        ("predict m scans --group-labels x", "--group-labels needs --groups"),
        ("predict m scans --labels x --path-column a", "--path-column needs --meta"),
        ("predict m scans --labels x --size 8", "unrecognized arguments: --size 8"),
    ],
)
def test_wrong_options_end_with_status_2(line, message, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(line.split())
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["predict"]])
def test_the_help_explains_each_option_in_a_line(arguments, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = shown_help(capsys, *arguments)
    names = re.findall(r"^  (?:-h, )?(--[\w-]+)", text, re.M)
    assert len(names) == len(set(names)) > 8
    lines = text.partition("\nexample")[0].splitlines()
    for number, line in enumerate(lines):
        if line.startswith("  --") and not line[22:].strip().startswith("  "):
            explained = line[24:].strip() or lines[number + 1].strip()
            assert explained, line
    assert max(map(len, lines)) <= 80
    # No explanation continues on a line after its first.
    indented = [line.startswith(" " * 24) for line in lines]
    assert not any(a and b for a, b in pairwise(indented))
    assert "exit status: 0 success, 1 failure, 2 wrong options, 130" in text


def test_examples_of_the_help_are_accepted(capsys):
    text = shown_help(capsys) + shown_help(capsys, "predict")
    text = text.replace("\\\n", " ")
    found = re.findall(r"^ +contrastive-clustering (.*--.*)", text, re.M)
    examples = [line for line in found if not line.endswith(("[options]", " --help"))]
    assert len(examples) == 5
    for line in examples:
        parse(line.split())


def test_commands_of_the_guide_are_accepted():
    text = PAGE.read_text(encoding="utf-8").replace("\\\n", " ")
    commands = re.findall(r"^    contrastive-clustering (.*)", text, re.M)
    assert len(commands) >= 4
    for line in commands:
        parse(line.split())


def test_the_guide_explains_all_options(capsys):
    text = shown_help(capsys) + shown_help(capsys, "predict")
    page = PAGE.read_text(encoding="utf-8")
    for name in set(re.findall(r"^  (?:-h, )?(--[\w-]+)", text, re.M)):
        assert f"``{name}" in page, name


def test_the_help_needs_no_heavy_package():
    code = (
        "import sys\n"
        "from contrastive_clustering._command.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'sklearn', 'pandas'} & set(sys.modules)\n"
        "print(heavy, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "set()"


@pytest.mark.parametrize(
    "window", [["--window", "-600,1500"], ["--window=-600,1500"]], ids=" ".join
)
def test_a_window_may_begin_with_a_minus_sign(window):
    assert parse(["scans", "--labels", "x.csv", *window]).window == (-600, 1500)
