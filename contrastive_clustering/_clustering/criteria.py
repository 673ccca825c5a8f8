"""What a search for the number of strata scores candidates by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from sklearn.metrics import (
    adjusted_rand_score,
    pairwise_distances,
    silhouette_score,
)
from sklearn.mixture import GaussianMixture
from sklearn.utils import check_random_state

from contrastive_clustering._clustering.clusterers import MIXTURE_REGULARIZATION
from contrastive_clustering._clustering.latent_space import fit_latent_space
from contrastive_clustering._utils.memoize import memoizing
from contrastive_clustering._utils.numbering import NOISE

# Times the latents are halved for the criteria that judge clusterings on new latents.
# Each gives two values, as either half is clustered and the other one new.
N_SPLITS = 3

# What a criterion gives a candidate that cannot be judged; no clustering has less.
WORST = -1.0


class Clustering(Protocol):
    """What a search needs to know of a fitted clustering of latents."""

    @property
    def labels(self) -> np.ndarray:
        """Strata of the clustered latents, -1 for noise."""

    def predict(self, latents: np.ndarray) -> np.ndarray:
        """Return the stratum of each latent, -1 for noise."""

    def prepare(self, latents: np.ndarray) -> np.ndarray:
        """Bring latents to the space in which the clusterer works."""

    def spaces_of_silhouette(self, latents: np.ndarray) -> list[np.ndarray]:
        """Bring latents to the spaces in which the silhouette judges their strata."""


Fit = Callable[[np.ndarray, int], Clustering]


def _halves(latents: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Halve latents at random `N_SPLITS` times; a seed gives the same halves again."""
    rng = check_random_state(seed)
    half = len(latents) // 2
    orders = [rng.permutation(len(latents)) for _ in range(N_SPLITS)]
    return [(latents[order[:half]], latents[order[half:]]) for order in orders]


def _silhouette(
    latents: np.ndarray, fit: Fit, candidates: Sequence[int], seed: int, part: int
) -> list[float]:
    """Return the silhouettes of a half that clusterings of the other have not seen."""
    halves = _halves(latents, seed)[part // 2]
    seen, new = halves[:: -1 if part % 2 else 1]
    values: list[list[float]] = [[] for _ in candidates]
    # Latents whose distances are wanted, and the strata to hold against these: for all
    # candidates together, and one space at a time, as the distances of 5,000 latents
    # take 200 MB.
    judged: list[tuple[np.ndarray, list[tuple[int, np.ndarray]]]] = []
    with memoizing():
        for place, n_clusters in enumerate(candidates):
            if min(len(seen), len(new)) < n_clusters:
                continue
            clustering = fit(seen, n_clusters)
            labels = clustering.predict(new)
            kept = labels != NOISE
            if not 2 <= len(np.unique(labels[kept])) < kept.sum():
                continue
            for space in clustering.spaces_of_silhouette(new[kept]):
                for known, strata in judged:
                    if np.array_equal(known, space):
                        strata.append((place, labels[kept]))
                        break
                else:
                    judged.append((space, [(place, labels[kept])]))
    for space, strata in judged:
        distances = pairwise_distances(space)
        for place, labels in strata:
            values[place].append(
                silhouette_score(distances, labels, metric="precomputed")
            )
    return [float(np.mean(found)) if found else WORST for found in values]


def _stability(
    latents: np.ndarray, fit: Fit, candidates: Sequence[int], seed: int, part: int
) -> list[float]:
    """Return how much better clusterings of halves agree than without any strata."""
    rng = check_random_state(seed)
    # Rounding may leave the covariance of latents in a plane with an eigenvalue just
    # below zero, which is no reason to warn.
    without_strata = rng.multivariate_normal(
        latents.mean(axis=0, dtype=np.float64),
        np.cov(latents, rowvar=False, dtype=np.float64).reshape(2 * latents.shape[1:]),
        size=len(latents),
        check_valid="ignore",
    ).astype(latents.dtype)
    small_enough = [k for k in candidates if k <= len(latents) // 2]
    real, chance = (
        _agreement(_halves(rows, seed)[part], fit, small_enough)
        for rows in (latents, without_strata)
    )
    found = {k: a - b for k, a, b in zip(small_enough, real, chance, strict=True)}
    return [found.get(k, WORST) for k in candidates]


def _agreement(
    halves: tuple[np.ndarray, np.ndarray], fit: Fit, candidates: Sequence[int]
) -> list[float]:
    """Return how well clusterings of two halves agree, for each candidate."""
    first, second = halves
    values = []
    with memoizing():
        for n_clusters in candidates:
            of_first, of_second = fit(first, n_clusters), fit(second, n_clusters)
            values.append(
                adjusted_rand_score(of_second.labels, of_first.predict(second)) / 2
                + adjusted_rand_score(of_first.labels, of_second.predict(first)) / 2
            )
    return values


def _bic(
    latents: np.ndarray,
    fit: Fit,  # noqa: ARG001  # a mixture is fitted, whatever the clusterer
    candidates: Sequence[int],
    seed: int,
    part: int,  # noqa: ARG001  # there is one
) -> list[float]:
    """Return minus the BIC, a latent, of mixtures of Gaussians."""
    space = fit_latent_space(latents, whiten=True, normalize=False)
    prepared = space.transform(latents.astype(np.float64))
    mixtures = [
        GaussianMixture(
            n_clusters,
            max_iter=1000,
            reg_covar=MIXTURE_REGULARIZATION,
            random_state=seed,
        ).fit(prepared)
        for n_clusters in candidates
    ]
    return [-float(mixture.bic(prepared)) / len(prepared) for mixture in mixtures]


def _within(
    latents: np.ndarray,
    fit: Fit,
    candidates: Sequence[int],
    seed: int,  # noqa: ARG001  # the clusterer has its own
    part: int,  # noqa: ARG001  # there is one
) -> list[float]:
    """Return the sums of squared distances from the strata's centers."""
    return [
        _sum_of_squares(fit(latents, n_clusters), latents) for n_clusters in candidates
    ]


def _sum_of_squares(clustering: Clustering, latents: np.ndarray) -> float:
    prepared, labels = clustering.prepare(latents), clustering.labels
    strata = [prepared[labels == label] for label in np.unique(labels[labels != NOISE])]
    return float(sum(np.square(rows - rows.mean(axis=0)).sum() for rows in strata))


@dataclass(frozen=True)
class Criterion:
    """What a search scores candidates by.

    Attributes
    ----------
    judge : callable
        ``judge(latents, fit, candidates, seed, part)`` returns a value for each
        candidate; its mean over the parts of the work is the score.

    n_parts : int, default=1
        Number of these parts. Of more than one, candidates share what they can.
    """

    judge: Callable[[np.ndarray, Fit, Sequence[int], int, int], list[float]]
    n_parts: int = 1


CRITERIA = {
    "silhouette": Criterion(_silhouette, n_parts=2 * N_SPLITS),
    "stability": Criterion(_stability, n_parts=N_SPLITS),
    "bic": Criterion(_bic),
    "elbow": Criterion(_within),
}
