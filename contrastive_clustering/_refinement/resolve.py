"""The available refinements, chosen by name or passed as objects."""

from contrastive_clustering._refinement.base import Refinement
from contrastive_clustering._refinement.prototype_refinement import PrototypeRefinement
from contrastive_clustering._refinement.self_training import SelfTrainingRefinement
from contrastive_clustering._utils.messages import show

# Register a refinement here. Then it can be chosen by its name, and saved files may
# contain objects of its class.
REFINEMENTS: dict[str, Refinement] = {
    "prototypes": PrototypeRefinement(),
    "self_training": SelfTrainingRefinement(),
    "neighbors": SelfTrainingRefinement(n_neighbors=20),
}

REFINEMENT_CLASSES: tuple[type[Refinement], ...] = tuple(
    dict.fromkeys(type(refinement) for refinement in REFINEMENTS.values())
)


def resolve_refinement(refinement: str | Refinement) -> Refinement:
    """Return the refinement that a parameter stands for.

    Parameters
    ----------
    refinement : {"prototypes", "self_training", "neighbors"} or Refinement
        The parameter.

    Returns
    -------
    refinement : Refinement
        The refinement, with valid parameters.

    Raises
    ------
    ValueError
        If one of its parameters is not valid.
    """
    if isinstance(refinement, str):
        return REFINEMENTS[refinement]
    try:
        refinement.check()
    except ValueError as error:  # a subclass of it, defined by scikit-learn
        raise ValueError(f"refinement={show(refinement)}: {error}") from error
    return refinement
