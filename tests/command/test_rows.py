import csv

import pytest

from contrastive_clustering._command.console import CommandError
from contrastive_clustering._command.rows import read_rows


def read(tmp_path, content):
    path = tmp_path / "table.csv"
    path.write_text(content)
    return read_rows(path, "path")


@pytest.mark.parametrize(
    ("content", "separator", "header"),
    [
        ("path;Größe, cm;Gewicht, kg\n", ";", ["path", "Größe, cm", "Gewicht, kg"]),
        ('"a, b; c; d", path\n', ",", ["a, b; c; d", "path"]),
        ('path;x, "cm\n' + "1;2\n" * 99999, ";", ["path", 'x, "cm']),
        ("file;a;b, c\n", ";", ["file", "a", "b, c"]),
        ("path\n", ",", ["path"]),
        ("\nsep=;\na, path, b;x\n", ";", ["a, path, b", "x"]),
        ('"SEP=|"\npath|x\n', "|", ["path", "x"]),
        ("sep=\t\npath\tx\n", "\t", ["path", "x"]),
    ],
)
def test_separators_are_stated_or_chosen_by_the_header(
    tmp_path, content, separator, header
):
    rows, chosen = read(tmp_path, content)
    assert chosen == separator
    assert rows[0] == header


def test_surplus_cells_may_be_empty(tmp_path):
    rows, _ = read(tmp_path, "path,b\n0,A\n\n1,B,\n,,,,\n2\n")
    assert rows == [["path", "b"], ["0", "A"], ["1", "B"], ["", ""], ["2"]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('path,b\n"0\n1",A\n2,B,C\n', "line 4 of .* has more values than there are"),
        ("sep=;\npath;b\n1;2;3\n", "line 3 of .* than there are .*, line 2"),
        ("My study\n\npath,b\n0,A\n", "line 3 .* line 1. Remove lines above the names"),
        ("\n\n", "'.*' is empty. Pass another table"),
        ('path,b\n0,A\n1,"B\n2,C\n', "line 3 of .* has a quote that is not closed"),
        ('path,b\n0,A\n1,"B', "line 3 of .* has a quote that is not closed"),
        (
            'path,b\n0,"A\n' + "1,B\n" * csv.field_size_limit(),
            "line 2 of .* has a value of more than .* may not be closed",
        ),
    ],
)
def test_messages_name_the_line(tmp_path, content, message):
    with pytest.raises(CommandError, match=message):
        read(tmp_path, content)
