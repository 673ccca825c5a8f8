import gzip
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from contrastive_clustering._images import volumes
from contrastive_clustering._images.loaded import UnreadableFileError
from contrastive_clustering._images.volumes import (
    as_displayed,
    oriented,
    read_volume,
)

rng = np.random.default_rng(0)
VOLUME = rng.integers(-1000, 1000, (4, 5, 6)).astype(np.int16)
SPACING = (3.0, 2.0, 1.5)


def make(values, spacing=SPACING):
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(spacing[::-1])
    return image


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "mha", "mhd", "nrrd", "nhdr"])
@pytest.mark.parametrize("orientation", ["LPS", "RAS", "PIR", "SAL"])
def test_volumes_are_brought_to_one_orientation(tmp_path, suffix, orientation):
    path = tmp_path / f"a.{suffix}"
    sitk.WriteImage(sitk.DICOMOrient(make(VOLUME), orientation), path)
    (image,) = read_volume(path, as_volumes=True)
    np.testing.assert_array_equal(image.values, VOLUME)
    assert image.values.dtype == np.float32
    np.testing.assert_allclose(image.spacing, SPACING, rtol=1e-6)


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "mha", "mhd", "nrrd", "nhdr"])
def test_suffixes_may_be_in_upper_case(tmp_path, suffix):
    sitk.WriteImage(make(VOLUME), tmp_path / f"a.{suffix}")
    path = (tmp_path / f"a.{suffix}").rename(tmp_path / f"A.{suffix.upper()}")
    (image,) = read_volume(path, as_volumes=True)
    np.testing.assert_array_equal(image.values, VOLUME)


def test_suffixes_of_nifti_in_mixed_case_are_named(tmp_path, capfd):
    sitk.WriteImage(make(VOLUME), tmp_path / "a.nii.gz")
    path = (tmp_path / "a.nii.gz").rename(tmp_path / "a.nii.GZ")
    with pytest.raises(UnreadableFileError, match=r"Rename it to '\.nii\.gz'"):
        read_volume(path, as_volumes=True)
    assert not capfd.readouterr().err


# ITK ends the process for such a name, so that the test is run in another one.
CODE = """
import sys
from pathlib import Path
from contrastive_clustering._images.loaded import UnreadableFileError
from contrastive_clustering._images.volumes import read_volume
try:
    read_volume(Path(sys.argv[1]), as_volumes=True)
except UnreadableFileError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs names of any bytes")
def test_names_that_are_not_unicode_are_errors(tmp_path):
    sitk.WriteImage(make(VOLUME), tmp_path / "a.nii")
    path = (tmp_path / "a.nii").rename(tmp_path / os.fsdecode(b"b\xe4r.nii"))
    command = [sys.executable, "-c", CODE, path]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert done.stdout.startswith("has a path that is not valid UTF-8.")


def test_oblique_volumes_are_not_interpolated():
    image = make(VOLUME)
    angle = 0.3
    cos, sin = np.cos(angle), np.sin(angle)
    image.SetDirection([cos, -sin, 0, sin, cos, 0, 0, 0, 1])
    values, spacing = oriented(image)
    np.testing.assert_array_equal(values, VOLUME)
    assert spacing == SPACING


def test_bytes_stay_bytes(tmp_path):
    values = rng.integers(0, 256, (4, 5, 6), np.uint8)
    sitk.WriteImage(make(values), tmp_path / "a.nii")
    (image,) = read_volume(tmp_path / "a.nii", as_volumes=True)
    assert image.values.dtype == np.uint8
    np.testing.assert_array_equal(image.values, values)
    assert image.facts == {"format": "NIfTI", "frame": 0, "inverted": False}


def test_a_single_slice_is_an_image(tmp_path):
    for values, name in ((VOLUME[:1], "a.mha"), (VOLUME[0], "b.mha")):
        sitk.WriteImage(make(values, SPACING[-values.ndim :]), tmp_path / name)
        (image,) = read_volume(tmp_path / name, as_volumes=False)
        np.testing.assert_array_equal(image.values, VOLUME[0])
        assert image.spacing == SPACING[1:]


@pytest.mark.parametrize("suffix", ["nii", "mha", "nrrd"])
@pytest.mark.parametrize("axis", [0, 1, 2])  # axial, coronal, sagittal
@pytest.mark.parametrize("orientation", ["LPS", "RAS", "PIR", "SAL"])
def test_slices_are_as_displayed_whatever_their_order(
    tmp_path, suffix, axis, orientation
):
    whole = make(VOLUME)
    size = list(whole.GetSize())
    size[2 - axis] = 1
    part = sitk.DICOMOrient(sitk.Extract(whole, size, [0, 0, 0]), orientation)
    slice_axis = part.GetSize().index(1)  # becomes the last one, as in files of slices
    order = [i for i in range(3) if i != slice_axis] + [slice_axis]
    sitk.WriteImage(sitk.PermuteAxes(part, order), tmp_path / f"a.{suffix}")
    (image,) = read_volume(tmp_path / f"a.{suffix}", as_volumes=False)
    expected = VOLUME.take(0, axis)
    np.testing.assert_array_equal(image.values, expected[:: -1 if axis else 1])
    spacing = [step for i, step in enumerate(SPACING) if i != axis]
    np.testing.assert_allclose(image.spacing, spacing, rtol=1e-6)


def test_images_of_two_axes_are_as_displayed(tmp_path):
    image = make(VOLUME[0], SPACING[1:])
    image.SetDirection([-1, 0, 0, -1])
    values, spacing = as_displayed(image)
    np.testing.assert_array_equal(values, VOLUME[0, ::-1, ::-1])
    assert spacing == SPACING[1:]


def write_nifti(path, *, distances, directions=1):
    """Write a file that states these distances; its directions have this code."""
    sitk.WriteImage(sitk.DICOMOrient(make(VOLUME), "RAS"), path)
    content = bytearray(path.read_bytes())
    content[80:92] = struct.pack("<3f", *distances)
    content[252:256] = struct.pack("<2h", 1, directions)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("directions", [0, 1])
@pytest.mark.parametrize("signs", [(-1, 1, 1), (1, -1, 1), (-1, -1, -1)])
def test_negative_distances_do_not_reverse_axes(tmp_path, signs, directions):
    distances = np.array(SPACING[::-1]) * signs
    path = tmp_path / "a.nii"
    write_nifti(path, distances=distances, directions=directions)
    (image,) = read_volume(path, as_volumes=True)
    np.testing.assert_array_equal(image.values, VOLUME)
    np.testing.assert_allclose(image.spacing, SPACING, rtol=1e-6)


def write_slice(path, rows):
    """Write a NIfTI file of two axes, whose directions in space are these rows."""
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<3h", header, 40, 2, 4, 3)
    struct.pack_into("<2h", header, 70, 2, 8)  # uint8
    struct.pack_into("<4f", header, 76, 1, 1.5, 2, 0)
    struct.pack_into("<f", header, 108, len(header))
    struct.pack_into("<2h", header, 252, 0, 1)
    struct.pack_into("<12f", header, 280, *np.ravel(rows))
    header[344:347] = b"n+1"
    path.write_bytes(header + values.tobytes())
    return values


@pytest.mark.parametrize(
    "rows",
    [
        [[1.5, 0, 0, 0], [0, 2, 0, 0], [0, 0, 1, 0]],
        [[1.5, 0, 0, 0], [0, 0, 1, 0], [0, 2, 0, 0]],
        [[0, 0, 1, 0], [-1.5, 0, 0, 0], [0, 2, 0, 0]],
        [[1.5, 0, 0, 0], [0, -1.2, 0.8, 0], [0, 1.6, 0.6, 0]],
    ],
    ids=["axial", "coronal", "sagittal", "oblique"],
)
def test_slices_of_two_axes_are_as_displayed(tmp_path, rows):
    """The second axis points to the front or to the head, so that it is reversed.

    The first one points to the right, or to the back in the sagittal slice.
    """
    values = write_slice(tmp_path / "a.nii", rows)
    (image,) = read_volume(tmp_path / "a.nii", as_volumes=False)
    is_sagittal = rows[0][0] == 0
    expected = values[::-1] if is_sagittal else values[::-1, ::-1]
    np.testing.assert_array_equal(image.values, expected)
    assert image.values.dtype == np.uint8
    np.testing.assert_allclose(image.spacing, (2, 1.5), rtol=1e-6)
    with pytest.raises(UnreadableFileError, match="but a volume has 3"):
        read_volume(tmp_path / "a.nii", as_volumes=True)


@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
def test_nifti_2_is_named(tmp_path, suffix):
    content = bytearray(1000)
    content[:12] = struct.pack("<i", 540) + b"n+2\0\r\n\x1a\n"
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(gzip.compress(content) if suffix == "nii.gz" else content)
    with pytest.raises(UnreadableFileError, match=r"NIfTI-2.*Save it as NIfTI-1"):
        read_volume(path, as_volumes=True)


@pytest.mark.parametrize("slope", [0, np.nan])
@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
def test_an_intercept_without_a_slope_is_unused(tmp_path, suffix, slope):
    path = write_nifti(tmp_path / "a.nii", distances=SPACING[::-1])
    content = bytearray(path.read_bytes())
    content[112:120] = struct.pack("<2f", slope, -1024)
    path = tmp_path / f"b.{suffix}"
    path.write_bytes(gzip.compress(content) if suffix == "nii.gz" else content)
    (image,) = read_volume(path, as_volumes=True)
    np.testing.assert_array_equal(image.values, VOLUME)


def test_the_suffix_of_compressed_files_may_be_wrong(tmp_path):
    content = write_nifti(tmp_path / "a.nii", distances=SPACING[::-1]).read_bytes()
    (tmp_path / "b.nii.gz").write_bytes(content)
    (image,) = read_volume(tmp_path / "b.nii.gz", as_volumes=True)
    np.testing.assert_array_equal(image.values, VOLUME)
    (tmp_path / "b.nii.gz").write_bytes(content[:-1])
    with pytest.raises(UnreadableFileError, match="is a truncated or damaged volume"):
        read_volume(tmp_path / "b.nii.gz", as_volumes=True)
    (tmp_path / "c.nii").write_bytes(gzip.compress(content))
    with pytest.raises(
        UnreadableFileError, match=r"is compressed by gzip.* Add '\.gz'"
    ):
        read_volume(tmp_path / "c.nii", as_volumes=True)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.mha", "a.nrrd"])
def test_files_may_vanish_while_they_are_read(tmp_path, monkeypatch, name):
    path = tmp_path / name
    sitk.WriteImage(make(VOLUME), path)

    def remove(path, *rest):
        path.unlink()
        return found(path, *rest)

    for step in ("_check_name", "check_data", "states_spacing"):
        found = getattr(volumes, step)
        sitk.WriteImage(make(VOLUME), path)
        with monkeypatch.context() as patch:
            patch.setattr(volumes, step, remove)
            with pytest.raises(UnreadableFileError, match=r"is a .*damaged"):
                read_volume(path, as_volumes=True)


@pytest.mark.parametrize("upper", [True, False])
def test_a_compressed_file_may_be_next_to_another_one(tmp_path, upper):
    names = ["a.nii", "a.nii.gz"]
    names = [name.upper() for name in names] if upper else names
    for name, values in zip(names, (VOLUME[:1] + 1, VOLUME), strict=True):
        sitk.WriteImage(make(values), tmp_path / "b.nii")
        content = (tmp_path / "b.nii").read_bytes()
        if name == names[1]:
            content = gzip.compress(content)
        (tmp_path / name).write_bytes(content)
    for name, values in zip(names, (VOLUME[:1] + 1, VOLUME), strict=True):
        (image,) = read_volume(tmp_path / name, as_volumes=True)
        np.testing.assert_array_equal(image.values, values)


@pytest.mark.parametrize("unknown", [0, np.nan, np.inf])
def test_invalid_distances_are_unknown(tmp_path, unknown):
    path = write_nifti(tmp_path / "a.nii", distances=(1.5, 2.0, unknown))
    (image,) = read_volume(path, as_volumes=True)
    assert image.spacing is None


def test_axes_that_are_not_at_right_angles_are_named(tmp_path):
    path = write_nifti(tmp_path / "a.nii", distances=SPACING[::-1])
    content = bytearray(path.read_bytes())
    content[252:256] = struct.pack("<2h", 0, 1)
    content[280:328] = struct.pack("<12f", 1, 0.3, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match="not at right angles"):
        read_volume(path, as_volumes=True)


def test_a_single_slice_may_be_a_volume(tmp_path):
    sitk.WriteImage(make(VOLUME[:1]), tmp_path / "a.mha")
    (image,) = read_volume(tmp_path / "a.mha", as_volumes=True)
    np.testing.assert_array_equal(image.values, VOLUME[:1])
    assert image.spacing == SPACING


def test_other_dimensions_are_errors(tmp_path):
    for name, values in {
        "volume.nii": VOLUME,
        "slice.mha": VOLUME[0],
        "times.nii": np.stack([VOLUME] * 2),
    }.items():
        sitk.WriteImage(sitk.GetImageFromArray(values, isVector=False), tmp_path / name)
    color = sitk.GetImageFromArray(rng.integers(0, 9, (4, 5, 6, 3)), isVector=True)
    sitk.WriteImage(color, tmp_path / "color.nrrd")
    with pytest.raises(UnreadableFileError, match=r"\(6, 5, 4\)\. Pass as_volumes=Tr"):
        read_volume(tmp_path / "volume.nii", as_volumes=False)
    for name, message in {
        "slice.mha": r"has sides \(6, 5\), but a volume has 3",
        "times.nii": r"has sides \(6, 5, 4, 2\), but a volume has 3",
        "color.nrrd": "has 3 values per voxel",
    }.items():
        with pytest.raises(UnreadableFileError, match=message):
            read_volume(tmp_path / name, as_volumes=True)


def test_a_last_axis_of_one_is_left_out(tmp_path):
    sitk.WriteImage(
        sitk.GetImageFromArray(VOLUME[None], isVector=False), tmp_path / "a.nii"
    )
    (image,) = read_volume(tmp_path / "a.nii", as_volumes=True)
    np.testing.assert_array_equal(image.values, VOLUME)


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "mha", "nrrd"])
def test_damaged_files_are_errors(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    values = rng.integers(0, 9999, (16, 16, 16)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(values), path)
    whole = path.read_bytes()
    for length in (3, 100, 400, len(whole) // 2, len(whole) - 20):
        path.write_bytes(whole[:length])
        with pytest.raises(UnreadableFileError, match="is a truncated"):
            read_volume(path, as_volumes=True)


def test_claimed_sizes_are_limited(tmp_path):
    path = tmp_path / "a.mha"
    sitk.WriteImage(sitk.GetImageFromArray(VOLUME), path)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"DimSize = 6 5 4", b"DimSize = 9999 9999 99"))
    with pytest.raises(UnreadableFileError, match="claims to have more than"):
        read_volume(path, as_volumes=True)
