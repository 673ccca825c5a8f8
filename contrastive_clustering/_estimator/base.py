"""Base of the estimator's mixins: parameters, the fitted model, reading X."""

import math
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data
from skorch.history import History
from torch.utils.data import Dataset

from contrastive_clustering._clustering.hierarchy import link_centers
from contrastive_clustering._clustering.n_clusters_search import ClusterNumberResult
from contrastive_clustering._data.layout import SampleLayout, read_layout
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._data.units import check_units
from contrastive_clustering._data.validation import (
    Samples,
    check_same_samples,
    check_samples,
)
from contrastive_clustering._estimator.parameters import EstimatorParameters
from contrastive_clustering._model.fitted import FittedModel
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._utils.arrays import with_names

# Remedy if samples do not suit the network whose training continues.
START_OVER = "start over with fit and warm_start=False"


class FittedAttributes(EstimatorParameters):
    """The fitted model of an estimator, and its attributes.

    `fit` replaces the model in one step. A failed fit leaves the estimator unchanged,
    and another thread sees either the old model or the new one.
    """

    _model: FittedModel

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether the estimator is fitted."""
        return hasattr(self, "_model")

    @property
    def _fitted(self) -> FittedModel:
        """The fitted model; raises `NotFittedError` if there is none."""
        check_is_fitted(self)
        return self._model

    @property
    def labels_(self) -> np.ndarray:
        """Stratum of each training sample."""
        return self._fitted.labels

    @property
    def cluster_centers_(self) -> np.ndarray:
        """Mean latent of each stratum."""
        return self._fitted.centers

    @property
    def n_clusters_(self) -> int:
        """Number of strata found."""
        return self._fitted.n_clusters

    @property
    def linkage_(self) -> np.ndarray:
        """The tree in which the most similar strata merge first."""
        return link_centers(self.cluster_centers_)

    @property
    def cluster_number_search_(self) -> ClusterNumberResult:
        """Candidates and scores of the search for the number of strata."""
        search = self._fitted.search
        if search is None:
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute "
                "'cluster_number_search_': there was no search for the number of "
                'strata. Fit with n_clusters="auto" or a ClusterNumberSearch, and a '
                "clusterer that does not find the number itself."
            )
        return search

    @property
    def net_(self) -> ContrastiveNet:
        """The trained net."""
        return self._fitted.net

    @property
    def history_(self) -> History:
        """The net's history."""
        return self.net_.history

    @property
    def n_features_in_(self) -> int:
        """Number of values of a sample."""
        return math.prod(self._fitted.scaler.layout.sample_shape)

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the columns of the training set."""
        names = self._fitted.feature_names
        if names is None:
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute "
                "'feature_names_in_': X had no column names."
            )
        return names

    @property
    def examples_(self) -> np.ndarray:
        """The training sample closest to the center of each stratum."""
        examples = self._fitted.examples
        if examples is None:
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute 'examples_': it was "
                "fitted with store_examples=False. Set store_examples=True and fit "
                "again to keep a training sample of each stratum."
            )
        return examples

    @property
    def group_labels_(self) -> np.ndarray:
        """Stratum of each group of the training set."""
        labels = self._fitted.group_labels
        if labels is None:
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute 'group_labels_': it "
                "was fitted without groups. Pass groups to fit."
            )
        return labels

    @property
    def notes_(self) -> dict[str, Any]:
        """Notes of the file that the estimator was loaded from."""
        return self._fitted.notes

    def _read(
        self, X: Any, *, may_be_odd: bool = False, otherwise: str = "fit again"
    ) -> Samples:
        """Return samples; raise if shape or units differ from those of `fit`."""
        scaler = self._model.scaler
        samples = check_samples(X)
        if scaler.layout.is_flat and samples.ndim == 2:
            columns = _columns_of(X, samples)
            validate_data(self, columns, reset=False, skip_check_array=True)
        check_same_samples(samples, scaler.layout, otherwise=otherwise)
        check_units(samples, scaler, may_be_odd=may_be_odd)
        return samples

    def _read_layout(self, samples: Samples) -> SampleLayout:
        """Return the layout that the parameters give to samples."""
        return read_layout(
            samples.shape, image_shape=self.image_shape, channel_axis=self.channel_axis
        )

    def _read_next(self, X: Any) -> tuple[Samples, Scaler]:
        """Return the samples of a later fit, and the scaler with their range, too."""
        samples, scaler = self._read(X, otherwise=START_OVER), self._model.scaler
        new, old = self._read_layout(samples), scaler.layout
        if new != old:
            raise ValueError(
                "image_shape or channel_axis has changed: each sample is now read as "
                f"image_shape={new.image_shape}, channel_axis={new.channel_axis}, but "
                f"the network was trained with image_shape={old.image_shape}, "
                f"channel_axis={old.channel_axis}. Restore them, or {START_OVER}."
            )
        return samples, scaler.widen(samples)

    def _read_first(self, X: Any) -> tuple[Samples, Scaler, np.ndarray | None]:
        """Return the samples of a first fit, their scaler and the column names."""
        samples = check_samples(X, min_samples=2)
        layout = self._read_layout(samples)
        scaler = Scaler.fit(samples, layout)
        named = BaseEstimator()
        if layout.is_flat:
            columns = _columns_of(X, samples)
            validate_data(named, columns, reset=True, skip_check_array=True)
        return samples, scaler, getattr(named, "feature_names_in_", None)


def _columns_of(X: Any, samples: Samples) -> Any:
    """Return an object from which scikit-learn can read names and number of columns."""
    # It would count the entries of the first item of a data set, such as a pair.
    return samples if isinstance(X, Dataset) else with_names(X)
