"""The refinements that can be chosen, by name or as objects."""

from contrastive_clustering._refinement.base import Refinement
from contrastive_clustering._refinement.prototype_refinement import PrototypeRefinement
from contrastive_clustering._refinement.self_training import SelfTrainingRefinement
from contrastive_clustering._utils.messages import show

# A refinement is registered here: it can be chosen by its name, and saved files may
# hold objects of its class.
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
        The refinement, its own parameters checked.

    Raises
    ------
    ValueError
        If one of its parameters is out of its range.
    """
    if isinstance(refinement, str):
        return REFINEMENTS[refinement]
    try:
        refinement.check()
    except ValueError as error:  # scikit-learn's own kind of it
        raise ValueError(f"refinement={show(refinement)}: {error}") from error
    return refinement
