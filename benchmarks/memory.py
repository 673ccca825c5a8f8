"""Memory and time for arrays that need not fit into memory.

    python benchmarks/memory.py                      # 10,000 and 1,000,000 images
    python benchmarks/memory.py --images 10000 100000 --methods transform predict

It writes uint8 images of 28 x 28 pixels to a file, maps the file, and prints for each
method and number of images: seconds, microseconds per image, and the largest growth of
the process in MiB, without the returned array. Memory is the anonymous memory that
Linux reports, sampled every 5 ms; it excludes pages of mapped files. A small fit runs
first, so that the one-time memory of libraries does not count.

The images are those of mnist.npz in the folder named by the environment variable
CONTRASTIVE_CLUSTERING_DATA, repeated and shifted by one more pixel each time, or random
images without it. `fit` trains for one epoch in each phase. More epochs take more time
but no additional memory, except about a kilobyte per batch for the history. The time of
the two epochs is printed separately; the rest is the clustering of a limited number of
images.
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
    """Write images to a file, part by part."""
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
    """Return the anonymous memory of this process in bytes."""
    status = Path("/proc/self/status").read_text()
    (kilobytes,) = re.findall(r"RssAnon:\s+(\d+) kB", status)
    return int(kilobytes) * 1024


class Watch:
    """Measure the time and the growth of memory within a block."""

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
        """Largest growth of memory in bytes."""
        return self.peak - self.before


def report(name: str, n_images: int, function: Callable[[], Any]) -> Any:
    """Measure a function, print the measurements, and return its result."""
    with Watch() as watch:
        result = function()
    returned = 0
    if isinstance(result, np.ndarray) and not isinstance(result, np.memmap):
        returned = result.nbytes
    print(
        f"{name:22s} {n_images:9d} images {watch.seconds:8.1f} s "
        f"{1e6 * watch.seconds / n_images:8.1f} us/image "
        f"{(watch.growth - returned) / MIB:7.0f} MiB "
        f"(plus {returned / MIB:.0f} MiB returned)",
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
                print(f"  its epochs: {first:.1f} and {second:.1f} us/image")
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
