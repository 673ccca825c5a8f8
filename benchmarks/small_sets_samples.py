"""The training sets of `small_sets.py`, and the images to judge by.

All come from the development parts of `quality_sets.py`. No array of a test split is
opened.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from patient_sites import plant
from quality_sets import IMAGE_SETS, Data, hold_out

SETS = {image_set.name: image_set for image_set in IMAGE_SETS}

MOST_JUDGED = 2000

ULTRASOUND = "ultrasound_sites"

# Changes images.
Change = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Sample:
    """Images to learn from and new ones to judge by.

    `marked` are two arrays of bool, for the training images and for the new ones: which
    belong to the rare class, are dark, or come from the small site. `nuisance` is the
    site of each training image.
    """

    data: Data
    marked: tuple[np.ndarray, np.ndarray] | None = None
    nuisance: np.ndarray | None = None


@functools.cache
def development(name: str, folder: Path) -> Data:
    return SETS[name].read(folder, False)


def shuffled(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(n)


def draw_few(folder: Path, seed: int, *, name: str, n: int) -> Sample:
    """Draw n training images.

    With the same seed, a larger set contains the smaller one.
    """
    data = development(name, folder)
    rows = shuffled(len(data.y_train), seed)[:n]
    new = slice(MOST_JUDGED)
    return Sample(
        Data(data.X_train[rows], data.y_train[rows], data.X_new[new], data.y_new[new])
    )


def draw_unequal(
    folder: Path,
    seed: int,
    *,
    name: str,
    classes: tuple[int, int],
    n: int,
    share: float,
) -> Sample:
    """Draw n images of a frequent and a rare class, of which a share is rare.

    The classes are 0 and 1 in the sample.

    Raises
    ------
    ValueError
        If there are too few images.
    """
    data = development(name, folder)
    rows = shuffled(len(data.y_train), seed)
    n_rare = round(share * n)
    wanted = np.zeros(len(rows), dtype=bool)
    for each, n_wanted in zip(classes, (n - n_rare, n_rare), strict=True):
        found = np.flatnonzero(data.y_train[rows] == each)[:n_wanted]
        if len(found) < n_wanted:
            raise ValueError(
                f"{name} has {len(found)} images of class {each}, not {n_wanted}"
            )
        wanted[found] = True
    train, new = rows[wanted], np.isin(data.y_new, classes)
    marked = data.y_train[train] == classes[1], data.y_new[new] == classes[1]
    y_train, y_new = (rare.astype(int) for rare in marked)
    return Sample(Data(data.X_train[train], y_train, data.X_new[new], y_new), marked)


def draw_changed(
    folder: Path, seed: int, *, name: str, change: Change, n: int, share: float
) -> Sample:
    """Draw n training images and change a share of each class.

    The images are those of `draw_few`. Each image to judge by occurs twice, unchanged
    and changed.
    """
    data = draw_few(folder, seed, name=name, n=n).data
    is_changed = np.zeros(n, dtype=bool)
    for each in np.unique(data.y_train):
        rows = np.flatnonzero(data.y_train == each)
        is_changed[rows[: round(share * len(rows))]] = True
    X_train = data.X_train.copy()
    X_train[is_changed] = change(X_train[is_changed])
    n_new = len(data.y_new)
    both = Data(
        X_train,
        data.y_train,
        np.concatenate([data.X_new, change(data.X_new)]),
        np.tile(data.y_new, 2),
    )
    marked = is_changed, np.arange(2 * n_new) >= n_new
    return Sample(both, marked, is_changed.astype(int))


def draw_all_changed(
    folder: Path, seed: int, *, name: str, change: Change, n: int
) -> Sample:
    """Change all images of `draw_few`."""
    data = draw_few(folder, seed, name=name, n=n).data
    return Sample(
        Data(change(data.X_train), data.y_train, change(data.X_new), data.y_new)
    )


def draw_hospitals(folder: Path, seed: int, *, n: int, share: float) -> Sample:
    """Draw n ultrasound images, of which one hospital has only a share.

    The seed also chooses the hospital. Images to judge by are of other patients.
    """
    with np.load(folder / f"{ULTRASOUND}.npz", allow_pickle=False) as arrays:
        X, y, site, patient = (
            arrays[f"train_{field}"]
            for field in ("images", "labels", "site", "patient")
        )
    y = y.ravel()
    hospitals, site = np.unique(site, return_inverse=True)
    is_small = site.ravel() == seed % len(hospitals)
    parts = hold_out(np.arange(len(y)), y, patient)
    rows, new = parts.X_train[shuffled(len(parts.X_train), seed)], parts.X_new
    n_small = round(share * n)
    train = np.concatenate(
        [rows[~is_small[rows]][: n - n_small], rows[is_small[rows]][:n_small]]
    )
    return Sample(
        Data(X[train], y[train], X[new], y[new]),
        (is_small[train], is_small[new]),
        site.ravel()[train],
    )


def darken(factor: float, X: np.ndarray) -> np.ndarray:
    """Return images with lower values, of the same dtype."""
    return (X * factor).round().astype(X.dtype)


def darken_as_float(factor: float, X: np.ndarray) -> np.ndarray:
    return X * np.float32(factor)


def rescan(look: str, X: np.ndarray) -> np.ndarray:
    """Return gray images as another scanner shows them."""
    return plant(X, np.ones(len(X), dtype=int), look)
