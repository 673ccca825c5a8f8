import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from image_files import (
    IDENTIFIER,
    NAME,
    frame_windows,
    write_dicom,
    write_series,
)
from PIL import Image

from contrastive_clustering._images.loaded import ReadSettings
from contrastive_clustering._images.reading import Failure, Item, read_item

rng = np.random.default_rng(0)
GRAY = rng.integers(0, 256, (12, 8), np.uint8)
COLOR = rng.integers(0, 256, (12, 8, 3), np.uint8)
STORED = rng.integers(0, 4096, (12, 8)).astype(np.uint16)


def read(*paths, **settings):
    return read_item(Item(paths, 0), ReadSettings(**{"key": b"key"} | settings))


def write(path, values):
    Image.fromarray(values).save(path)
    return path


def test_facts_say_what_was_done(tmp_path):
    (image,) = read(write(tmp_path / "a.png", GRAY), size=(6, 6))
    assert image.facts == {
        "format": "PNG",
        "frame": 0,
        "inverted": False,
        "original_shape": (12, 8),
        "original_spacing": None,
        "resized_shape": (6, 4),
        "offset": (0, 1),
        "spacing": None,
    }
    assert image.values.shape == (6, 6)


@pytest.mark.parametrize("channels", ["auto", "gray", "rgb"])
def test_channels(tmp_path, channels):
    gray, color, same = (
        read(write(tmp_path / f"{index}.png", values), channels=channels)[0].values
        for index, values in enumerate((GRAY, COLOR, np.dstack([GRAY] * 3)))
    )
    if channels == "rgb":
        np.testing.assert_array_equal(gray, same)
        np.testing.assert_array_equal(same, np.dstack([GRAY] * 3))
    else:
        np.testing.assert_array_equal(gray, GRAY)
        np.testing.assert_array_equal(same, GRAY)
    if channels == "gray":
        expected = np.asarray(Image.fromarray(COLOR).convert("L"))
        assert np.abs(color.astype(int) - expected).max() <= 1
    else:
        np.testing.assert_array_equal(color, COLOR)


def test_digests_are_those_of_the_contents(tmp_path):
    (png,) = read(write(tmp_path / "a.png", GRAY))
    (tiff,) = read(write(tmp_path / "a.tif", GRAY), size=(4, 4), channels="rgb")
    (deep,) = read(write(tmp_path / "b.tif", GRAY.astype(np.uint16)))
    (turned,) = read(write(tmp_path / "b.png", GRAY.reshape(8, 12)))
    assert png.digest == tiff.digest
    assert len({png.digest, deep.digest, turned.digest}) == 3


def test_windows_apply_to_deep_images_of_all_formats(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(STORED), tmp_path / "a.mha")
    paths = [
        write(tmp_path / "a.png", STORED),
        write_dicom(tmp_path / "a.dcm", STORED),
        tmp_path / "a.mha",
    ]
    expected = np.rint(np.clip((STORED - 500.0) / 2000, 0, 1) * 255)
    for path in paths:
        (image,) = read(path, window=(1500, 2000))
        np.testing.assert_array_equal(image.values, expected)
        assert image.values.dtype == np.uint8
        assert image.facts["window_center"] == 1500
        assert image.facts["window_width"] == 2000
        (image,) = read(path, window="file")
        assert (image.values.min(), image.values.max()) == (0, 255)
    (image,) = read(write(tmp_path / "b.png", GRAY), window=(1500, 2000))
    np.testing.assert_array_equal(image.values, GRAY)
    assert "window_center" not in image.facts


def test_frames_are_images(tmp_path):
    frames = np.stack([STORED, STORED + 1])
    path = write_dicom(
        tmp_path / "a.dcm",
        frames,
        PixelPaddingValue=5000,
        PerFrameFunctionalGroupsSequence=frame_windows(1000, 2000, width=500),
    )
    shown = read(path, window="file")
    assert [image.facts["window_center"] for image in shown] == [1000, 2000]
    images = read(path)
    assert [image.facts["frame"] for image in images] == [0, 1]
    for image, frame in zip(images, frames, strict=True):
        np.testing.assert_array_equal(image.values, frame)


def test_spacing_in_millimeters(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", STORED, PixelSpacing=["0.5", "1.5"])
    (image,) = read(path, spacing=(1.0, 1.0))
    assert image.values.shape == (6, 12)
    assert image.facts["original_spacing"] == (0.5, 1.5)
    assert image.facts["spacing"] == image.spacing == (1.0, 1.0)
    failure = read(write(tmp_path / "a.png", GRAY), spacing=(1.0, 1.0))
    assert "does not state its spacing in millimeters. Pass size" in failure.reason


def test_volumes_of_series_and_files_agree(tmp_path):
    volume = rng.integers(0, 4096, (6, 8, 10)).astype(np.uint16)
    folder = write_series(tmp_path / "slices", volume, order=[5, 0, 1, 4, 3, 2])
    paths = sorted(folder.iterdir())
    image = sitk.GetImageFromArray(volume)
    image.SetSpacing([0.75, 0.5, 2.0])
    sitk.WriteImage(image, tmp_path / "a.nii.gz")
    settings = {"as_volumes": True, "spacing": (1.0, 1.0, 1.0), "size": (12, 6, 6)}
    (series,) = read(*paths, **settings)
    (file,) = read(tmp_path / "a.nii.gz", **settings)
    assert series.values.shape == (12, 6, 6)
    np.testing.assert_allclose(series.values, file.values, atol=1e-3)
    assert series.facts["modality"] == "CT"
    assert series.facts["original_shape"] == (6, 8, 10)
    (windowed,) = read(*paths, as_volumes=True, window=(2048, 4096))
    assert windowed.values.dtype == np.uint8


def test_images_are_not_volumes(tmp_path):
    path = write(tmp_path / "a.png", GRAY)
    expected = Failure(str(path), "is an image, not a volume")
    assert read(path, as_volumes=True) == expected


@pytest.mark.parametrize("window", [None, "file", (0, 10)])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_must_be_finite(tmp_path, value, window):
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    values[1, 2] = value
    failure = read(write(tmp_path / "a.tif", values), window=window)
    assert failure.reason == "contains values that are NaN or infinite"
    sitk.WriteImage(sitk.GetImageFromArray(values[None]), tmp_path / "a.mha")
    failure = read(tmp_path / "a.mha", window=window, as_volumes=True)
    assert failure.reason == "contains values that are NaN or infinite"
    elements = {"RescaleSlope": "1e39", "RescaleIntercept": "0"}
    failure = read(write_dicom(tmp_path / "a.dcm", STORED, **elements), window=window)
    assert failure.reason == "contains values that are NaN or infinite"


@pytest.mark.parametrize("element", [b"LO\x0a\0Maker 1234", b"DS\x06\x00100.0 "])
def test_damaged_headers_are_errors(tmp_path, element):
    known = {"Manufacturer": "Maker 1234", "WindowCenter": 100, "WindowWidth": 50}
    path = write_dicom(tmp_path / "a.dcm", STORED, **known)
    whole = path.read_bytes()
    assert whole.count(element) == 1
    path.write_bytes(whole.replace(element, b"QQ" + element[2:]))
    failure = read(path, window="file")
    assert failure.reason.startswith(
        "is a DICOM file with a damaged or unsupported header ("
    )


@pytest.mark.parametrize("fault", ["truncated", "missing", "no position"])
def test_the_slice_that_spoils_a_volume_is_named(tmp_path, fault):
    folder = write_series(tmp_path / "a", np.stack([STORED] * 4))
    paths = sorted(folder.iterdir())
    if fault == "truncated":
        paths[2].write_bytes(paths[2].read_bytes()[:-9])
    elif fault == "missing":
        paths[2].unlink()
    else:
        write_dicom(paths[2], STORED)
    failure = read(*paths, as_volumes=True)
    assert failure.path == str(paths[2])
    assert failure.reason.endswith(". No other file of its volume is read")
    # A fault of the series is one of all its slices.
    failure = read(paths[1], paths[3], paths[3], as_volumes=True)
    assert failure.path == str(paths[1])
    assert failure.reason.startswith("belongs to a series with several slices at")


def test_excessive_sizes_after_resampling_are_errors(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", STORED, PixelSpacing=["9e9", "1"])
    failure = read(path, spacing=(1.0, 1.0), size=(8, 8))
    assert failure.reason.startswith("would have sides (108000000000, 8) after")
    assert failure.reason.endswith("spacing of (9000000000.0, 1.0) mm may be wrong")


def test_warnings_and_failures_contain_no_names(tmp_path, recwarn, caplog):
    path = write_dicom(tmp_path / "a.dcm", STORED)
    whole = path.read_bytes()
    # An invalid number, of which pydicom warns with the value.
    damaged = whole.replace(b"20200110", b"Doe^Jane")
    assert damaged != whole
    reasons = []
    for content in (damaged, *(whole[:length] for length in range(150, 900, 25))):
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = read(path)
        reasons.append(str(result))
    for secret in ("Doe", "Jane", IDENTIFIER, NAME):
        assert secret not in "".join(reasons)
    assert not recwarn.list
    assert not caplog.records


def test_arguments_and_results_can_be_sent_to_other_processes(tmp_path):
    item = Item((write(tmp_path / "a.png", GRAY),), 0)
    sent = pickle.loads(pickle.dumps((item, ReadSettings(size=(4, 4)))))
    assert sent == (item, ReadSettings(size=(4, 4)))
    results = read_item(*sent)
    (received,) = pickle.loads(pickle.dumps(results))
    np.testing.assert_array_equal(received.values, results[0].values)
    assert received.facts == results[0].facts


def test_missing_files(tmp_path):
    path = Path(tmp_path, "none.png")
    assert read(path) == Failure(str(path), "does not exist")


def test_pixels_that_are_not_square_keep_their_aspect(tmp_path):
    tall = {"PixelAspectRatio": ["3", "1"]}
    path = write_dicom(tmp_path / "a.dcm", np.ones((6, 18), np.uint16), **tall)
    (image,) = read(path, size=(18, 18))
    assert image.facts["resized_shape"] == (18, 18)
    assert image.spacing is None
    assert image.facts["spacing"] is None
    (stored,) = read(path)
    assert stored.values.shape == (6, 18)
    path = write_dicom(
        tmp_path / "b.dcm",
        np.ones((6, 18), np.uint16),
        PixelSpacing=["1", "1"],
        **tall,
    )
    (image,) = read(path, size=(18, 18))  # millimeters count
    assert image.facts["resized_shape"] == (6, 18)
