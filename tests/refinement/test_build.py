import numpy as np
import pytest
import torch

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    PrototypeRefinement,
    SelfTrainingRefinement,
)
from contrastive_clustering._estimator.settings import unresolved_training
from contrastive_clustering._refinement.build import _neighbors, start_refinement
from contrastive_clustering._refinement.net import LR_SCALE
from contrastive_clustering._utils.grouping import Grouping


def start(tiny_images, fast, refinement, **params):
    estimator = ContrastiveAutoencoderClusterer(
        **{**fast, "refinement_epochs": 0}, **params
    ).fit(tiny_images)
    latents = estimator.transform(tiny_images)
    proba = np.eye(2, dtype=np.float32)[estimator.labels_]
    estimator.set_params(refinement_epochs=5)
    refining = start_refinement(
        estimator.net_,
        unresolved_training(estimator),
        refinement,
        latents=latents,
        proba=proba,
        memberships=proba,
    )
    return refining, estimator


def test_a_net_starts_from_the_clusters_on_the_same_module(tiny_images, fast):
    refinement = SelfTrainingRefinement(n_prototypes=3, n_neighbors=4)
    groups = [("encoder.*", {"lr": 0.3})]
    refining, estimator = start(
        tiny_images, fast, refinement, optimizer__param_groups=groups
    )
    assert refining.module_ is estimator.net_.module_
    assert refining.history is estimator.net_.history
    assert refining.max_epochs == 5
    assert refining.lr == pytest.approx(estimator.lr * LR_SCALE)
    rates = {group["initial_lr"] for group in refining.optimizer_.param_groups}
    assert rates == {0.3 * LR_SCALE, estimator.lr * LR_SCALE}
    head = refining.module_.prototype_head
    assert head.prototypes.shape == (2, 3, 4)
    assert head.prototypes.requires_grad
    assert refining.neighbors.shape == (40, 5)
    labels = torch.from_numpy(estimator.labels_)
    assert torch.equal(refining.memberships.argmax(dim=1), labels)
    assert refining.criterion_.contrastive_weight == 1
    assert refining.criterion_.decorrelation_weight == 0.03


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


def test_neighbors_are_of_other_groups():
    latents = np.random.default_rng(0).normal(size=(30, 5))
    groups = Grouping(np.repeat(np.arange(10), 3), 10)
    neighbors = _neighbors(latents, 4, groups)
    assert neighbors.shape == (30, 5)
    np.testing.assert_array_equal(neighbors[:, 0], np.arange(30))
    codes = groups.codes[neighbors]
    assert all(len(set(row)) == 5 for row in codes.tolist())
