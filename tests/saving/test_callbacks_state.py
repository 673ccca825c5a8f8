import numpy as np
import pytest
import torch

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._io.schema import Scope
from contrastive_clustering._saving.callbacks_state import (
    CALLBACKS,
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


@pytest.fixture
def pair(tiny_images, fast):
    """Two trained nets with the same callbacks and optimizer."""
    make = ContrastiveAutoencoderClusterer
    parameters = {**fast, "refinement_epochs": 0}
    return [make(**parameters).fit(tiny_images).net_ for _ in range(2)]


def test_numbers_that_an_optimizer_keeps_in_its_groups_are_restored(pair):
    net, other = pair
    changed = {"betas": (0.5, 0.75), "k": 3, "d": torch.tensor(0.25), "most": np.inf}
    net.optimizer_.param_groups[0].update(changed, text="a")
    other.optimizer_.param_groups[0]["d"] = torch.tensor(0.0)
    RestoreCallbacks(callbacks_state(net)).on_train_begin(other)
    group = other.optimizer_.param_groups[0]
    assert {name: group[name] for name in changed} == changed
    assert isinstance(group["d"], torch.Tensor)
    assert "text" not in group


@pytest.mark.parametrize(
    ("key", "value"),
    [("params", 1), ("betas", 0.5), ("fused", 2), ("weight_decay", "a")],
)
def test_groups_of_another_form_are_rejected(pair, key, value):
    net, other = pair
    state = callbacks_state(net)
    state["groups"][0][key] = value
    with pytest.raises(ValueError, match=f"'{key}' of the optimizer is"):
        RestoreCallbacks(state).on_train_begin(other)


@pytest.mark.parametrize("lr", [None, -1.0, np.inf])
def test_a_group_has_a_learning_rate(pair, lr):
    state = callbacks_state(pair[0])
    state["groups"][0]["lr"] = lr
    with pytest.raises(ValueError, match="lr of"):
        CALLBACKS.check(state, "callbacks", Scope())
