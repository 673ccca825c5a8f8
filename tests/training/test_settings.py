import dataclasses

import pytest

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._clustering.settings import ClusteringSettings
from contrastive_clustering._estimator.settings import unresolved_training
from contrastive_clustering._training.settings import TrainingSettings

# Parameters that no room below the estimator reads: they say how X is read, what is
# kept, and where a fit starts.
OF_THE_ESTIMATOR = {
    "channel_axis",
    "checkpoint_dir",
    "image_shape",
    "random_state",
    "refinement",
    "store_examples",
    "warm_start",
}


def names_of(*settings):
    return {field.name for each in settings for field in dataclasses.fields(each)}


def test_every_parameter_is_a_setting():
    parameters = set(ContrastiveAutoencoderClusterer().get_params())
    settings = names_of(TrainingSettings, ClusteringSettings)
    assert parameters == (settings - {"net_params", "seed"}) | OF_THE_ESTIMATOR


def test_settings_cannot_be_changed():
    settings = unresolved_training(ContrastiveAutoencoderClusterer())
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.lr = 1.0
