"""Speed of training and prediction, compared with minimal code and other packages.

    python benchmarks/throughput.py                  # all comparisons
    python benchmarks/throughput.py fit transform    # some of them
    python benchmarks/throughput.py profile          # time of each part of a step

Each comparison alternates between two measurements several times, and prints the rates
and the median of the pairs' ratios, ours over theirs, so that larger is better. The
images are those of mnist.npz in the folder named by the environment variable
CONTRASTIVE_CLUSTERING_DATA, or random images of the same shape.

- *fit*: views per second of `fit`, compared with a hand-written PyTorch loop with the
  same network, batches, augmentation, losses and optimizer.
- *transform*, *predict*: images per second, compared with the forward pass of the
  encoder alone.
- *augmentation*: views per second on one core, compared with the random views of
  lightly's SimCLRTransform and of ClustPy's augmented loader, with the same movements
  and changes of intensity.
- *peers*: views per second of `fit`, compared with the same encoder, projection head,
  loss and optimizer on batches of lightly's loader of pairs and of ClustPy's augmented
  loader, each with no and with two worker processes.

The last two need the extra `benchmarks`.
"""

import argparse
import itertools
import math
import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from skorch.callbacks import Callback
from torch.utils.data import DataLoader, Dataset

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    GrayImageAugmentation,
    nt_xent,
)
from contrastive_clustering._networks.autoencoder import ContrastiveAutoencoder
from contrastive_clustering.datasets import load_medmnist_file

DATA_VARIABLE = "CONTRASTIVE_CLUSTERING_DATA"
BATCH_SIZE = 256
EPOCHS = 2


def load_images(n_images: int) -> np.ndarray:
    """Return images of 28 x 28 pixels, uint8."""
    path = Path(os.environ.get(DATA_VARIABLE, "")) / "mnist.npz"
    if path.is_file():
        return load_medmnist_file(path, split="train").data[:n_images]
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (n_images, 28, 28), dtype=np.uint8)


class Stopwatch(Callback):
    """Measure the training time of a net."""

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        self.start = time.perf_counter()

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        self.seconds = time.perf_counter() - self.start


def make_module(X: np.ndarray) -> ContrastiveAutoencoder:
    """Return the package's network, for a hand-written loop."""
    torch.manual_seed(0)
    module = ContrastiveAutoencoder((1, *X.shape[1:]), [[[X.mean()]]], [[[X.std()]]])
    return module.to(memory_format=torch.channels_last)


def make_optimizer(parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """Return the optimizer that `fit` uses."""
    return torch.optim.AdamW(parameters, lr=3e-3, weight_decay=1e-4, fused=True)


def standardized(module: ContrastiveAutoencoder, images: np.ndarray) -> torch.Tensor:
    """Return a standardized batch."""
    batch = torch.from_numpy(images).unsqueeze(1).float()
    batch = (batch - module.input_mean) / module.input_std
    return batch.contiguous(memory_format=torch.channels_last)


def our_fit(X: np.ndarray) -> float:
    """Return the views per second of the training in `fit`."""
    watch = Stopwatch()
    ContrastiveAutoencoderClusterer(
        10,
        max_epochs=EPOCHS,
        refinement_epochs=0,
        clusterer="kmeans",
        batch_size=BATCH_SIZE,
        callbacks=[watch],
        device="cpu",
        random_state=0,
    ).fit(X)
    return 2 * EPOCHS * len(X) / watch.seconds


def bare_fit(X: np.ndarray) -> float:
    """Return the views per second of a hand-written loop."""
    module = make_module(X).train()
    augment = GrayImageAugmentation()
    generator = torch.Generator().manual_seed(0)
    optimizer = make_optimizer(module.parameters())
    n_batches = math.ceil(len(X) / BATCH_SIZE)
    start = time.perf_counter()
    for _ in range(EPOCHS):
        order = np.random.default_rng(0).permutation(len(X))
        for rows in np.array_split(order, n_batches):
            batch = standardized(module, X[rows])
            views = torch.cat([augment(batch, generator) for _ in range(2)])
            views = views.contiguous(memory_format=torch.channels_last)
            output = module(views)
            first, second = output.projection.chunk(2)
            loss = nt_xent(first, second) + 0.2 * F.mse_loss(
                output.reconstruction, views
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
    return 2 * EPOCHS * len(X) / (time.perf_counter() - start)


def fit_quickly(X: np.ndarray) -> ContrastiveAutoencoderClusterer:
    """Return an estimator with defaults except for few epochs and images."""
    return ContrastiveAutoencoderClusterer(
        10, max_epochs=1, refinement_epochs=1, device="cpu", random_state=0
    ).fit(X[:2000])


def images_per_second(function: Callable[[], Any], n_images: int) -> float:
    """Return the number of images over the time of a function."""
    start = time.perf_counter()
    function()
    return n_images / (time.perf_counter() - start)


def bare_forward(module: ContrastiveAutoencoder, X: np.ndarray) -> None:
    """Encode all images, batch by batch."""
    with torch.inference_mode():
        for start in range(0, len(X), BATCH_SIZE):
            module.encoder(standardized(module, X[start : start + BATCH_SIZE]))


def import_torchvision() -> None:
    """Import torchvision, even if it was built for another PyTorch.

    Such a torchvision (for example that of PyPI with a PyTorch for CPUs) raises on
    import, because its compiled operators are missing. lightly and ClustPy do not need
    these operators here.
    """
    try:
        import torchvision
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        names = ["roi_align", "ps_roi_align", "roi_pool", "ps_roi_pool"]
        names += ["deform_conv2d"]
        names += [f"_{name}_backward" for name in names]
        for name in (*names, "nms", "qnms", "qroi_align", "_cuda_version"):
            library.define(f"{name}(Tensor x) -> Tensor")
        import torchvision  # noqa: F401

        _KEPT.append(library)  # its definitions would be deleted with it


_KEPT: list[Any] = []


def movements() -> Any:
    """Return the transformations of our preset, built from torchvision's classes."""
    from torchvision import transforms

    return transforms.Compose(
        [
            transforms.RandomAffine(15, (0.1, 0.1), (1 / 1.2, 1.2), shear=(-10, 10)),
            transforms.ColorJitter(brightness=0.4, contrast=0.4),
        ]
    )


class LightlyPairs(Dataset[Any]):
    """Pairs of views, as returned by lightly's data sets of images."""

    def __init__(self, X: np.ndarray) -> None:
        import_torchvision()
        from lightly.transforms.multi_view_transform import MultiViewTransform
        from PIL import Image
        from torchvision import transforms

        self.X = X
        self.make_image = Image.fromarray
        view = transforms.Compose([movements(), transforms.ToTensor()])
        self.transform = MultiViewTransform([view, view])

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, index: int) -> list[torch.Tensor]:
        views: list[torch.Tensor] = self.transform(self.make_image(self.X[index]))
        return views


def lightly_loader(X: np.ndarray, n_workers: int) -> Iterable[list[torch.Tensor]]:
    """Return lightly's batches of pairs of views."""
    return DataLoader(
        LightlyPairs(X), BATCH_SIZE, shuffle=True, drop_last=True, num_workers=n_workers
    )


def clustpy_loader(X: np.ndarray, n_workers: int) -> Iterable[list[torch.Tensor]]:
    """Return ClustPy's batches of pairs of views, from two tensors and transforms."""
    import_torchvision()
    from clustpy.deep import get_dataloader
    from torchvision import transforms

    # As in the documentation of the loader.
    view = transforms.Compose(
        [transforms.ToPILImage(), movements(), transforms.ToTensor()]
    )
    images = torch.from_numpy(X).unsqueeze(1)
    loader = get_dataloader(
        images,
        BATCH_SIZE,
        shuffle=True,
        drop_last=True,
        additional_inputs=images,
        ds_kwargs={"aug_transforms_list": [view, view]},
        dl_kwargs={"num_workers": n_workers},
    )
    # (indices, view, image, other view, the same image)
    return ([batch[1], batch[3]] for batch in loader)


PEERS = {"lightly": lightly_loader, "ClustPy": clustpy_loader}


def peer_fit(batches: Iterable[list[torch.Tensor]], X: np.ndarray) -> float:
    """Return the views per second of SimCLR with our encoder and a peer's loader."""
    module = make_module(X).train()
    parameters = [*module.encoder.parameters(), *module.projection_head.parameters()]
    optimizer = make_optimizer(parameters)
    n_views = 0
    start = time.perf_counter()
    for pair in batches:
        views = (torch.cat(pair) * 255 - module.input_mean) / module.input_std
        views = views.contiguous(memory_format=torch.channels_last)
        first, second = module.projection_head(module.encoder(views)).chunk(2)
        loss = nt_xent(first, second)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        n_views += len(views)
    return n_views / (time.perf_counter() - start)


def our_views(X: np.ndarray) -> float:
    """Return the views per second of our augmentation, from uint8 images."""
    module, augment = make_module(X), GrayImageAugmentation()
    generator = torch.Generator().manual_seed(0)
    start = time.perf_counter()
    for row in range(0, len(X), BATCH_SIZE):
        batch = standardized(module, X[row : row + BATCH_SIZE])
        for _ in range(2):
            augment(batch, generator)
    return 2 * len(X) / (time.perf_counter() - start)


def peer_views(batches: Iterable[list[torch.Tensor]]) -> float:
    """Return the views per second of a peer's loader."""
    start = time.perf_counter()
    n_views = sum(2 * len(pair[0]) for pair in batches)
    return n_views / (time.perf_counter() - start)


def compare(
    title: str, ours: Callable[[], float], theirs: Callable[[], float], repeats: int
) -> None:
    """Alternate between two measurements, and print their rates and ratio."""
    ours(), theirs()  # the first calls include one-time work
    pairs = [
        (ours(), theirs()) if turn % 2 else (theirs(), ours())[::-1]
        for turn in range(repeats)
    ]
    rates = [statistics.median(rates) for rates in zip(*pairs, strict=True)]
    ratios = sorted(our_rate / their_rate for our_rate, their_rate in pairs)
    print(
        f"{title:34s} {rates[0]:9.0f} /s {rates[1]:9.0f} /s   "
        f"ratio {statistics.median(ratios):6.3f}  "
        f"({ratios[0]:.3f} to {ratios[-1]:.3f})",
        flush=True,
    )


def compare_fit(X: np.ndarray, repeats: int) -> None:
    compare("fit / bare loop, views", lambda: our_fit(X), lambda: bare_fit(X), repeats)


def compare_prediction(X: np.ndarray, repeats: int, method: str) -> None:
    clusterer = fit_quickly(X)
    module = clusterer.net_.module_
    many = np.concatenate([X] * 4)
    predict = getattr(clusterer, method)
    compare(
        f"{method} / bare forward, images",
        lambda: images_per_second(lambda: predict(many), len(many)),
        lambda: images_per_second(lambda: bare_forward(module, many), len(many)),
        repeats,
    )


def compare_augmentation(X: np.ndarray, repeats: int) -> None:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for name, loader in PEERS.items():
        compare(
            f"augmentation / {name}, views per core",
            lambda: our_views(X),
            lambda loader=loader: peer_views(loader(X, 0)),  # type: ignore[misc]
            repeats,
        )
    torch.set_num_threads(n_threads)


def compare_peers(X: np.ndarray, repeats: int) -> None:
    for (name, loader), n_workers in itertools.product(PEERS.items(), (0, 2)):
        compare(
            f"fit / {name}, {n_workers} workers, views",
            lambda: our_fit(X),
            lambda loader=loader, n=n_workers: peer_fit(loader(X, n), X),  # type: ignore[misc]
            repeats,
        )


def profile(X: np.ndarray, repeats: int) -> None:
    """Print the times of the parts of a step, in milliseconds and as fractions."""
    module = make_module(X).train()
    augment = GrayImageAugmentation()
    generator = torch.Generator().manual_seed(0)
    optimizer = make_optimizer(module.parameters())
    spent: dict[str, list[float]] = {}

    def parts() -> Iterator[str]:
        images = X[np.random.default_rng(0).permutation(len(X))[:BATCH_SIZE]]
        batch = standardized(module, images)
        yield "reading and scaling"
        views = torch.cat([augment(batch, generator) for _ in range(2)])
        views = views.contiguous(memory_format=torch.channels_last)
        yield "augmentation"
        latent = module.encoder(views)
        yield "encoder, forward"
        reconstruction = module.decoder(latent)
        yield "decoder, forward"
        first, second = module.projection_head(latent).chunk(2)
        loss = nt_xent(first, second)
        yield "projection head and NT-Xent"
        (gradient,) = torch.autograd.grad(loss, latent, retain_graph=True)
        yield "projection head and NT-Xent, backward"
        error = 0.2 * F.mse_loss(reconstruction, views)
        optimizer.zero_grad()
        (other,) = torch.autograd.grad(error, latent, retain_graph=True)
        yield "decoder, backward"
        latent.backward(gradient + other)
        yield "encoder, backward"
        for parameter in module.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        start = time.perf_counter()
        optimizer.step()
        spent.setdefault("optimizer", []).append(time.perf_counter() - start)

    for _ in range(10 * repeats):
        start = time.perf_counter()
        for part in parts():
            spent.setdefault(part, []).append(time.perf_counter() - start)
            start = time.perf_counter()
    medians = {part: statistics.median(each) for part, each in spent.items()}
    whole = sum(medians.values())
    for part, seconds in medians.items():
        print(f"{part:38s} {1000 * seconds:7.1f} ms {seconds / whole:6.1%}")
    print(f"{'a step of ' + str(BATCH_SIZE) + ' images':38s} {1000 * whole:7.1f} ms")


COMPARISONS: dict[str, Callable[[np.ndarray, int], None]] = {
    "fit": compare_fit,
    "transform": lambda X, repeats: compare_prediction(X, repeats, "transform"),
    "predict": lambda X, repeats: compare_prediction(X, repeats, "predict"),
    "augmentation": compare_augmentation,
    "peers": compare_peers,
    "profile": profile,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("comparisons", nargs="*", choices=[*COMPARISONS, []])
    parser.add_argument("--images", type=int, default=8_192)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    X = load_images(arguments.images)
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads")
    for name in arguments.comparisons or COMPARISONS:
        COMPARISONS[name](X, arguments.repeats)


if __name__ == "__main__":
    main()
