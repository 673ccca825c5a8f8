from types import SimpleNamespace

import pytest
import torch

from contrastive_clustering import SelfTrainingRefinement


def test_the_loss_is_the_cross_entropy_with_sharpened_assignments():
    stored = torch.tensor([[0.8, 0.2], [0.5, 0.5]])
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 3.0]])
    output = SimpleNamespace(logits=logits)
    terms = SelfTrainingRefinement(sharpening=2.0).loss_terms(output, stored)
    targets = torch.tensor([[0.64, 0.04], [0.5, 0.5]])
    targets[0] /= 0.68
    expected = torch.stack(
        [-(targets[row % 2] * logits[row].log_softmax(dim=0)).sum() for row in range(4)]
    ).mean()
    torch.testing.assert_close(terms["assignment_loss"], expected)


@pytest.mark.parametrize(
    ("progress", "is_kept"), [(0.125, True), (0.25, True), (0.3, False)]
)
def test_predictions_enter_after_a_quarter_of_the_epochs(progress, is_kept):
    stored, predicted = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    refinement = SelfTrainingRefinement(target_momentum=0.7)
    updated = refinement.update_assignments(stored, predicted, progress)
    expected = stored if is_kept else torch.tensor([[0.7, 0.3]])
    torch.testing.assert_close(updated, expected)


def test_its_parameters_control_the_phase():
    refinement = SelfTrainingRefinement(
        n_prototypes=3, n_neighbors=5, weight_interpolation=0.25
    )
    assert refinement.prototypes_per_cluster == 3
    assert refinement.target_neighbors == 5
    assert refinement.final_weight == 0.25
    assert refinement.reclusters
    assert refinement.is_contrastive
    assert not refinement.moves_prototypes
