import torch

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._saving.callbacks_state import (
    RestoreCallbacks,
    callbacks_state,
)


def test_the_state_of_callbacks_is_restored(tiny_images, fast):
    def make():
        return ContrastiveAutoencoderClusterer(
            **{**fast, "refinement_epochs": 0},
            early_stopping=True,
            validation_fraction=0.25,
        ).fit(tiny_images)

    net, other = make().net_, make().net_
    stopping = dict(net.callbacks_)["early_stopping"]
    stopping.misses_, stopping.dynamic_threshold_ = 3, 0.25
    net.optimizer_.param_groups[0]["lr"] = 0.125
    RestoreCallbacks(callbacks_state(net)).on_train_begin(other)
    found = dict(other.callbacks_)["early_stopping"]
    assert (found.misses_, found.dynamic_threshold_) == (3, 0.25)
    assert found.best_epoch_ == stopping.best_epoch_
    for name, value in stopping.best_model_weights_.items():
        assert torch.equal(found.best_model_weights_[name], value)
    assert other.optimizer_.param_groups[0]["lr"] == 0.125
