"""The image sets of `quality.py`, each divided into two parts.

Methods learn from the first part and are judged by the second. For development, both
come from the training split and, where there is one, the validation split; no array of
the test split is opened. At the end, the parts are the whole training split and the
test split.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import affine_transform
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

# Folder of the image files.
DATA_VARIABLE = "CONTRASTIVE_CLUSTERING_DATA"

# A validation split with more images than this is used as it is. Otherwise, one image
# of four is held out, but not more than MOST_HELD_OUT.
ENOUGH_FOR_VALIDATION = 200
HELD_OUT_FOLDS = 4
MOST_HELD_OUT = 10_000


@dataclass(frozen=True)
class Data:
    """Images to learn from, and new images to judge by, both with classes.

    Methods without labels use the classes of the first part only to name their strata.
    """

    X_train: np.ndarray
    y_train: np.ndarray
    X_new: np.ndarray
    y_new: np.ndarray

    def flat(self) -> tuple[np.ndarray, np.ndarray]:
        """Return both parts as float32 rows of values from 0 to 1."""
        largest = np.float32(self.X_train.max())
        train, new = (
            X.reshape(len(X), -1).astype(np.float32) / largest
            for X in (self.X_train, self.X_new)
        )
        return train, new


# Returns the parts, given the folder of the files and whether to open the test split.
Reader = Callable[[Path, bool], Data]


@dataclass(frozen=True)
class ImageSet:
    """A set of images and the numbers of strata to divide it into.

    `label_epochs` is the number of epochs of the encoder that is trained with labels.
    """

    name: str
    title: str
    n_classes: int
    strata: tuple[int, ...]
    read: Reader
    label_epochs: int = 20


def read_file(file: str, folder: Path, final: bool) -> Data:
    """Read a file in the layout of MedMNIST, with or without numbers of patients."""
    with np.load(folder / file, allow_pickle=False) as arrays:

        def read(split: str) -> tuple[np.ndarray, np.ndarray]:
            return arrays[f"{split}_images"], arrays[f"{split}_labels"].ravel()

        X, y = read("train")
        if final:
            return Data(X, y, *read("test"))
        patients = arrays.get("train_patient")
        if "val_labels" in arrays:
            X_val, y_val = read("val")
            if len(y_val) > ENOUGH_FOR_VALIDATION:
                return Data(X, y, X_val, y_val)
            X, y = np.concatenate([X, X_val]), np.concatenate([y, y_val])
            if patients is not None:
                patients = np.concatenate([patients, arrays["val_patient"]])
    return hold_out(X, y, patients)


def hold_out(X: np.ndarray, y: np.ndarray, patients: np.ndarray | None = None) -> Data:
    """Divide images at random, always in the same way, and never within a patient."""
    if patients is None:
        rows, new = train_test_split(
            np.arange(len(y)),
            test_size=min(len(y) // HELD_OUT_FOLDS, MOST_HELD_OUT),
            stratify=y,
            random_state=0,
        )
    else:
        folds = StratifiedGroupKFold(HELD_OUT_FOLDS, shuffle=True, random_state=0)
        rows, new = next(folds.split(X, y, patients.ravel()))
    rows, new = np.sort(rows), np.sort(new)
    return Data(X[rows], y[rows], X[new], y[new])


def read_digits(folder: Path, final: bool) -> Data:
    """Return scikit-learn's digits, of which a quarter is the test split."""
    digits = load_digits()
    X, X_test, y, y_test = train_test_split(
        digits.images,
        digits.target,
        test_size=0.25,
        stratify=digits.target,
        random_state=0,
    )
    return Data(X, y, X_test, y_test) if final else hold_out(X, y)


def read_kinds(files: tuple[str, ...], folder: Path, final: bool) -> Data:
    """Return images of several files; the file of an image is its class."""
    parts = [read_file(file, folder, final) for file in files]
    return Data(
        *stack_kinds([part.X_train for part in parts]),
        *stack_kinds([part.X_new for part in parts]),
    )


def stack_kinds(kinds: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return equal numbers of gray images of each kind, and the indices of their kinds.

    Colors are averaged, volumes are replaced by their middle slice, and all images are
    cropped to the smallest size.
    """
    gray = [to_gray(X) for X in kinds]
    n = min(len(X) for X in gray)
    side = min(X.shape[-1] for X in gray)
    parts = []
    for X in gray:
        start = (X.shape[-1] - side) // 2
        inside = slice(start, start + side)
        parts.append(X[:n, inside, inside].round().astype(np.uint8))
    return np.concatenate(parts), np.repeat(np.arange(len(parts)), n)


def to_gray(X: np.ndarray) -> np.ndarray:
    if X.ndim == 3:
        return X
    return X.mean(axis=-1) if X.shape[-1] == 3 else X[:, X.shape[1] // 2]


# X-rays of the sets in which every other image is changed.
N_CHANGED = 2000


def read_changed(
    change: Callable[[np.ndarray], np.ndarray], folder: Path, final: bool
) -> Data:
    """Return X-rays of which every other one is changed, which is its class."""
    data = read_file("pneumoniamnist.npz", folder, final)
    parts = []
    for X in (data.X_train, data.X_new):
        images = X[:N_CHANGED].copy()
        is_changed = np.arange(len(images)) % 2 == 1
        images[is_changed] = change(images[is_changed].astype(np.float64)).round()
        parts += [images, is_changed.astype(int)]
    return Data(*parts)


def darken(X: np.ndarray) -> np.ndarray:
    return X * 0.7


def magnify(X: np.ndarray) -> np.ndarray:
    """Enlarge images of shape (n, side, side) by 9/7 about the center."""
    scale = 7 / 9
    start = (X.shape[-1] - 1) / 2 * (1 - scale)
    return affine_transform(X, (1, scale, scale), (0, start, start), order=1)


def in_file(name: str) -> Reader:
    return functools.partial(read_file, f"{name}.npz")


KINDS = (
    "pneumoniamnist.npz",
    "mnist.npz",
    "bloodcells.npz",
    "adrenalmnist3d.npz",
)

# Sets of about a thousand images or fewer take more epochs with labels.
SMALL = 60

IMAGE_SETS = (
    ImageSet("pneumoniamnist", "X-rays", 2, (10, 2), in_file("pneumoniamnist")),
    ImageSet("mnist", "MNIST", 10, (10,), in_file("mnist"), 5),
    ImageSet("bloodcells", "blood cells", 3, (10,), in_file("bloodcells")),
    ImageSet("retinamnist", "retina", 5, (20, 10), in_file("retinamnist"), SMALL),
    ImageSet(
        "chestxray_patients",
        "X-rays of patients",
        2,
        (20, 10),
        in_file("chestxray_patients"),
        SMALL,
    ),
    ImageSet(
        "ultrasound_sites",
        "ultrasound",
        2,
        (20, 10),
        in_file("ultrasound_sites"),
        SMALL,
    ),
    ImageSet("adrenalmnist3d", "adrenal glands", 2, (10,), in_file("adrenalmnist3d")),
    ImageSet(
        "adrenalmnist3d_64",
        "adrenal glands, 64 voxels",
        2,
        (10,),
        in_file("adrenalmnist3d_64"),
    ),
    ImageSet("hippocampus3d", "hippocampus", 2, (10,), in_file("hippocampus3d"), SMALL),
    ImageSet("digits", "digits of scikit-learn", 10, (10,), read_digits, SMALL),
    ImageSet(
        "four-kinds",
        "four kinds of images",
        4,
        (4,),
        functools.partial(read_kinds, KINDS),
    ),
    ImageSet(
        "darker",
        "X-rays, half darker",
        2,
        (2,),
        functools.partial(read_changed, darken),
    ),
    ImageSet(
        "magnified",
        "X-rays, half magnified",
        2,
        (2,),
        functools.partial(read_changed, magnify),
    ),
)
