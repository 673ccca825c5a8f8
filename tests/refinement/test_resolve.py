import pytest

from contrastive_clustering import PrototypeRefinement, SelfTrainingRefinement
from contrastive_clustering._refinement.resolve import (
    REFINEMENT_CLASSES,
    REFINEMENTS,
    resolve_refinement,
)


@pytest.mark.parametrize("name", list(REFINEMENTS))
def test_names_stand_for_valid_settings(name):
    refinement = resolve_refinement(name)
    assert resolve_refinement(refinement) == refinement


def test_only_neighbors_shares_targets():
    neighbors = {name: each.target_neighbors for name, each in REFINEMENTS.items()}
    assert neighbors == {"prototypes": 0, "self_training": 0, "neighbors": 20}
    assert [*REFINEMENT_CLASSES] == [PrototypeRefinement, SelfTrainingRefinement]


@pytest.mark.parametrize(
    ("refinement", "name"),
    [
        (SelfTrainingRefinement(temperature=0.0), "temperature"),
        (SelfTrainingRefinement(temperature=-1.0), "temperature"),
        (SelfTrainingRefinement(temperature=float("nan")), "temperature"),
        (SelfTrainingRefinement(sharpening=0.0), "sharpening"),
        (SelfTrainingRefinement(target_momentum=1.0), "target_momentum"),
        (SelfTrainingRefinement(target_momentum=-0.1), "target_momentum"),
        (SelfTrainingRefinement(n_prototypes=0), "n_prototypes"),
        (SelfTrainingRefinement(n_neighbors=-1), "n_neighbors"),
        (SelfTrainingRefinement(n_neighbors=2.5), "n_neighbors"),
        (SelfTrainingRefinement(weight_interpolation=0.0), "weight_interpolation"),
        (SelfTrainingRefinement(weight_interpolation=1.1), "weight_interpolation"),
        (PrototypeRefinement(momentum=1.0), "momentum"),
        (PrototypeRefinement(momentum="much"), "momentum"),
    ],
)
def test_invalid_settings_are_named(refinement, name):
    with pytest.raises(ValueError, match=rf"^refinement=\w+\(.*: The '{name}' param"):
        resolve_refinement(refinement)
