import numpy as np
import pytest
from image_files import make_dicom
from pydicom import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from contrastive_clustering._images.dicom import open_dicom, read_pixels
from contrastive_clustering._images.lookup import COLORS, look_up, look_up_colors

rng = np.random.default_rng(0)
SYNTAXES = {"<": ExplicitVRLittleEndian, ">": ExplicitVRBigEndian}


def data_of(entries, order, n_bits):
    """Return entries as a file contains them; bytes are packed in words."""
    entries = np.append(entries, [0] * (len(entries) % 2))
    words = entries.astype("<u2") if n_bits == 16 else entries.astype("u1").view("<u2")
    return words.astype(f"{order}u2").tobytes()


def table_of(entries, first, n_bits, order="<", vr="US"):
    item = Dataset()
    item.LUTDescriptor = [len(entries) % 65536, first, n_bits]
    data = data_of(entries, order, 16) if vr == "OW" else entries.tolist()
    item.add_new("LUTData", vr, data)
    return item


@pytest.mark.parametrize("form", [("<", "US"), ("<", "OW"), (">", "OW")])
@pytest.mark.parametrize("n_bits", [8, 12, 16])
@pytest.mark.parametrize("n_entries", [255, 4096])
@pytest.mark.parametrize(
    ("dtype", "first"), [("u2", 0), ("u2", 700), ("i2", -2048), ("i2", -32768)]
)
def test_values_beyond_the_table_take_its_ends(dtype, first, n_entries, n_bits, form):
    order, vr = form
    entries = rng.integers(0, 2**n_bits, n_entries)
    ends = np.iinfo(dtype)
    values = rng.integers(ends.min, ends.max, (40, 50)).astype(dtype)
    values.ravel()[:5000] = first + np.arange(2000)
    dataset = make_dicom(values)
    dataset.file_meta.TransferSyntaxUID = SYNTAXES[order]
    item = table_of(entries, first, n_bits, order, vr)
    expected = entries[np.clip(values.astype(int) - first, 0, n_entries - 1)]
    np.testing.assert_array_equal(look_up(values, item, dataset), expected)
    # As a modality and as a file, whose values may have another type.
    if vr == "US":
        dataset.ModalityLUTSequence = [item]
        np.testing.assert_array_equal(read_pixels(dataset).values[0], expected)


def test_bytes_of_two_entries_may_form_a_word():
    entries = rng.integers(0, 256, 256)
    for order in "<>":
        item = table_of(entries, 0, 8)
        item["LUTData"].VR, item.LUTData = "OW", data_of(entries, order, 8)
        dataset = make_dicom(np.arange(256, dtype=np.uint8).reshape(16, 16))
        dataset.file_meta.TransferSyntaxUID = SYNTAXES[order]
        found = look_up(np.arange(256), item, dataset)
        np.testing.assert_array_equal(found, entries)


def test_the_first_value_of_negative_ones_may_be_stated_as_positive():
    item = table_of(np.arange(4096), 65536 - 1024, 12)
    values = np.array([-2000, -1024, -1000, 3.4])
    found = look_up(values, item, make_dicom(np.zeros((2, 2), np.uint16)))
    assert found.tolist() == [0, 0, 24, 1027]


def test_a_table_may_have_one_entry_or_the_most():
    dataset = make_dicom(np.zeros((2, 2), np.uint16))
    one = table_of(np.array([7]), 0, 8)
    one.LUTData = 7  # as pydicom reads it
    assert look_up(np.array([0, 5]), one, dataset).tolist() == [7, 7]
    most = table_of(np.arange(65536)[::-1], 0, 16, vr="OW")
    assert look_up(np.array([0, 65535]), most, dataset).tolist() == [65535, 0]


def test_a_table_that_is_too_short_is_an_error():
    item = table_of(np.arange(10), 0, 8)
    item.LUTDescriptor = [30, 0, 8]
    with pytest.raises(ValueError, match="fewer entries"):
        look_up(np.arange(4), item, make_dicom(np.zeros((2, 2), np.uint16)))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("n_bits", [8, 16])
@pytest.mark.parametrize(
    "form", [(255, 0, "u1"), (256, 3, "u1"), (256, 0, "u2"), (4096, 0, "u2")]
)
def test_palettes_of_any_length_and_order_of_bytes(tmp_path, order, n_bits, form):
    n_colors, first, dtype = form
    colors = rng.integers(0, 2**n_bits, (n_colors, 3))
    stored = rng.integers(0, min(5000, np.iinfo(dtype).max + 1), (12, 14))
    dataset = make_dicom(
        stored.astype(f"{order}{dtype}"), PhotometricInterpretation="PALETTE COLOR"
    )
    for name, column in zip(COLORS, colors.T, strict=True):
        table = f"{name}PaletteColorLookupTable"
        setattr(dataset, f"{table}Descriptor", [n_colors, first, n_bits])
        setattr(dataset, f"{table}Data", data_of(column, order, n_bits))
    dataset.file_meta.TransferSyntaxUID = SYNTAXES[order]
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    expected = colors[np.clip(stored - first, 0, n_colors - 1)] >> (n_bits - 8)
    (found,) = read_pixels(open_dicom(tmp_path / "a.dcm")).values
    np.testing.assert_array_equal(found, expected)


def segmented_palette(n_bits):
    """Return a data set with a palette of two segments, an entry and a ramp to 250."""
    dataset = Dataset()
    dataset.file_meta = make_dicom(np.zeros((2, 2), np.uint8)).file_meta
    scale = 257 if n_bits == 16 else 1
    segments = np.array([0, 1, 0, 1, 5, 250 * scale], f"<u{n_bits // 8}").tobytes()
    for name in COLORS:
        descriptor = f"{name}PaletteColorLookupTableDescriptor"
        setattr(dataset, descriptor, [6, 2, n_bits])
        setattr(dataset, f"Segmented{name}PaletteColorLookupTableData", segments)
    return dataset


@pytest.mark.parametrize("n_bits", [8, 16])
def test_segmented_palettes(n_bits):
    dataset = segmented_palette(n_bits)
    found = look_up_colors(np.array([0, 2, 3, 7, 255]), dataset)
    np.testing.assert_array_equal(found, np.outer([0, 0, 50, 250, 250], [1, 1, 1]))


def test_segmented_palettes_of_more_colors_than_bytes_are_errors():
    dataset = segmented_palette(8)
    dataset.RedPaletteColorLookupTableDescriptor = [300, 0, 8]
    with pytest.raises(ValueError, match="too many colors"):
        look_up_colors(np.array([0]), dataset)
