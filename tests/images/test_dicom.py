from pathlib import Path

import numpy as np
import pytest
from image_files import make_dicom, write_dicom
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.uid import JPEGLSLossless, RLELossless

from contrastive_clustering._images.dicom import (
    frame_item,
    open_dicom,
    read_pixels,
)
from contrastive_clustering._images.loaded import UnreadableFileError

rng = np.random.default_rng(0)
STORED = rng.integers(0, 4096, (6, 5)).astype(np.uint16)


def bundled(name):
    return Path(get_testdata_file(name, download=False))


def test_values_are_rescaled():
    dataset = make_dicom(STORED, BitsStored=12, HighBit=11)
    dataset.RescaleSlope, dataset.RescaleIntercept = "2", "-1024"
    pixels = read_pixels(dataset)
    np.testing.assert_array_equal(pixels.values, [2.0 * STORED - 1024])
    assert pixels.values.dtype == np.float32
    assert pixels.limits == (-1024, 2 * 4095 - 1024)
    assert not pixels.zero_is_white
    dataset.RescaleSlope = dataset.RescaleIntercept = None
    np.testing.assert_array_equal(read_pixels(dataset).values, [STORED])


@pytest.mark.parametrize("high", [10, 15])
def test_values_that_are_not_in_the_lowest_bits_are_refused(high):
    dataset = make_dicom(STORED << 4, BitsStored=12, HighBit=high)
    with pytest.raises(
        UnreadableFileError, match=rf"high bit {high} for 12 stored .* HighBit to 11"
    ):
        read_pixels(dataset)


def test_compressed_streams_know_the_position_of_their_bits():
    dataset = open_dicom(bundled("JPEG2000.dcm"))
    expected = read_pixels(dataset).values
    dataset.HighBit -= 1
    np.testing.assert_array_equal(read_pixels(dataset).values, expected)


def test_lookup_tables_of_the_modality():
    stored = np.arange(12, dtype=np.uint16).reshape(3, 4)
    table = Dataset()
    table.LUTDescriptor = [12, 0, 16]
    table.add_new("LUTData", "US", (np.arange(12) * 100).tolist())
    pixels = read_pixels(make_dicom(stored, ModalityLUTSequence=[table]))
    np.testing.assert_array_equal(pixels.values, [stored * 100.0])
    assert pixels.limits == (0, 65535)
    scaled = make_dicom(stored, RescaleSlope="2", RescaleIntercept="1")
    scaled.ModalityLUTSequence = []  # is as good as none
    np.testing.assert_array_equal(read_pixels(scaled).values, [stored * 2.0 + 1])


def test_signed_values():
    stored = (STORED.astype(int) - 2048).astype(np.int16)
    pixels = read_pixels(make_dicom(stored))
    np.testing.assert_array_equal(pixels.values, [stored])
    assert pixels.limits == (-32768, 32767)


def test_bytes_stay_bytes_unless_they_are_rescaled():
    stored = STORED.astype(np.uint8)
    assert read_pixels(make_dicom(stored)).values.dtype == np.uint8
    rescaled = make_dicom(stored, RescaleSlope="0.5", RescaleIntercept="0")
    np.testing.assert_array_equal(read_pixels(rescaled).values, [stored / 2])


def test_padding_is_a_value_or_a_range():
    pixels = read_pixels(make_dicom(STORED, PixelPaddingValue=int(STORED[0, 0])))
    np.testing.assert_array_equal(pixels.is_padding, [np.equal(STORED, STORED[0, 0])])
    dataset = make_dicom(STORED, PixelPaddingValue=3000, PixelPaddingRangeLimit=2000)
    np.testing.assert_array_equal(
        read_pixels(dataset).is_padding, [(STORED >= 2000) & (STORED <= 3000)]
    )
    assert read_pixels(make_dicom(STORED, PixelPaddingValue=5000)).is_padding is None


@pytest.mark.parametrize(
    ("dtype", "vr", "value", "found"),
    [
        (np.int16, "US", 63536, True),  # the bits of -2000
        (np.uint16, "SS", -1, True),  # the bits of 65535
        (np.uint8, "US", 65535, False),  # is not 255
    ],
)
def test_padding_may_have_the_type_of_other_values(dtype, vr, value, found):
    padding = -2000 if dtype == np.int16 else np.iinfo(dtype).max
    dataset = make_dicom(np.array([[padding, 5]], dtype))
    dataset.add_new("PixelPaddingValue", vr, value)
    mask = read_pixels(dataset).is_padding
    assert mask.tolist() == [[[True, False]]] if found else mask is None


@pytest.mark.parametrize(
    ("name", "dtype"), [("FloatPixelData", "f4"), ("DoubleFloatPixelData", "f8")]
)
def test_floating_point_values(name, dtype):
    values = STORED.astype(dtype) / 7
    dataset = make_dicom(STORED)
    for absent in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(dataset, absent)
    dataset.BitsAllocated = 8 * values.itemsize
    setattr(dataset, name, values.tobytes())
    found = read_pixels(dataset).values
    np.testing.assert_array_equal(found, [values.astype(np.float32)])
    assert found.dtype == np.float32


def test_frames_have_scales_of_their_own():
    frames = np.stack([STORED, STORED])
    dataset = make_dicom(frames)
    groups = []
    for slope in ("1", "3"):
        scale = Dataset()
        scale.RescaleSlope, scale.RescaleIntercept = slope, "5"
        group = Dataset()
        group.PixelValueTransformationSequence = [scale]
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = groups
    values = read_pixels(dataset).values
    np.testing.assert_array_equal(values, [STORED + 5.0, STORED * 3.0 + 5])


def test_groups_of_a_frame_take_precedence_over_shared_ones():
    first, second, shared = Dataset(), Dataset(), Dataset()
    first.PlanePositionSequence = [Dataset()]
    shared.PlanePositionSequence = [Dataset()]
    dataset = Dataset()
    assert frame_item(dataset, 0, "PlanePositionSequence") is dataset
    dataset.PerFrameFunctionalGroupsSequence = [first, second]
    dataset.SharedFunctionalGroupsSequence = [shared]
    name = "PlanePositionSequence"
    assert frame_item(dataset, 0, name) is first.PlanePositionSequence[0]
    assert frame_item(dataset, 1, name) is shared.PlanePositionSequence[0]


def test_colors_have_eight_bits():
    stored = rng.integers(0, 256, (6, 5, 3), np.uint8)
    np.testing.assert_array_equal(read_pixels(make_dicom(stored)).values, [stored])
    deep = stored.astype(np.uint16) * 256
    np.testing.assert_array_equal(read_pixels(make_dicom(deep)).values, [stored])


@pytest.mark.parametrize(
    ("n_bits", "scale", "dtype"), [(8, 1, "u1"), (16, 257, "<u2"), (16, 1, "<u2")]
)
def test_palettes_have_eight_bits(n_bits, scale, dtype):
    colors = rng.integers(0, 256, (4, 3))  # the last palette does not use its 16 bits
    dataset = make_dicom(
        np.array([[0, 1], [2, 3]], np.uint8), PhotometricInterpretation="PALETTE COLOR"
    )
    for name, column in zip(("Red", "Green", "Blue"), colors.T * scale, strict=True):
        table = f"{name}PaletteColorLookupTable"
        setattr(dataset, f"{table}Descriptor", [4, 0, n_bits])
        setattr(dataset, f"{table}Data", column.astype(dtype).tobytes())
    (values,) = read_pixels(dataset).values
    np.testing.assert_array_equal(values.reshape(4, 3), colors)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("examples_palette.dcm", (1, 350, 800, 3)),
        ("examples_ybr_color.dcm", (30, 240, 320, 3)),
        ("SC_rgb_rle_2frame.dcm", (2, 100, 100, 3)),
        ("SC_rgb_jpeg_dcmtk.dcm", (1, 100, 100, 3)),
        ("MR_small_RLE.dcm", (1, 64, 64)),
        ("JPEG2000.dcm", (1, 1024, 256)),
        ("MR_small_bigendian.dcm", (1, 64, 64)),
        ("rtdose.dcm", (15, 10, 10)),
    ],
)
def test_bundled_files(name, shape):
    pixels = read_pixels(open_dicom(bundled(name)))
    assert pixels.values.shape == shape
    assert pixels.values.std() > 0


def test_compressed_and_plain_files_agree():
    plain = read_pixels(open_dicom(bundled("MR_small.dcm")))
    for name in ("MR_small_RLE.dcm", "MR_small_bigendian.dcm"):
        same = read_pixels(open_dicom(bundled(name)))
        np.testing.assert_array_equal(same.values, plain.values)


def test_missing_decoders_are_named():
    dataset = make_dicom(STORED)
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    with pytest.raises(UnreadableFileError) as error:
        read_pixels(dataset)
    assert "is compressed as JPEG-LS Lossless" in str(error.value)
    assert "pip install 'pylibjpeg[all]'" in str(error.value)


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("is_compressed", [True, False])
@pytest.mark.parametrize("n_stated", [None, 1, 2])
def test_more_frames_than_stated_are_refused(is_compressed, n_stated):
    frames = rng.integers(0, 256, (3, 6, 8), np.uint8)
    dataset = make_dicom(frames)
    if is_compressed:
        dataset.compress(RLELossless)
    np.testing.assert_array_equal(read_pixels(dataset).values, frames)
    dataset.NumberOfFrames = n_stated
    message = f"more frames than the number that it states, {n_stated or 1}"
    with pytest.raises(UnreadableFileError, match=message):
        read_pixels(dataset)


def test_truncated_pixels_are_errors():
    dataset = open_dicom(bundled("MR_truncated.dcm"))
    with pytest.raises(UnreadableFileError, match="whose pixels are truncated"):
        read_pixels(dataset)


def test_files_that_end_early_are_errors(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", STORED)
    whole = path.read_bytes()
    for length in range(132, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(UnreadableFileError):
            read_pixels(open_dicom(path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Rows": 65535, "Columns": 65535}, "claims to have more than 1073741824 val"),
        ({"Rows": None}, "without a valid size or transfer syntax"),
        ({"PixelData": None}, "is a DICOM file without an image"),
        ({"Rows": 7}, "whose pixels are truncated, damaged"),
        ({"RescaleSlope": 2}, "only one of a rescale slope and a rescale intercept"),
        ({"RescaleIntercept": 2}, "only one of a rescale slope and a rescale int"),
    ],
)
def test_invalid_headers_are_errors(change, message):
    dataset = make_dicom(STORED)
    for name, value in change.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    with pytest.raises(UnreadableFileError, match=message):
        read_pixels(dataset)
