"""The methods that `quality.py` compares, except for those of ClustPy."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from quality_runs import COMPONENTS, OURS, WITH_LABELS
from quality_sets import Data, ImageSet
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from contrastive_clustering import ConsensusClustering, ContrastiveAutoencoderClusterer

N_COMPONENTS = 50

# Batch size of the encoder that is trained with labels, the estimator's default.
BATCH_SIZE = 256


@dataclass(frozen=True)
class Job:
    """A request to a method.

    `n_clusters` is None for a method without strata. `budget` is the time in seconds
    that a method with `Method.needs_budget` may take.
    """

    image_set: ImageSet
    data: Data
    n_clusters: int | None
    seed: int
    budget: float | None = None


@dataclass
class Result:
    """The result of a method.

    `train` and `new` are the strata of both parts. If only `train` is None, `new`
    contains predicted classes. `latents` are those of both parts.
    """

    train: np.ndarray | None = None
    new: np.ndarray | None = None
    latents: tuple[np.ndarray, np.ndarray] | None = None
    reconstruction_error: float | None = None
    epochs: tuple[int, int] | None = None


@dataclass(frozen=True)
class Method:
    """A method by its name in the table.

    `settings` are parameters that differ from the defaults. A method without
    `has_strata` is run once for all numbers of strata. The time of `prepare`, which is
    called before `run`, does not count.
    """

    name: str
    run: Callable[[Job], Result]
    settings: dict[str, Any] = field(default_factory=dict)
    is_default: bool = True
    has_strata: bool = True
    needs_budget: bool = False
    prepare: Callable[[Job], None] | None = None


def is_selected(name: str, words: list[str] | None) -> bool:
    return words is None or any(word.lower() in name.lower() for word in words)


def relative_error(decoded: np.ndarray, X: np.ndarray) -> float:
    """Return the squared error of decoded images over that of their mean image."""
    return float(np.mean((decoded - X) ** 2) / X.var(axis=0).mean())


def ours(parameters: dict[str, Any], job: Job) -> Result:
    X_new = job.data.X_new
    clusterer = ContrastiveAutoencoderClusterer(
        job.n_clusters, random_state=job.seed, **parameters
    ).fit(job.data.X_train)
    latents = clusterer.transform(job.data.X_train), clusterer.transform(X_new)
    decoded = clusterer.inverse_transform(latents[1])
    return Result(
        train=clusterer.labels_,
        new=clusterer.predict(X_new),
        latents=latents,
        reconstruction_error=relative_error(decoded, X_new),
    )


# Makes a clusterer, given the number of clusters and a seed.
MakeClusterer = Callable[[int, int], Any]


def kmeans(n_clusters: int, seed: int) -> KMeans:
    return KMeans(n_clusters, n_init=10, random_state=seed)


def mixture(n_clusters: int, seed: int) -> GaussianMixture:
    return GaussianMixture(n_clusters, random_state=seed)


def diagonal_mixture(n_clusters: int, seed: int) -> GaussianMixture:
    return GaussianMixture(n_clusters, covariance_type="diag", random_state=seed)


def on_pixels(make_clusterer: MakeClusterer, job: Job) -> Result:
    train, new = job.data.flat()
    return cluster(make_clusterer, job, train, new)


def components(job: Job) -> Result:
    """Return principal components as latents."""
    train, new = job.data.flat()
    pca = PCA(min(N_COMPONENTS, *train.shape), random_state=job.seed).fit(train)
    decoded = pca.inverse_transform(pca.transform(new))
    return Result(
        # A mixture's covariances of small components are singular in float32.
        latents=tuple(pca.transform(X).astype(np.float64) for X in (train, new)),
        reconstruction_error=relative_error(decoded, new),
    )


def on_components(make_clusterer: MakeClusterer, job: Job) -> Result:
    return cluster(make_clusterer, job, *components(job).latents)


def cluster(
    make_clusterer: MakeClusterer, job: Job, train: np.ndarray, new: np.ndarray
) -> Result:
    clusterer = make_clusterer(job.n_clusters, job.seed)
    if isinstance(clusterer, GaussianMixture):
        train, new = train.astype(np.float64), new.astype(np.float64)
    clusterer.fit(train)
    return Result(train=clusterer.predict(train), new=clusterer.predict(new))


def channels_first(X: np.ndarray) -> torch.Tensor:
    """Return images, RGB images or volumes with the channels on axis 1."""
    batch = torch.from_numpy(X)
    if X.ndim == 4 and X.shape[-1] == 3:
        return batch.movedim(-1, 1)
    return batch.unsqueeze(1)


def with_labels(job: Job) -> Result:
    """Train our encoder and a linear layer by cross-entropy on our random views."""
    torch.manual_seed(job.seed)
    data, n_epochs = job.data, job.image_set.label_epochs
    # A fit without training creates the estimator's architecture and views.
    untrained = ContrastiveAutoencoderClusterer(
        2,
        max_epochs=0,
        refinement_epochs=0,
        clusterer="kmeans",
        random_state=job.seed,
    )
    net = untrained.fit(data.X_train).net_
    encoder, device = net.module_.encoder, net.device
    classes, y_train = np.unique(data.y_train, return_inverse=True)
    targets = torch.from_numpy(y_train)
    images = channels_first(data.X_train)
    statistics_axes = [axis for axis in range(images.ndim) if axis != 1]
    std, mean = torch.std_mean(images.float(), dim=statistics_axes, keepdim=True)

    def batch_of(raw: torch.Tensor) -> torch.Tensor:
        batch = ((raw.float() - mean) / std).to(device)
        if batch.ndim == 4:  # twice as fast for images
            return batch.contiguous(memory_format=torch.channels_last)
        return batch

    with torch.inference_mode():
        latent_dim = encoder.eval()(batch_of(images[:2])).shape[1]
    head = torch.nn.Linear(latent_dim, len(classes)).to(device)
    network = torch.nn.Sequential(encoder, head).train()
    n_batches = math.ceil(len(images) / BATCH_SIZE)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 3e-3, n_epochs * n_batches
    )
    views = torch.Generator(device=device).manual_seed(job.seed)
    for _ in range(n_epochs):
        for indices in torch.randperm(len(images)).tensor_split(n_batches):
            batch = net.augmentation(batch_of(images[indices]), views)
            loss = F.cross_entropy(network(batch), targets[indices].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    network.eval()
    with torch.inference_mode():
        logits = torch.cat(
            [
                network(batch_of(part)).cpu()
                for part in channels_first(data.X_new).split(BATCH_SIZE)
            ]
        )
    return Result(new=classes[logits.argmax(1).numpy()])


# Further configurations of our method, which run only if they are asked for.
MAIN_SETTINGS: dict[str, dict[str, Any]] = {
    "without second phase": {"refinement_epochs": 0},
    'refinement="neighbors"': {"refinement": "neighbors"},
    'refinement="prototypes"': {"refinement": "prototypes"},
    "clustered by position, without second phase": {
        "clusterer": ConsensusClustering(),
        "refinement_epochs": 0,
    },
}

OUR_METHODS = (
    Method(OURS, functools.partial(ours, {})),
    *(
        Method(
            f"ours, {name}",
            functools.partial(ours, parameters),
            parameters,
            is_default=False,
        )
        for name, parameters in MAIN_SETTINGS.items()
    ),
)

OTHER_METHODS = (
    Method("k-means on pixels", functools.partial(on_pixels, kmeans)),
    Method(
        "Gaussian mixture on pixels", functools.partial(on_pixels, diagonal_mixture)
    ),
    Method("k-means on components", functools.partial(on_components, kmeans)),
    Method("Gaussian mixture on components", functools.partial(on_components, mixture)),
    Method(COMPONENTS, components, has_strata=False),
    Method(WITH_LABELS, with_labels, has_strata=False),
)
