from argparse import Namespace

import numpy as np
import pandas as pd
import pytest

from contrastive_clustering._command.console import CommandError, Console
from contrastive_clustering._command.reading import LoadedFolder
from contrastive_clustering._command.variables import read_metadata, read_variables


def facts(**changed):
    columns = {
        "modality": ["DX", "CR", None, "DX"],
        "manufacturer": ["Maker"] * 4,
        "model": [None] * 4,
        "view": [None] * 4,
        "body_part": [None] * 4,
        "patient": ["h1", "h1", None, "h2"],
        **changed,
    }
    return pd.DataFrame(columns, dtype=object)


PATHS = ("0.png", "1.png", "2.png", "3.png")


def read(tmp_path, table=None, found=None, paths=PATHS, **changed):
    options = {"metadata": None, "path_column": "path", "groups": None, "nuisance": []}
    if table is not None:
        options["metadata"] = tmp_path / "table.csv"
        options["metadata"].write_text(table)
    loaded = LoadedFolder(
        np.zeros((4, 8, 8)), list(paths), facts() if found is None else found, {}
    )
    options = Namespace(predicts=False, **options | changed)
    console = Console(quiet=False)
    table = read_metadata(options, console)
    return read_variables(options, loaded, table, console)


def test_columns_of_files_that_vary_are_metadata(tmp_path, capsys):
    variables = read(tmp_path)
    assert variables.groups is None
    assert variables.nuisance is None
    assert list(variables.metadata.columns) == ["modality"]
    assert "3 DICOM images are of 2 patients. With --groups" in capsys.readouterr().err


def test_without_variables_there_is_no_metadata(tmp_path, capsys):
    found = facts(modality=["DX"] * 4, patient=[None] * 4)
    assert read(tmp_path, found=found).metadata is None
    assert capsys.readouterr().err == ""


def test_patients_of_dicom_files_are_groups(tmp_path, capsys):
    variables = read(tmp_path, groups="patient", nuisance=["modality"])
    assert variables.groups.tolist() == ["h1", "h1", None, "h2"]
    assert list(variables.nuisance) == ["modality"]
    assert "1 of 4 images has no value in 'patient'" in capsys.readouterr().err


def test_columns_of_a_table_come_first(tmp_path):
    table = "path,patient,site,modality\n3,a,x,US\n2,a,y,US\n1,b,x,CT\n0,c,y,CT\n"
    variables = read(tmp_path, table, groups="patient", nuisance=["site", "modality"])
    assert variables.groups.tolist() == ["c", "b", "a", "a"]
    assert variables.nuisance["modality"].tolist() == ["CT", "CT", "US", "US"]
    assert set(variables.metadata.columns) == {"site", "modality"}


def test_folders_of_patients_are_groups(tmp_path):
    variables = read(
        tmp_path,
        "patient,age\n01,60\n1,70\n",
        paths=["01/a.png", "01/b.png", "1/a.png", "1/ct/b.png"],
        path_column="patient",
        groups="patient",
    )
    assert variables.groups.tolist() == ["01", "01", "1", "1"]
    assert variables.metadata["age"].tolist() == [60, 60, 70, 70]
    assert "patient" not in variables.metadata


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"groups": "pat"},
            r"--groups: there is no column 'pat'. .*'modality', .*'patient'",
        ),
        ({"nuisance": ["site"]}, "--nuisance: there is no column 'site'"),
        (
            {"nuisance": ["model"]},
            "--nuisance: no DICOM file .* has a value in 'model'",
        ),
        (
            {"groups": "who", "table": "path,who\n0,\n1,\n"},
            "--groups: no row has a value in 'who'",
        ),
    ],
)
def test_columns_that_do_not_exist_are_named(tmp_path, options, message):
    with pytest.raises(CommandError, match=message):
        read(tmp_path, **options)


def test_identifiers_are_text_but_times_are_numbers(tmp_path):
    table = "path,patient,site,months,died\n0,01,NA,1,0\n1,1,b,2,1\n2,,b,3,0\n3,x,b,4,0"
    variables = read(
        tmp_path,
        table,
        groups="patient",
        nuisance=["site", "months"],
        survival=("months", "died"),
    )
    assert variables.groups.tolist()[:2] == ["01", "1"]
    assert variables.groups.isna().tolist() == [False, False, True, False]
    assert variables.nuisance["site"].tolist() == ["NA", "b", "b", "b"]
    assert variables.metadata["months"].tolist() == [1, 2, 3, 4]


SURVIVAL = {"report": "x.html", "survival": ("months", "died")}


@pytest.mark.parametrize(
    ("cells", "changed", "message"),
    [
        ("1,yes\n1.png,2,no", {}, "--survival: the column 'died' has .* than 1 and 0"),
        ("1,1\n1.png,2,2", {}, "--survival: the column 'died' has .* than 1 and 0"),
        ("1,1\n1.png,x,0", {}, "--survival: the column 'months' has .* not numbers"),
        ("1,1\n1.png,-2,0", {}, "--survival: the column 'months' .* negative. Enter"),
        ("1,1\n1.png,inf,0", {}, "--metadata: the column 'months' has an infinite"),
        (
            "1,1\n1.png,-inf,0",
            {"survival": None},
            "--metadata: the column 'months' has an infinite value. Leave the cell",
        ),
        (
            "1,1\n1.png,2,0",
            {"groups": "months"},
            "--survival and --groups both name the column 'months'",
        ),
        (
            "1,1\n1.png,2,0",
            {"survival": ("months", "dead")},
            "--survival: there is no column 'dead'. .*'died'",
        ),
    ],
)
def test_values_that_a_report_cannot_use_are_refused(tmp_path, cells, changed, message):
    table = f"path,months,died\n0.png,{cells}\n"
    with pytest.raises(CommandError, match=message):
        read(tmp_path, table, **SURVIVAL | changed)


@pytest.mark.parametrize("events", ["10", ["TRUE", "FALSE"], ["1.0", ""]])
def test_events_may_be_truth_values_or_missing(tmp_path, events):
    table = "path,months,died\n0.png,1.5,{}\n1.png,,{}\n".format(*events)
    columns = read(tmp_path, table, **SURVIVAL).metadata.columns
    assert list(columns) == ["modality", "months", "died"]


def test_without_a_report_any_number_is_metadata(tmp_path):
    assert read(tmp_path, "path,a\n0,inf\n").metadata["a"].tolist()[0] == np.inf


TEXTS = "path,age,months\n" + "".join(f"{i}.png,{60 + i},{i}\n" for i in range(20))


def test_texts_among_numbers_are_named_before_images_are_read(tmp_path, capsys):
    table = TEXTS.replace(",67,", ",-,")
    changed = {"report": tmp_path / "report.html", "survival": None}
    variables = read(tmp_path, table, **changed)
    assert variables.metadata["age"].dtype == "category"
    assert variables.metadata["months"].dtype == int
    warning = capsys.readouterr().err
    assert "in the column 'age', 1 of 20 values is not a number" in warning
    assert "the first, in row 8 below the header, is only punctuation" in warning
    read(tmp_path, table, report=None)
    read(tmp_path, table, **changed | {"groups": "age"})
    assert "not a number" not in capsys.readouterr().err
    changed["survival"] = ("age", "months")
    with pytest.raises(CommandError, match=r"--survival: .* in row 8 below the header"):
        read(tmp_path, table, **changed)
