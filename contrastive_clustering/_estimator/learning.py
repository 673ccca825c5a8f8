"""Methods `fit` and `partial_fit` of the estimator."""

import sys
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn import get_config
from sklearn.utils import check_random_state

from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._data.extreme_values import doubts_of_extremes
from contrastive_clustering._data.gains import doubts_of_gains
from contrastive_clustering._data.metadata import Metadata
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._estimator.base import FittedAttributes
from contrastive_clustering._estimator.relations import check_relations
from contrastive_clustering._estimator.settings import resolve_settings
from contrastive_clustering._evaluation.doubts import doubts_of_copies, doubts_of_sizes
from contrastive_clustering._evaluation.group_strata import assign_groups
from contrastive_clustering._model.agreement import check_same_fit
from contrastive_clustering._model.cost import estimate_fit, is_cheap_to_estimate
from contrastive_clustering._model.fit import FitSettings, fit_model
from contrastive_clustering._model.fitted import FittedModel
from contrastive_clustering._saving.checkpoint import FILE_NAME, Checkpoint
from contrastive_clustering._saving.identity import Identity, identify
from contrastive_clustering._training.net_params import CHECKPOINT_EVERY
from contrastive_clustering._utils.caller_warnings import warn
from contrastive_clustering._utils.distributed import (
    n_processes,
    run_on_all_ranks,
    run_on_first_rank,
)
from contrastive_clustering._utils.folder_lock import locked_folder
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.snapshot import snapshot


class LearningMixin(FittedAttributes):
    """Methods of an estimator that learn from samples."""

    def fit(
        self,
        X: ArrayLike,
        y: object = None,
        *,
        groups: ArrayLike | None = None,
        nuisance: Any = None,
    ) -> Self:
        """Train the autoencoder on X and cluster its latents.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, H, W), \
                (n_samples, H, W, C), (n_samples, D, H, W) or (n_samples, D, H, W, C)
            The samples, in any units. Images have sides of at least 8 pixels. X may
            also be an array that is read by slices, such as those of HDF5 or Zarr, or a
            PyTorch data set. If there are more than 100,000 samples, the clusterer is
            fitted to a random subset of 100,000.

        y : object, default=None
            Not used, present here for API consistency by convention.

        groups : array-like of shape (n_samples,), default=None
            Identifier of the group of each sample, such as the patient of an image.
            Samples of a group are not negatives of each other in the contrastive loss,
            a group weighs as one in the clustering, and whole groups are held out for
            validation. A sample without an identifier (None, NaN or an empty string) is
            a group of its own. Identifiers are not stored.

        nuisance : array-like of shape (n_samples,) or (n_samples, n_variables), data \
                frame or dict of columns, default=None
            Variables that strata should not follow, such as the site or the scanner.
            Each distinct value is a level, and missing values are one more;
            `nuisance_removal` says what is done. Samples to predict need none.

        Returns
        -------
        self : ContrastiveAutoencoderClusterer
            The fitted estimator.

        Raises
        ------
        TypeError
            If X is sparse.

        ValueError
            If a parameter is not valid; if X contains values that are not finite
            numbers, has too few samples or only identical ones, or has samples of a
            shape that the parameters do not allow; if `groups` or `nuisance` does not
            hold one value for each sample, has one group or one level only, or too many
            levels; if the device is not available, or the network cannot be compiled
            for it; if training diverges; if `checkpoint_dir` contains an unfinished fit
            with different parameters, samples, groups or nuisance, or is in use by
            another fit; or if processes that train together have different parameters
            or samples.

        RuntimeError
            If another process that trains together with this one has ended.

        OSError
            If a checkpoint cannot be written.

        Warns
        -----
        ConvergenceWarning
            If Ctrl-C stopped training early, prototypes lost all members, or the
            clusterer labeled all samples as noise after the second phase.

        UserWarning
            If many samples are copies of others, a few extreme values hide all others,
            images seem to differ by arbitrary factors, many strata have a single
            member, or `checkpoint_dir` is on a file system without locks.
        """
        return self._fit(X, groups, nuisance, continues=self.warm_start)

    def partial_fit(
        self,
        X: ArrayLike,
        y: object = None,
        *,
        groups: ArrayLike | None = None,
        nuisance: Any = None,
    ) -> Self:
        """Train for one more epoch on X, then cluster the latents of X again.

        The first call standardizes the samples and initializes the network. Later calls
        continue from the last `fit` or `partial_fit`. They keep the mean and the
        standard deviation of the first X; decoded images may have the range of all X.
        The epoch belongs to the first phase. The second phase is skipped, and no
        checkpoints are written.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            At least `n_clusters` samples, as for `fit`.

        y : object, default=None
            Not used, present here for API consistency by convention.

        groups : array-like of shape (n_samples,), default=None
            Identifier of the group of each sample, as for `fit`.

        nuisance : array-like, data frame or dict of columns, default=None
            Variables that strata should not follow, as for `fit`.

        Returns
        -------
        self : ContrastiveAutoencoderClusterer
            The fitted estimator, whose `labels_` are those of this X.

        Raises
        ------
        TypeError, ValueError
            As for `fit`; also if X differs from earlier samples in shape or units, or
            `image_shape` or `channel_axis` has changed.

        Warns
        -----
        ConvergenceWarning, UserWarning
            As for `fit`.
        """
        return self._fit(X, groups, nuisance, continues=True, one_epoch=True)

    @default_library_settings()
    def _fit(
        self,
        X: Any,
        groups: Any,
        nuisance: Any,
        *,
        continues: bool,
        one_epoch: bool = False,
    ) -> Self:
        # Another thread may change this estimator during the fit, but not the copy.
        start = snapshot(self)
        if one_epoch:
            start.max_epochs, start.refinement_epochs = 1, 0
            start.checkpoint_dir = None
        earlier = start._model if continues and hasattr(start, "_model") else None

        def prepare() -> tuple[ArrayDataset, np.ndarray | None, Grouping | None]:
            # scikit-learn's decorator would validate earlier, where an error of one
            # process would not reach the others.
            if not get_config()["skip_parameter_validation"]:
                start._validate_params()
            if earlier is None:
                samples, scaler, names = start._read_first(X)
            else:
                samples, scaler = start._read_next(X)
                names = earlier.feature_names
            grouping = None if groups is None else Grouping.read(groups, len(samples))
            metadata = Metadata.read(grouping, nuisance, len(samples))
            check_relations(start, len(samples), metadata)
            return ArrayDataset(samples, scaler, metadata=metadata), names, grouping

        dataset, names, grouping = run_on_all_ranks(prepare)
        samples = dataset.X
        if earlier is None:
            _warn_of(doubts_of_extremes(samples, dataset.scaler))
            _warn_of(doubts_of_gains(samples, dataset.scaler.layout))
        seed = run_on_first_rank(
            lambda: int(check_random_state(start.random_state).randint(2**31 - 1))
        )
        previous = None if earlier is None else earlier.net
        old_labels = None if earlier is None else earlier.predict(samples)
        identity: Identity = {}
        if n_processes() > 1 or start.checkpoint_dir is not None:
            identity = run_on_all_ranks(
                lambda: identify(
                    start.get_params(deep=False),
                    samples,
                    None if start.random_state is None else seed,
                    previous,
                    dataset.metadata,
                )
            )
        check_same_fit(
            identity,
            samples,
            previous,
            callbacks=start.callbacks or (),
            net_params=start._net_params,
            checkpoint_dir=start.checkpoint_dir,
            device=start.device,
        )
        with locked_folder(start.checkpoint_dir, FILE_NAME) as folder:
            checkpoint = None
            if folder is not None:
                every = start._net_params.get(CHECKPOINT_EVERY, 1)
                checkpoint = Checkpoint(folder, every, identity, seed, len(samples))
                seed = checkpoint.seed
            settings = run_on_all_ranks(lambda: resolve_settings(start, dataset, seed))
            if start.verbose and n_processes() == 1 and not one_epoch:
                _print_cost(dataset, settings)
            model = fit_model(
                dataset,
                settings,
                previous=previous,
                earlier=old_labels,
                checkpoint=checkpoint,
            )
        examples = _native(samples[model.typical]) if start.store_examples else None
        self._model = replace(
            model,
            resumable=one_epoch,
            examples=examples,
            feature_names=names,
            group_labels=_label_groups(model, samples, grouping),
            notes={} if earlier is None else earlier.notes,
        )
        if not one_epoch:  # one part of a stream is not representative
            of_groups = dataset.metadata.groups
            doubts = doubts_of_copies(samples, model.labels, groups=of_groups)
            doubts += doubts_of_sizes(model.labels, model.n_clusters, of_groups)
            _warn_of(doubts)
        return self


def _warn_of(doubts: list[str]) -> None:
    for doubt in doubts:
        warn(doubt)


def _print_cost(dataset: ArrayDataset, settings: FitSettings) -> None:
    """Print the estimate of time and memory, unless it would take long to find."""
    if is_cheap_to_estimate(dataset, settings) and sys.stderr:
        print(f"fit: {estimate_fit(dataset, settings)}", file=sys.stderr)


def _label_groups(
    model: FittedModel, samples: Samples, grouping: Grouping | None
) -> np.ndarray | None:
    """Return the stratum of each group of the training set, if there are groups."""
    if grouping is None:
        return None
    proba = model.predict_proba(samples)
    return assign_groups(model.labels, proba, grouping).labels


def _native(samples: np.ndarray) -> np.ndarray:
    """Return samples in the byte order of this machine."""
    return samples.astype(samples.dtype.newbyteorder("="), copy=False)
