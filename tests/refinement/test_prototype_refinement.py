import pytest
import torch

from contrastive_clustering import PrototypeRefinement


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_prototypes_move_toward_the_mean_direction_of_their_members(momentum):
    prototypes = torch.eye(2)
    directions = torch.tensor([[1.0, 0.0], [0.8, 0.6]])
    proba = torch.tensor([[0.9, 0.1], [0.6, 0.4]])
    moved = PrototypeRefinement(momentum=momentum).move_prototypes(
        prototypes, directions, proba
    )
    mean = torch.tensor([1.8, 0.6]) / torch.tensor([1.8, 0.6]).norm()
    expected = momentum * prototypes[0] + (1 - momentum) * mean
    torch.testing.assert_close(moved[0], expected / expected.norm())
    torch.testing.assert_close(moved[1], prototypes[1])  # it has no members


def test_prototypes_mostly_keep_their_direction_by_default():
    assert PrototypeRefinement().momentum == 0.9


def test_predictions_replace_stored_assignments_without_a_loss_term():
    refinement = PrototypeRefinement()
    stored, predicted = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.2, 0.8]])
    updated = refinement.update_assignments(stored, predicted, 0.1)
    assert torch.equal(updated, predicted)
    assert refinement.loss_terms(None, stored) == {}
    assert not refinement.is_contrastive
    assert not refinement.reclusters
    assert refinement.moves_prototypes
    assert refinement.final_weight == 1
