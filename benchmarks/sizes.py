"""Time and memory of training by the size of samples.

    python benchmarks/sizes.py                        # all sizes, several minutes
    python benchmarks/sizes.py 224 8x128x128          # some of them
    python benchmarks/sizes.py 512 --images 4096 --batch 32 64
    python benchmarks/sizes.py 300x200x3              # any other size

Sizes are one side of square gray images, ``HxWx3`` for color images, and ``DxHxW`` for
volumes. For each size and batch it prints CPU milliseconds of one core per image and
epoch of the first phase (the views; encoder, decoder and losses with their gradients;
the rest, such as reading and the optimizer) and the peak of resident memory.

Each row runs in a process of its own with one thread, on squares and noise. It
fits the defaults with one epoch in each phase to two batches, then predicts.
`--images` is the number of samples for which ``batch_size="auto"`` is computed.

Peak memory is the highest resident memory of the process (``VmHWM`` of Linux), with the
interpreter, PyTorch and the few batches of samples; *grown* is the part that was added
after the samples were made. `--batches` says how many batches are fitted.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

DEFAULT_SIZES = (
    *("28", "64", "128", "224", "512"),
    *("224x224x3", "28x28x28", "64x64x64", "8x128x128"),
)
GIB = 2**30


def shape_of(size: str) -> tuple[int, ...]:
    """Return the shape of one sample.

    Examples
    --------
    >>> shape_of("28"), shape_of("224x224x3"), shape_of("8x128x128")
    ((28, 28), (224, 224, 3), (8, 128, 128))
    """
    sides = tuple(map(int, size.split("x")))
    return sides * 2 if len(sides) == 1 else sides


def make_samples(shape: tuple[int, ...], n_samples: int) -> Any:
    """Return uint8 samples: a bright square in one of two corners, and noise."""
    import numpy as np

    generator = np.random.default_rng(0)
    samples = generator.integers(0, 120, (n_samples, *shape), dtype=np.uint8)
    for index in range(n_samples):
        low = [side // 8 + (index % 2) * (side // 2) for side in shape[:2]]
        high = [
            start + max(1, side // 4) for start, side in zip(low, shape, strict=False)
        ]
        samples[index, low[0] : high[0], low[1] : high[1]] += 100
    return samples


def memory_of(name: str) -> int:
    """Return a number of bytes from Linux's status of this process."""
    status = Path("/proc/self/status").read_text()
    (kilobytes,) = re.findall(rf"{name}:\s+(\d+) kB", status)
    return int(kilobytes) * 1024


def make_stopwatch() -> Any:
    """Return a callback that measures CPU seconds of the parts of the first phase."""
    from skorch.callbacks import Callback

    class Stopwatch(Callback):
        def on_train_begin(self, net: Any, **kwargs: Any) -> None:
            self.spent = {"views": 0.0, "steps": 0.0}
            net._views = self.timed(net._views, "views")
            net.train_step_single = self.timed(net.train_step_single, "steps")

        def timed(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
            def run(*args: Any, **kwargs: Any) -> Any:
                start = time.process_time()
                result = function(*args, **kwargs)
                self.spent[part] += time.process_time() - start
                return result

            return run

        def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
            self.start = time.process_time()

        def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
            self.spent["epoch"] = time.process_time() - self.start

        def on_train_end(self, net: Any, **kwargs: Any) -> None:
            del net._views, net.train_step_single

    return Stopwatch()


def measure(size: str, batch: str, n_images: int, n_batches: int) -> None:
    """Fit one size in this process, and print its row."""
    import torch

    from contrastive_clustering import ContrastiveAutoencoderClusterer

    torch.set_num_threads(1)
    shape = shape_of(size)
    batch_size = int(batch) if batch != "auto" else automatic(shape, n_images)
    n_samples = max(64, n_batches * batch_size)
    X = make_samples(shape, n_samples)
    watch = make_stopwatch()
    before = memory_of("VmRSS")
    clusterer = ContrastiveAutoencoderClusterer(
        2,
        max_epochs=1,
        refinement_epochs=1,
        batch_size=batch_size,
        callbacks=[watch],
        device="cpu",
        random_state=0,
    ).fit(X)
    clusterer.predict(X)
    peak = memory_of("VmHWM")
    milliseconds = {part: 1000 * each / n_samples for part, each in watch.spent.items()}
    parts = (
        milliseconds["epoch"],
        milliseconds["views"],
        milliseconds["steps"] - milliseconds["views"],
        milliseconds["epoch"] - milliseconds["steps"],
    )
    print(
        f"{size:>10s} {batch_size:5d} " + " ".join(f"{part:8.2f}" for part in parts),
        f"{peak / GIB:8.2f} {(peak - before) / GIB:8.2f}",
        flush=True,
    )


def automatic(shape: tuple[int, ...], n_images: int) -> int:
    """Return the automatic batch size for a number of samples."""
    from contrastive_clustering._data.layout import read_layout
    from contrastive_clustering._training.auto import count_batch_size
    from contrastive_clustering._training.step_memory import step_bytes

    layout = read_layout((n_images, *shape))
    sample_bytes = step_bytes(layout.network_shape, latent_dim=64)
    return count_batch_size("auto", n_images, sample_bytes=sample_bytes)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sizes", nargs="*", default=DEFAULT_SIZES)
    parser.add_argument("--batch", nargs="+", default=["auto"])
    parser.add_argument("--images", type=int, default=4_096)
    parser.add_argument("--batches", type=int, default=2)
    parser.add_argument("--row", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.row:
        measure(
            arguments.sizes[0],
            arguments.batch[0],
            arguments.images,
            arguments.batches,
        )
        return
    print("CPU ms per sample and epoch of one core; peak resident memory in GiB")
    print("      size batch    first    views  network     rest     peak    grown")
    for size in arguments.sizes:
        for batch in arguments.batch:
            row = [__file__, size, "--batch", batch, "--images", str(arguments.images)]
            row += ["--batches", str(arguments.batches)]
            subprocess.run(
                [sys.executable, *row, "--row"],
                check=False,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )


if __name__ == "__main__":
    main()
