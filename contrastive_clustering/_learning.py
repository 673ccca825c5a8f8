"""What an estimator does in `fit` and `partial_fit`: read, train, take over."""

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from contrastive_clustering._arrays import with_names
from contrastive_clustering._checkpoint import FILE_NAME, Checkpoint, identify
from contrastive_clustering._cluster_number import ClusterNumberResult
from contrastive_clustering._data import ArrayDataset
from contrastive_clustering._density import LatentDensity
from contrastive_clustering._distributed import once
from contrastive_clustering._fitting import FittedModel, Strata, fit_model
from contrastive_clustering._folder_lock import locked_folder
from contrastive_clustering._hierarchy import link_centers
from contrastive_clustering._parameters import check_relations
from contrastive_clustering._scaling import Scaler
from contrastive_clustering._training import ContrastiveNet
from contrastive_clustering._validation import (
    ChannelAxis,
    Samples,
    check_samples,
    read_layout,
)


class LearningMixin:
    """Methods of an estimator that learn its attributes."""

    image_shape: tuple[int, ...] | None
    channel_axis: ChannelAxis
    warm_start: bool
    store_examples: bool
    random_state: int | np.random.RandomState | None
    get_params: Callable[..., dict[str, Any]]
    _read: Callable[[Any], tuple[Samples, Scaler]]

    @_fit_context(prefer_skip_nested_validation=False)  # type: ignore[untyped-decorator]
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Train the autoencoder on X and cluster its latents.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, H, W), \
                (n_samples, H, W, C) or (n_samples, D, H, W)
            The samples, in any units. Images have sides of at least 8 pixels. May
            also be read by slices, as of HDF5 or Zarr, or be a data set of PyTorch.
            If there are more than 100,000, strata are looked for among so many.

        y : object, default=None
            Not used; present for the conventions of scikit-learn.

        Returns
        -------
        self : ContrastiveAutoencoderClusterer
            The fitted estimator.

        Raises
        ------
        TypeError
            If X is sparse.

        ValueError
            If a parameter is out of its range; if X holds anything but finite
            numbers, has too few samples, samples that are all the same or samples of
            a shape that the parameters do not allow; if the device is not there, or the
            network cannot be compiled for it; if training diverges; or if
            `checkpoint_dir` holds an unfinished fit of other parameters or another X,
            or is in use by another fit.

        RuntimeError
            If another of the processes that train together has ended.

        OSError
            If a checkpoint cannot be written.

        Warns
        -----
        ConvergenceWarning
            If Ctrl-C has ended training early, or prototypes have lost all members.

        UserWarning
            If `checkpoint_dir` is on a file system without locks.
        """
        return self._fit(X, go_on=self.warm_start)

    @_fit_context(prefer_skip_nested_validation=False)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: ArrayLike, y: object = None) -> Self:
        """Train for one epoch more on X, then cluster the latents of X anew.

        The first call learns the scale of the values and starts the network; later
        ones go on from there, whether `fit` or `partial_fit` came before. The epoch is
        one of the first phase; the second is left out, and there are no checkpoints.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples as for `fit`; at least `n_clusters` of them.

        y : object, default=None
            Not used; present for the conventions of scikit-learn.

        Returns
        -------
        self : ContrastiveAutoencoderClusterer
            The fitted estimator, whose `labels_` speak of this X.

        Raises
        ------
        TypeError, ValueError
            As for `fit`; also if X differs in shape or units from what came before.
        """
        return self._fit(
            X, go_on=True, max_epochs=1, refinement_epochs=0, checkpoint_dir=None
        )

    def _fit(self, X: Any, *, go_on: bool, **overruled: Any) -> Self:
        go_on = go_on and hasattr(self, "net_")
        samples, scaler = self._read(X) if go_on else self._read_anew(X)
        # Names that scikit-learn refuses are refused before the training.
        columns = None if go_on else _describe_columns(X, scaler)
        params = {**self.get_params(deep=False), **overruled}
        check_relations(params, len(samples))
        seed = once(
            lambda: int(check_random_state(self.random_state).randint(2**31 - 1))
        )
        previous = self.net_ if go_on else None
        with locked_folder(params["checkpoint_dir"], FILE_NAME) as folder:
            checkpoint = None
            if folder is not None:
                fixed = None if self.random_state is None else seed
                checkpoint = Checkpoint(
                    folder,
                    params["checkpoint_every"],
                    identify(params, samples, fixed, previous),
                    seed,
                )
                seed = checkpoint.seed
            model = fit_model(
                ArrayDataset(samples, scaler),
                params,
                seed,
                previous=previous,
                checkpoint=checkpoint,
            )
        examples = samples[model.typical] if self.store_examples else None
        # Nothing is set before all has succeeded: a failed fit leaves the estimator
        # as it was.
        self._adopt(model, examples)
        if columns is not None:
            vars(self).pop("feature_names_in_", None)
            vars(self).update(columns)
        return self

    def _adopt(self, model: FittedModel, examples: np.ndarray | None) -> None:
        """Take over what a fit, in this process or another, has made."""
        linkage = link_centers(model.clustering.latent_centers)
        self.net_: ContrastiveNet = model.net
        self._scaler: Scaler = model.scaler
        self._clustering: Strata = model.clustering
        self._density: LatentDensity = model.density
        self.labels_ = model.clustering.labels
        self.cluster_centers_ = model.clustering.latent_centers
        self.n_clusters_ = model.clustering.n_clusters
        self.cluster_number_search_: ClusterNumberResult | None = model.search
        self.linkage_ = linkage
        if examples is not None:
            self.examples_ = examples
        elif hasattr(self, "examples_"):
            del self.examples_

    def _read_anew(self, X: Any) -> tuple[Samples, Scaler]:
        samples = check_samples(X, min_samples=2)
        layout = read_layout(
            samples.shape, image_shape=self.image_shape, channel_axis=self.channel_axis
        )
        return samples, Scaler.fit(samples, layout)


def _describe_columns(X: Any, scaler: Scaler) -> dict[str, Any]:
    """Return the attributes in which scikit-learn keeps the columns of X."""
    if not scaler.layout.is_flat:
        return {"n_features_in_": math.prod(scaler.layout.sample_shape)}
    empty = BaseEstimator()
    validate_data(empty, with_names(X), skip_check_array=True)
    return dict(vars(empty))
