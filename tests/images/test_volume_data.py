import gzip
import re
import struct
import zlib

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from contrastive_clustering._images.loaded import UnreadableFileError
from contrastive_clustering._images.volume_data import CHUNK_BYTES, nifti_distances
from contrastive_clustering._images.volumes import read_volume

rng = np.random.default_rng(0)
VOLUME = rng.integers(0, 999, (8, 16, 16)).astype(np.int16)

# File of the compressed data for each suffix, None for that of the header.
DATA = {"nii.gz": None, "mha": None, "mhd": "a.zraw", "nrrd": None, "nhdr": "a.raw.gz"}


def write(folder, suffix, values=VOLUME):
    """Return the paths of a compressed volume and of its data."""
    path = folder / f"a.{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(values), path, useCompression=True)
    return path, folder / (DATA[suffix] or path.name)


def is_refused(path):
    with pytest.raises(UnreadableFileError, match="is a truncated or damaged volume"):
        read_volume(path, as_volumes=True)
    return True


@pytest.mark.parametrize("suffix", DATA)
def test_damaged_compressed_data_are_refused(tmp_path, suffix):
    path, data = write(tmp_path, suffix)
    whole = data.read_bytes()
    for position in np.linspace(600, len(whole) - 9, 20).astype(int):
        damaged = bytearray(whole)
        damaged[position] ^= 16
        data.write_bytes(damaged)
        assert is_refused(path)
    data.write_bytes(whole)
    (image,) = read_volume(path, as_volumes=True)
    np.testing.assert_array_equal(image.values, VOLUME)


@pytest.mark.parametrize("suffix", ["mhd", "nhdr"])
def test_too_few_compressed_values_are_refused(tmp_path, suffix):
    path, data = write(tmp_path, suffix)
    compress = zlib.compress if suffix == "mhd" else gzip.compress
    data.write_bytes(compress(VOLUME[:4].tobytes()))
    size = f"CompressedDataSize = {data.stat().st_size}"
    path.write_text(re.sub("CompressedDataSize = .*", size, path.read_text()))
    assert is_refused(path)


def test_a_checksum_after_whole_chunks_is_verified(tmp_path):
    path, data = write(tmp_path, "nii.gz", np.zeros((8, 366, 179), np.int16))
    assert len(gzip.decompress(data.read_bytes())) == CHUNK_BYTES
    damaged = bytearray(data.read_bytes())
    damaged[-8] ^= 1
    data.write_bytes(damaged)
    assert is_refused(path)


def test_missing_data_are_refused(tmp_path):
    path, data = write(tmp_path, "mhd")
    data.unlink()
    assert is_refused(path)


def test_lists_of_files_are_left_to_itk(tmp_path):
    for index, plane in enumerate(VOLUME):
        (tmp_path / f"{index}.raw").write_bytes(plane.tobytes())
    path, _ = write(tmp_path, "mhd")
    header = path.read_text().replace("a.zraw", "%d.raw 0 7 1")
    header = re.sub("CompressedData.*\n", "", header)
    path.write_text(header)
    (image,) = read_volume(path, as_volumes=True)
    np.testing.assert_array_equal(image.values, VOLUME)


NRRD = "NRRD0004\ntype: short\ndimension: 3\nsizes: 16 16 8\nendian: little\n"
META = (
    "ObjectType = Image\nNDims = 3\nBinaryData = True\nDimSize = 16 16 8\n"
    "ElementType = MET_SHORT\n"
)


@pytest.mark.parametrize(
    ("name", "header", "spacing"),
    [
        ("a.nrrd", f"{NRRD}encoding: raw\n\n", None),
        ("a.nrrd", f"{NRRD}spacings: nan nan nan\nencoding: raw\n\n", None),
        ("a.nrrd", f"{NRRD}spacings: 1 2 3\nencoding: raw\n\n", (3, 2, 1)),
        (
            "a.nrrd",
            f"{NRRD}space: left-posterior-superior\nencoding: raw\n"
            "space directions: (1,0,0) (0,2,0) (0,0,3)\n\n",
            (3, 2, 1),
        ),
        ("a.mha", f"{META}ElementDataFile = LOCAL\n", None),
        (
            "a.mha",
            f"{META}ElementSpacing = 1 2 3\nElementDataFile = LOCAL\n",
            (3, 2, 1),
        ),
    ],
)
def test_a_spacing_that_is_not_stated_is_unknown(tmp_path, name, header, spacing):
    path = tmp_path / name
    path.write_bytes(header.encode() + VOLUME.tobytes())
    (image,) = read_volume(path, as_volumes=True)
    np.testing.assert_array_equal(image.values, VOLUME)
    assert image.spacing == spacing


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("size", "start", "kind"), [(348, 76, "f"), (540, 104, "d")])
def test_distances_of_both_versions_of_nifti(tmp_path, order, size, start, kind):
    content = bytearray(size)
    struct.pack_into(f"{order}i", content, 0, size)
    struct.pack_into(f"{order}4{kind}", content, start, 1, 0.5, -2, 3)
    (tmp_path / "a.nii").write_bytes(content)
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(content))
    for path in tmp_path.iterdir():
        assert nifti_distances(path) == (0.5, -2, 3)


def test_other_files_state_no_distances(tmp_path):
    (tmp_path / "a.nii").write_bytes(gzip.compress(bytes(348)))
    with pytest.raises(UnreadableFileError, match="is not in the format NIfTI"):
        nifti_distances(tmp_path / "a.nii")
