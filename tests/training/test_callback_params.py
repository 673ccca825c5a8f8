"""Callbacks and their parameters by skorch's names, through the estimator."""

import pytest
from skorch.callbacks import Callback, EarlyStopping, EpochTimer

from contrastive_clustering import ContrastiveAutoencoderClusterer


def make(fast, **parameters):
    return ContrastiveAutoencoderClusterer(**{**fast, **parameters})


def test_callbacks_are_set_by_their_names(tiny_images, fast):
    stopping = EarlyStopping(monitor="train_loss", patience=5, sink=lambda text: None)
    clusterer = make(fast, max_epochs=9, callbacks=[("stop", stopping), EpochTimer()])
    clusterer.set_params(
        # No loss improves by this threshold.
        callbacks__stop__patience=2,
        callbacks__stop__threshold=0.99,
        refinement_epochs=0,
    ).fit(tiny_images)
    assert len(clusterer.history_) == 3
    assert stopping.patience == 5  # fit changed a copy


def test_callbacks_are_replaced_and_removed_by_their_names(tiny_images, fast):
    stopping = EarlyStopping(monitor="train_loss", patience=1, threshold=0.99)
    clusterer = make(fast, max_epochs=5, callbacks=[("stop", stopping), EpochTimer()])
    clusterer.set_params(callbacks__stop=None).fit(tiny_images)
    assert len(clusterer.history_) == 5 + 1
    names = [name for name, _ in clusterer.net_.callbacks_]
    assert "EpochTimer" in names
    assert "stop" not in names
    other = EarlyStopping(
        monitor="train_loss", patience=2, threshold=0.99, sink=lambda text: None
    )
    clusterer.set_params(callbacks__stop=other).fit(tiny_images)
    assert len(clusterer.history_) == 3 + 1


def test_parameters_reach_a_callback_class(tiny_images, fast):
    class Note(Callback):
        def __init__(self, value=1):
            self.value = value

        def on_epoch_end(self, net, **kwargs):
            net.history.record("note", self.value)

    clusterer = make(fast, callbacks=[Note], callbacks__Note__value=3)
    assert clusterer.fit(tiny_images).history_[0, "note"] == 3
    clusterer.set_params(callbacks__Note__worth=3)
    with pytest.raises(ValueError, match=r"worth=3 is not .* callbacks__Note__value\."):
        clusterer.fit(tiny_images)


def test_early_stopping_is_set_by_its_name(tiny_images, fast):
    clusterer = make(
        fast,
        early_stopping=True,
        validation_fraction=0.25,
        callbacks__early_stopping__monitor="valid_reconstruction_loss",
    ).fit(tiny_images)
    callback = dict(clusterer.net_.callbacks_)["early_stopping"]
    assert callback.monitor == "valid_reconstruction_loss"
    assert callback.patience == 5
