"""Generation of samples, interpolation, and the density of samples."""

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
            "stratum": [Integral, None],
            "random_state": ["random_state"],
        }
    )
    @reads_fitted_state
    def sample(
        self,
        n_samples: int = 1,
        *,
        stratum: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Generate samples of a stratum.

        Latents are drawn from the density of the stratum's training members and
        decoded. The decoder may map an atypical latent to a sample of another stratum.
        Therefore, decoded samples are encoded again, and those that `predict` assigns
        to another stratum are redrawn, up to twenty times. As a consequence, samples
        near the boundary of a stratum are rarer than among real samples.

        Parameters
        ----------
        n_samples : int, default=1
            Number of samples to generate.

        stratum : int, default=None
            Stratum of the samples. If None, strata are drawn in proportion to their
            numbers of training members, without noise; if `groups` were passed to
            `fit`, a group counts as one.

        random_state : int, RandomState instance or None, default=None
            Seed of the samples. Pass an int for reproducible samples.

        Returns
        -------
        X : ndarray of shape (n_samples, ...)
            Samples with the shape and the units of the X of `fit`, and the dtype that
            `inverse_transform` returns.

        labels : ndarray of shape (n_samples,)
            The stratum that each sample was drawn for.

        Raises
        ------
        ValueError
            If `n_samples` is below 1 or `stratum` does not exist.

        Warns
        -----
        UserWarning
            If some samples still belong to another stratum after all redraws. Their
            last draw is returned.

        See Also
        --------
        interpolate : Interpolate between two samples or strata.
        score_samples : Compute the log-density of samples.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from contrastive_clustering import ContrastiveAutoencoderClusterer
        >>> clusterer = ContrastiveAutoencoderClusterer(
        ...     n_clusters=10, max_epochs=10, random_state=0
        ... ).fit(load_digits().images[:600])
        >>> X, labels = clusterer.sample(5, stratum=3, random_state=0)
        >>> X.shape, labels.tolist()
        ((5, 8, 8), [3, 3, 3, 3, 3])
        """
        check_is_fitted(self)
        if stratum is not None:
            _check_stratum(stratum, "stratum", self.n_clusters_)
        rng = check_random_state(random_state)
        X, labels, strayed = self._model.sample(n_samples, stratum, rng)
        if len(strayed):
            warn(
                f"{len(strayed)} of the {n_samples} generated samples are predicted to "
                f"belong to another stratum, even after {REDRAWS} further draws "
                f"(requested strata: {np.unique(labels[strayed]).tolist()}). Find them "
                "with predict and remove them, or train for longer to improve the "
                "decoder.",
            )
        return X, labels

    @reads_fitted_state
    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Return the log-density of each sample's latent.

        The density is a mixture, fitted to the latents of the training set, in which
        each stratum has one to three Gaussians. Low values indicate atypical samples,
        such as other organs, artifacts or rare findings. Compare only values of the
        same fitted estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples with the shape and the units seen in `fit`.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            Log-density in nats, float64; higher is more typical.

        Raises
        ------
        TypeError, ValueError
            If X differs from the X of `fit` in shape or units.

        See Also
        --------
        sample : Generate samples from the same density.

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
        self, x_a: ArrayLike | int, x_b: ArrayLike | int, *, n_steps: int = 10
    ) -> np.ndarray:
        """Decode points on the straight line between two latents.

        Parameters
        ----------
        x_a, x_b : array-like of shape (...) or (1, ...), or int
            The two endpoints: each is a sample, with the shape and the units seen in
            `fit`, or the number of a stratum, which stands for its center.

        n_steps : int, default=10
            Number of samples to return, including both endpoints; at least 2.

        Returns
        -------
        X : ndarray of shape (n_steps, ...)
            Samples decoded from evenly spaced latents, in the units of the X of `fit`
            and with the dtype that `inverse_transform` returns. The first and the last
            are reconstructions, not `x_a` and `x_b` themselves.

        Raises
        ------
        TypeError, ValueError
            If `n_steps` is below 2, a stratum does not exist, or an endpoint is not a
            sample with the shape and units seen in `fit`.

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
        """Return the latent of a sample or of a stratum's center."""
        if isinstance(x, Integral):
            return np.asarray(
                self.cluster_centers_[_check_stratum(x, name, self.n_clusters_)]
            )
        shape = self._model.scaler.layout.sample_shape
        x = to_array(_as_frame(x), name)
        found = tuple(np.shape(x))
        if found not in (shape, (1, *shape)):
            raise ValueError(
                f"{name} has shape {found}. Pass one sample of shape {shape} or "
                f"{(1, *shape)}, or the number of a stratum as an int."
            )
        with errors_about(name, "a sample"):
            one = x if found != shape else np.asarray(x)[None]
            return np.asarray(self._model.encode(self._read(one))[0])


def _as_frame(x: Any) -> Any:
    """Return a row of a pandas data frame as one, to compare the names of columns."""
    is_series = hasattr(x, "to_frame") and hasattr(x, "index")
    return x.to_frame().T if is_series else x


def _check_stratum(stratum: Any, name: str, n_clusters: int) -> int:
    """Return `stratum` as an int, or raise unless it is the number of a stratum."""
    if isinstance(stratum, bool) or not 0 <= stratum < n_clusters:
        raise ValueError(
            f"{name}={show(stratum)} is not a stratum. Pass an int from 0 to "
            f"{n_clusters - 1}."
        )
    return int(stratum)
