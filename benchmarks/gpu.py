"""Speed on a GPU: training and prediction, compared with minimal loops.

    python benchmarks/gpu.py                                     # everything
    python benchmarks/gpu.py --sides 28 --settings bf16-mixed    # a part
    python benchmarks/gpu.py --device cpu --images 64 --sides 28 --settings 32

The last command tests the script without a GPU; its results are not meaningful.

For random images of each side and for each setting (precision, compiled or not), it
prints

- *fit*: images per second in an epoch of the first phase of `fit`, the same in a
  hand-written PyTorch loop, and their ratio (ours over theirs, larger is better). The
  loop uses the same network, augmentation, losses and optimizer, has its images on the
  device, and waits for the device once per epoch. Both are medians over the epochs
  after the first, in which kernels are chosen and compiled;
- *kernels*: the fraction of an epoch of `fit` in which the device computes: the time of
  all kernels, extrapolated from a profile of eight steps, over the time of an epoch
  without a profile;
- *peak*: the peak memory that PyTorch allocated on the device, for both;
- *transform*: images per second of `transform` from arrays on the host, the same of the
  encoder's forward pass alone, and their ratio.
"""

import argparse
import math
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from skorch.callbacks import Callback
from throughput import make_module, make_optimizer
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    GrayImageAugmentation,
    nt_xent,
)
from contrastive_clustering._networks.autoencoder import ContrastiveAutoencoder

MIB = 2**20
PROFILED_STEPS = 8
SETTINGS = {
    name + ("+compile" if compiled else ""): (name, compiled)
    for compiled in (False, True)
    for name in ("32", "bf16-mixed")
}
ROW = "{:5}  {:18}  {:>9} {:>9} {:>6}  {:>7}  {:>6} {:>6}  {:>9} {:>9} {:>6}"


def wait(device: torch.device) -> None:
    """Wait until the device has finished all its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_memory(device: torch.device, function: Callable[[], Any]) -> tuple[Any, str]:
    """Return the result of a function and its peak memory in MiB."""
    if device.type != "cuda":
        return function(), "-"
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    result = function()
    return result, f"{torch.cuda.max_memory_allocated(device) / MIB:.0f}"


class KernelTimer(Callback):
    """Measure the device's compute time in an epoch from some steps of the last epoch.

    Profiling a whole epoch would take far longer than the epoch itself.
    """

    def __init__(self, device: torch.device, n_steps: int) -> None:
        self.device = device
        self.n_steps = n_steps

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        self._step = 0

    def on_batch_begin(self, net: Any, training: bool = True, **kwargs: Any) -> None:
        if net.epoch_number == net.max_epochs and self._step == 0:
            on_gpu = self.device.type == "cuda"
            activity = ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU
            wait(self.device)
            self._profiler = profile(activities=[activity], acc_events=True)
            self._profiler.start()

    def on_batch_end(self, net: Any, training: bool = True, **kwargs: Any) -> None:
        self._step += 1
        n_profiled = min(PROFILED_STEPS, self.n_steps)
        if net.epoch_number == net.max_epochs and self._step == n_profiled:
            wait(self.device)
            self._profiler.stop()
            self.seconds_ = self._computed() * self.n_steps / n_profiled
            del self._profiler

    def _computed(self) -> float:
        events = self._profiler.events()
        if self.device.type == "cuda":
            times = [e.device_time_total for e in events if is_kernel(e)]
        else:
            times = [e.self_cpu_time_total for e in events]
        return sum(times) / 1e6


def is_kernel(event: Any) -> bool:
    """Return whether an event is a kernel on a GPU, not the call that launched it."""
    return event.device_type == DeviceType.CUDA and not event.is_user_annotation


def our_fit(
    X: np.ndarray, device: torch.device, setting: str, arguments: argparse.Namespace
) -> tuple[ContrastiveAutoencoderClusterer, float, float]:
    """Return a fitted estimator, the seconds per epoch, and those in kernels."""
    precision, compiled = SETTINGS[setting]
    timer = KernelTimer(device, math.ceil(len(X) / arguments.batch_size))
    clusterer = ContrastiveAutoencoderClusterer(
        8,
        clusterer=KMeans(n_init=1, max_iter=10),  # the images have no strata to find
        max_epochs=arguments.epochs,
        refinement_epochs=0,
        batch_size=arguments.batch_size,
        precision=precision,
        compile=compiled,
        callbacks=[timer],
        device=device,
        random_state=0,
    ).fit(X)
    epochs = clusterer.history_[1:-1, "dur"]
    return clusterer, statistics.median(epochs), timer.seconds_


def standardized(module: ContrastiveAutoencoder, images: torch.Tensor) -> torch.Tensor:
    """Return a standardized batch of 8-bit images."""
    batch = (images.unsqueeze(1).float() - module.input_mean) / module.input_std
    return batch.contiguous(memory_format=torch.channels_last)


def bare_fit(
    X: np.ndarray, device: torch.device, setting: str, arguments: argparse.Namespace
) -> float:
    """Return the seconds per epoch of a hand-written loop."""
    precision, compiled = SETTINGS[setting]
    module = make_module(X).to(device).train()
    if compiled:
        module.compile()
    optimizer = make_optimizer(module.parameters())
    augment = GrayImageAugmentation()
    generator = torch.Generator(device=device).manual_seed(0)
    images = torch.from_numpy(X).to(device)
    n_batches = math.ceil(len(X) / arguments.batch_size)
    mixed = torch.autocast(device.type, torch.bfloat16, precision == "bf16-mixed")
    seconds = []
    for _ in range(arguments.epochs):
        start = time.perf_counter()
        losses = []
        order = torch.randperm(len(X), generator=generator, device=device)
        for rows in torch.tensor_split(order, n_batches):
            batch = standardized(module, images[rows])
            views = torch.cat([augment(batch, generator) for _ in range(2)])
            views = views.contiguous(memory_format=torch.channels_last)
            with mixed:
                output = module(views)
            first, second = output.projection.float().chunk(2)
            error = F.mse_loss(output.reconstruction.float(), views)
            loss = nt_xent(first, second) + 0.2 * error
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        torch.stack(losses).tolist()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


def bare_transform(
    module: ContrastiveAutoencoder, X: np.ndarray, device: torch.device, batch_size: int
) -> np.ndarray:
    """Return the latents of images on the host, computed by the encoder alone."""
    latents = []
    with torch.inference_mode():
        for start in range(0, len(X), batch_size):
            images = torch.from_numpy(X[start : start + batch_size])
            if device.type == "cuda":
                images = images.pin_memory().to(device, non_blocking=True)
            latents.append(module.encoder(standardized(module, images)))
        return torch.cat(latents).cpu().numpy()


def seconds_of(function: Callable[[], Any], repeats: int) -> float:
    """Return the median time of a function that waits for the device."""
    function()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def measure(
    side: int, device: torch.device, setting: str, arguments: argparse.Namespace
) -> None:
    """Print a row of the table."""
    shape = (arguments.images, side, side)
    X = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    theirs, their_peak = peak_memory(
        device, lambda: bare_fit(X, device, setting, arguments)
    )
    (clusterer, ours, in_kernels), our_peak = peak_memory(
        device, lambda: our_fit(X, device, setting, arguments)
    )
    module = clusterer.net_.module_.eval()
    our_seconds = seconds_of(lambda: clusterer.transform(X), arguments.repeats)
    their_seconds = seconds_of(
        lambda: bare_transform(module, X, device, arguments.batch_size),
        arguments.repeats,
    )
    rates = [f"{len(X) / seconds:.0f}" for seconds in (ours, theirs)]
    predicted = [f"{len(X) / seconds:.0f}" for seconds in (our_seconds, their_seconds)]
    row = [f"{side}", setting, *rates, f"{theirs / ours:.3f}"]
    row += [f"{in_kernels / ours:.3f}", our_peak, their_peak]
    row += [*predicted, f"{their_seconds / our_seconds:.3f}"]
    print(ROW.format(*row), flush=True)


def describe(device: torch.device) -> str:
    """Return the device and the versions."""
    name = platform.processor() or platform.machine()
    if device.type == "cuda":
        name = f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"
        name += f", cuDNN {torch.backends.cudnn.version()}"
    python = platform.python_version()
    return f"{name}, PyTorch {torch.__version__}, Python {python}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--sides", type=int, nargs="+", default=[28, 64, 224])
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=[*SETTINGS])
    parser.add_argument("--images", type=int, default=16_384)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.epochs < 3:
        parser.error("--epochs: the first epoch and the profiled last do not count.")
    device = torch.device(arguments.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        sys.exit(
            "There is no CUDA device here. Run this on a machine with a GPU. To test "
            "the script, use --device cpu --images 64 --sides 28 --settings 32."
        )
    print(f"{describe(device)}; {arguments.images} images, {arguments.batch_size} each")
    heads = ["side", "setting", "fit /s", "bare /s", "ratio", "kernels"]
    heads += ["peak", "bare", "trans. /s", "bare /s", "ratio"]
    print(ROW.format(*heads))
    for side in arguments.sides:
        for setting in arguments.settings:
            measure(side, device, setting, arguments)


if __name__ == "__main__":
    main()
