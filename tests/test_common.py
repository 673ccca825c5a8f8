"""The estimator against scikit-learn's own checks, with no failure expected."""

import math

from sklearn.utils.estimator_checks import parametrize_with_checks

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._data.layout import SampleLayout
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._data.validation import check_samples

FAST = {"max_epochs": 8, "refinement_epochs": 2, "latent_dim": 8, "device": "cpu"}


class TiledLayout(SampleLayout):
    """Rows of any number of features, repeated until they fill an image."""

    def to_network(self, batch):
        n_repeats = math.ceil(math.prod(self.image_shape) / self.sample_shape[0])
        tiled = batch.repeat(1, n_repeats)[:, : math.prod(self.image_shape)]
        return tiled.reshape(-1, 1, *self.image_shape)

    def from_network(self, batch):
        return batch.flatten(1)[:, : self.sample_shape[0]]


class TiledImagesClusterer(ContrastiveAutoencoderClusterer):
    """The convolutional estimator, reading scikit-learn's small tables as images.

    The checks bring tables of 1 to 20 features of their own, which no `image_shape` of
    at least 8 x 8 pixels fits. All but the reading of X is the estimator's own.
    """

    def _read_first(self, X):
        samples = check_samples(X, min_samples=2)
        layout = TiledLayout(samples.shape[1:], self.image_shape)
        return samples, Scaler.fit(samples, layout), None


@parametrize_with_checks(
    [
        ContrastiveAutoencoderClusterer(),
        ContrastiveAutoencoderClusterer(whiten=True, normalize=True, **FAST),
        ContrastiveAutoencoderClusterer(clusterer="kmeans", **FAST),
        ContrastiveAutoencoderClusterer(clusterer="gaussian_mixture", **FAST),
        TiledImagesClusterer(image_shape=(8, 8), clusterer="kmeans", **FAST),
        TiledImagesClusterer(
            image_shape=(8, 8), clusterer="gaussian_mixture", whiten=True, **FAST
        ),
    ]
)
def test_check(estimator, check):
    check(estimator)
