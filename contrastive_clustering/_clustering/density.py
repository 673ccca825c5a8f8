"""Density of the latents of each cluster, for sampling and for scoring."""

import math
import warnings
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import logsumexp
from sklearn.covariance import ledoit_wolf
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.utils import check_random_state

# Maximum number of members from which the shape of a cluster is learned. More members
# change it little and take more time.
MAX_MEMBERS = 5_000

# Several Gaussians are tried only if each has this many members per direction; with
# fewer, a full covariance is mostly noise.
MAX_COMPONENTS = 3
MEMBERS_PER_DIRECTION = 5

# Minimum variance of a direction relative to the mean variance. It keeps covariances
# invertible if latents lie in a subspace, and is otherwise negligible.
VARIANCE_FLOOR = 1e-6

# Regularization of the mixtures relative to the pooled within-cluster variance.
MIXTURE_REGULARIZATION = 1e-3


@dataclass(frozen=True)
class LatentDensity:
    r"""Gaussian mixture over latents in which each Gaussian belongs to a cluster.

    The covariance pooled over the clusters, shrunk by the Ledoit-Wolf formula, sets the
    scale of the space. Each cluster has one to three Gaussians with full covariances;
    the Bayesian information criterion selects their number. A covariance :math:`S` of
    :math:`m` members is shrunk towards the pooled covariance :math:`P` by a prior with
    the weight of :math:`d` members, where :math:`d` is the number of directions:

    .. math::

        \frac{m S + d P}{m + d}

    It is therefore positive definite even with a single member.

    Parameters
    ----------
    log_weights : ndarray of shape (n_components,)
        Logarithms of the weights of the Gaussians, which sum to one.

    means : ndarray of shape (n_components, latent_dim)
        Centers of the Gaussians.

    factors : ndarray of shape (n_components, latent_dim, latent_dim)
        Lower Cholesky factors of the covariances.

    strata : ndarray of shape (n_components,)
        Cluster of each Gaussian, in ascending order.

    References
    ----------
    Ledoit, Wolf, "A well-conditioned estimator for large-dimensional covariance
    matrices", 2004. Fraley, Raftery, "Bayesian regularization for normal mixture
    estimation and model-based clustering", 2007, for the prior and the criterion.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._clustering.density import LatentDensity
    >>> latents = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    >>> labels = (latents[:, 0] > 0).astype(int)
    >>> density = LatentDensity.fit(latents, labels, n_clusters=2, seed=0)
    >>> density.score_samples(latents).shape
    (200,)
    >>> drawn, strata = density.sample(3, 1, np.random.RandomState(0))
    >>> drawn.shape, strata.tolist()
    ((3, 4), [1, 1, 1])
    """

    log_weights: np.ndarray
    means: np.ndarray
    factors: np.ndarray
    strata: np.ndarray

    @classmethod
    def fit(
        cls, latents: np.ndarray, labels: np.ndarray, n_clusters: int, seed: int
    ) -> "LatentDensity":
        """Estimate the density of latents.

        Parameters
        ----------
        latents : ndarray of shape (n_samples, latent_dim)
            Finite latents.

        labels : ndarray of shape (n_samples,)
            Cluster labels from 0 to ``n_clusters - 1``. Noise, labeled -1, is ignored.

        n_clusters : int
            Number of clusters.

        seed : int
            Seed of the subsets of large clusters and of the initial mixtures.

        Returns
        -------
        density : LatentDensity
            The estimated density.

        Raises
        ------
        ValueError
            If a cluster has no member.
        """
        counts = np.bincount(labels[labels >= 0], minlength=n_clusters)
        if not counts.all():
            empty = np.flatnonzero(counts == 0).tolist()
            raise ValueError(
                f"labels has no member of the strata {empty} of "
                f"n_clusters={n_clusters}; each requires at least one."
            )
        rng = check_random_state(seed)
        members = [
            latents[_part(labels == stratum, rng)].astype(np.float64)
            for stratum in range(n_clusters)
        ]
        pooled = _pooled_factor(members)
        fitted = []
        for stratum, rows in enumerate(members):
            center = rows.mean(axis=0)
            # The pooled covariance is the identity in this space.
            whitened = solve_triangular(pooled, (rows - center).T, lower=True).T
            log_weights, means, factors = _fit_mixture(
                whitened, int(rng.randint(2**31 - 1))
            )
            fitted.append(
                (
                    log_weights + math.log(counts[stratum] / counts.sum()),
                    center + means @ pooled.T,
                    pooled @ factors,  # lower triangular
                    np.full(len(means), stratum),
                )
            )
        return cls(*(np.concatenate(parts) for parts in zip(*fitted, strict=True)))

    def sample(
        self, n: int, cluster: int | None, rng: np.random.RandomState
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw latents.

        Parameters
        ----------
        n : int
            Dimension of the latent space.

        cluster : int or None
            Cluster to draw from; None also draws the clusters, by their weights.

        rng : RandomState instance
            Random generator.

        Returns
        -------
        latents : ndarray of shape (n, latent_dim)
            Latents as float32.

        labels : ndarray of shape (n,)
            Cluster of each latent.
        """
        weights = np.exp(self.log_weights)
        if cluster is not None:
            weights = np.where(self.strata == cluster, weights, 0.0)
        drawn = rng.choice(len(weights), size=n, p=weights / weights.sum())
        latents = rng.standard_normal((n, self.means.shape[1]))
        for component in np.unique(drawn):
            rows = drawn == component
            latents[rows] = latents[rows] @ self.factors[component].T
        return (latents + self.means[drawn]).astype(np.float32), self.strata[drawn]

    def score_samples(self, latents: np.ndarray) -> np.ndarray:
        """Return the log-density of each latent under the whole mixture.

        Parameters
        ----------
        latents : ndarray of shape (n_samples, latent_dim)
            Latents.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            Log-densities in nats, as float64.
        """
        joint = _log_gaussians(latents.astype(np.float64), self.means, self.factors)
        return np.asarray(logsumexp(joint + self.log_weights, axis=1))


def _part(is_member: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Return the rows of a cluster, or a random subset if it is large."""
    rows = np.flatnonzero(is_member)
    if len(rows) <= MAX_MEMBERS:
        return rows
    return np.asarray(rng.choice(rows, MAX_MEMBERS, replace=False))


def _pooled_factor(members: list[np.ndarray]) -> np.ndarray:
    """Return the lower Cholesky factor of the pooled within-cluster covariance."""
    together = np.concatenate(members)
    residuals = np.concatenate([rows - rows.mean(axis=0) for rows in members])
    covariance = np.zeros((residuals.shape[1], residuals.shape[1]))
    if len(residuals) > 1:  # the formula requires two
        covariance, _ = ledoit_wolf(residuals, assume_centered=True)
    # If clusters have no spread, the spread between them sets the scale. The resolution
    # of float32 is the lower limit.
    spread = float(np.mean(np.var(together, axis=0)))
    resolution = float(np.square(np.finfo(np.float32).eps * np.abs(together).max()))
    floor = max(VARIANCE_FLOOR * spread, resolution) or VARIANCE_FLOOR
    return np.asarray(np.linalg.cholesky(covariance + floor * np.eye(len(covariance))))


def _fit_mixture(
    rows: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit one to three Gaussians to whitened members, selected by the BIC."""
    n_members, dim = rows.shape
    candidates = [np.ones((n_members, 1))]
    for n_components in range(2, MAX_COMPONENTS + 1):
        if n_members < n_components * MEMBERS_PER_DIRECTION * dim:
            break
        mixture = GaussianMixture(
            n_components, reg_covar=MIXTURE_REGULARIZATION, random_state=seed
        )
        with warnings.catch_warnings():
            # Poor convergence does no harm, as the criterion selects the result.
            warnings.simplefilter("ignore", ConvergenceWarning)
            shares = mixture.fit(rows).predict_proba(rows)
        if shares.sum(axis=0).min() >= dim:
            candidates.append(shares)
    fits = [_gaussians(rows, shares) for shares in candidates]
    return min(fits, key=lambda fit: _information_criterion(rows, *fit))


def _gaussians(
    rows: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return log weights, means and Cholesky factors for given responsibilities."""
    dim = rows.shape[1]
    sizes = shares.sum(axis=0)
    means = (shares.T @ rows) / sizes[:, None]
    factors = []
    for size, mean, share in zip(sizes, means, shares.T, strict=True):
        centered = rows - mean
        scatter = (centered * share[:, None]).T @ centered
        factors.append(np.linalg.cholesky((scatter + dim * np.eye(dim)) / (size + dim)))
    return np.log(sizes / len(rows)), means, np.stack(factors)


def _information_criterion(
    rows: np.ndarray, log_weights: np.ndarray, means: np.ndarray, factors: np.ndarray
) -> float:
    """Return the Bayesian information criterion; lower is better."""
    n_components, dim = means.shape
    n_free = n_components * (1 + dim + dim * (dim + 1) // 2) - 1
    joint = _log_gaussians(rows, means, factors) + log_weights
    return float(n_free * math.log(len(rows)) - 2 * logsumexp(joint, axis=1).sum())


def _log_gaussians(
    rows: np.ndarray, means: np.ndarray, factors: np.ndarray
) -> np.ndarray:
    """Return the log-density of each row under each Gaussian, (n, n_components)."""
    columns = []
    for mean, factor in zip(means, factors, strict=True):
        whitened = solve_triangular(factor, (rows - mean).T, lower=True)
        log_volume = np.log(np.diag(factor)).sum()
        columns.append(-0.5 * np.square(whitened).sum(axis=0) - log_volume)
    normalization = 0.5 * rows.shape[1] * math.log(2 * math.pi)
    return np.asarray(np.stack(columns, axis=1) - normalization)
