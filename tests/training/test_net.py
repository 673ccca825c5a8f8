import pickle

import numpy as np
import pytest
import skorch
import torch
from skorch.callbacks import Initializer
from world import global_state

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    GrayImageAugmentation,
)
from contrastive_clustering._networks.joint_loss import JointLoss


class Flipping(GrayImageAugmentation):
    """A subclass whose views differ by more than what its base class draws."""

    def __call__(self, batch, generator):
        return super().__call__(batch.flip(-1), generator)


# Parameters with which the network learns how views differ.
CHANGES = {"criterion__change_weight": 0.5}


def test_net_is_a_skorch_net_with_a_history(tiny_images, first_phase):
    clusterer = ContrastiveAutoencoderClusterer(**first_phase).fit(tiny_images)
    assert isinstance(clusterer.net_, skorch.NeuralNet)
    assert clusterer.history_ is clusterer.net_.history
    epoch = clusterer.history_[-1]
    assert epoch["train_loss"] == pytest.approx(
        epoch["train_contrastive_loss"]
        + 0.1 * epoch["train_reconstruction_loss"]
        + 0.03 * epoch["train_decorrelation_loss"]
    )
    assert epoch["dur"] > 0
    assert len(clusterer.history_) == 2
    assert not any(name.startswith("valid") for name in epoch)


def test_losses_decrease(digits):
    images, _ = digits
    history = (
        ContrastiveAutoencoderClusterer(
            clusterer="kmeans", max_epochs=6, refinement_epochs=0, random_state=0
        )
        .fit(images[:600])
        .history_
    )
    for name in ("train_contrastive_loss", "train_reconstruction_loss"):
        assert history[-1, name] < 0.9 * history[0, name]


def test_changes_between_views_are_learned_in_both_phases(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(
        **fast, **CHANGES, early_stopping=True, validation_fraction=0.25
    ).fit(tiny_images)
    assert len(clusterer.history_) == 3
    for epoch in clusterer.history_:
        total = (
            epoch["train_contrastive_loss"]
            + 0.1 * epoch["train_reconstruction_loss"]
            + 0.03 * epoch["train_decorrelation_loss"]
            + 0.5 * epoch["train_change_loss"]
            + epoch.get("train_assignment_loss", 0)
        )
        assert epoch["train_loss"] == pytest.approx(total)
    assert clusterer.history_[0, "valid_change_loss"] > 0
    head = clusterer.net_.module_.change_head
    assert head[-1].out_features == 7


def test_changes_become_predictable(digits):
    history = (
        ContrastiveAutoencoderClusterer(
            max_epochs=6, refinement_epochs=0, random_state=0, **CHANGES
        )
        .fit(digits[0][:600])
        .history_
    )
    # The difference of two draws from -1 to 1 has the variance 2/3.
    assert history[-1, "train_change_loss"] < 0.8 * 2 / 3


@pytest.mark.parametrize(
    ("others", "groups"),
    [
        ({"augmentation": None}, None),
        ({"augmentation": lambda batch: batch + 0.1}, None),
        ({"augmentation": Flipping()}, None),
        ({"iterator_train__group_positives": True}, np.arange(40) // 2),
    ],
)
def test_changes_that_are_not_known_are_not_learned(tiny_images, fast, others, groups):
    clusterer = ContrastiveAutoencoderClusterer(
        **{**fast, "refinement_epochs": 0}, **CHANGES, **others
    ).fit(tiny_images, groups=groups)
    assert "train_change_loss" not in clusterer.history_[-1]


def test_tables_have_no_changes_to_learn(tiny_images, first_phase):
    X = tiny_images.reshape(40, -1).astype(float)
    clusterer = ContrastiveAutoencoderClusterer(**first_phase, **CHANGES).fit(X)
    assert clusterer.net_.module_.change_head is None


def test_fit_is_reproducible_and_leaves_global_state_unchanged(tiny_images, fast):
    before = global_state()
    first = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    assert global_state() == before
    torch.rand(3), np.random.rand(3)  # global generators do not affect the fit
    second = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    third = ContrastiveAutoencoderClusterer(**{**fast, "random_state": 1}).fit(
        tiny_images
    )
    latents = [c.transform(tiny_images) for c in (first, second, third)]
    np.testing.assert_array_equal(latents[0], latents[1])
    np.testing.assert_array_equal(first.labels_, second.labels_)
    assert not np.allclose(latents[0], latents[2])


def test_weights_that_a_callback_draws_depend_on_the_seed_alone(tiny_images, fast):
    draw = Initializer("encoder.*weight", fn=torch.nn.init.normal_)
    clusterer = ContrastiveAutoencoderClusterer(callbacks=[draw], **fast)
    before = global_state()
    first = clusterer.fit(tiny_images).transform(tiny_images)
    assert global_state() == before
    torch.rand(3)
    np.testing.assert_array_equal(
        clusterer.fit(tiny_images).transform(tiny_images), first
    )
    clusterer.set_params(random_state=5).fit(tiny_images)
    assert not np.array_equal(clusterer.transform(tiny_images), first)


def test_an_error_in_a_callable_leaves_global_state_unchanged(tiny_images, fast):
    def fails(batch):
        torch.rand(3)
        raise RuntimeError("callable failed")

    before = global_state()
    clusterer = ContrastiveAutoencoderClusterer(augmentation=fails, **fast)
    with pytest.raises(RuntimeError, match="callable failed"):
        clusterer.fit(tiny_images)
    assert global_state() == before
    assert not hasattr(clusterer, "net_")


@pytest.mark.parametrize(
    "augmentation", [None, lambda batch: batch + 0.1 * torch.randn_like(batch), "rgb"]
)
def test_training_with_each_kind_of_augmentation_is_reproducible(
    tiny_images, fast, augmentation
):
    fits = [
        ContrastiveAutoencoderClusterer(augmentation=augmentation, **fast).fit(
            tiny_images
        )
        for _ in range(2)
    ]
    first, second = (fit.transform(tiny_images) for fit in fits)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("sides", "parameters", "restores"),
    [
        ((8, 8, 8), {}, True),
        ((8, 8, 8), {"early_stopping": True}, True),
        ((8, 8, 8), {"augmentation": "gray"}, False),
        ((8, 8), {"early_stopping": True}, False),
    ],
)
def test_decoder_targets(fast, monkeypatch, sides, parameters, restores):
    X = np.random.default_rng(0).normal(size=(20, *sides))
    seen = []

    class Noting(JointLoss):
        def forward(self, output, targets, *args):
            seen.append(targets.detach())
            return super().forward(output, targets, *args)

    monkeypatch.setattr("contrastive_clustering._training.build.JointLoss", Noting)
    clusterer = ContrastiveAutoencoderClusterer(**fast, **parameters).fit(X)
    scaled = torch.from_numpy((X - X.mean()) / X.std()).float()[:, None]
    # One batch per epoch, and with early stopping a second one for validation.
    assert len(seen) == 3 + 2 * ("early_stopping" in parameters)
    for targets in seen:
        distances = torch.cdist(targets.flatten(1), scaled.flatten(1), p=1) / 64
        closest, samples = distances.min(dim=1)
        assert torch.equal(*samples.chunk(2)) or not restores
        assert bool((closest < 1e-2).all()) is restores
    assert clusterer.transform(X).shape == (20, 4)


def test_early_stopping_keeps_the_best_epoch(tiny_images, first_phase):
    first_phase = {**first_phase, "max_epochs": 200, "lr": 0.3}
    clusterer = ContrastiveAutoencoderClusterer(
        early_stopping=True,
        callbacks__early_stopping__patience=2,
        validation_fraction=0.25,
        **first_phase,
    )
    history = clusterer.fit(tiny_images).history_
    losses = history[:, "valid_loss"]
    assert len(history) < 200
    assert np.argmin(losses) == len(history) - 3
    assert history[-1, "valid_reconstruction_loss"] > 0
    # Validation draws the same views each time, so the losses are reproducible.
    again = clusterer.fit(tiny_images).history_
    assert again[:, "valid_loss"] == losses


@pytest.mark.parametrize("verbose", [0, 1])
def test_fitted_nets_can_be_pickled(tiny_images, fast, verbose):
    clusterer = ContrastiveAutoencoderClusterer(verbose=verbose, **fast).fit(
        tiny_images
    )
    loaded = pickle.loads(pickle.dumps(clusterer))
    np.testing.assert_array_equal(
        loaded.transform(tiny_images), clusterer.transform(tiny_images)
    )


def test_training_that_diverges_is_an_error(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(
        optimizer=torch.optim.SGD, callbacks__lr_schedule=None, lr=1e30, **fast
    )
    with pytest.raises(ValueError, match=r"Training diverged.*lr=1e\+30.*Lower lr"):
        clusterer.fit(tiny_images)
    assert not hasattr(clusterer, "net_")


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_other_optimizers(tiny_images, fast, optimizer):
    clusterer = ContrastiveAutoencoderClusterer(
        optimizer=optimizer, optimizer__weight_decay=0.5, **fast
    ).fit(tiny_images)
    assert type(clusterer.net_.optimizer_) is optimizer
    assert clusterer.net_.optimizer_.param_groups[0]["weight_decay"] == 0.5
