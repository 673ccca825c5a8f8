import numpy as np
import pytest
import torch
from sklearn.cluster import DBSCAN

from contrastive_clustering import (
    ClusterNumberSearch,
    ContrastiveAutoencoderClusterer,
    GrayImageAugmentation,
    SelfTrainingRefinement,
    TableAugmentation,
)
from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._estimator.settings import (
    resolve_settings,
    unresolved_training,
)


def resolve(n_samples=40, sample_shape=(8, 8), **params):
    X = np.random.default_rng(0).normal(size=(n_samples, *sample_shape))
    dataset = ArrayDataset(X, Scaler.fit(X, read_layout(X.shape)))
    return resolve_settings(ContrastiveAutoencoderClusterer(**params), dataset, seed=3)


def test_auto_is_resolved():
    settings = resolve(n_samples=2000, n_clusters="auto", device="auto")
    training = settings.training
    assert training.augmentation == GrayImageAugmentation()
    assert (training.max_epochs, training.batch_size, training.seed) == (45, 125, 3)
    assert isinstance(training.device, torch.device)
    assert settings.clustering.n_clusters == ClusterNumberSearch()
    assert settings.refinement == SelfTrainingRefinement()
    assert (training.refinement_epochs, settings.clustering.kmeans_fraction) == (8, 0)


def test_tables_have_kmeans_members_and_no_second_phase():
    settings = resolve(sample_shape=(5,))
    assert settings.training.augmentation == TableAugmentation(dropout=0.3)
    assert settings.clustering.kmeans_fraction == pytest.approx(1 / 3)
    assert settings.refinement is None
    asked = resolve(sample_shape=(5,), refinement_epochs=2)
    assert asked.refinement == SelfTrainingRefinement()
    assert asked.training.refinement_epochs == 2


def test_given_values_are_kept():
    settings = resolve(
        n_clusters=4,
        clusterer=DBSCAN(),
        whiten=True,
        augmentation=None,
        max_epochs=2,
        batch_size=7,
        lr=0.5,
        refinement_epochs=0,
        optimizer__betas=(0.8, 0.9),
        callbacks__checkpoint__every=5,
    )
    training, clustering = settings.training, settings.clustering
    assert training.augmentation is None
    assert (training.max_epochs, training.batch_size, training.lr) == (2, 7, 0.5)
    assert training.net_params == {"optimizer__betas": (0.8, 0.9)}
    assert (clustering.n_clusters, clustering.whiten) == (4, True)
    assert isinstance(clustering.clusterer, DBSCAN)
    assert settings.refinement is None


def test_augmentations_for_other_samples_are_rejected():
    with pytest.raises(ValueError, match="augmentation='volume' does not suit"):
        resolve(augmentation="volume")


def test_settings_that_depend_on_samples_are_not_resolved():
    training = unresolved_training(ContrastiveAutoencoderClusterer(lr=0.2))
    assert training.lr == 0.2
    assert training.augmentation is None
    assert training.max_epochs == training.refinement_epochs == 0


@pytest.mark.parametrize("augmentation", ["gray", GrayImageAugmentation(), None])
def test_images_are_not_read_to_choose_views_that_are_given(augmentation):
    class Unread:
        dtype = np.dtype(float)

        def __getitem__(self, index):
            raise AssertionError("images were read")

        def __len__(self):
            return 40

    X = np.random.default_rng(0).normal(size=(40, 8, 8))
    dataset = ArrayDataset(Unread(), Scaler.fit(X, read_layout(X.shape)))
    clusterer = ContrastiveAutoencoderClusterer(augmentation=augmentation)
    settings = resolve_settings(clusterer, dataset, seed=3)
    assert (settings.training.augmentation is None) == (augmentation is None)
