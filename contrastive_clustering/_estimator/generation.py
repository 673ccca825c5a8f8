"""New samples from strata, ways between samples, and how typical a sample is."""

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from contrastive_clustering._estimator.base import FittedAttributes
from contrastive_clustering._model.fitted import REDRAWS
from contrastive_clustering._utils.arrays import errors_about, to_array
from contrastive_clustering._utils.caller_warnings import warn
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.param_validation import Count, validate_params
from contrastive_clustering._utils.snapshot import reads_fitted_state


class GenerationMixin(FittedAttributes):
    """Methods of an estimator that has a decoder and a density of its latents."""

    @validate_params(
        {
            "n_samples": [Count(1)],
            "cluster": [Integral, None],
            "random_state": ["random_state"],
        }
    )
    @reads_fitted_state
    def sample(
        self,
        n_samples: int = 1,
        cluster: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Generate samples that look like those of a stratum.

        Latents are drawn from the density of the stratum's training members and
        decoded. A decoder may turn an odd latent into a sample of another stratum, so
        the decoded samples are encoded again, and those that are not predicted to be
        of their stratum are drawn again, up to twenty times. Therefore `predict` of a
        generated set agrees with its strata, and a stratum's fringe, where it
        meets others, is rarer in it than among real samples.

        Parameters
        ----------
        n_samples : int, default=1
            How many samples to generate.

        cluster : int, default=None
            The stratum to generate samples of. If None, strata are drawn in proportion
            to their training members (noise not counted).

        random_state : int, RandomState instance or None, default=None
            Seed of the draws. An int gives the same samples again.

        Returns
        -------
        X : ndarray of shape (n_samples, ...)
            Samples of the shape and in the units of the X of `fit`, of the dtype that
            `inverse_transform` returns.

        labels : ndarray of shape (n_samples,)
            The stratum that each was drawn for.

        Raises
        ------
        ValueError
            If `n_samples` is below 1 or there is no stratum `cluster`.

        Warns
        -----
        UserWarning
            If some samples were of another stratum every time; they are returned as
            drawn last.

        See Also
        --------
        interpolate : The way between two samples or strata.
        score_samples : How typical samples are.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from contrastive_clustering import ContrastiveAutoencoderClusterer
        >>> clusterer = ContrastiveAutoencoderClusterer(
        ...     n_clusters=10, max_epochs=10, random_state=0
        ... ).fit(load_digits().images[:600])
        >>> X, labels = clusterer.sample(5, cluster=3, random_state=0)
        >>> X.shape, labels.tolist()
        ((5, 8, 8), [3, 3, 3, 3, 3])
        """
        check_is_fitted(self)
        if cluster is not None:
            _check_stratum(cluster, "cluster", self.n_clusters_)
        rng = check_random_state(random_state)
        X, labels, strayed = self._model.sample(n_samples, cluster, rng)
        if len(strayed):
            warn(
                f"{len(strayed)} of the {n_samples} generated samples are predicted to "
                f"be of another stratum than asked, after {REDRAWS} further draws "
                "(strata asked for: "
                f"{np.unique(labels[strayed]).tolist()}). predict tells which; leave "
                "them out, or train for longer, so that strata decode better.",
            )
        return X, labels

    @reads_fitted_state
    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Return how typical each sample is: the log-density of its latents.

        The density is a mixture over the strata, each of one to three Gaussians, of
        the training set's latents. Low values are atypical: other organs, artifacts,
        rare findings. Only values of one fitted estimator can be compared.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples of the shape and in the units seen in `fit`.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            In nats, float64; higher is more typical.

        Raises
        ------
        TypeError, ValueError
            If X is not what `fit` has seen in shape and units.

        See Also
        --------
        sample : Draw samples from the same density.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from contrastive_clustering import ContrastiveAutoencoderClusterer
        >>> images = load_digits().images[:300]
        >>> clusterer = ContrastiveAutoencoderClusterer(
        ...     n_clusters=10, max_epochs=2, random_state=0
        ... ).fit(images)
        >>> typical = clusterer.score_samples(images)
        >>> odd = clusterer.score_samples(16 - images)  # black and white swapped
        >>> bool(typical.mean() > odd.mean())
        True
        """
        check_is_fitted(self)
        return self._model.score_samples(self._read(X, may_be_odd=True))

    @validate_params({"n_steps": [Count(2)]})
    @reads_fitted_state
    def interpolate(
        self, x_a: ArrayLike | int, x_b: ArrayLike | int, n_steps: int = 10
    ) -> np.ndarray:
        """Decode the straight way between two latents.

        Parameters
        ----------
        x_a, x_b : array-like of shape (...) or (1, ...), or int
            The two ends: each is one sample, of the shape and in the units seen in
            `fit`, or the number of a stratum, whose center is taken.

        n_steps : int, default=10
            How many samples to return, both ends included; at least 2.

        Returns
        -------
        X : ndarray of shape (n_steps, ...)
            Samples at even steps of the latents, in the units of the X of `fit` and of
            the dtype that `inverse_transform` returns. The first and the last are the
            ends as the autoencoder sees them, not `x_a` and `x_b` themselves.

        Raises
        ------
        TypeError, ValueError
            If `n_steps` is below 2, there is no such stratum, or an end is not one
            sample as seen in `fit`.

        See Also
        --------
        sample : Generate samples of a stratum.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from contrastive_clustering import ContrastiveAutoencoderClusterer
        >>> images = load_digits().images[:300]
        >>> clusterer = ContrastiveAutoencoderClusterer(
        ...     n_clusters=10, max_epochs=2, random_state=0
        ... ).fit(images)
        >>> clusterer.interpolate(images[0], images[1], n_steps=5).shape
        (5, 8, 8)
        >>> clusterer.interpolate(0, 3).shape  # from stratum 0 to stratum 3
        (10, 8, 8)
        """
        check_is_fitted(self)
        start, end = self._latent_of(x_a, "x_a"), self._latent_of(x_b, "x_b")
        return self._model.interpolate(start, end, n_steps)

    def _latent_of(self, x: Any, name: str) -> np.ndarray:
        """Return the latent of one sample or of a stratum's center."""
        if isinstance(x, Integral):
            return np.asarray(
                self.cluster_centers_[_check_stratum(x, name, self.n_clusters_)]
            )
        shape = self._model.scaler.layout.sample_shape
        x = to_array(x, name)
        found = tuple(np.shape(x))
        if found not in (shape, (1, *shape)):
            raise ValueError(
                f"{name} has shape {found}; pass one sample of shape {shape} or "
                f"{(1, *shape)}, or the number of a stratum as an int."
            )
        with errors_about(name, "a sample"):
            one = x if found != shape else np.asarray(x)[None]
            return np.asarray(self._model.encode(self._read(one))[0])


def _check_stratum(cluster: Any, name: str, n_clusters: int) -> int:
    """Return `cluster` as an int, or raise unless it is the number of a stratum."""
    if isinstance(cluster, bool) or not 0 <= cluster < n_clusters:
        raise ValueError(
            f"{name}={show(cluster)} is no stratum: there are {n_clusters} strata, "
            f"numbered from 0 to {n_clusters - 1}."
        )
    return int(cluster)
