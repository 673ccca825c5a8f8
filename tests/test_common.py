"""Scikit-learn's estimator checks, without expected failures."""

import math

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._data.layout import SampleLayout

FAST = {"max_epochs": 8, "refinement_epochs": 2, "latent_dim": 8, "device": "cpu"}


class TiledLayout(SampleLayout):
    """A layout of rows with any number of features, which are tiled to an image."""

    def to_network(self, batch):
        n_repeats = math.ceil(math.prod(self.image_shape) / self.sample_shape[0])
        tiled = batch.repeat(1, n_repeats)[:, : math.prod(self.image_shape)]
        return tiled.reshape(-1, 1, *self.image_shape)

    def from_network(self, batch):
        return batch.flatten(1)[:, : self.sample_shape[0]]


class TiledImagesClusterer(ContrastiveAutoencoderClusterer):
    """The convolutional estimator, which reads small tables as images.

    The checks use tables with 1 to 20 features, which do not fit an `image_shape` of at
    least 8 x 8 pixels. Only the reading of X differs from the estimator.
    """

    def _read_layout(self, samples):
        return TiledLayout(samples.shape[1:], self.image_shape)


@parametrize_with_checks([ContrastiveAutoencoderClusterer()])
def test_check(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [
        ContrastiveAutoencoderClusterer(
            clusterer="kmeans", whiten=True, normalize=True, **FAST
        ),
        TiledImagesClusterer(
            image_shape=(8, 8), clusterer="gaussian_mixture", whiten=True, **FAST
        ),
    ]
)
def test_check_of_other_settings(estimator, check):
    check(estimator)
