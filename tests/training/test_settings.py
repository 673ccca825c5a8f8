import dataclasses

import pytest

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._clustering.settings import ClusteringSettings
from contrastive_clustering._estimator.settings import unresolved_training
from contrastive_clustering._training.settings import TrainingSettings

# Parameters that only the estimator uses: they define how X is read, which attributes
# are kept, and how a fit starts.
ESTIMATOR_ONLY = {
    "channel_axis",
    "checkpoint_dir",
    "image_shape",
    "random_state",
    "refinement",
    "store_examples",
    "warm_start",
}

# Settings that are not parameters: "kmeans_fraction" depends on the kind of samples.
SET_BY_FIT = {"kmeans_fraction", "net_params", "seed"}


def names_of(*settings):
    return {field.name for each in settings for field in dataclasses.fields(each)}


def test_every_parameter_is_a_setting():
    parameters = set(ContrastiveAutoencoderClusterer().get_params())
    settings = names_of(TrainingSettings, ClusteringSettings)
    assert parameters == (settings - SET_BY_FIT) | ESTIMATOR_ONLY


def test_settings_cannot_be_changed():
    settings = unresolved_training(ContrastiveAutoencoderClusterer())
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.lr = 1.0
