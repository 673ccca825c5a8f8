import numpy as np
import pytest
from image_files import frame_windows, make_dicom
from pydicom import Dataset

from contrastive_clustering._images.dicom import Pixels, read_pixels
from contrastive_clustering._images.loaded import UnreadableFileError
from contrastive_clustering._images.windowing import (
    KnownWindow,
    apply_window,
    choose_window,
    display_pixels,
)

VALUES = np.linspace(-1000, 1000, 41, dtype=np.float32).reshape(1, 41)


def test_windows_map_values_to_bytes():
    found = apply_window(VALUES, KnownWindow(40, 400))
    expected = np.clip((VALUES - (40 - 200)) / 400, 0, 1) * 255
    np.testing.assert_array_equal(found, np.rint(expected))
    assert found.dtype == np.uint8
    sigmoid = apply_window(VALUES, KnownWindow(40, 400, "SIGMOID"))
    expected = 255 / (1 + np.exp(-4 * (VALUES - 40) / 400))
    assert np.abs(sigmoid - expected).max() <= 0.51


def test_the_window_of_the_file_is_the_first_one():
    dataset = make_dicom(np.zeros((2, 2), np.uint16))
    dataset.WindowCenter, dataset.WindowWidth = ["50", "400"], ["350", "2000"]
    assert choose_window("file", VALUES, dataset) == KnownWindow(50, 350, "LINEAR")
    dataset.VOILUTFunction = "SIGMOID"
    assert choose_window("file", VALUES, dataset) == KnownWindow(50, 350, "SIGMOID")
    dataset.VOILUTFunction = "UNKNOWN"
    assert choose_window("file", VALUES, dataset) == KnownWindow(50, 350, "LINEAR")


def test_frames_have_windows_of_their_own():
    dataset = make_dicom(np.zeros((2, 2, 2), np.uint16))
    centers = 50, 500
    dataset.PerFrameFunctionalGroupsSequence = frame_windows(*centers, width=100)
    pixels = Pixels(VALUES, None, (-1000, 1000), False)
    for frame, center in enumerate(centers):
        shown, window = display_pixels(pixels, "file", dataset, frame)
        assert window == KnownWindow(center, 100, "LINEAR")
        np.testing.assert_array_equal(shown, apply_window(VALUES, window))


@pytest.mark.parametrize(("center", "width"), [("50", "0"), ("50", ""), (None, "10")])
def test_without_a_valid_window_the_range_is_used(center, width):
    dataset = make_dicom(np.zeros((2, 2), np.uint16))
    dataset.WindowCenter, dataset.WindowWidth = center, width
    assert choose_window("file", VALUES, dataset) == KnownWindow(0, 2000)
    flat = choose_window("file", np.full((2, 2), 7.0, np.float32))
    assert (apply_window(np.full((2, 2), 7.0, np.float32), flat) == 128).all()


@pytest.mark.parametrize(
    ("function", "width", "is_valid"),
    [
        ("LINEAR", "0.5", False),
        ("LINEAR", "1", True),
        (None, "0.5", False),
        ("SIGMOID", "0.5", True),
        ("LINEAR_EXACT", "0.5", True),
        ("SIGMOID", "0", False),
    ],
)
def test_only_windows_of_the_linear_function_need_a_width_of_one(
    function, width, is_valid
):
    """As in the definition of the element Window Width in DICOM, C.11.2.1.2."""
    dataset = make_dicom(np.zeros((2, 2), np.uint16))
    dataset.WindowCenter, dataset.WindowWidth = "50", width
    if function:
        dataset.VOILUTFunction = function
    found = choose_window("file", VALUES, dataset)
    given = KnownWindow(50, float(width), function or "LINEAR")
    assert found == (given if is_valid else KnownWindow(0, 2000))


def test_values_that_are_not_finite_are_errors():
    values = np.where(VALUES == 0, np.nan, VALUES)
    with pytest.raises(UnreadableFileError):
        display_pixels(Pixels(values, None, (-1000, 1000), False), None, Dataset())


def test_a_few_extreme_values_do_not_darken_an_image():
    values = np.random.default_rng(0).uniform(200, 900, (40, 50)).astype(np.float32)
    usual = np.sort(values, axis=None)
    whole = choose_window("file", values)
    assert whole.width == pytest.approx(float(usual[-1]) - float(usual[0]))
    values[3, 4] = values[9, 9] = 65_535  # hot pixels
    values[20, 20] = -30_000
    chosen = choose_window("file", values)
    low, high = chosen.center - chosen.width / 2, chosen.center + chosen.width / 2
    # At most 0.5 % of the 2,000 values are left out at either end.
    ranked = np.sort(values, axis=None)
    assert (low, high) == (ranked[9], ranked[-10])
    shown = apply_window(values, chosen)
    assert shown[3, 4] == 255
    assert shown[20, 20] == 0
    assert shown.mean() == pytest.approx(127, abs=5)


def test_structures_of_few_pixels_keep_the_range():
    mask = np.zeros((64, 64), np.float32)
    mask[5, 5:9] = 1000  # all others are equal
    assert choose_window("file", mask) == KnownWindow(500, 1000)
    bright = np.random.default_rng(0).uniform(0, 100, (64, 64)).astype(np.float32)
    bright[5, 5:9] = 400  # less than five times as far as the others
    found = choose_window("file", bright)
    assert found.center + found.width / 2 == 400
    small = np.full((9, 9), 5.0, np.float32) + np.eye(9, dtype=np.float32)
    small[0, 3] = 1000
    assert choose_window("file", small).width == 995


def test_the_range_of_large_images_is_that_of_a_part_and_the_extremes():
    values = np.tile(np.arange(1500, dtype=np.float32), (1500, 1))
    assert choose_window("file", values) == KnownWindow(749.5, 1499)
    values[0, 0] = 1e6
    found = choose_window("file", values)
    assert found.width == pytest.approx(0.99 * 1500, rel=0.01)


def test_the_range_of_an_image_of_padding_is_used():
    everywhere = np.ones(VALUES.shape, dtype=bool)
    pixels = Pixels(VALUES, everywhere, (-1000, 1000), False)
    shown, window = display_pixels(pixels, "file", Dataset())
    assert window == KnownWindow(0, 2000)
    np.testing.assert_array_equal(shown, apply_window(VALUES, window))


def test_bytes_and_no_window_keep_values():
    assert choose_window(None, VALUES) is None
    assert choose_window((40, 400), VALUES.astype(np.uint8)) is None
    assert choose_window((40, 400), VALUES) == KnownWindow(40, 400)


def test_zero_is_white_is_inverted_within_the_stored_range():
    stored = np.array([[0, 100, 4095]], np.uint16)
    elements = {"PhotometricInterpretation": "MONOCHROME1"}
    scale = {"RescaleSlope": "2", "RescaleIntercept": "-10"}
    dataset = make_dicom(stored, **elements, **scale, BitsStored=12, HighBit=11)
    values, window = display_pixels(read_pixels(dataset), None, dataset)
    # As if the stored values were 4095 - stored in MONOCHROME2.
    np.testing.assert_array_equal(values, [2.0 * (4095 - stored) - 10])
    assert window is None
    values, window = display_pixels(read_pixels(dataset), "file", dataset)
    np.testing.assert_array_equal(values[0, 0, [0, 2]], [255, 0])
    assert window == KnownWindow(4085, 8190)
    dataset = make_dicom(stored.astype(np.uint8), **elements)
    values, _ = display_pixels(read_pixels(dataset), None, dataset)
    np.testing.assert_array_equal(values, [255 - stored.astype(np.uint8)])


@pytest.mark.parametrize("zero_is_white", [True, False])
@pytest.mark.parametrize("window", [None, "file", (50, 100)])
def test_padding_is_dark(zero_is_white, window):
    is_padding = VALUES < -900
    pixels = Pixels(VALUES, is_padding, (-1000, 1000), zero_is_white)
    values, chosen = display_pixels(pixels, window, make_dicom(np.zeros((2, 2), "u2")))
    assert (values[is_padding] == values[~is_padding].min()).all()
    if window == "file":
        assert chosen.center == 50  # of the values that are not padding
        assert set(values[~is_padding][[0, -1]]) == {0, 255}
    unchanged = Pixels(VALUES, np.ones_like(is_padding), (-1000, 1000), False)
    np.testing.assert_array_equal(display_pixels(unchanged, None, None)[0], VALUES)


@pytest.mark.parametrize("zero_is_white", [True, False])
def test_lookup_tables_are_used_without_a_window(zero_is_white):
    stored = np.arange(12, dtype=np.uint16).reshape(3, 4)
    table = Dataset()
    entries = (np.arange(12) ** 2 * 30).tolist()
    table.LUTDescriptor = [12, 0, 12]
    table.add_new("LUTData", "US", entries)
    photometric = "MONOCHROME1" if zero_is_white else "MONOCHROME2"
    dataset = make_dicom(stored, PhotometricInterpretation=photometric)
    dataset.VOILUTSequence = [table]
    expected = np.rint(np.reshape(entries, (1, 3, 4)) * 255 / 4095)
    values, window = display_pixels(read_pixels(dataset), "file", dataset)
    np.testing.assert_array_equal(values, 255 - expected if zero_is_white else expected)
    assert values.dtype == np.uint8
    assert window is None
    small = Pixels(stored.astype(np.uint8), None, (0, 255), False)
    np.testing.assert_array_equal(display_pixels(small, "file", dataset)[0], stored)
    dataset.WindowCenter, dataset.WindowWidth = "6", "12"
    _, window = display_pixels(read_pixels(dataset), "file", dataset)
    assert window == KnownWindow(6, 12, "LINEAR")


def test_lookup_tables_of_bytes_show_values_of_more_bits():
    stored = np.array([[0, 255, 256, 300, 4095]], np.uint16)
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 8]
    table.add_new("LUTData", "US", (np.arange(4096) // 16).tolist())
    dataset = make_dicom(stored, BitsStored=12, HighBit=11, VOILUTSequence=[table])
    values, _ = display_pixels(read_pixels(dataset), "file", dataset)
    np.testing.assert_array_equal(values, [stored // 16])
    table.LUTDescriptor = [4096, 0, 7]  # would be too bright
    with pytest.raises(UnreadableFileError, match="has an invalid lookup table"):
        display_pixels(read_pixels(dataset), "file", dataset)


def test_invalid_lookup_tables_are_errors():
    dataset = make_dicom(np.zeros((2, 2), np.uint16))
    dataset.VOILUTSequence = [Dataset()]
    with pytest.raises(UnreadableFileError, match="has an invalid lookup table"):
        display_pixels(read_pixels(dataset), "file", dataset)
