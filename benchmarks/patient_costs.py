"""The cost of groups and nuisance in speed and memory.

- speed: CPU seconds of the training of both phases, with and without them, in turn, on
  images of PneumoniaMNIST (two images a patient, two sites), without the clustering.
- memory: largest growth of the process in a fit to 100,000 images of 20,000 groups and
  four sites, with and without them, each in a process of its own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from memory import write_images

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._training.net import ContrastiveNet

N_PAIRS = 5
N_LARGE, N_GROUPS = 100_000, 20_000


def speed(asked: argparse.Namespace) -> pd.DataFrame:
    path = Path(os.environ["CONTRASTIVE_CLUSTERING_DATA"]) / "pneumoniamnist.npz"
    with np.load(path) as file:
        images = file["train_images"][:2000]
    metadata = {"groups": np.arange(2000) // 2, "nuisance": np.arange(2000) % 2}
    seconds: dict[str, list[float]] = {"without": [], "with": []}
    original = ContrastiveNet.run_epochs

    for _ in range(N_PAIRS):
        for name, given in (("without", {}), ("with", metadata)):
            spent = 0.0

            def timed(self, *args, **kwargs):
                nonlocal spent
                start = time.process_time()
                original(self, *args, **kwargs)
                spent += time.process_time() - start

            ContrastiveNet.run_epochs = timed
            try:
                ContrastiveAutoencoderClusterer(
                    8, max_epochs=3, refinement_epochs=2, random_state=0
                ).fit(images, **given)
            finally:
                ContrastiveNet.run_epochs = original
            seconds[name].append(spent)
    frame = pd.DataFrame(seconds).round(2)
    frame["speed"] = (frame["without"] / frame["with"]).round(3)
    print(f"median of the relative speed: {frame['speed'].median():.3f}")
    return frame


CHILD = """
import sys
import numpy as np
from memory import Watch
from pathlib import Path
from contrastive_clustering import ContrastiveAutoencoderClusterer
path, n, n_groups = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
images = np.load(path, mmap_mode="r")
given = {}
if sys.argv[4] == "with":
    given = {"groups": np.arange(n) % n_groups, "nuisance": np.arange(n) % 4}
def make():
    return ContrastiveAutoencoderClusterer(
        8, max_epochs=1, refinement_epochs=1, random_state=0
    )
make().fit(np.array(images[:500]))
with Watch() as watch:
    make().fit(images, **given)
print(watch.seconds, (watch.peak - watch.before) / 2**20)
"""


def memory(asked: argparse.Namespace) -> pd.DataFrame:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        here = Path(__file__).parent
        write_images(path, N_LARGE)
        for name in ("without", "with"):
            command = [sys.executable, "-c", CHILD, path, N_LARGE, N_GROUPS, name]
            done = subprocess.run(
                list(map(str, command)),
                check=True,
                cwd=here,
                capture_output=True,
                text=True,
            )
            seconds, mib = map(float, done.stdout.split()[-2:])
            rows.append({"groups": name, "seconds": round(seconds), "MiB": round(mib)})
    return pd.DataFrame(rows)
