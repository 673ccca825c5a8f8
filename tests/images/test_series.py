import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from image_files import make_dicom, write_series
from pydicom import Dataset, dcmread

from contrastive_clustering._images.loaded import UnreadableFileError
from contrastive_clustering._images.series import (
    build_volume,
    locate,
    number_volumes,
    plane_of,
    slice_key,
)
from contrastive_clustering._images.volumes import oriented

rng = np.random.default_rng(0)
VOLUME = rng.integers(0, 4096, (5, 6, 7)).astype(np.uint16)
SCALE = {"RescaleSlope": "2", "RescaleIntercept": "-1024"}


def read(folder):
    return [dcmread(path) for path in sorted(folder.iterdir())]


def load(datasets):
    pixels, first, step = build_volume(datasets)
    return oriented(locate(pixels.values, first, step))


def random_directions(seed):
    """Return the directions of rows and columns of a rotated slice."""
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return tuple(rotation[:, :2].T.ravel().round(9))


@pytest.mark.parametrize(
    "directions",
    [
        (1, 0, 0, 0, 1, 0),
        (0, 1, 0, 0, 0, -1),  # sagittal
        (1, 0, 0, 0, 0, -1),  # coronal
        (-1, 0, 0, 0, -1, 0),
        random_directions(1),
        random_directions(2),
    ],
)
def test_series_agree_with_simpleitk(tmp_path, directions):
    order = [3, 0, 4, 1, 2]
    folder = write_series(tmp_path, VOLUME, directions=directions, order=order, **SCALE)
    values, spacing = load(read(folder))
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    expected = sitk.DICOMOrient(reader.Execute(), "LPS")
    np.testing.assert_array_equal(values, sitk.GetArrayFromImage(expected))
    np.testing.assert_allclose(spacing, expected.GetSpacing()[::-1], atol=1e-6)
    assert sorted(spacing) == pytest.approx([0.5, 0.75, 2.0])


def test_axial_slices_run_from_feet_to_head(tmp_path):
    values, spacing = load(read(write_series(tmp_path, VOLUME, order=[4, 3, 2, 1, 0])))
    np.testing.assert_array_equal(values, VOLUME)
    assert spacing == pytest.approx((2.0, 0.5, 0.75))


def test_frames_of_a_file_are_a_volume():
    dataset = make_dicom(VOLUME[::-1])
    shared, measures, directions = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [0.5, 0.75]
    directions.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [directions]
    dataset.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for index in reversed(range(5)):
        position, group = Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, 2.0 * index]
        group.PlanePositionSequence = [position]
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = groups
    values, spacing = load([dataset])
    np.testing.assert_array_equal(values, VOLUME)
    assert spacing == pytest.approx((2.0, 0.5, 0.75))


def test_padding_follows_the_order(tmp_path):
    folder = write_series(
        tmp_path, VOLUME, order=[4, 3, 2, 1, 0], PixelPaddingValue=int(VOLUME[1, 2, 3])
    )
    pixels, _, _ = build_volume(read(folder))
    np.testing.assert_array_equal(pixels.is_padding, np.equal(VOLUME, VOLUME[1, 2, 3]))


# Elements of one slice that make a volume impossible.
OTHER = {
    "shapes": {"Rows": 7, "Columns": 6},
    "spacings": {"PixelSpacing": [1.0, 1.5]},
    "directions": {"ImageOrientationPatient": [0, 1, 0, -1, 0, 0]},
    "white": {"PhotometricInterpretation": "MONOCHROME1"},
}


# Shift of each slice against the one before, of which it is 2 mm away.
SHIFTS = {"tilted": 1.0, "tilted by 7 degrees": 0.25}


def broken(datasets, case):
    if case == "missing":
        return datasets[:2] + datasets[3:]
    if case == "twice":
        return [*datasets, datasets[0]]
    if case == "single":
        return datasets[:1]
    for index, dataset in enumerate(datasets):
        dataset.ImagePositionPatient[1] += SHIFTS.get(case, 0) * index
    if case == "no position":
        del datasets[1].ImagePositionPatient
    if case == "no spacing":
        del datasets[1].PixelSpacing
    for name, value in OTHER.get(case, {}).items():
        setattr(datasets[1], name, value)
    return datasets


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("missing", "missing or unevenly spaced slices: the distances are 2 to 4 mm"),
        ("twice", "several slices at one position"),
        ("single", "is the only slice of its series"),
        ("no position", "is a slice without a position or directions"),
        ("no spacing", "is a slice without a pixel spacing"),
        ("tilted", "slices are shifted against each other"),
        ("tilted by 7 degrees", "slices are shifted against each other"),
        ("shapes", "slices of several shapes"),
        ("spacings", "slices of several pixel spacings"),
        ("directions", "contains slices with several directions"),
        ("white", "zero is white in some slices and black in others"),
    ],
)
def test_series_without_a_regular_grid_are_errors(tmp_path, case, message):
    datasets = read(write_series(tmp_path, VOLUME))
    with pytest.raises(UnreadableFileError, match=message):
        build_volume(broken(datasets, case))


def test_nearly_even_slices_are_not_tilted(tmp_path):
    datasets = read(write_series(tmp_path, VOLUME))
    datasets[-1].ImagePositionPatient[2] += 0.15
    _, _, step = build_volume(datasets)
    assert step == pytest.approx(2)


def test_thin_slices_with_rounded_positions_are_not_tilted(tmp_path):
    datasets = read(write_series(tmp_path, VOLUME[:2]))
    first, second = (dataset.ImagePositionPatient for dataset in datasets)
    second[0], second[2] = first[0] + 0.1, first[2] + 0.5
    _, _, step = build_volume(datasets)
    assert step == pytest.approx(0.5)


@pytest.mark.filterwarnings("ignore:Invalid value for VR DS")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ImagePositionPatient", ["nan", "0", "34"]),
        ("ImagePositionPatient", ["0", "0", "inf"]),
        ("ImageOrientationPatient", [0, 0, 0, 0, 0, 0]),
        ("ImageOrientationPatient", [2, 0, 0, 0, 2, 0]),
        ("ImageOrientationPatient", [1, 0, 0, 0.3, 1, 0]),
        ("ImageOrientationPatient", ["nan", 0, 0, 0, 1, 0]),
    ],
)
def test_invalid_positions_and_directions_are_errors(tmp_path, name, value):
    datasets = read(write_series(tmp_path, VOLUME))
    setattr(datasets[2], name, value)
    with pytest.raises(UnreadableFileError, match="an invalid position or invalid dir"):
        build_volume(datasets)


def test_coarsely_rounded_directions_do_not_change_the_distance(tmp_path):
    datasets = read(write_series(tmp_path, VOLUME))
    for dataset in datasets:
        dataset.ImageOrientationPatient = [0.99, 0, 0, 0, 0.99, 0]
    assert build_volume(datasets)[2] == pytest.approx(2)


def test_frames_need_positions_of_their_own():
    plane = {
        "ImagePositionPatient": [0, 0, 0],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [1, 1],
    }
    with pytest.raises(UnreadableFileError, match="without a position of each"):
        build_volume([make_dicom(VOLUME, **plane)])


def test_series_in_color_are_errors(tmp_path):
    color = rng.integers(0, 256, (3, 6, 7, 3), np.uint8)
    with pytest.raises(UnreadableFileError, match="a series in color"):
        build_volume(read(write_series(tmp_path, color)))


def test_planes_and_keys(tmp_path):
    first, second = read(write_series(tmp_path, VOLUME[:2]))
    assert slice_key(first, tmp_path) == slice_key(second, tmp_path)
    assert plane_of(second, 0).height - plane_of(first, 0).height == 2
    second.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    keys = [slice_key(each, tmp_path) for each in (first, second, first)]
    assert number_volumes(keys) == [0, 1, 0]


def test_rounded_directions_do_not_split_a_series(tmp_path):
    first, second = read(write_series(tmp_path, VOLUME[:2]))
    first.ImageOrientationPatient = [0.992157, 0.124999, 0, -0.124999, 0.992157, 0]
    second.ImageOrientationPatient = [0.992156, 0.125001, 0, -0.125001, 0.992156, 0]
    assert number_volumes([slice_key(each, tmp_path) for each in (first, second)]) == [
        0,
        0,
    ]
