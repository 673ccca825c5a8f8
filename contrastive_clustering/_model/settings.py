"""What a fit is asked to do: its settings, room by room."""

from dataclasses import dataclass

from contrastive_clustering._clustering.settings import ClusteringSettings
from contrastive_clustering._refinement.base import Refinement
from contrastive_clustering._training.settings import TrainingSettings


@dataclass(frozen=True, kw_only=True, eq=False)
class FitSettings:
    """Settings of a fit.

    Attributes
    ----------
    training : TrainingSettings
        How the network is trained.

    clustering : ClusteringSettings
        How its latents are clustered.

    refinement : Refinement or None
        What the second phase trains for; None if it has no epochs.
    """

    training: TrainingSettings
    clustering: ClusteringSettings
    refinement: Refinement | None
