"""Unsupported inputs are named, with advice on what to pass instead."""

from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
import scipy.sparse
import torch
import zarr
from PIL import Image
from sklearn.utils import Bunch
from skorch.helper import SliceDict
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from contrastive_clustering import ContrastiveAutoencoderClusterer

IMAGE = np.full((8, 8), 0.123456)


class Nifti:
    """Has the interface of a nibabel image."""

    shape = (8, 8, 8)

    @property
    def dataobj(self):
        raise AssertionError("it was read")

    get_fdata = dataobj


class SimpleItk:
    def GetSize(self):  # noqa: N802  # SimpleITK's names
        return (8, 8)

    def GetSpacing(self):  # noqa: N802
        return (1.0, 1.0)


def dicom():
    image = pydicom.Dataset()
    image.PatientName = "Doe^Jane"
    image.Rows = 8
    return image


OTHER = {
    "dict": (lambda: {"image": IMAGE}, "is a dict", r'X\["image"\]'),
    "dict of skorch": (lambda: SliceDict(x=IMAGE), "is a SliceDict", r'X\["image"\]'),
    "bunch": (lambda: Bunch(data=IMAGE), "is a Bunch", r"X\.images or X\.data"),
    "group": (zarr.group, "is a Group", r'X\["image"\]'),
    "str": (lambda: "folder/secret.npy", "is a str", "torch.utils.data.Dataset"),
    "path": (lambda: Path("folder/secret"), "is a PosixPath", "torch.utils.data"),
    "paths": (lambda: ["secret", "b"], r"X\[0\] is a str", "opens one file"),
    "array of paths": (lambda: np.array(["secret", "b"]), r"X\[0\] is a str_", "opens"),
    "series of paths": (
        lambda: pd.Series(["secret", "b"], index=[5, 6]),
        r"X\[0\] is a str",
        "opens one file",
    ),
    "loader": (
        lambda: DataLoader(TensorDataset(torch.zeros(9, 8, 8))),
        "is a DataLoader",
        r"X\.dataset.*batch_size",
    ),
    "generator": (lambda: (IMAGE for _ in range(9)), "is a generator", r"list\(X\)"),
    "iterator": (lambda: iter([IMAGE]), "is a list_iterator", r"list\(X\)"),
    "dicts": (lambda: [{"image": IMAGE}] * 9, r"X\[0\] is a dict", 'each."image"'),
    "one dict": (lambda: [IMAGE, {"image": IMAGE}], r"X\[1\] is a dict", "arrays"),
    "DICOM": (dicom, "is a Dataset", "pixel_array"),
    "DICOMs": (lambda: [dicom()] * 3, r"X\[0\] is a Dataset", "pixel_array"),
    "NIfTI": (Nifti, "is a Nifti", "dataobj"),
    "NIfTIs": (lambda: [Nifti()] * 3, r"X\[0\] is a Nifti", "get_fdata"),
    "SimpleITK": (SimpleItk, "is a SimpleItk", "GetArrayFromImage"),
    "SimpleITKs": (lambda: [SimpleItk()], r"X\[0\] is a SimpleItk", "GetArray"),
    "picture": (lambda: Image.new("L", (8, 8)), "is a Image", "as a list"),
}


@pytest.fixture(scope="module")
def fitted():
    return ContrastiveAutoencoderClusterer(
        2, clusterer="kmeans", latent_dim=2, max_epochs=0, refinement_epochs=0
    ).fit(np.random.default_rng(0).normal(size=(12, 8, 8)))


@pytest.mark.parametrize("kind", OTHER)
def test_unsupported_inputs_are_named_with_a_remedy(kind, fitted):
    make, what, remedy = OTHER[kind]
    for method in (ContrastiveAutoencoderClusterer(2).fit, fitted.predict):
        with pytest.raises(TypeError, match=rf"^X .*{what}.*{remedy}") as refused:
            method(make())
        assert not any(
            secret in str(refused.value) for secret in ("secret", "Doe", "0.123")
        )


class Items(Dataset):
    def __init__(self, make):
        self.make = make

    def __len__(self):
        return 9

    def __getitem__(self, index):
        return self.make()


class Stream(IterableDataset):
    def __init__(self, make):
        self.make = make

    def __iter__(self):
        return iter([self.make()] * 9)


@pytest.mark.parametrize("way", [Items, Stream])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: {"image": IMAGE}, "0.* is a dict.*return only the array"),
        (lambda: ({"image": IMAGE}, 1), "0.* is a dict.*return only the array"),
        (lambda: "secret.png", "0.* is a str.*open the file"),
        (dicom, "0.* is a Dataset.*pixel_array"),
        (Nifti, "0.* is a Nifti.*get_fdata"),
        (lambda: None, "0.* is None.*return an array"),
    ],
)
def test_unsupported_samples_of_data_sets_are_named(way, make, message, fitted):
    for method in (ContrastiveAutoencoderClusterer(2).fit, fitted.predict):
        with pytest.raises(TypeError, match=message) as refused:
            method(way(make))
        assert "secret" not in str(refused.value)


def test_lists_of_pil_images_are_converted(fitted):
    generator = np.random.default_rng(0)
    pixels = generator.integers(256, size=(12, 8, 8)).astype(np.uint8)
    found = ContrastiveAutoencoderClusterer(
        2, clusterer="kmeans", latent_dim=2, max_epochs=0, random_state=0
    )
    images = [Image.fromarray(each) for each in pixels]
    np.testing.assert_array_equal(found.fit_predict(images), found.fit_predict(pixels))


@pytest.mark.parametrize("way", [Items, Stream])
@pytest.mark.parametrize("targets", [torch.arange(16), np.arange(16)[:, None]])
def test_batches_instead_of_samples_are_rejected(way, targets):
    batch = torch.zeros(16, 28, 28)
    with pytest.raises(
        ValueError, match=r"0.* 16 targets, like a batch.*without a batch"
    ):
        ContrastiveAutoencoderClusterer(2).fit(way(lambda: (batch, targets)))


class Batches(Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return torch.zeros(7 if index == 2 else 16, 9, 9)


def test_a_short_last_batch_is_recognized():
    with pytest.raises(ValueError, match=r"X\[2\] .*If these are batches"):
        ContrastiveAutoencoderClusterer(2).fit(Batches())


def test_sparse_matrices_have_their_own_message():
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        ContrastiveAutoencoderClusterer(2).fit(scipy.sparse.dok_array(np.eye(9)))
