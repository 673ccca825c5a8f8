"""Memory and time of arrays that are larger than memory should have to be.

    python benchmarks/memory.py                      # 10,000 and 1,000,000 images
    python benchmarks/memory.py --images 10000 100000 --methods transform predict

Writes images of 28 x 28 pixels, uint8, into a file, maps it, and prints for each method
and number of images: seconds, microseconds an image, and by how many MiB the process
grew at most (its anonymous memory, as Linux counts it every 5 ms: pages of mapped files
are not in it), without what the method returns. A small fit goes before, so that what
libraries need once does not count.

Images are those of mnist.npz in the folder that the environment variable
CONTRASTIVE_CLUSTERING_DATA names, again and again, each time moved by a pixel; without
it, random ones. `fit` trains one epoch in each phase; more epochs take more time, but
no more memory except the history's kilobyte a batch. What the two epochs take is given
below it; the rest is the search for the strata, among a limited number of images.
"""

import argparse
import gc
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering.datasets import load_medmnist_file

DATA_VARIABLE = "CONTRASTIVE_CLUSTERING_DATA"
MIB = 2**20


def write_images(path: Path, n_images: int) -> None:
    """Write images into a file, a part at a time."""
    file = Path(os.environ.get(DATA_VARIABLE, "")) / "mnist.npz"
    if file.is_file():
        source = load_medmnist_file(file, split="train").data
    else:
        source = np.random.default_rng(0).integers(0, 256, (10_000, 28, 28), "u1")
    shape = (n_images, 28, 28)
    images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    for turn, start in enumerate(range(0, n_images, len(source))):
        part = images[start : start + len(source)]
        part[:] = np.roll(source[: len(part)], turn, axis=1 + turn % 2)
    images.flush()


def anonymous_memory() -> int:
    """Return the bytes of this process that no file stands behind."""
    status = Path("/proc/self/status").read_text()
    (kilobytes,) = re.findall(r"RssAnon:\s+(\d+) kB", status)
    return int(kilobytes) * 1024


class Watch:
    """The seconds and the growth of memory within a block."""

    def __enter__(self) -> "Watch":
        gc.collect()
        self.before = self.peak = anonymous_memory()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        self.start = time.perf_counter()
        return self

    def _watch(self) -> None:
        while not self.ended.wait(0.005):
            self.peak = max(self.peak, anonymous_memory())

    def __exit__(self, *exception: object) -> None:
        self.seconds = time.perf_counter() - self.start
        self.ended.set()
        self.thread.join()

    @property
    def growth(self) -> int:
        """How many bytes more there were at most."""
        return self.peak - self.before


def report(name: str, n_images: int, function: Callable[[], Any]) -> Any:
    """Measure, print and return what the function returns."""
    with Watch() as watch:
        result = function()
    returned = 0
    if isinstance(result, np.ndarray) and not isinstance(result, np.memmap):
        returned = result.nbytes
    print(
        f"{name:22s} {n_images:9d} images {watch.seconds:8.1f} s "
        f"{1e6 * watch.seconds / n_images:8.1f} us an image "
        f"{(watch.growth - returned) / MIB:7.0f} MiB "
        f"(beside {returned / MIB:.0f} MiB returned)",
        flush=True,
    )
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 1_000_000])
    methods = ["fit", "transform", "predict", "out"]
    parser.add_argument("--methods", nargs="+", choices=methods, default=methods)
    arguments = parser.parse_args()
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads")
    clusterer = ContrastiveAutoencoderClusterer(
        10, max_epochs=1, refinement_epochs=1, device="cpu", random_state=0
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        write_images(path, max(arguments.images))
        images = np.load(path, mmap_mode="r")
        clusterer.fit(images[:2000]).transform(images[:2000])
        for n_images in arguments.images:
            X = images[:n_images]
            if "fit" in arguments.methods:
                report("fit", n_images, lambda X=X: clusterer.fit(X))  # type: ignore[misc]
                first, second = 1e6 * np.array(clusterer.history_[:, "dur"]) / n_images
                print(f"  its epochs: {first:.1f} and {second:.1f} us an image")
            for method in ("transform", "predict"):
                if method in arguments.methods:
                    function = getattr(clusterer, method)
                    report(method, n_images, lambda f=function, X=X: f(X))  # type: ignore[misc]
            if "out" in arguments.methods:
                out = np.lib.format.open_memmap(
                    Path(folder) / "latents.npy",
                    mode="w+",
                    dtype=np.float32,
                    shape=(n_images, 64),
                )
                report(
                    "transform to a file",
                    n_images,
                    lambda X=X, out=out: clusterer.transform(X, out=out),  # type: ignore[misc]
                )


if __name__ == "__main__":
    main()
