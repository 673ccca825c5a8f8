"""What a fitted estimator says of samples: latents, strata, soft assignments."""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from contrastive_clustering._clustering.hierarchy import merge_labels
from contrastive_clustering._data.validation import (
    check_latents,
)
from contrastive_clustering._estimator.base import FittedAttributes
from contrastive_clustering._utils.param_validation import validate_params
from contrastive_clustering._utils.snapshot import reads_fitted_state


# scikit-learn wraps the `transform` of a class that itself derives from its mixins.
class PredictionMixin(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]  # scikit-learn is not typed
    TransformerMixin,  # type: ignore[misc]
    ClusterMixin,  # type: ignore[misc]
    FittedAttributes,
):
    """Methods of an estimator that has a net and strata of its latents."""

    # Latents are an argument like X, as is what to write to: no metadata to be routed.
    __metadata_request__inverse_transform: ClassVar[dict[str, Any]] = {"Z": UNUSED}
    __metadata_request__transform: ClassVar[dict[str, Any]] = {"out": UNUSED}
    __metadata_request__predict: ClassVar[dict[str, Any]] = {"out": UNUSED}

    @validate_params({"transform": [StrOptions({"default", "pandas", "polars"}), None]})
    def set_output(self, *, transform: str | None = None) -> Self:
        """Set the type of what `transform` returns.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            An array, or a data frame of either library; None changes nothing.

        Returns
        -------
        self : ContrastiveAutoencoderClusterer
            The estimator.
        """
        super().set_output(transform=transform)
        return self

    @reads_fitted_state
    def transform(self, X: ArrayLike, *, out: np.ndarray | None = None) -> np.ndarray:
        """Return the latents of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples of the shape and in the units seen in `fit`.

        out : ndarray of shape (n_samples, latent_dim), default=None
            Where to write them, such as a memory map of more latents than memory
            holds; float32 or float64.

        Returns
        -------
        Z : ndarray of shape (n_samples, latent_dim)
            Latents, float32; `out` if it was given.

        Raises
        ------
        TypeError, ValueError
            If X is not what `fit` has seen in shape and units, or `out` cannot hold
            the result.

        Warns
        -----
        UserWarning
            If more images than chance explains do not look like those of `fit`.
        """
        check_is_fitted(self)
        return self._model.encode(self._read(X), out=out)

    @reads_fitted_state
    def inverse_transform(self, Z: ArrayLike) -> np.ndarray:
        """Decode latents to samples.

        Parameters
        ----------
        Z : array-like of shape (n_samples, latent_dim)
            Latents, such as `transform` returns or `cluster_centers_`.

        Returns
        -------
        X : ndarray of shape (n_samples, ...)
            Samples of the shape and in the units of the X of `fit`. They are float64
            if that was float64 or integers of 32 bits and more, else float32. Images
            stay within its range of values.

        Raises
        ------
        ValueError
            If Z is not a finite table of `latent_dim` columns.
        """
        check_is_fitted(self)
        return self._model.decode(check_latents(Z, self._n_features_out))

    @reads_fitted_state
    def predict(self, X: ArrayLike, *, out: np.ndarray | None = None) -> np.ndarray:
        """Return the stratum of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples of the shape and in the units seen in `fit`.

        out : ndarray of shape (n_samples,), default=None
            Where to write them, such as a memory map; int64.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Strata; for the X of `fit` the same as `labels_`, unless there is no second
            phase and the clusterer's own `predict` differs from its fit, as that of
            ``MeanShift(cluster_all=False)`` does for noise. `out` if it was given.

        Raises
        ------
        TypeError, ValueError
            If X is not what `fit` has seen in shape and units, or `out` cannot hold
            the result.

        Warns
        -----
        UserWarning
            If more images than chance explains do not look like those of `fit`.
        """
        check_is_fitted(self)
        return self._model.predict(self._read(X), out=out)

    @reads_fitted_state
    def labels_at(self, n_clusters: int, X: ArrayLike | None = None) -> np.ndarray:
        """Return coarser strata, merged along the tree, without training again.

        Parameters
        ----------
        n_clusters : int
            Number of coarser strata to keep, from 1 to `n_clusters_`.

        X : array-like of shape (n_samples, ...), default=None
            Samples to assign; those of `fit` if None.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Coarser strata, numbered from 0; -1 stays -1. Those at ``n - 1`` are
            unions of those at ``n``.

        Raises
        ------
        ValueError
            If there are not as many strata.
        """
        check_is_fitted(self)
        labels = self.labels_ if X is None else self.predict(X)
        return merge_labels(labels, self.linkage_, n_clusters)

    @reads_fitted_state
    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the soft assignment of each sample to each stratum.

        After the second phase it is that of the prototypes, by the similarity of
        directions and the refinement's temperature. Without one, a consensus gives its
        members' votes, a mixture its posterior, neighbors that vote their votes, and
        k-means the posterior of equal, round Gaussians about the centers. Columns are
        in the order of strata, whatever the clusterer calls its clusters.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples of the shape and in the units seen in `fit`.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_clusters)
            Soft assignments, float32, with rows that sum to one.
        """
        check_is_fitted(self)
        return self._model.predict_proba(self._read(X))

    @reads_fitted_state
    def score(self, X: ArrayLike, y: object = None) -> float:
        """Return how separate the predicted strata of X are among the samples.

        This is the mean silhouette among the directions of the leading 50 principal
        components of X. Neither the network nor the number of strata changes that
        space, so the score can compare any parameters in a grid search. It does not
        replace labels: strata can be separate and still follow a scanner. Beyond 10,000
        samples an even selection of them is measured.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples of the shape and in the units seen in `fit`.

        y : object, default=None
            Not used; present for the conventions of scikit-learn.

        Returns
        -------
        score : float
            Mean silhouette in ``[-1, 1]``, higher is better; -1 where all samples
            fall into one stratum or each into its own.
        """
        check_is_fitted(self)
        return self._model.score(self._read(X))

    def _project(self, X: Any) -> np.ndarray:
        """Return the projections of X, which the contrastive loss compares."""
        return self._model.project(self._read(X))

    @property
    def _n_features_out(self) -> int:
        return int(self.cluster_centers_.shape[1])
