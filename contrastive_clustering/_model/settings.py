"""Settings of a fit: training, clustering and refinement."""

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
        Settings of training.

    clustering : ClusteringSettings
        Settings of the clustering of latents.

    refinement : Refinement or None
        Objective of the second phase; None if it is skipped.
    """

    training: TrainingSettings
    clustering: ClusteringSettings
    refinement: Refinement | None
