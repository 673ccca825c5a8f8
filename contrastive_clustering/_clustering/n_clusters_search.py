"""Choose the number of strata by scoring candidates with a criterion."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import ArrayLike
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
from contrastive_clustering._utils.grouping import Grouping, read_groups
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.param_validation import (
    Count,
    WholeNumber,
    check_parameters,
)
from contrastive_clustering._utils.progress import Progress, run_tasks

# Maximum number of latents that a search uses; larger sets are subsampled.
MAX_LATENTS = 10_000


@dataclass(frozen=True, eq=False)
class ClusterNumberResult:
    """Result of a search for the number of strata.

    Attributes
    ----------
    n_clusters : int
        The chosen number: the candidate with the highest score, or the smallest of
        them in case of ties.

    candidates : ndarray of shape (n_candidates,)
        Numbers of strata that were scored, in ascending order.

    scores : ndarray of shape (n_candidates,)
        Score of each candidate; higher is better.

    criterion : str
        Name of the criterion.

    See Also
    --------
    ClusterNumberSearch : Search that returns this result.
    """

    n_clusters: int
    candidates: np.ndarray
    scores: np.ndarray
    criterion: str


@dataclass(frozen=True)
class ClusterNumberSearch:
    r"""Search for the number of strata.

    The latents are clustered into each number of strata from `min_clusters` to
    `max_clusters`, and the number with the highest score is chosen, the smallest in
    case of ties. Candidates above the number of distinct latents are skipped. Those
    above half the number of latents score -1 if the criterion clusters halves, as
    "silhouette" and "stability" do. If there are more than 10,000 latents, a random
    subset of 10,000 is used.

    Parameters
    ----------
    criterion : {"silhouette", "stability", "bic", "elbow"}, default="silhouette"
        Score of a candidate; higher is better.

        - "silhouette": how much closer unseen latents are to their own stratum than to
          the next one [1]_, from -1 to 1. The latents are split into random halves
          three times. Each half is clustered, and the silhouette is computed for the
          strata predicted for the other half, in the space of the clusterer. With the
          default clusterer, it is the mean over three spaces: the positions, the
          directions from the mean, and the positions with all principal components
          scaled to equal variance. Averaging reduces the effect of a single fit and
          split. Noise is left out, and a half counts as -1 if its other latents are all
          in one stratum or each in its own.
        - "stability": the agreement of two clusterings that do not share a latent
          [2]_. Each of the same halves is clustered, and the strata predicted for the
          other half are compared with that half's own strata by the adjusted Rand
          index. Small numbers of strata agree more easily, whatever the data.
          Therefore, the same index is computed for latents drawn from a single normal
          distribution with the same mean and covariance, and subtracted [3]_.
        - "bic": minus the Bayesian information criterion [4]_ per latent of Gaussian
          mixtures with full covariances, fitted to the whitened principal components
          that explain 95 % of the variance. It does not use the clusterer. Strata that
          are not Gaussian need several Gaussians each, which leads to large numbers.
        - "elbow": how far the curve of the squared distances from the centers of the
          strata lies below its chord, with both axes scaled to the range from 0 to 1
          [5]_. The first and the last candidate score 0, so that the result depends on
          `min_clusters` and `max_clusters`.

    min_clusters : int, default=2
        Smallest number of strata, at least 2.

    max_clusters : int, default=15
        Largest number of strata, at least `min_clusters`.

    n_jobs : int or None, default=None
        Number of candidates to process in parallel, as for :class:`joblib.Parallel`:
        None means 1, and -1 means all cores. The result does not depend on it.
        Candidates in the same process share computations that do not depend on the
        number of strata, so that the speedup is less than proportional.

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
    >>> from sklearn.datasets import make_blobs
    >>> from contrastive_clustering import (
    ...     ClusterNumberSearch,
    ...     ContrastiveAutoencoderClusterer,
    ... )
    >>> X, _ = make_blobs(200, 4, centers=3, random_state=0)
    >>> clusterer = ContrastiveAutoencoderClusterer(
    ...     n_clusters=ClusterNumberSearch(max_clusters=6),
    ...     clusterer="kmeans",
    ...     max_epochs=2,
    ...     random_state=0,
    ... ).fit(X)
    >>> clusterer.n_clusters_, clusterer.cluster_number_search_.candidates.tolist()
    (3, [2, 3, 4, 5, 6])
    """

    criterion: str = "silhouette"
    min_clusters: int = 2
    max_clusters: int = 15
    n_jobs: int | None = None

    _constraints: ClassVar[dict[str, list[Any]]] = {
        "min_clusters": [Count(2)],
        "max_clusters": [Count(2)],
        "n_jobs": [WholeNumber(), None],
    }

    def __post_init__(self) -> None:
        check_parameters(
            {"criterion": [StrOptions(set(CRITERIA))], **self._constraints},
            {
                "criterion": self.criterion,
                "min_clusters": self.min_clusters,
                "max_clusters": self.max_clusters,
                "n_jobs": self.n_jobs,
            },
            caller=type(self).__name__,
        )
        if self.max_clusters < self.min_clusters:
            raise ValueError(
                f"max_clusters={self.max_clusters} is less than min_clusters="
                f"{self.min_clusters}. Raise max_clusters or lower min_clusters."
            )
        if self.n_jobs == 0:
            raise ValueError(
                "n_jobs=0 is not valid. Set it to None, to a number of processes or to "
                "-1 for all cores."
            )

    @default_library_settings()
    def _search(
        self,
        latents: np.ndarray,
        fit: Fit,
        seed: int,
        *,
        verbose: int = 0,
        groups: ArrayLike | Grouping | None = None,
    ) -> ClusterNumberResult:
        """Choose the number of strata for latents.

        With groups, such as patients with several images, the search uses one latent of
        each group, the nearest to the mean of the group. A group then weighs as one,
        and no group is in both halves of a split.

        Parameters
        ----------
        latents : ndarray of shape (n_samples, latent_dim)
            Latents, at least `min_clusters` of them.

        fit : callable
            ``fit(latents, n_clusters)`` clusters latents and returns an object with
            ``labels``, ``predict(latents)``, ``prepare(latents)`` and
            ``silhouette_spaces(latents)``, such as a `LatentClustering`. It must be
            picklable if `n_jobs` requires processes.

        seed : int
            Seed of the random splits and of the criterion's models.

        verbose : int, default=0
            0 is silent, 1 shows the progress of the search.

        groups : array-like of shape (n_samples,), default=None
            Identifier of the group of each latent. A latent without an identifier
            (None, NaN or an empty string) is a group of its own. If None, latents are
            independent.

        Returns
        -------
        result : ClusterNumberResult
            The chosen number with the scores of all candidates. If all latents are
            equal, it is `min_clusters` with a score of 0.

        Raises
        ------
        TypeError
            If an identifier of a group cannot be hashed.

        ValueError
            If there are fewer than `min_clusters` latents or groups; if latents are not
            finite or so large that their squares overflow; or if `groups` does not have
            one value for each latent or has one group only.
        """
        check_parameters(
            {"verbose": ["verbose"]},
            {"verbose": verbose},
            caller=type(self).__name__,
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
        if len(latents) < self.min_clusters:
            raise ValueError(
                f"min_clusters={self.min_clusters} is more than n_samples="
                f"{len(latents)}. Lower min_clusters or pass more samples."
            )
        latents = self._pick_representatives(latents, groups)
        rng = check_random_state(seed)
        if len(latents) > MAX_LATENTS:
            latents = latents[rng.permutation(len(latents))[:MAX_LATENTS]]
        n_distinct = len(np.unique(latents, axis=0))
        largest = max(self.min_clusters, min(self.max_clusters, n_distinct))
        candidates = np.arange(self.min_clusters, largest + 1)
        scores = np.zeros(len(candidates))
        if n_distinct > 1:
            criterion, own_seed = CRITERIA[self.criterion], int(rng.randint(2**31 - 1))
            shares = _share_candidates(
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

    def _pick_representatives(
        self, latents: np.ndarray, groups: ArrayLike | Grouping | None
    ) -> np.ndarray:
        """Return one latent of each group."""
        grouping = read_groups(groups, len(latents))
        if grouping is None:
            return latents
        if grouping.n_groups < self.min_clusters:
            raise ValueError(
                f"min_clusters={self.min_clusters} is more than the number of groups, "
                f"{grouping.n_groups}. Lower min_clusters or pass samples of more "
                "groups."
            )
        representatives: np.ndarray = latents[grouping.representatives(latents)]
        return representatives


def _share_candidates(
    n_candidates: int, n_jobs: int | None, *, one_by_one: bool
) -> list[slice]:
    """Split the candidates into one share per process.

    Each share has both small and large numbers of strata, which take longer.
    """
    n_shares = n_candidates if one_by_one else effective_n_jobs(n_jobs)
    n_shares = min(n_shares, n_candidates)
    return [slice(first, None, n_shares) for first in range(n_shares)]


def _below_chord(candidates: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Return how far a falling curve lies below its chord, on axes from 0 to 1."""
    fall = within[0] - within[-1]
    if fall <= 0:  # one candidate, or a clusterer that ignores the number
        return np.zeros(len(within))
    along = (candidates - candidates[0]) / (candidates[-1] - candidates[0])
    return np.asarray(1 - along - (within - within[-1]) / fall)
