"""Accuracy of short trainings on MNIST.

    python benchmarks/minutes.py                       # three short settings, one seed
    python benchmarks/minutes.py 4+2 15+8 --seeds 0 1 2

Each setting is ``epochs of the first phase + epochs of the second``. It fits the 60,000
images of mnist.npz in the folder named by the environment variable
CONTRASTIVE_CLUSTERING_DATA, with ten strata and otherwise the defaults. For each
setting and seed, it prints the wall-clock minutes of the whole fit (training,
clustering, density, labels), the minutes of training alone, and the one-to-one accuracy
on the 10,000 test images.
"""

import argparse
import os
import time
from pathlib import Path

import torch

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering.datasets import load_medmnist_file
from contrastive_clustering.metrics import clustering_accuracy

DATA_VARIABLE = "CONTRASTIVE_CLUSTERING_DATA"


def run(setting: str, seed: int, file: Path) -> str:
    """Fit once and return a row of the table."""
    max_epochs, refinement_epochs = map(int, setting.split("+"))
    train = load_medmnist_file(file, split="train")
    test = load_medmnist_file(file, split="test")
    clusterer = ContrastiveAutoencoderClusterer(
        10,
        max_epochs=max_epochs,
        refinement_epochs=refinement_epochs,
        random_state=seed,
    )
    start = time.perf_counter()
    clusterer.fit(train.data)
    minutes = (time.perf_counter() - start) / 60
    training = sum(epoch["dur"] for epoch in clusterer.history_) / 60
    accuracy = clustering_accuracy(test.target, clusterer.predict(test.data))
    return f"{setting:>8}{seed:>6}{minutes:>9.1f}{training:>10.1f}{accuracy:>10.4f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("settings", nargs="*", default=["3+2", "4+2", "5+3"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments = parser.parse_args()
    file = Path(os.environ.get(DATA_VARIABLE, "")) / "mnist.npz"
    if not file.is_file():
        parser.error(f"set {DATA_VARIABLE} to a folder that contains mnist.npz")
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads")
    print(" setting  seed  minutes  training  accuracy", flush=True)
    for setting in arguments.settings:
        for seed in arguments.seeds:
            print(run(setting, seed, file), flush=True)


if __name__ == "__main__":
    main()
