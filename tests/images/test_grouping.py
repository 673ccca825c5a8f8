import numpy as np
import pytest
from image_files import write_dicom, write_series

from contrastive_clustering._images.finding import Entry, image_files
from contrastive_clustering._images.grouping import volume_items
from contrastive_clustering._images.reading import Failure, Item

VOLUME = np.zeros((3, 4, 5), np.uint16)


def group(*paths):
    entries = [Entry(path, row) for row, path in enumerate(paths)]
    return volume_items(entries, n_jobs=None, verbose=0)


def test_slices_of_a_series_are_an_item(tmp_path):
    first, second = (
        list(image_files(write_series(tmp_path / name, VOLUME))) for name in "ab"
    )
    mixed = [path for pair in zip(second, first, strict=True) for path in pair]
    items, failures = group(*mixed)
    assert items == [Item(tuple(second), 0), Item(tuple(first), 1)]
    assert failures == []


def test_other_files_and_files_with_frames_are_items(tmp_path):
    (tmp_path / "a.nii").write_bytes(b"content")
    frames = write_dicom(tmp_path / "b.dcm", VOLUME)
    empty = tmp_path / "c.dcm"
    empty.touch()
    items, failures = group(tmp_path / "a.nii", frames, empty)
    assert items == [Item((tmp_path / "a.nii",), 0), Item((frames,), 1)]
    assert failures == [Failure(str(empty), "is empty")]


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (b"1.0\\0.0\\0.0\\0.0", b"1,0\\0,0\\0,0\\0,0"),  # directions
        (b"IS\x02\x001 ", b"IS\x02\x00x "),  # number of frames
    ],
)
def test_damaged_headers_are_failures(tmp_path, value, other):
    first, second, _ = image_files(write_series(tmp_path, VOLUME, NumberOfFrames=1))
    whole = first.read_bytes()
    assert whole.count(value) == 1
    first.write_bytes(whole.replace(value, other))
    items, failures = group(first, second)
    assert items == [Item((second,), 1)]
    assert failures[0].reason.startswith(
        "is a DICOM file with a damaged or unsupported header ("
    )


def test_a_folder_is_one_series(tmp_path):
    folder = write_series(tmp_path / "a", VOLUME)
    items, failures = group(folder)
    assert items == [Item(tuple(image_files(folder)), 0)]
    assert failures == []
    write_series(tmp_path / "b", VOLUME)
    (tmp_path / "c").mkdir()
    items, failures = group(tmp_path, tmp_path / "c")
    assert items == []
    assert failures[0].reason.startswith("is a folder with 2 volumes. Pass folders")
    assert failures[1].reason.startswith("is a folder with 0 volumes. Pass folders")


def test_entries_of_the_same_volume_are_items(tmp_path):
    (tmp_path / "a.nii").write_bytes(b"content")
    folder = write_series(tmp_path / "b", VOLUME)
    items, failures = group(tmp_path / "a.nii", folder, tmp_path / "a.nii", folder)
    slices = tuple(image_files(folder))
    paths = [(tmp_path / "a.nii",), slices] * 2
    assert items == [Item(each, row) for row, each in enumerate(paths)]
    assert failures == []


@pytest.mark.parametrize("uid", ["", "1.2.3"])
def test_series_without_identifiers_of_their_own_are_items(tmp_path, uid):
    folders = [
        write_series(tmp_path / name, VOLUME, PatientID=name, uid=uid) for name in "ab"
    ]
    expected = [Item(tuple(image_files(each)), row) for row, each in enumerate(folders)]
    assert group(*folders)[0] == expected
    items, _ = group(*image_files(tmp_path))
    assert [item.paths for item in items] == [item.paths for item in expected]


def test_slices_without_identifiers_form_volumes_by_folder(tmp_path):
    for name in "ab":
        write_series(tmp_path / name, VOLUME, uid="")
    items, _ = group(*image_files(tmp_path))
    assert [len(item.paths) for item in items] == [3, 3]
