from dataclasses import replace

import numpy as np
import pytest
import torch
from skorch.callbacks import EarlyStopping, PrintLog

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    PrototypeRefinement,
    SelfTrainingRefinement,
)
from contrastive_clustering._estimator.settings import unresolved_training
from contrastive_clustering._refinement.build import _neighbors, start_refinement
from contrastive_clustering._refinement.net import LR_SCALE, learned_values
from contrastive_clustering._utils.grouping import Grouping


def start(tiny_images, fast, refinement, groups=None, **params):
    estimator = ContrastiveAutoencoderClusterer(
        **{**fast, "refinement_epochs": 0}, **params
    ).fit(tiny_images)
    latents = estimator.transform(tiny_images)
    proba = np.eye(2, dtype=np.float32)[estimator.labels_]
    refining = start_refinement(
        estimator.net_,
        replace(unresolved_training(estimator), refinement_epochs=5),
        refinement,
        latents=latents,
        proba=proba,
        memberships=proba,
        groups=groups,
    )
    return refining, estimator


def names_of(refining):
    return [name for name, _ in refining.callbacks_]


def test_a_net_starts_from_the_clusters_on_the_same_module(tiny_images, fast):
    refinement = SelfTrainingRefinement(n_prototypes=3, n_neighbors=4)
    groups = [("encoder.*", {"lr": 0.3}), ("decoder.*", {"weight_decay": 0.5})]
    refining, estimator = start(
        tiny_images, fast, refinement, optimizer__param_groups=groups
    )
    assert refining.module_ is estimator.net_.module_
    assert refining.phase == "second"
    assert refining.history is estimator.net_.history
    assert refining.max_epochs == 5
    assert refining.lr == pytest.approx(estimator.lr / 3)
    assert refining.user_lr == pytest.approx(estimator.lr)
    rates = {group["initial_lr"] for group in refining.optimizer_.param_groups}
    assert rates == {0.3 * LR_SCALE, estimator.lr * LR_SCALE}
    decays = {group["weight_decay"] for group in refining.optimizer_.param_groups}
    assert decays == {0.5, 1e-4}
    head = refining.module_.prototype_head
    assert head.prototypes.shape == (2, 3, 4)
    assert head.prototypes.requires_grad
    assert refining.neighbors.shape == (40, 5)
    labels = torch.from_numpy(estimator.labels_)
    assert torch.equal(refining.memberships.argmax(dim=1), labels)
    assert refining.criterion_.contrastive_weight == 1
    assert refining.criterion_.decorrelation_weight == 0.03


def test_a_net_trains_with_the_settings_of_the_first_phase(tiny_images, fast):
    refining, estimator = start(
        tiny_images,
        fast,
        SelfTrainingRefinement(temperature=0.3),
        batch_size=8,
        criterion__kl_warm_up=0.4,
        iterator_train__group_positives=True,
    )
    net = estimator.net_
    assert refining.module_.prototype_head.temperature == 0.3
    assert refining.batch_size == net.batch_size == 8
    assert refining.augmentation is net.augmentation is not None
    assert refining.nuisance_negatives is net.nuisance_negatives is True
    assert refining.train_split is None
    assert refining.criterion_.kl_warm_up == 0
    assert refining.iterator_train__group_positives is False


def test_loggers_and_the_schedule_take_part_but_not_other_callbacks(tiny_images, fast):
    callbacks = [
        ("log", PrintLog(sink=lambda text: None)),
        ("stop", EarlyStopping(monitor="train_loss")),
    ]
    refining, _ = start(
        tiny_images,
        fast,
        SelfTrainingRefinement(),
        callbacks=callbacks,
        callbacks__log__keys_ignored=["dur"],
    )
    names = names_of(refining)
    assert {"RelocateEmptyPrototypes", "log", "lr_schedule"} <= {*names}
    assert not {"stop", "training_bar"} & {*names}
    assert dict(refining.callbacks_)["log"].keys_ignored == ["dur"]
    refining, _ = start(
        tiny_images,
        fast,
        SelfTrainingRefinement(),
        callbacks__lr_schedule=None,
        verbose=1,
    )
    assert dict(refining.callbacks_)["training_bar"].task == "refinement"
    assert "lr_schedule" not in names_of(refining)


def test_the_start_is_not_changed_by_training(tiny_images, fast):
    refining, _ = start(tiny_images, fast, SelfTrainingRefinement())
    before = {name: value.clone() for name, value in refining.start.items()}
    values = learned_values(refining.module_)
    assert values.keys() == before.keys()
    with torch.no_grad():
        for value in values.values():
            value.add_(1)
    for name, value in refining.start.items():
        assert torch.equal(value, before[name])


def test_a_group_weighs_as_one_at_the_start(tiny_images, fast):
    groups = Grouping(np.r_[np.zeros(10, int), np.arange(1, 31)], 31)
    refinement = SelfTrainingRefinement(n_prototypes=1, n_neighbors=3)
    refining, estimator = start(tiny_images, fast, refinement, groups)
    latents, weights = estimator.transform(tiny_images), groups.weights()
    offsets = latents - np.average(latents, axis=0, weights=weights)
    head = refining.module_.prototype_head
    np.testing.assert_allclose(latents - head.origin.numpy(), offsets, atol=1e-5)
    units = offsets / np.linalg.norm(offsets, axis=1, keepdims=True)
    for cluster, (prototype,) in enumerate(head.prototypes.detach().numpy()):
        members = estimator.labels_ == cluster
        mean = np.average(units[members], axis=0, weights=weights[members])
        np.testing.assert_allclose(prototype, mean / np.linalg.norm(mean), atol=1e-5)
    codes = groups.codes[refining.neighbors.numpy()]
    assert all(len(set(row)) == 4 for row in codes.tolist())


def test_the_optimizer_ignores_prototypes_that_are_moved(tiny_images, fast):
    refining, _ = start(
        tiny_images, fast, PrototypeRefinement(), criterion__change_weight=0.5
    )
    assert not refining.module_.prototype_head.prototypes.requires_grad
    assert refining.neighbors is None
    assert refining.criterion_.contrastive_weight == 0
    assert refining.criterion_.decorrelation_weight == 0
    assert refining.criterion_.change_weight == 0


def test_neighbors_are_the_nearest_by_cosine():
    latents = np.random.default_rng(0).normal(size=(30, 4))
    found = _neighbors(latents, 3, None)
    for row, latent in enumerate(latents):
        norms = np.linalg.norm(latents, axis=1) * np.linalg.norm(latent)
        order = np.argsort(-(latents @ latent) / norms)
        np.testing.assert_array_equal(found[row], order[:4])


def test_there_are_at_most_as_many_neighbors_as_other_samples():
    latents = np.random.default_rng(0).normal(size=(30, 5))
    latents[0] = 0  # has no direction
    assert _neighbors(latents[:3], 20, None).shape == (3, 3)
    groups = Grouping(np.repeat(np.arange(10), 3), 10)
    assert _neighbors(latents, 20, groups).shape == (30, 10)


def test_neighbors_are_of_other_groups():
    latents = np.random.default_rng(0).normal(size=(30, 5))
    groups = Grouping(np.repeat(np.arange(10), 3), 10)
    neighbors = _neighbors(latents, 4, groups)
    assert neighbors.shape == (30, 5)
    np.testing.assert_array_equal(neighbors[:, 0], np.arange(30))
    codes = groups.codes[neighbors]
    assert all(len(set(row)) == 5 for row in codes.tolist())
