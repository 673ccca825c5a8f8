"""What an estimator does in `fit` and `partial_fit`: read, train, take over."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from contrastive_clustering._clustering.density import LatentDensity
from contrastive_clustering._clustering.n_clusters_search import ClusterNumberResult
from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._data.layout import ChannelAxis, read_layout
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._data.validation import Samples, check_samples
from contrastive_clustering._estimator.params import check_relations
from contrastive_clustering._evaluation.doubts import doubts_of_copies, doubts_of_sizes
from contrastive_clustering._model.agreement import check_same_fit, run_on_all_ranks
from contrastive_clustering._model.fit import FittedModel, Strata, fit_model
from contrastive_clustering._saving.checkpoint import FILE_NAME, Checkpoint
from contrastive_clustering._saving.identity import Identity, identify
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._utils.arrays import with_names
from contrastive_clustering._utils.caller_warnings import warn
from contrastive_clustering._utils.distributed import n_processes, run_on_first_rank
from contrastive_clustering._utils.folder_lock import locked_folder
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.snapshot import snapshot


class _MissingExamples:
    """Says why there are no examples; those of a fit stand before it."""

    def __init__(self) -> None:
        self.__doc__ = "The training sample next to the center of each stratum."

    def __get__(self, estimator: Any, owner: type) -> Any:
        if estimator is None:
            return self
        missing = f"{owner.__name__!r} object has no attribute 'examples_'"
        if not hasattr(estimator, "net_"):
            raise AttributeError(f"{missing}: it is not fitted yet. Call fit before.")
        raise AttributeError(
            f"{missing}: it was fitted without. Set store_examples=True and fit again, "
            "to keep a training sample of each stratum."
        )


class LearningMixin:
    """Methods of an estimator that learn its attributes."""

    image_shape: tuple[int, ...] | None
    channel_axis: ChannelAxis
    warm_start: bool
    store_examples: bool
    net_: ContrastiveNet
    labels_: np.ndarray
    cluster_centers_: np.ndarray
    n_clusters_: int
    cluster_number_search_: ClusterNumberResult | None
    n_features_in_: int
    examples_ = _MissingExamples()
    _scaler: Scaler
    _clustering: Strata
    _density: LatentDensity
    _resumable: bool
    random_state: int | np.random.RandomState | None
    get_params: Callable[..., dict[str, Any]]
    _validate_params: Callable[[], None]
    _read: Callable[..., tuple[Samples, Scaler]]

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
            or is in use by another fit; or if processes that train together do not all
            fit the same.

        RuntimeError
            If another of the processes that train together has ended.

        OSError
            If a checkpoint cannot be written.

        Warns
        -----
        ConvergenceWarning
            If Ctrl-C has ended training early, or prototypes have lost all members.

        UserWarning
            If many samples are copies of others, if many strata have a single member,
            or if `checkpoint_dir` is on a file system without locks.
        """
        return self._fit(X, go_on=self.warm_start)

    def partial_fit(self, X: ArrayLike, y: object = None) -> Self:
        """Train for one epoch more on X, then cluster the latents of X again.

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
            The fitted estimator, whose `labels_` are those of this X.

        Raises
        ------
        TypeError, ValueError
            As for `fit`; also if X differs in shape or units from what came before.
        """
        return self._fit(
            X,
            go_on=True,
            resumable=True,
            max_epochs=1,
            refinement_epochs=0,
            checkpoint_dir=None,
        )

    @default_library_settings()
    def _fit(
        self, X: Any, *, go_on: bool, resumable: bool = False, **overruled: Any
    ) -> Self:
        # What another thread's `fit` makes of this estimator meanwhile is not mixed in.
        start = snapshot(self)
        continued = go_on and hasattr(start, "net_")
        params = {**start.get_params(deep=False), **overruled}

        def prepare() -> tuple[Samples, Scaler, BaseEstimator]:
            # Not before, by scikit-learn's decorator: what one process refuses has to
            # reach the others.
            if not get_config()["skip_parameter_validation"]:
                start._validate_params()
            samples, scaler = start._read(X) if continued else start._read_anew(X)
            check_relations(params, len(samples))
            return samples, scaler, start if continued else _names_of(X, scaler)

        samples, scaler, named = run_on_all_ranks(prepare)
        seed = run_on_first_rank(
            lambda: int(check_random_state(params["random_state"]).randint(2**31 - 1))
        )
        fixed = None if params["random_state"] is None else seed
        previous = start.net_ if continued else None
        earlier = None
        if continued:
            earlier = start.net_.map_latents(
                ArrayDataset(samples, scaler), start._clustering.predict
            )
        identity: Identity = {}
        if n_processes() > 1 or params["checkpoint_dir"] is not None:
            identity = run_on_all_ranks(
                lambda: identify(params, samples, fixed, previous)
            )
        check_same_fit(identity, params, samples, previous)
        with locked_folder(params["checkpoint_dir"], FILE_NAME) as folder:
            checkpoint = None
            if folder is not None:
                every = params["checkpoint_every"]
                checkpoint = Checkpoint(folder, every, identity, seed, len(samples))
                seed = checkpoint.seed
            model = fit_model(
                ArrayDataset(samples, scaler),
                params,
                seed,
                previous=previous,
                earlier=earlier,
                checkpoint=checkpoint,
            )
        model = replace(
            model,
            resumable=resumable,
            examples=_native(samples[model.typical])
            if params["store_examples"]
            else None,
            feature_names=getattr(named, "feature_names_in_", None),
        )
        self._adopt(model)
        if not resumable:  # a part of a stream says little of the whole
            labels, n_clusters = model.clustering.labels, model.clustering.n_clusters
            doubts = doubts_of_copies(samples, labels)
            for doubt in doubts + doubts_of_sizes(labels, n_clusters):
                warn(doubt)
        return self

    def _adopt(self, model: FittedModel) -> None:
        """Take over what a fit, in this process or another, has made.

        All attributes are replaced in one step: a failed fit leaves the estimator as it
        was, and another thread sees either the old model or the new one.
        """
        fitted: dict[str, Any] = {
            "net_": model.net,
            "labels_": model.clustering.labels,
            "cluster_centers_": model.clustering.latent_centers,
            "n_clusters_": model.clustering.n_clusters,
            "cluster_number_search_": model.search,
            "n_features_in_": math.prod(model.scaler.layout.sample_shape),
            "_scaler": model.scaler,
            "_clustering": model.clustering,
            "_density": model.density,
            "_resumable": model.resumable,
        }
        if model.examples is not None:
            fitted["examples_"] = model.examples
        if model.feature_names is not None:
            fitted["feature_names_in_"] = model.feature_names
        kept = {
            name: value
            for name, value in vars(self).copy().items()
            if name not in {"examples_", "feature_names_in_"}
        }
        self.__dict__ = {**kept, **fitted}

    def _read_anew(self, X: Any) -> tuple[Samples, Scaler]:
        samples = check_samples(X, min_samples=2)
        layout = read_layout(
            samples.shape, image_shape=self.image_shape, channel_axis=self.channel_axis
        )
        return samples, Scaler.fit(samples, layout)


def _native(samples: np.ndarray) -> np.ndarray:
    """Return samples in the byte order of this machine."""
    return samples.astype(samples.dtype.newbyteorder("="), copy=False)


def _names_of(X: Any, scaler: Scaler) -> BaseEstimator:
    """Return an estimator that has looked at the names of the columns of X."""
    named = BaseEstimator()
    if scaler.layout.is_flat:
        validate_data(named, with_names(X), reset=True, skip_check_array=True)
    return named
