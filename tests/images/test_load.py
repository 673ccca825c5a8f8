import numpy as np
import pytest
from image_files import IDENTIFIER, write_dicom
from PIL import Image

from contrastive_clustering.datasets import load_images


def test_a_mixed_folder_with_broken_files(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 40, 30), np.uint8)
    for index in (0, 1):
        Image.fromarray(images[index]).save(tmp_path / f"{index}.png")
    for index in (2, 3):
        stored = images[index].astype(np.uint16) * 16
        write_dicom(tmp_path / f"{index}.dcm", stored, BitsStored=12, HighBit=11)
    (tmp_path / "4.png").write_bytes(b"")
    (tmp_path / "5.dcm").write_bytes((tmp_path / "2.dcm").read_bytes()[:900])
    (tmp_path / "6.tif").write_text("no image")
    with pytest.raises(ValueError, match=r"4\.png is empty\. Remove it from the so"):
        load_images(tmp_path, size=16)
    with pytest.warns(UserWarning, match="^3 files could not be read"):
        bunch = load_images(tmp_path, size=16, window="file", on_error="skip", salt="s")
    assert bunch.images.shape == (4, 16, 16)
    assert bunch.images.dtype == np.uint8
    assert bunch.errors["path"].tolist() == [
        str(tmp_path / name) for name in ("4.png", "5.dcm", "6.tif")
    ]
    assert bunch.metadata["patient"].isna().tolist() == [True, True, False, False]
    assert IDENTIFIER not in bunch.metadata.to_string()
    assert bunch.metadata["resized_shape"].tolist() == [(16, 12)] * 4
    assert list(bunch) == ["images", "metadata", "paths", "errors"]


def test_loaded_images_in_a_file(tmp_path):
    image = np.arange(80, dtype=np.uint8).reshape(10, 8)
    Image.fromarray(image).save(tmp_path / "a.png")
    bunch = load_images([tmp_path / "a.png"], out=tmp_path / "images.npy")
    assert isinstance(bunch.images, np.memmap)
    np.testing.assert_array_equal(np.load(tmp_path / "images.npy"), [image])
    with pytest.raises(FileExistsError, match=r"images\.npy' exists\. Remove it"):
        load_images([tmp_path / "a.png"], out=tmp_path / "images.npy")
