"""Choosing the number of strata: a criterion is held against each candidate."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar, Protocol

import numpy as np
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import (
    StrOptions,
    validate_parameter_constraints,
)

from contrastive_clustering._arrays import check_squares, errors_about, to_array
from contrastive_clustering._constraints import Count
from contrastive_clustering._latent import (
    MIXTURE_REGULARISATION,
    NOISE,
    fit_latent_space,
)
from contrastive_clustering._progress import Progress, run_tasks

# Latents a search looks at: of more, a random part stands for all.
MOST_LATENTS = 10_000

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


@dataclass(frozen=True, eq=False)
class ClusterNumberResult:
    """What a search for the number of strata found.

    Attributes
    ----------
    n_clusters : int
        The choice: the candidate with the highest score, of several the least.

    candidates : ndarray of shape (n_candidates,)
        The numbers of strata that were looked at, ascending.

    scores : ndarray of shape (n_candidates,)
        The criterion for each candidate; higher is better.

    criterion : str
        The criterion.

    See Also
    --------
    ClusterNumberSearch : Makes it.
    """

    n_clusters: int
    candidates: np.ndarray
    scores: np.ndarray
    criterion: str


@dataclass(frozen=True)
class ClusterNumberSearch:
    r"""How the number of strata is chosen.

    The latents are clustered into each number of strata from `low` to `high`, and the
    one with the highest score is taken, of equal ones the least. Candidates above the
    number of distinct latents are left out. Of more than 10,000 latents a random part
    is looked at.

    Parameters
    ----------
    criterion : {"silhouette", "stability", "bic", "elbow"}, default="silhouette"
        What is scored; higher is better for each.

        - "silhouette": how much closer new latents are to their own stratum than to
          the next [1]_, from -1 to 1, in the space of the clusterer; with the default
          clusterer, which compares places and directions, the mean of three: among
          places, among the directions in which latents lie from their mean, and among
          places whose principal components have been brought to the same variance. The
          latents are halved three times at random; each half is clustered, and the
          silhouette is that of the strata predicted for the other half, so that the
          chance of one fit and one part weighs less.
        - "stability": how far two clusterings agree that do not share a latent [2]_.
          Of the same halves, each is clustered, and the strata predicted for the
          other are held against that one's own by the adjusted Rand index. Few strata
          agree more easily than many, whatever the latents; so the same is done for
          as many latents from one normal distribution of the same mean and
          covariance, which has no strata, and its index subtracted [3]_.
        - "bic": minus the Bayesian information criterion [4]_, a latent, of mixtures
          of Gaussians with full covariances, of the whitened principal components
          that hold 95 % of the variance. It does not look at the clusterer. Strata
          that are not Gaussian take several Gaussians each, and it then chooses many.
        - "elbow": how far the curve of the squared distances from the strata's
          centres runs below its chord, both axes brought to the range from 0 to 1
          [5]_. The first and the last candidate score 0, so that `low` and `high`
          bear on the choice.

    low : int, default=2
        Least number of strata, at least 2.

    high : int, default=15
        Largest number of strata, at least `low`.

    n_jobs : int or None, default=None
        Number of candidates to work on side by side, as for
        :class:`joblib.Parallel`: None for one, -1 for as many as there are cores. The
        choice does not hang on it.

    References
    ----------
    .. [1] Rousseeuw, "Silhouettes: a graphical aid to the interpretation and
       validation of cluster analysis", J. Comput. Appl. Math. 20 (1987).
    .. [2] Lange, Roth, Braun, Buhmann, "Stability-Based Validation of Clustering
       Solutions", Neural Computation 16 (2004); Ben-Hur, Elisseeff, Guyon, "A
       stability based method for discovering structure in clustered data", Pacific
       Symposium on Biocomputing 2002.
    .. [3] Dudoit, Fridlyand, "A prediction-based resampling method for estimating the
       number of clusters in a dataset", Genome Biology 3 (2002).
    .. [4] Schwarz, "Estimating the Dimension of a Model", Annals of Statistics 6
       (1978).
    .. [5] Satopää, Albrecht, Irwin, Raghavan, "Finding a 'Kneedle' in a Haystack:
       Detecting Knee Points in System Behavior", ICDCS Workshops 2011.

    Examples
    --------
    >>> from functools import partial
    >>> from sklearn.datasets import make_blobs
    >>> from contrastive_clustering._cluster_number import ClusterNumberSearch
    >>> from contrastive_clustering._latent import fit_clustering
    >>> latents, _ = make_blobs(200, 4, centers=3, random_state=0)
    >>> fit = partial(
    ...     fit_clustering, clusterer="kmeans", whiten=False, normalize=False, seed=0
    ... )
    >>> ClusterNumberSearch(high=6).search(latents, fit, seed=0).n_clusters
    3
    """

    criterion: str = "silhouette"
    low: int = 2
    high: int = 15
    n_jobs: int | None = None

    _constraints: ClassVar[dict[str, list[Any]]] = {
        "low": [Count(2)],
        "high": [Count(2)],
        "n_jobs": [Integral, None],
    }

    def __post_init__(self) -> None:
        validate_parameter_constraints(
            {"criterion": [StrOptions(set(CRITERIA))], **self._constraints},
            {name: getattr(self, name) for name in ("criterion", "low", "high")}
            | {"n_jobs": self.n_jobs},
            caller_name=type(self).__name__,
        )
        if self.high < self.low:
            raise ValueError(
                f"high={self.high} is less than low={self.low}. Raise high or lower "
                "low."
            )
        if self.n_jobs == 0:
            raise ValueError(
                "n_jobs=0 would leave nobody to work. Set it to None, to a number of "
                "processes or to -1 for all cores."
            )

    def search(
        self, latents: np.ndarray, fit: Fit, seed: int, *, verbose: int = 0
    ) -> ClusterNumberResult:
        """Choose a number of strata for latents.

        Parameters
        ----------
        latents : ndarray of shape (n_samples, latent_dim)
            Latents, at least `low` of them.

        fit : callable
            ``fit(latents, n_clusters)`` clusters latents and returns an object with
            ``labels``, ``predict(latents)``, ``prepare(latents)`` and
            ``spaces_of_silhouette(latents)``, such as a `LatentClustering`. Has to
            be picklable if `n_jobs` asks for processes.

        seed : int
            Seed of the parts and of the criterion's own models.

        verbose : int, default=0
            0 shows nothing, 1 shows how many candidates are done.

        Returns
        -------
        result : ClusterNumberResult
            The choice, and what it rests on. Where all latents are equal there is
            nothing to choose by: `low`, with a score of 0.

        Raises
        ------
        ValueError
            If there are fewer than `low` latents, or some are not finite or so large
            that their squares are not.
        """
        validate_parameter_constraints(
            {"verbose": ["verbose"]},
            {"verbose": verbose},
            caller_name=f"{type(self).__name__}.search",
        )
        latents = to_array(latents, "latents")
        with errors_about("latents", "a table of latents"):
            latents = check_array(
                latents,
                dtype=[np.float64, np.float32],
                ensure_min_samples=2,
                input_name="latents",
            )
        check_squares(latents, "latents")
        if len(latents) < self.low:
            raise ValueError(
                f"low={self.low} strata cannot be found in n_samples={len(latents)} "
                "latents. Lower low or give more samples."
            )
        rng = check_random_state(seed)
        if len(latents) > MOST_LATENTS:
            latents = latents[rng.permutation(len(latents))[:MOST_LATENTS]]
        n_distinct = len(np.unique(latents, axis=0))
        candidates = np.arange(self.low, max(self.low, min(self.high, n_distinct)) + 1)
        scores = np.zeros(len(candidates))
        if n_distinct > 1:
            judge, own_seed = CRITERIA[self.criterion], int(rng.randint(2**31 - 1))
            with Progress(
                "search for the number of strata",
                len(candidates),
                "candidate",
                verbose=verbose,
            ) as progress:
                scores[:] = run_tasks(
                    judge,
                    [(latents, fit, int(k), own_seed) for k in candidates],
                    n_jobs=self.n_jobs,
                    progress=progress,
                )
            if self.criterion == "elbow":
                scores = _below_chord(candidates, scores)
        return ClusterNumberResult(
            n_clusters=int(candidates[scores.argmax()]),
            candidates=candidates,
            scores=scores,
            criterion=self.criterion,
        )


def _halves(latents: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Halve latents at random `N_SPLITS` times; a seed gives the same halves again."""
    rng = check_random_state(seed)
    half = len(latents) // 2
    orders = [rng.permutation(len(latents)) for _ in range(N_SPLITS)]
    return [(latents[order[:half]], latents[order[half:]]) for order in orders]


def _silhouette(latents: np.ndarray, fit: Fit, n_clusters: int, seed: int) -> float:
    """Return the mean silhouette of latents that the clustering has not seen."""
    if len(latents) // 2 < n_clusters:
        return WORST
    values = []
    for halves in _halves(latents, seed):
        for seen, new in (halves, halves[::-1]):
            clustering = fit(seen, n_clusters)
            labels = clustering.predict(new)
            kept = labels != NOISE
            if 2 <= len(np.unique(labels[kept])) < kept.sum():
                spaces = clustering.spaces_of_silhouette(new[kept])
                scores = [silhouette_score(space, labels[kept]) for space in spaces]
                values.append(np.mean(scores))
            else:
                values.append(WORST)
    return float(np.mean(values))


def _stability(latents: np.ndarray, fit: Fit, n_clusters: int, seed: int) -> float:
    """Return how much better clusterings of halves agree than without any strata."""
    if len(latents) // 2 < n_clusters:
        return WORST
    rng = check_random_state(seed)
    # Rounding may leave the covariance of latents in a plane with an eigenvalue just
    # below zero, which is no reason to warn.
    without_strata = rng.multivariate_normal(
        latents.mean(axis=0, dtype=np.float64),
        np.cov(latents, rowvar=False, dtype=np.float64).reshape(2 * latents.shape[1:]),
        size=len(latents),
        check_valid="ignore",
    ).astype(latents.dtype)
    return _agreement(latents, fit, n_clusters, seed) - _agreement(
        without_strata, fit, n_clusters, seed
    )


def _agreement(latents: np.ndarray, fit: Fit, n_clusters: int, seed: int) -> float:
    values = []
    for first, second in _halves(latents, seed):
        of_first, of_second = fit(first, n_clusters), fit(second, n_clusters)
        values += [
            adjusted_rand_score(of_second.labels, of_first.predict(second)),
            adjusted_rand_score(of_first.labels, of_second.predict(first)),
        ]
    return float(np.mean(values))


def _bic(
    latents: np.ndarray,
    fit: Fit,  # noqa: ARG001  # a mixture is fitted, whatever the clusterer
    n_clusters: int,
    seed: int,
) -> float:
    """Return minus the BIC, a latent, of a mixture of Gaussians."""
    space = fit_latent_space(latents, whiten=True, normalize=False)
    prepared = space.transform(latents.astype(np.float64))
    mixture = GaussianMixture(
        n_clusters,
        max_iter=1000,
        reg_covar=MIXTURE_REGULARISATION,
        random_state=seed,
    ).fit(prepared)
    return -float(mixture.bic(prepared)) / len(prepared)


def _within(
    latents: np.ndarray,
    fit: Fit,
    n_clusters: int,
    seed: int,  # noqa: ARG001  # the clusterer has its own
) -> float:
    """Return the sum of squared distances from the strata's centres."""
    clustering = fit(latents, n_clusters)
    prepared, labels = clustering.prepare(latents), clustering.labels
    strata = [prepared[labels == label] for label in np.unique(labels[labels != NOISE])]
    return float(sum(np.square(rows - rows.mean(axis=0)).sum() for rows in strata))


def _below_chord(candidates: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Return how far a falling curve runs below its chord, on axes from 0 to 1."""
    fall = within[0] - within[-1]
    if fall <= 0:  # one candidate, or a clusterer that does not heed the number
        return np.zeros(len(within))
    along = (candidates - candidates[0]) / (candidates[-1] - candidates[0])
    return np.asarray(1 - along - (within - within[-1]) / fall)


CRITERIA: dict[str, Callable[[np.ndarray, Fit, int, int], float]] = {
    "silhouette": _silhouette,
    "stability": _stability,
    "bic": _bic,
    "elbow": _within,
}
