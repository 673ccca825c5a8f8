"""Predictions of a fitted estimator: latents, strata and soft assignments."""

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
    check_column_order,
    check_latents,
)
from contrastive_clustering._estimator.base import FittedAttributes
from contrastive_clustering._evaluation.group_strata import to_group_frame
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.param_validation import validate_params
from contrastive_clustering._utils.snapshot import reads_fitted_state


# scikit-learn wraps only the `transform` of classes that derive from its mixins.
class PredictionMixin(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]  # scikit-learn is not typed
    TransformerMixin,  # type: ignore[misc]
    ClusterMixin,  # type: ignore[misc]
    FittedAttributes,
):
    """Methods of an estimator that predict latents and strata."""

    # Outputs are arguments like X, not metadata to be routed.
    __metadata_request__transform: ClassVar[dict[str, Any]] = {"out": UNUSED}
    __metadata_request__predict: ClassVar[dict[str, Any]] = {"out": UNUSED}

    @validate_params({"transform": [StrOptions({"default", "pandas", "polars"}), None]})
    def set_output(self, *, transform: str | None = None) -> Self:
        """Set the output container of `transform`.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            An array ("default"), or a data frame of pandas or polars. None keeps the
            current configuration.

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
            Samples with the shape and the units seen in `fit`.

        out : ndarray of shape (n_samples, latent_dim), default=None
            Array to write the latents to, float32 or float64, such as a memory map if
            they do not fit into memory.

        Returns
        -------
        Z : ndarray of shape (n_samples, latent_dim)
            Latents, float32, or `out`.

        Raises
        ------
        TypeError, ValueError
            If X differs from the X of `fit` in shape or units, or `out` cannot hold the
            result.

        Warns
        -----
        UserWarning
            If more images differ in appearance from those of `fit` than expected by
            chance.
        """
        check_is_fitted(self)
        return self._model.encode(self._read(X), out=out)

    @reads_fitted_state
    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Decode latents to samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, latent_dim)
            Latents, such as the result of `transform` or `cluster_centers_`.

        Returns
        -------
        X_original : ndarray of shape (n_samples, ...)
            Samples with the shape and the units of the X of `fit`. They are float64 if
            that X was float64 or integers of at least 32 bits, otherwise float32.
            Images stay within the range of values of that X.

        Raises
        ------
        ValueError
            If X is not a finite table with `latent_dim` columns, or a data frame from
            `transform` whose columns have been reordered.
        """
        check_is_fitted(self)
        check_column_order(X, self.get_feature_names_out().tolist())
        return self._model.decode(check_latents(X, self._n_features_out))

    @reads_fitted_state
    def predict(self, X: ArrayLike, *, out: np.ndarray | None = None) -> np.ndarray:
        """Return the stratum of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples with the shape and the units seen in `fit`.

        out : ndarray of shape (n_samples,), default=None
            Array to write the strata to, int64, such as a memory map.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Strata, or `out`. For the X of `fit` they equal `labels_`, unless there is
            no second phase and the clusterer's `predict` differs from its `fit`. For
            example, ``MeanShift(cluster_all=False)`` finds noise only in `fit`.

        Raises
        ------
        TypeError, ValueError
            If X differs from the X of `fit` in shape or units, or `out` cannot hold the
            result.

        Warns
        -----
        UserWarning
            If more images differ in appearance from those of `fit` than expected by
            chance.
        """
        check_is_fitted(self)
        return self._model.predict(self._read(X), out=out)

    @reads_fitted_state
    def labels_at(self, n_clusters: int, X: ArrayLike | None = None) -> np.ndarray:
        """Return coarser strata, merged along the tree `linkage_`.

        The estimator is not trained again.

        Parameters
        ----------
        n_clusters : int
            Number of coarser strata, from 1 to `n_clusters_`.

        X : array-like of shape (n_samples, ...), default=None
            Samples to assign; if None, the training samples.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Coarser strata, numbered from 0; -1 stays -1. Lowering `n_clusters` by one
            merges two of them.

        Raises
        ------
        TypeError, ValueError
            If `n_clusters` is not an integer from 1 to `n_clusters_`, or X differs from
            the X of `fit` in shape or units.

        Warns
        -----
        UserWarning
            If more images differ in appearance from those of `fit` than expected by
            chance.
        """
        check_is_fitted(self)
        labels = self.labels_ if X is None else self.predict(X)
        return merge_labels(labels, self.linkage_, n_clusters)

    @reads_fitted_state
    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the soft assignment of each sample to each stratum.

        After a second phase, prototypes assign samples by the cosine similarity of
        directions and the refinement's temperature. Otherwise the assignment is that of
        the clusterer: the votes of a consensus's members, the posterior of a mixture,
        the votes of neighbors, and for k-means the posterior of equal, isotropic
        Gaussians around the centers. Columns are in the order of the strata, whatever
        the labels of the clusterer.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples with the shape and the units seen in `fit`.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_clusters)
            Soft assignments, float32, with rows that sum to one.

        Raises
        ------
        TypeError, ValueError
            If X differs from the X of `fit` in shape or units.

        Warns
        -----
        UserWarning
            If more images differ in appearance from those of `fit` than expected by
            chance.
        """
        check_is_fitted(self)
        return self._model.predict_proba(self._read(X))

    @reads_fitted_state
    def predict_groups(self, X: ArrayLike, groups: ArrayLike) -> Any:
        """Return the stratum of each group of samples, such as a patient.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples with the shape and the units seen in `fit`.

        groups : array-like of shape (n_samples,)
            Identifier of the group of each sample. A sample without an identifier is a
            group of its own.

        Returns
        -------
        strata : pandas.DataFrame
            One row for each group, in the order in which they first appear, indexed by
            identifier. The column "stratum" is the most frequent stratum of the group's
            samples, and of equally frequent ones the more probable; "n_samples" is
            their number; "agreement" the fraction of them in that stratum; and
            "proba_0", "proba_1" and so on are the means of their soft assignments.
            Groups without an identifier come last, as "sample 3" for row 3 of X.

        Raises
        ------
        ImportError
            If pandas is not installed.

        TypeError, ValueError
            If X differs from the X of `fit` in shape or units, or there is not one
            identifier for each sample.

        Warns
        -----
        UserWarning
            If more images differ in appearance from those of `fit` than expected by
            chance.
        """
        check_is_fitted(self)
        latents = self._model.encode(self._read(X))
        return to_group_frame(
            self._model.assign(latents),
            self._model.clustering.predict_proba(latents),
            groups,
        )

    @reads_fitted_state
    def score(
        self, X: ArrayLike, y: object = None, *, groups: ArrayLike | None = None
    ) -> float:
        """Return the mean silhouette of the predicted strata of X.

        The silhouette compares the directions of samples in the space of the leading 50
        principal components of X. This space does not depend on the network or on the
        number of strata, so the score can compare any parameters in a grid search. It
        does not replace labels: strata can be well separated and still follow a
        scanner. Noise, -1, is compared like a stratum. If X has more than 10,000
        samples, a random subset is used, the same in each call; with groups, it is of
        as many groups as possible.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples with the shape and the units seen in `fit`.

        y : object, default=None
            Not used, present here for API consistency by convention.

        groups : array-like of shape (n_samples,), default=None
            Identifier of the group of each sample, as for `fit`. A group then weighs as
            one, and samples are compared only with those of other groups.

        Returns
        -------
        score : float
            Mean silhouette in ``[-1, 1]``; higher is better. It is -1 if all samples
            are in one stratum or each is in its own.
        """
        check_is_fitted(self)
        samples = self._read(X)
        return self._model.score(
            samples, None if groups is None else Grouping.read(groups, len(samples))
        )

    def _project(self, X: Any) -> np.ndarray:
        """Return the projections of X, which the contrastive loss compares."""
        return self._model.project(self._read(X))

    @property
    def _n_features_out(self) -> int:
        return int(self.cluster_centers_.shape[1])
