import hashlib
import os
from contextlib import suppress
from functools import partial

import numpy as np
import pytest
from medmnist.info import INFO

from contrastive_clustering.datasets import fetch_medmnist, load_medmnist_file

# The file may be the user's own, and no message asks to delete it.
DAMAGED = r"cannot be read as a MedMNIST file.*\. Use another copy of the file\.$"


def write(folder, name, info, size=28, suffix=""):
    """Write a file with blank images of the published shapes of a set."""
    is_volume = info["python_class"].endswith("3D")
    channels = [3] if info["n_channels"] == 3 and not is_volume else []
    n_labels = len(info["label"]) if "multi-label" in info["task"] else 1
    arrays = {}
    for split, n in info["n_samples"].items():
        shape = (n, *[size] * (3 if is_volume else 2), *channels)
        # A view of one number: the array is never filled.
        arrays[f"{split}_images"] = np.broadcast_to(np.uint8(7), shape)
        arrays[f"{split}_labels"] = np.zeros((n, n_labels), np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / f"{name}{suffix}.npz", **arrays)


SMALL = ["breastmnist", "retinamnist", "nodulemnist3d", "adrenalmnist3d"]


@pytest.fixture(autouse=True)
def own_folders(monkeypatch, tmp_path):
    """Hide the user's own folders from the tests."""
    monkeypatch.delenv("CONTRASTIVE_CLUSTERING_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_file_in_data_home_is_used(tmp_path, name, split):
    write(tmp_path, name, INFO[name])
    bunch = fetch_medmnist(name, split=split, data_home=tmp_path)
    n = INFO[name]["n_samples"][split]
    assert bunch.data.shape[:3] == (n, 28, 28)
    assert bunch.data.dtype == np.uint8
    assert bunch.target.shape == (n,)
    assert len(bunch.target_names) == len(INFO[name]["label"])
    assert INFO[name]["description"] in bunch.DESCR
    assert bunch.license == INFO[name]["license"]
    assert not bunch.is_official
    X, y = fetch_medmnist(name, split=split, data_home=tmp_path, return_X_y=True)
    assert (bunch.data == X).all()
    assert (y == bunch.target).all()


def test_order_of_the_folders(tmp_path, monkeypatch):
    info = INFO["breastmnist"]
    write(tmp_path / "home" / ".medmnist", "breastmnist", info)
    assert "home" in fetch_medmnist("breastmnist").filename
    write(tmp_path / "variable", "breastmnist", info)
    monkeypatch.setenv("CONTRASTIVE_CLUSTERING_DATA", str(tmp_path / "variable"))
    assert "variable" in fetch_medmnist("breastmnist").filename
    write(tmp_path / "given", "breastmnist", info)
    found = fetch_medmnist("breastmnist", data_home=str(tmp_path / "given"))
    assert "given" in found.filename


def test_tilde_is_the_home_folder(tmp_path, monkeypatch):
    write(tmp_path / "home" / "given", "breastmnist", INFO["breastmnist"])
    expected = str(tmp_path / "home" / "given" / "breastmnist.npz")
    assert fetch_medmnist("breastmnist", data_home="~/given").filename == expected
    monkeypatch.setenv("CONTRASTIVE_CLUSTERING_DATA", "~/given")
    assert fetch_medmnist("breastmnist").filename == expected
    monkeypatch.setenv("CONTRASTIVE_CLUSTERING_DATA", "~nobody-at-all")
    with pytest.raises(ValueError, match="CONTRASTIVE_CLUSTERING_DATA='~nobody"):
        fetch_medmnist("breastmnist")


def test_pipes_are_neither_read_nor_replaced(tmp_path):
    path = tmp_path / "breastmnist.npz"
    os.mkfifo(path)
    with pytest.raises(FileNotFoundError, match="it is a named pipe"):
        fetch_medmnist("breastmnist", data_home=tmp_path)
    assert path.is_fifo()


def test_larger_size(tmp_path):
    write(tmp_path, "breastmnist", INFO["breastmnist"], size=64, suffix="_64")
    assert fetch_medmnist("breastmnist", size=64, data_home=tmp_path).data.shape == (
        546,
        64,
        64,
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"name": "mnist"}, "name='mnist' is not a MedMNIST data set. Available: path"),
        ({"name": ["a"]}, "name=<list of 1 entry> is not a MedMNIST data set"),
        ({"split": "all"}, "split='all' is not one of"),
        ({"split": np.ones(2)}, "split=<ndarray .*> is not one of"),
        ({"size": 32}, r"size=32 is not one of \[28, 64, 128"),
        ({"size": []}, "size=<list of 0 entries> is not one of"),
        ({"name": "adrenalmnist3d", "size": 224}, r"not one of \[28, 64\]"),
        ({"return_X_y": "no"}, "return_X_y='no' is not a bool"),
    ],
)
def test_invalid_parameters_are_named(parameters, message, tmp_path):
    where = {"name": "breastmnist", "data_home": tmp_path, "download": False}
    with pytest.raises((ValueError, TypeError), match=message):
        fetch_medmnist(**where | parameters)


def test_every_set_of_medmnist_is_known(tmp_path):
    for name in INFO:
        with pytest.raises(FileNotFoundError, match=rf"{name}\.npz is not in"):
            fetch_medmnist(name, data_home=tmp_path, download=False)


def test_errors_about_missing_files_name_the_remedy(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        fetch_medmnist("breastmnist", size=64, data_home=tmp_path, download=False)
    for part in ("breastmnist_64.npz", str(tmp_path), "https://", "data_home"):
        assert part in str(error.value)


def test_missing_file_is_downloaded_and_checked(tmp_path, monkeypatch, capsys):
    info = INFO["breastmnist"]
    write(tmp_path / "server", "breastmnist", info)
    served = tmp_path / "server" / "breastmnist.npz"
    monkeypatch.setitem(info, "url", served.as_uri())
    # The served file does not have the official checksum and is deleted.
    with pytest.raises(FileNotFoundError, match="damaged and has been deleted"):
        fetch_medmnist("breastmnist", data_home=tmp_path / "new")
    assert not list((tmp_path / "new").iterdir())

    monkeypatch.setitem(info, "MD5", hashlib.md5(served.read_bytes()).hexdigest())
    assert fetch_medmnist("breastmnist", data_home=tmp_path / "new").is_official
    assert capsys.readouterr() == ("", "")
    fetch_medmnist("breastmnist", data_home=tmp_path / "other", verbose=1)
    assert "download of breastmnist.npz" in capsys.readouterr().err


def test_errors_about_failed_downloads_name_the_remedy(tmp_path, monkeypatch):
    nowhere = (tmp_path / "nowhere.npz").as_uri()
    monkeypatch.setitem(INFO["breastmnist"], "url", nowhere)
    with pytest.raises(
        FileNotFoundError, match=r"could not be downloaded.*Download it from"
    ):
        fetch_medmnist("breastmnist", data_home=tmp_path)


def test_verbose_is_a_number(tmp_path):
    with pytest.raises(TypeError, match="verbose='yes' is not an integer"):
        fetch_medmnist("breastmnist", data_home=tmp_path, verbose="yes")


def test_files_with_other_contents_are_errors(tmp_path):
    write(tmp_path, "breastmnist", INFO["retinamnist"])
    with pytest.raises(ValueError, match=r"has images of shape \(546, 28, 28\)"):
        fetch_medmnist("breastmnist", data_home=tmp_path)


@pytest.mark.parametrize("contents", [b"", b"no zip", b"PK\x03\x04" + bytes(50)])
def test_damaged_file_is_an_error(tmp_path, contents):
    (tmp_path / "breastmnist.npz").write_bytes(contents)
    with pytest.raises(ValueError, match=DAMAGED):
        fetch_medmnist("breastmnist", data_home=tmp_path)


def test_truncated_and_altered_files_are_errors(tmp_path):
    write(tmp_path, "breastmnist", INFO["breastmnist"])
    path = tmp_path / "breastmnist.npz"
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(whole[: rng.integers(len(whole))])
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=DAMAGED):
            load_medmnist_file(path)
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        # Or the byte did not matter, or it made a header ask for too much memory.
        with suppress(ValueError, MemoryError):
            assert load_medmnist_file(path).data.shape[1:] == (28, 28)


def test_a_bare_array_is_an_error(tmp_path):
    with (tmp_path / "array.npz").open("wb") as file:
        np.save(file, np.ones(3))
    with pytest.raises(ValueError, match=DAMAGED):
        load_medmnist_file(tmp_path / "array.npz")


def test_memory_errors_are_not_reported_as_damage(tmp_path, monkeypatch):
    def load(*args, **kwargs):
        raise MemoryError

    write(tmp_path, "breastmnist", INFO["breastmnist"])
    monkeypatch.setattr(np, "load", load)
    with pytest.raises(MemoryError):
        load_medmnist_file(tmp_path / "breastmnist.npz")


def test_other_objects_than_paths_are_named():
    with pytest.raises(TypeError, match="path=3 is not a path"):
        load_medmnist_file(3)


def test_missing_part_is_an_error(tmp_path):
    np.savez(
        tmp_path / "own.npz", train_images=np.ones((3, 8, 8)), train_labels=[1, 2, 3]
    )
    assert load_medmnist_file(tmp_path / "own.npz").data.shape == (3, 8, 8)
    with pytest.raises(ValueError, match="split 'test'"):
        load_medmnist_file(tmp_path / "own.npz", split="test")
    with pytest.raises(ValueError, match="split='all'"):
        load_medmnist_file(tmp_path / "own.npz", split="all")
    with pytest.raises(FileNotFoundError):
        load_medmnist_file(tmp_path / "other.npz")


def test_checksums_work_on_systems_without_insecure_digests(tmp_path, monkeypatch):
    def refuse(name, *args, usedforsecurity=True, **kwargs):
        if name == "md5" and usedforsecurity:
            raise ValueError("disabled for FIPS")
        return original(name, *args, usedforsecurity=usedforsecurity, **kwargs)

    original = hashlib.new
    monkeypatch.setattr(hashlib, "new", refuse)
    monkeypatch.setattr(hashlib, "md5", partial(refuse, "md5"))
    write(tmp_path, "breastmnist", INFO["breastmnist"])
    assert not fetch_medmnist("breastmnist", data_home=tmp_path).is_official


def test_real_files(real_folder, real_images):
    X, y = real_images("adrenalmnist3d", "test")
    bunch = fetch_medmnist("adrenalmnist3d", split="test", data_home=real_folder)
    assert bunch.is_official
    np.testing.assert_array_equal(bunch.data, X)
    np.testing.assert_array_equal(bunch.target, y)
    chest = fetch_medmnist("pneumoniamnist", data_home=real_folder)
    assert chest.data.shape == (4708, 28, 28)
    assert chest.target_names == ["normal", "pneumonia"]
