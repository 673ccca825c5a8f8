import pandas as pd
import pytest

from contrastive_clustering._command.console import CommandError, Console
from contrastive_clustering._command.joining import join, read_table

PATHS = ["a/1.png", "a/2.png", "b/1.png", "b/3.nii.gz", "b/3.nii.gz"]


def joined(named, paths=PATHS):
    table = pd.DataFrame({"path": named, "row": range(len(named))})
    return join(table, "path", paths, console=Console(quiet=False))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_of_spreadsheets_are_read(tmp_path, encoding, separator):
    path = tmp_path / "table.csv"
    lines = [["path", "größe"], ["001", "1.5"], ["002", ""]]
    text = "\r\n".join(separator.join(line) for line in lines)
    path.write_bytes(text.encode(encoding))
    table = read_table(path, "path")
    assert table["path"].tolist() == ["001", "002"]  # not numbers
    assert table["größe"].tolist()[0] == 1.5
    assert table["größe"].isna().tolist() == [False, True]


def test_identifiers_are_text(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(
        "path,patient,site,age\n"
        "1,12345678901234561,NA,60\n2,12345678901234560,None,NA\n3,01,x,61\n4,1,y,\n5,,,62\n"
    )
    table = read_table(path, "path", {"patient", "site", "absent"})
    expected = ["12345678901234561", "12345678901234560", "01", "1"]
    assert table["patient"].tolist()[:4] == expected
    assert table["site"].tolist()[:4] == ["NA", "None", "x", "y"]
    assert table[["patient", "site"]].isna().sum().tolist() == [1, 1]
    assert table["age"].isna().tolist() == [False, True, False, True, False]


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("path", "path,patient,months, path"),
        ("patient", "path,patient,patient,months"),
        ("months", "path,months,patient,months "),
    ],
)
def test_needed_columns_have_names_of_their_own(tmp_path, name, header):
    path = tmp_path / "table.csv"
    path.write_text(f"{header}\n1,2,3,4\n")
    with pytest.raises(CommandError, match=f"has 2 columns '{name}'. Give each a name"):
        read_table(path, "path", {"patient"}, ["months"])


def test_other_columns_may_share_a_name(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("path,dose,dose,,\n1,2,3,,\n")
    table = read_table(path, "path")
    assert table.iloc[0, 1:3].tolist() == [2, 3]


def test_both_ways_to_write_an_accent_are_one_patient(tmp_path):
    path = tmp_path / "table.csv"
    lines = ["path,patient,city", "1,b\u00e4r,K\u00f6ln", "2,ba\u0308r,Ko\u0308ln"]
    path.write_text("\n".join(lines), encoding="utf-8")
    table = read_table(path, "path", {"patient"})
    assert table[["patient", "city"]].nunique().tolist() == [1, 1]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_numbers_may_have_a_decimal_comma(tmp_path, separator):
    path = tmp_path / "table.csv"
    lines = ["path;age;dose;site;mixed", "1;63,5;1.5;1,2;1,5", "2;70;;x;2.5"]
    path.write_text("\n".join(lines).replace(";", separator))
    table = read_table(path, "path")
    assert table["age"].tolist() == [63.5, 70]
    assert table["dose"].tolist()[0] == 1.5
    assert table["site"].tolist() == ["1,2", "x"]
    assert table["mixed"].tolist() == ["1,5", "2.5"]
    assert read_table(path, "path", {"age"})["age"].tolist() == ["63,5", "70"]


def test_commas_that_may_separate_thousands_stay_text(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(
        "path;days;dose;age\n1;1,063;0,125;1,063\n2;-12,500;;63,5\n3;7;2;\n"
    )
    table = read_table(path, "path")
    assert table["days"].tolist() == ["1,063", "-12,500", "7"]
    assert table["dose"].tolist()[::2] == [0.125, 2]
    assert table["age"].tolist()[:2] == [1.063, 63.5]


def test_commas_that_are_separators_are_not_decimal(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('path,age\n1,"1,063"\n')
    assert read_table(path, "path")["age"].tolist() == ["1,063"]


def test_a_column_of_a_large_table_has_one_type(tmp_path):
    # pandas reads about 2**20 values together.
    header = ["path", "grade", *(f"column {i}" for i in range(2000))]
    rows = [f"{i}.png,{i % 2}" for i in range(600)] + ["600.png,1b"]
    path = tmp_path / "table.csv"
    path.write_text("\n".join([",".join(header), *rows]))
    assert read_table(path, "path")["grade"].map(type).eq(str).all()


def test_spaces_and_blank_lines_do_not_count(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("\n\npath ;site ;scanner\n1 ;A ;x \n2;A;x\n 3; A; x\n;  ;\n")
    table = read_table(path, "path", {"site"})
    assert table["path"].tolist()[:3] == ["1", "2", "3"]
    assert table["site"].tolist()[:3] == ["A", "A", "A"]
    assert table["scanner"].tolist()[:3] == ["x", "x", "x"]
    assert table.isna().sum().tolist() == [1, 1, 1]


def test_a_file_may_be_called_like_a_missing_value(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("path,age\nNA,60\nnull,61\n")
    assert read_table(path, "path")["path"].tolist() == ["NA", "null"]


def test_separators_at_the_end_of_rows_do_not_shift_columns(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("path,age\n1,60,\n2,61,\n")
    table = read_table(path, "path")
    assert table.to_dict("list") == {"path": ["1", "2"], "age": [60, 61]}
    path.write_text("path,age\n1,60\n2,61,\n,,,,\n")
    assert read_table(path, "path")["age"].tolist()[:2] == [60, 61]
    path.write_text("path,age\n1,60\n2,61,3\n")
    with pytest.raises(CommandError, match=r"line 3 of .* has more values than"):
        read_table(path, "path")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"", "is empty. Pass another table"),
        (b"PK\x03\x04\xff\xff\x00", "is not a table in CSV format"),
        ("path,größe\n".encode("latin-1"), "with the encoding UTF-8"),
        (b'path,b\n"1,2\n', "line 2 of .* has a quote that is not closed"),
        (b"file,b\n1,2\n", "no column 'path'. Its columns are 'file', 'b'. Pass"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "table.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CommandError, match=message):
        read_table(path, "path")


def test_rows_are_found_by_paths_names_and_ends_of_paths(capsys):
    rows = joined(["/data/scans/a/1.png", "2.png", "b\\1.png", "3", "9.png", None])
    assert rows["row"].tolist() == [0, 1, 2, 3, 3]
    assert "2 rows name no file that was read" in capsys.readouterr().err


def test_accents_may_be_characters_of_their_own():
    composed, decomposed = "b\u00e4r/1.png", "ba\u0308r/1.png"
    for named, path in ((composed, decomposed), (decomposed, composed)):
        assert joined([named], [path])["row"].tolist() == [0]


def test_images_without_a_row_have_missing_values(capsys):
    rows = joined(["a/2.png", "./b/1"])
    assert rows["row"].isna().tolist() == [True, False, False, True, True]
    assert rows["row"].tolist()[1:3] == [0, 1]
    assert "3 of 5 images have no row" in capsys.readouterr().err


def test_a_file_of_the_folder_comes_before_one_in_a_subfolder():
    assert joined(["1.png"], ["1.png", "a/1.png"])["row"].tolist()[0] == 0


def test_an_exact_name_comes_before_one_without_a_suffix():
    files = ["0.png", "0.png.jpg", "a/1", "a/1.dcm", "a/1.dcm.png"]
    rows = joined(["0.png", "0.png.jpg", "/data/a/1", "1.dcm", "a/1.dcm.png"], files)
    assert rows["row"].tolist() == [0, 1, 2, 3, 4]


def test_a_row_may_name_a_folder():
    files = ["p1/ct/0001.dcm", "p2/ct/0001.dcm", "p3/0001.dcm", "p3/0002.dcm"]
    rows = joined(["p1/ct/", "/data/p2", "p3"], files)
    assert rows["row"].tolist() == [0, 1, 2, 2]
    with pytest.raises(CommandError, match=r"folders: p1/ct/, p2/ct/. Add their"):
        joined(["ct"], files)
    with pytest.raises(CommandError, match=r"rows 1 and 2 .* both name p3/0002.dcm"):
        joined(["p3/0002.dcm", "p3"], files)


@pytest.mark.parametrize("suffix", ["", ".png"])
def test_a_name_of_a_file_and_of_a_folder_is_refused(suffix):
    # Patients have folders 1 to 3, and the file of each is named like another patient.
    files = [f"1/3{suffix}", f"2/1{suffix}", f"3/2{suffix}"]
    message = f"row 1 .* fits a file and a folder: 2/1{suffix}, 1/. Add .* or a slash"
    with pytest.raises(CommandError, match=message):
        joined(["1", "2", "3"], files)
    assert joined(["1/", "scans\\2\\", "3/"], files)["row"].tolist() == [0, 1, 2]


def test_several_files_and_a_folder_of_one_name_are_refused():
    files = ["001/001.dcm", "001/002.dcm", "002/001.dcm"]
    with pytest.raises(CommandError, match=r"a file and a folder: 001/001.dcm, 001/"):
        joined(["001"], files)


def test_the_only_file_of_a_folder_may_have_its_name():
    assert joined(["b", "a"], ["a/a.png", "b/b.png"])["row"].tolist() == [1, 0]


def test_a_whole_path_is_a_file_whatever_folders_there_are():
    assert joined(["1", "x"], ["1", "a/1/2.dcm"])["row"].tolist()[0] == 0


def test_the_message_on_several_files_says_what_differs():
    with pytest.raises(CommandError, match=r"x.dcm, a/x.png. Add their suffix to the"):
        joined(["x"], ["a/x.dcm", "a/x.png"])
    with pytest.raises(CommandError, match=r"x.png, b/x.dcm. Add their folder to the"):
        joined(["x"], ["a/x.png", "b/x.dcm"])


def test_a_longer_end_comes_before_a_shorter_one():
    rows = joined(["x/a/1.png", "y/1.png"], ["1.png", "a/1.png"])
    assert rows["row"].tolist() == [1, 0]
    # So it does if one end is that of a file and the other that of a folder.
    rows = joined(["x/b/2", "x/3/c"], ["2.png", "b/2/1.png", "3/c.png", "c/1.png"])
    assert rows["row"].isna().tolist() == [True, False, False, True]
    assert rows["row"].tolist()[1:3] == [0, 1]


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (
            ["1.png"],
            r"row 1 below .* names '1.png', which fits several files: a/1.png, b/1.png",
        ),
        (["2.png", "a/2.png"], "rows 1 and 2 below the header both name a/2.png"),
        (
            ["c/9.png", "other/1.png"],
            "none of 2 rows .* begins with 'c/9.png', but .* as --path-column",
        ),
        ([], "none of 0 rows .* begins with nothing"),
    ],
)
def test_tables_that_do_not_fit_are_refused(named, message):
    with pytest.raises(CommandError, match=message):
        joined(named)
