"""Detection rate of images in wrong units, and false alarms for correct ones.

    python benchmarks/units.py
    python benchmarks/units.py --final

The scaler is fitted to images x that are converted to values like those of computed
tomography, 8 x - 1000. Held-out images are then checked one by one: in the correct
units, windowed to 0-1, as 8-bit values, without the intercept, and inverted. The
validation split is held out or, without one, a fifth of the training split, separated
by patient if patients are known. With `--final`, the test split is used, which had no
influence on any choice.
"""

import argparse
import os
import warnings
from pathlib import Path

import numpy as np

from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._data.units import check_units

DATA_SETS = [
    "pneumoniamnist",
    "mnist",
    "bloodcells",
    "retinamnist",
    "adrenalmnist3d",
    "hippocampus3d",
    "chestxray_patients",
    "ultrasound_sites",
]
MAX_LEARNED, MAX_CHECKED = 10_000, 500


def read(path: Path, *, final: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return training images and held-out images."""
    rng = np.random.default_rng(0)
    with np.load(path) as file:
        train = file["train_images"]
        if final:
            return train, file["test_images"]
        if "train_patient" in file.files:
            groups = file["train_patient"].ravel()
        elif "val_images" in file.files:
            return train, file["val_images"]
        else:
            groups = np.arange(len(train))
    distinct = rng.permutation(np.unique(groups))
    is_out = np.isin(groups, distinct[: len(distinct) // 5])
    return train[~is_out], train[is_out]


def is_detected(images: np.ndarray, scaler: Scaler) -> bool:
    """Return whether images raise an error or a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            check_units(images, scaler)
        except (UserWarning, ValueError):
            return True
    return False


def main() -> None:
    """Print a line for each data set."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", default=DATA_SETS)
    parser.add_argument("--final", action="store_true")
    parser.add_argument("--learned", type=int, nargs="+", default=[100, MAX_LEARNED])
    arguments = parser.parse_args()
    folder = Path(os.environ["CONTRASTIVE_CLUSTERING_DATA"])
    for name in arguments.names:
        train, held_out = read(folder / f"{name}.npz", final=arguments.final)
        rng = np.random.default_rng(1)
        train, held_out = rng.permutation(train), rng.permutation(held_out)
        checked = held_out[:MAX_CHECKED].astype(np.float64)
        kinds = {
            "correct": checked * 8 - 1000,
            "0-1": checked / 255,
            "8 bits": checked,
            "no intercept": checked * 8,
            "inverted": (float(train.max()) - checked) * 8 - 1000,
        }
        for n_learned in arguments.learned:
            learned = train[:n_learned] * 8.0 - 1000
            scaler = Scaler.fit(learned, read_layout(learned.shape))
            parts = []
            for kind, images in kinds.items():
                alone = np.mean([is_detected(image[None], scaler) for image in images])
                together = "yes" if is_detected(images, scaler) else "no"
                parts.append(f"{kind} {alone:6.1%} {together:3}")
            print(f"{name:18}  {len(learned):6}  {'  '.join(parts)}", flush=True)


if __name__ == "__main__":
    main()
