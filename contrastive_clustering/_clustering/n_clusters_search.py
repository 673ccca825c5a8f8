"""Choosing the number of strata: a criterion is held against each candidate."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import (
    StrOptions,
)

from contrastive_clustering._clustering.criteria import CRITERIA, Fit
from contrastive_clustering._utils.arrays import (
    check_axes,
    check_squares,
    errors_about,
    to_array,
)
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.param_validation import Count, check_parameters
from contrastive_clustering._utils.progress import Progress, run_tasks

# Latents a search looks at: of more, a random part stands for all.
MOST_LATENTS = 10_000


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
          centers runs below its chord, both axes brought to the range from 0 to 1
          [5]_. The first and the last candidate score 0, so that `low` and `high`
          bear on the choice.

    low : int, default=2
        Least number of strata, at least 2.

    high : int, default=15
        Largest number of strata, at least `low`.

    n_jobs : int or None, default=None
        Number of candidates to work on side by side, as for
        :class:`joblib.Parallel`: None for one, -1 for as many as there are cores. The
        choice does not depend on it. Candidates that one process works on share what
        does not depend on their number of strata, so that twice the processes take more
        than half of the time.

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
    >>> from contrastive_clustering import ClusterNumberSearch
    >>> from contrastive_clustering._clustering.latent_clustering import fit_clustering
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
        check_parameters(
            {"criterion": [StrOptions(set(CRITERIA))], **self._constraints},
            {name: getattr(self, name) for name in ("criterion", "low", "high")}
            | {"n_jobs": self.n_jobs},
            caller=type(self).__name__,
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

    @default_library_settings()
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
            0 shows nothing, 1 shows how much of the search is done.

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
        check_parameters(
            {"verbose": ["verbose"]},
            {"verbose": verbose},
            caller=f"{type(self).__name__}.search",
        )
        latents = to_array(latents, "latents")
        check_axes(latents, "latents", "(n_samples, n_features)")
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
            criterion, own_seed = CRITERIA[self.criterion], int(rng.randint(2**31 - 1))
            shares = _shares_of_candidates(
                len(candidates), self.n_jobs, one_by_one=criterion.n_parts == 1
            )
            tasks = [
                (latents, fit, candidates[share].tolist(), own_seed, part)
                for part in range(criterion.n_parts)
                for share in shares
            ]
            with Progress(
                "search for the number of strata", len(tasks), "part", verbose=verbose
            ) as progress:
                found = run_tasks(
                    criterion.judge, tasks, n_jobs=self.n_jobs, progress=progress
                )
            for share, values in zip(shares * criterion.n_parts, found, strict=True):
                scores[share] += np.asarray(values) / criterion.n_parts
            if self.criterion == "elbow":
                scores = _below_chord(candidates, scores)
        return ClusterNumberResult(
            n_clusters=int(candidates[scores.argmax()]),
            candidates=candidates,
            scores=scores,
            criterion=self.criterion,
        )


def _shares_of_candidates(
    n_candidates: int, n_jobs: int | None, *, one_by_one: bool
) -> list[slice]:
    """Return which candidates are worked on together, one process's share each.

    Few and many strata, which take longer, are mixed.
    """
    n_shares = n_candidates if one_by_one else effective_n_jobs(n_jobs)
    n_shares = min(n_shares, n_candidates)
    return [slice(first, None, n_shares) for first in range(n_shares)]


def _below_chord(candidates: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Return how far a falling curve runs below its chord, on axes from 0 to 1."""
    fall = within[0] - within[-1]
    if fall <= 0:  # one candidate, or a clusterer that does not heed the number
        return np.zeros(len(within))
    along = (candidates - candidates[0]) / (candidates[-1] - candidates[0])
    return np.asarray(1 - along - (within - within[-1]) / fall)
