"""What the second phase may do: its settings, by name or as objects."""

from dataclasses import dataclass
from typing import Any

from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.param_validation import (
    Count,
    Number,
    check_parameters,
)


@dataclass(frozen=True)
class PrototypeRefinement:
    """The authors' second phase: reconstruction, and prototypes that follow their own.

    The network learns to reconstruct from the latent and its soft assignment together;
    after each batch a prototype moves to the mean of the latents assigned to it.

    Parameters
    ----------
    temperature : float, default=0.1
        Temperature of the soft assignment, by cosines.

    momentum : float, default=0.9
        Part of a prototype that stays as it is in a step: 0 puts it to the mean of its
        members in the batch, as the authors do; more averages exponentially.

    References
    ----------
    Ferrante et al., arXiv:2209.12005.
    """

    temperature: float = 0.1
    momentum: float = 0.9


@dataclass(frozen=True)
class SelfTrainingRefinement:
    """Make cluster assignments more confident and consistent across views.

    Each sample's soft assignment is remembered, from the clusterer at first, and what
    the network gives its two views is averaged into that memory. Beside the joint loss
    of the first phase, the network learns to give both views the remembered
    assignment, sharpened. Nothing drives strata to be of equal size. In the end its
    weights are brought part of the way back to those that it started with; the
    clusterer is asked for the strata of the latents that have come of it, and the
    prototypes learn these.

    Parameters
    ----------
    temperature : float, default=0.1
        Temperature of the soft assignment, by cosines.

    power : float, default=2.0
        Power that remembered assignments are raised to; more is sharper.

    memory : float, default=0.5
        Part of a remembered assignment that stays as it is in an epoch.

    n_prototypes : int, default=8
        Prototypes of each stratum: with several it need not be round.

    n_neighbors : int, default=0
        Nearest neighbors, in the latents of the first phase, whose remembered
        assignments are averaged into a sample's target; 0 for its own alone.

    mixing : float, default=0.5
        How far the final weights lie on the way from those of the first phase, 0, to
        those at the end of this one, 1. Half-way, test images that are not quite like
        the training set fared better, and others about the same.

    References
    ----------
    Xie, Girshick, Farhadi, arXiv:1511.06335 (sharpened targets); Laine, Aila,
    arXiv:1610.02242 (temporal ensembling); Van Gansbeke et al., arXiv:2005.12320
    (neighbors that share a cluster); Wortsman et al., "Robust fine-tuning of zero-shot
    models", arXiv:2109.01903, eq. 1 (weights between those before and after).
    """

    temperature: float = 0.1
    power: float = 2.0
    memory: float = 0.5
    n_prototypes: int = 8
    n_neighbors: int = 0
    mixing: float = 0.5


Refinement = PrototypeRefinement | SelfTrainingRefinement

CONSTRAINTS: dict[str, list[Any]] = {
    "temperature": [Number(0, None, closed="neither")],
    "momentum": [Number(0, 1, closed="left")],
    "power": [Number(0, None, closed="neither")],
    "memory": [Number(0, 1, closed="left")],
    "n_prototypes": [Count(1)],
    "n_neighbors": [Count(0)],
    "mixing": [Number(0, 1, closed="right")],
}

REFINEMENTS: dict[str, Refinement] = {
    "prototypes": PrototypeRefinement(),
    "self_training": SelfTrainingRefinement(),
    "neighbors": SelfTrainingRefinement(n_neighbors=20),
}


def resolve_refinement(refinement: str | Refinement) -> Refinement:
    """Return the refinement that a parameter stands for.

    Parameters
    ----------
    refinement : {"prototypes", "self_training", "neighbors"} or refinement
        The parameter.

    Returns
    -------
    refinement : PrototypeRefinement or SelfTrainingRefinement
        The refinement, its own parameters checked.

    Raises
    ------
    ValueError
        If one of its parameters is out of its range.
    """
    if isinstance(refinement, str):
        return REFINEMENTS[refinement]
    try:
        check_parameters(
            {name: CONSTRAINTS[name] for name in vars(refinement)},
            vars(refinement),
            caller=type(refinement).__name__,
        )
    except ValueError as error:  # scikit-learn's own kind of it
        raise ValueError(f"refinement={show(refinement)}: {error}") from error
    return refinement
