"""The methods of `small_sets.py`, each for several numbers of strata."""

import copy
import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from quality_methods import OTHER_METHODS, Job, Result
from quality_sets import Data, ImageSet

from contrastive_clustering import ContrastiveAutoencoderClusterer


@dataclass(frozen=True)
class Fit:
    """The result of a method with a number of strata, and the seconds that it took."""

    strata: int
    result: Result
    seconds: float


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    value = function()
    return value, time.perf_counter() - start


def fit_ours(
    data: Data,
    numbers: tuple[int, ...],
    seed: int,
    nuisance: np.ndarray | None = None,
    **parameters: Any,
) -> Iterator[Fit]:
    """Fit the estimator with each number of strata.

    The first phase does not depend on the number, so it runs once, and its seconds
    count for each number. The strata are those of separate fits, in another order.
    """
    wanted = ContrastiveAutoencoderClusterer(random_state=seed, **parameters)
    quick = {"clusterer": "kmeans", "refinement_epochs": 0}
    first = copy.deepcopy(wanted).set_params(n_clusters=numbers[0], **quick)
    _, shared = timed(lambda: first.fit(data.X_train, nuisance=nuisance))
    second_phase = {name: wanted.get_params()[name] for name in quick}

    def finish(n_clusters: int) -> Result:
        clusterer = copy.deepcopy(first).set_params(
            n_clusters=n_clusters, max_epochs=0, warm_start=True, **second_phase
        )
        clusterer.fit(data.X_train, nuisance=nuisance)
        latents = clusterer.transform(data.X_train), clusterer.transform(data.X_new)
        return Result(clusterer.labels_, clusterer.predict(data.X_new), latents)

    for n_clusters in numbers:
        result, seconds = timed(functools.partial(finish, n_clusters))
        yield Fit(n_clusters, result, shared + seconds)


def fit_baseline(
    name: str, image_set: ImageSet, data: Data, numbers: tuple[int, ...], seed: int
) -> Iterator[Fit]:
    """Fit a method of `quality.py` with each number of strata."""
    (method,) = (method for method in OTHER_METHODS if method.name == name)
    for n_clusters in numbers:
        job = Job(image_set, data, n_clusters, seed)
        result, seconds = timed(functools.partial(method.run, job))
        yield Fit(n_clusters, result, seconds)
