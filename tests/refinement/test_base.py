from dataclasses import dataclass

import numpy as np
import pytest
import torch

from contrastive_clustering import ContrastiveAutoencoderClusterer, Refinement


@dataclass(frozen=True, kw_only=True)
class FrozenAssignments(Refinement):
    """A minimal refinement, which keeps the stored assignments."""

    def update_assignments(self, stored, predicted, progress):
        return stored


def test_the_base_class_is_abstract():
    with pytest.raises(TypeError, match=r"abstract.*update_assignments"):
        Refinement()


def test_a_custom_refinement_can_be_passed(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(
        **fast, refinement=FrozenAssignments(temperature=0.2)
    ).fit(tiny_images)
    assert clusterer.net_.module_.prototype_head.temperature == 0.2
    assert "train_assignment_loss" not in clusterer.history_[-1]
    np.testing.assert_array_equal(clusterer.predict(tiny_images), clusterer.labels_)


def test_parameters_of_a_custom_refinement_are_checked(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(
        **fast, refinement=FrozenAssignments(temperature=0.0)
    )
    with pytest.raises(ValueError, match=r"refinement=.*'temperature'.* of Frozen"):
        clusterer.fit(tiny_images)


def test_the_defaults_train_one_prototype_a_cluster_by_the_joint_loss():
    refinement = FrozenAssignments()
    assert refinement.temperature == 0.1
    assert refinement.is_contrastive
    assert not refinement.moves_prototypes
    assert not refinement.reclusters
    assert refinement.prototypes_per_cluster == 1
    assert refinement.target_neighbors == 0
    assert refinement.final_weight == 1
    assert refinement.loss_terms(None, torch.eye(2)) == {}


def test_prototypes_do_not_move_by_default():
    prototypes = torch.eye(2)
    moved = FrozenAssignments().move_prototypes(prototypes, torch.eye(2), torch.eye(2))
    assert moved is prototypes
