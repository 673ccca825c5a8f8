"""How often images in other units are caught, and right ones are warned of.

    python benchmarks/units.py
    python benchmarks/units.py --final

Images x are brought to values as of computed tomography, 8 x - 1000, and learned from.
Then come images that were held out, each by itself: as they should be, windowed to 0-1,
as 8 bits, without the intercept, and inverted. What is held out is the validation part,
or a fifth of the training part, by patient where there are patients; with `--final` it
is the test part, which chose nothing.
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
MOST_LEARNED, MOST_TRIED = 10_000, 500


def read(path: Path, *, final: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return images to learn from, and images that were held out."""
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


def is_caught(images: np.ndarray, scaler: Scaler) -> bool:
    """Return whether images are refused or warned of."""
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
    parser.add_argument("--learned", type=int, nargs="+", default=[100, MOST_LEARNED])
    asked = parser.parse_args()
    folder = Path(os.environ["CONTRASTIVE_CLUSTERING_DATA"])
    for name in asked.names:
        train, held_out = read(folder / f"{name}.npz", final=asked.final)
        rng = np.random.default_rng(1)
        train, held_out = rng.permutation(train), rng.permutation(held_out)
        tried = held_out[:MOST_TRIED].astype(np.float64)
        kinds = {
            "right": tried * 8 - 1000,
            "0-1": tried / 255,
            "8 bits": tried,
            "no intercept": tried * 8,
            "inverted": (float(train.max()) - tried) * 8 - 1000,
        }
        for n_learned in asked.learned:
            learned = train[:n_learned] * 8.0 - 1000
            scaler = Scaler.fit(learned, read_layout(learned.shape))
            parts = []
            for kind, images in kinds.items():
                alone = np.mean([is_caught(image[None], scaler) for image in images])
                together = "yes" if is_caught(images, scaler) else "no"
                parts.append(f"{kind} {alone:6.1%} {together:3}")
            print(f"{name:18}  {len(learned):6}  {'  '.join(parts)}", flush=True)


if __name__ == "__main__":
    main()
