import pytest

from contrastive_clustering import PrototypeRefinement, SelfTrainingRefinement
from contrastive_clustering._refinement.settings import REFINEMENTS, resolve_refinement


@pytest.mark.parametrize("name", list(REFINEMENTS))
def test_names_stand_for_settings_that_pass_their_own_check(name):
    refinement = resolve_refinement(name)
    assert resolve_refinement(refinement) == refinement


@pytest.mark.parametrize(
    ("refinement", "name"),
    [
        (SelfTrainingRefinement(temperature=0.0), "temperature"),
        (SelfTrainingRefinement(temperature=-1.0), "temperature"),
        (SelfTrainingRefinement(temperature=float("nan")), "temperature"),
        (SelfTrainingRefinement(power=0.0), "power"),
        (SelfTrainingRefinement(memory=1.0), "memory"),
        (SelfTrainingRefinement(memory=-0.1), "memory"),
        (SelfTrainingRefinement(n_prototypes=0), "n_prototypes"),
        (SelfTrainingRefinement(n_neighbors=-1), "n_neighbors"),
        (SelfTrainingRefinement(n_neighbors=2.5), "n_neighbors"),
        (SelfTrainingRefinement(mixing=0.0), "mixing"),
        (SelfTrainingRefinement(mixing=1.1), "mixing"),
        (PrototypeRefinement(momentum=1.0), "momentum"),
        (PrototypeRefinement(momentum="much"), "momentum"),
    ],
)
def test_bad_settings_are_named(refinement, name):
    with pytest.raises((ValueError, TypeError), match=name):
        resolve_refinement(refinement)
