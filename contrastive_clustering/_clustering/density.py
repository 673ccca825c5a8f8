"""Density of the latents of each cluster, for sampling and for scoring."""

import math
import warnings
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import logsumexp
from sklearn.covariance import ledoit_wolf, ledoit_wolf_shrinkage
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.utils import check_random_state

from contrastive_clustering._clustering.group_rows import draw_from_groups
from contrastive_clustering._utils.grouping import Grouping

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

    With groups of samples, members count by weights that sum to one in each group. Two
    steps that take no weights use one member of each group, the nearest to the mean of
    those in the cluster: the choice of the Ledoit-Wolf shrinkage, and the first fit of
    a mixture, whose responsibilities for all members are then weighted.

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
        cls,
        latents: np.ndarray,
        labels: np.ndarray,
        n_clusters: int,
        seed: int,
        groups: Grouping | None = None,
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

        groups : Grouping, default=None
            Groups of the samples, each of which weighs as one; None if samples are
            independent.

        Returns
        -------
        density : LatentDensity
            The estimated density.

        Raises
        ------
        ValueError
            If a cluster has no member.
        """
        kept = labels >= 0
        weights = None if groups is None else groups.weights()[kept]
        sizes = np.bincount(labels[kept], weights, minlength=n_clusters)
        if not sizes.all():
            empty = np.flatnonzero(sizes == 0).tolist()
            raise ValueError(
                f"labels has no member of the strata {empty} of "
                f"n_clusters={n_clusters}; each requires at least one."
            )
        rng = check_random_state(seed)
        members = [
            _Members.draw(latents, labels == stratum, groups, rng)
            for stratum in range(n_clusters)
        ]
        pooled = _pooled_factor(members)
        fitted = []
        for stratum, drawn in enumerate(members):
            # The pooled covariance is the identity in this space.
            whitened = solve_triangular(pooled, drawn.residuals.T, lower=True).T
            log_weights, means, factors = _fit_mixture(
                replace(drawn, rows=whitened), int(rng.randint(2**31 - 1))
            )
            fitted.append(
                (
                    log_weights + math.log(sizes[stratum] / sizes.sum()),
                    drawn.center + means @ pooled.T,
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
            Number of latents to draw.

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


@dataclass(frozen=True)
class _Members:
    """Members of a cluster.

    Attributes
    ----------
    rows : ndarray of shape (n_members, latent_dim)
        Latents as float64.

    weights : ndarray of shape (n_members,) or None
        Weights of the members; None counts them.

    representatives : ndarray of shape (n_groups,) or slice
        Indices of one member of each group.
    """

    rows: np.ndarray
    weights: np.ndarray | None
    representatives: np.ndarray | slice

    @classmethod
    def draw(
        cls,
        latents: np.ndarray,
        is_member: np.ndarray,
        groups: Grouping | None,
        rng: np.random.RandomState,
    ) -> "_Members":
        """Return the members of a cluster, or a random subset if there are many."""
        found = np.flatnonzero(is_member)
        if groups is None:
            if len(found) > MAX_MEMBERS:
                found = np.asarray(rng.choice(found, MAX_MEMBERS, replace=False))
            return cls(latents[found].astype(np.float64), None, slice(None))
        inside = groups.take(found)
        sums = np.bincount(inside.codes, groups.weights()[found])
        if len(found) > MAX_MEMBERS:
            part = draw_from_groups(inside, MAX_MEMBERS, rng)
            found, codes = found[part], inside.codes[part]
        else:
            codes = inside.codes
        # A group keeps its weight in the cluster if only some of its members are drawn.
        weights = sums[codes] / np.bincount(codes, minlength=len(sums))[codes]
        rows = latents[found].astype(np.float64)
        return cls(rows, weights, groups.take(found).representatives(rows))

    @property
    def center(self) -> np.ndarray:
        """Return the mean of the members."""
        return np.asarray(np.average(self.rows, axis=0, weights=self.weights))

    @property
    def residuals(self) -> np.ndarray:
        """Return the members relative to their mean."""
        return np.asarray(self.rows - self.center)

    @property
    def size(self) -> float:
        """Return the number of members, or the sum of their weights."""
        return float(len(self.rows) if self.weights is None else self.weights.sum())


def _pooled_factor(members: list[_Members]) -> np.ndarray:
    """Return the lower Cholesky factor of the pooled within-cluster covariance."""
    together = np.concatenate([each.rows for each in members])
    covariance = _pooled_covariance(members)
    # If clusters have no spread, the spread between them sets the scale. The resolution
    # of float32 is the lower limit.
    spread = float(np.mean(np.var(together, axis=0)))
    resolution = float(np.square(np.finfo(np.float32).eps * np.abs(together).max()))
    floor = max(VARIANCE_FLOOR * spread, resolution) or VARIANCE_FLOOR
    return np.asarray(np.linalg.cholesky(covariance + floor * np.eye(len(covariance))))


def _pooled_covariance(members: list[_Members]) -> np.ndarray:
    """Return the covariance pooled over the clusters, shrunk towards a sphere."""
    residuals = np.concatenate([each.residuals for each in members])
    independent = np.concatenate(
        [each.residuals[each.representatives] for each in members]
    )
    dim = residuals.shape[1]
    if len(independent) < 2:  # the formula requires two
        return np.zeros((dim, dim))
    if members[0].weights is None:
        return np.asarray(ledoit_wolf(residuals, assume_centered=True)[0])
    weights = np.concatenate([each.weights for each in members])
    covariance = (residuals * weights[:, None]).T @ residuals / weights.sum()
    shrinkage = ledoit_wolf_shrinkage(independent, assume_centered=True)
    sphere = np.trace(covariance) / dim * np.eye(dim)
    return np.asarray((1 - shrinkage) * covariance + shrinkage * sphere)


def _fit_mixture(
    members: _Members, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit one to three Gaussians to whitened members, selected by the BIC."""
    rows = members.rows
    dim = rows.shape[1]
    candidates = [np.ones((len(rows), 1))]
    for n_components in range(2, MAX_COMPONENTS + 1):
        if members.size < n_components * MEMBERS_PER_DIRECTION * dim:
            break
        mixture = GaussianMixture(
            n_components, reg_covar=MIXTURE_REGULARIZATION, random_state=seed
        )
        with warnings.catch_warnings():
            # Poor convergence does no harm, as the criterion selects the result.
            warnings.simplefilter("ignore", ConvergenceWarning)
            shares = mixture.fit(rows[members.representatives]).predict_proba(rows)
        candidates.append(shares)
    if members.weights is not None:
        candidates = [shares * members.weights[:, None] for shares in candidates]
    fits = [
        _gaussians(members, shares)
        for i, shares in enumerate(candidates)
        if i == 0 or shares.sum(axis=0).min() >= dim
    ]
    return min(fits, key=lambda fit: _information_criterion(members, *fit))


def _gaussians(
    members: _Members, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return log weights, means and Cholesky factors for weighted responsibilities."""
    rows = members.rows
    dim = rows.shape[1]
    sizes = shares.sum(axis=0)
    means = (shares.T @ rows) / sizes[:, None]
    factors = []
    for size, mean, share in zip(sizes, means, shares.T, strict=True):
        centered = rows - mean
        scatter = (centered * share[:, None]).T @ centered
        factors.append(np.linalg.cholesky((scatter + dim * np.eye(dim)) / (size + dim)))
    return np.log(sizes / members.size), means, np.stack(factors)


def _information_criterion(
    members: _Members, log_weights: np.ndarray, means: np.ndarray, factors: np.ndarray
) -> float:
    """Return the Bayesian information criterion; lower is better."""
    n_components, dim = means.shape
    n_free = n_components * (1 + dim + dim * (dim + 1) // 2) - 1
    joint = _log_gaussians(members.rows, means, factors) + log_weights
    log_likelihood = logsumexp(joint, axis=1)
    if members.weights is not None:
        log_likelihood *= members.weights
    return float(n_free * math.log(members.size) - 2 * log_likelihood.sum())


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
