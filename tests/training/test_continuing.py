import numpy as np
import pytest
import torch
from skorch.callbacks import Freezer, LRScheduler
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    GrayImageAugmentation,
)

CHANGES = {"criterion__change_weight": 0.5}


def test_warm_start_and_partial_fit_continue_training(tiny_images, first_phase):
    clusterer = ContrastiveAutoencoderClusterer(warm_start=True, **first_phase).fit(
        tiny_images
    )
    weights = clusterer.net_.module_.encoder[0].weight.detach().clone()
    losses = clusterer.history_[:, "train_loss"]
    clusterer.fit(tiny_images)
    assert clusterer.history_[:2, "train_loss"] == losses
    assert len(clusterer.history_) == 4
    clusterer.partial_fit(tiny_images)
    assert len(clusterer.history_) == 5
    assert not torch.equal(clusterer.net_.module_.encoder[0].weight, weights)
    moments = clusterer.net_.optimizer_.state_dict()["state"][0]
    assert moments["step"] == 5

    fresh = ContrastiveAutoencoderClusterer(**first_phase)
    for n_epochs in (1, 2):
        fresh.partial_fit(tiny_images)
        assert len(fresh.history_) == n_epochs
    np.testing.assert_array_equal(fresh.predict(tiny_images), fresh.labels_)


def test_weights_that_callbacks_have_frozen_stay_frozen(tiny_images, first_phase):
    def weights():
        return clusterer.net_.module_.encoder[0].weight.detach().clone()

    clusterer = ContrastiveAutoencoderClusterer(
        warm_start=True, callbacks=[Freezer("encoder.*")], **first_phase
    ).fit(tiny_images)
    frozen = weights()
    assert torch.equal(frozen, clusterer.partial_fit(tiny_images) and weights())
    assert torch.equal(frozen, clusterer.fit(tiny_images) and weights())
    clusterer.set_params(callbacks=None).fit(tiny_images)
    assert not torch.equal(frozen, weights())


@pytest.mark.parametrize(
    ("policy", "settings"),
    [
        ("StepLR", {"step_size": 1}),
        ("StepLR", {"step_size": 1, "last_epoch": -1}),
        ("ReduceLROnPlateau", {"patience": 0, "threshold": 9.0}),
        (CosineAnnealingLR, {"T_max": 2}),
        (OneCycleLR, {"max_lr": 1e-2, "total_steps": 99}),
        ("WarmRestartLR", {}),
    ],
)
def test_schedules_start_over(tiny_images, first_phase, policy, settings):
    schedule = LRScheduler(policy, **settings)
    clusterer = ContrastiveAutoencoderClusterer(
        warm_start=True,
        callbacks=[schedule],
        callbacks__lr_schedule=None,
        **first_phase,
    ).fit(tiny_images)
    rates = clusterer.history_[:, "event_lr"]
    clusterer.fit(tiny_images)
    assert clusterer.history_[:, "event_lr"] == [*rates, *rates]
    clusterer.partial_fit(tiny_images)
    assert clusterer.history_[-1, "event_lr"] == rates[0]
    assert schedule.kwargs == settings


def test_warm_start_takes_new_parameters(tiny_images, first_phase):
    clusterer = ContrastiveAutoencoderClusterer(warm_start=True, **first_phase).fit(
        tiny_images
    )
    clusterer.set_params(
        lr=1e-5, max_epochs=3, callbacks__lr_schedule=None, n_clusters=3
    )
    clusterer.fit(tiny_images)
    assert clusterer.net_.optimizer_.param_groups[0]["lr"] == 1e-5
    assert len(clusterer.history_) == 5
    assert clusterer.n_clusters_ == 3
    clusterer.set_params(latent_dim=7)
    before = clusterer.transform(tiny_images)
    with pytest.raises(ValueError, match=r"latent_dim=7, was 4;.*warm_start=False"):
        clusterer.fit(tiny_images)
    np.testing.assert_array_equal(clusterer.transform(tiny_images), before)
    clusterer.set_params(latent_dim=4, optimizer=torch.optim.SGD).fit(tiny_images)
    assert isinstance(clusterer.net_.optimizer_, torch.optim.SGD)


@pytest.mark.parametrize(
    ("first", "second", "has_changes"),
    [
        ({}, CHANGES, True),
        (CHANGES, {"criterion__change_weight": 0.0}, False),
        (CHANGES, {"augmentation": None}, False),
        (CHANGES, {"augmentation": GrayImageAugmentation(degrees=0)}, True),
    ],
)
def test_training_continues_with_other_changes(
    tiny_images, first_phase, first, second, has_changes
):
    clusterer = ContrastiveAutoencoderClusterer(
        **first_phase, warm_start=True, **first
    ).fit(tiny_images)
    weights = clusterer.net_.module_.encoder[0].weight.detach().clone()
    clusterer.set_params(**second, max_epochs=1, lr=1e-30).fit(tiny_images)
    assert len(clusterer.history_) == 3
    assert torch.equal(clusterer.net_.module_.encoder[0].weight, weights)
    assert ("train_change_loss" in clusterer.history_[-1]) == has_changes
