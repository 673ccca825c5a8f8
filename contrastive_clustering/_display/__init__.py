"""Plots of strata that follow the display convention of scikit-learn."""

from contrastive_clustering._display.center_similarity import (
    CenterSimilarityDisplay,
)
from contrastive_clustering._display.cluster_gallery import (
    ClusterGalleryDisplay,
)
from contrastive_clustering._display.cluster_number import ClusterNumberDisplay
from contrastive_clustering._display.embedding import EmbeddingDisplay
from contrastive_clustering._display.interpolation import InterpolationDisplay
from contrastive_clustering._display.label_spread import LabelSpreadDisplay
from contrastive_clustering._display.reconstruction import (
    ReconstructionDisplay,
)
from contrastive_clustering._display.sample import SampleDisplay
from contrastive_clustering._display.strata_composition import (
    StrataCompositionDisplay,
)
from contrastive_clustering._display.survival import SurvivalDisplay
from contrastive_clustering._display.training_curve import TrainingCurveDisplay

__all__ = [
    "CenterSimilarityDisplay",
    "ClusterGalleryDisplay",
    "ClusterNumberDisplay",
    "EmbeddingDisplay",
    "InterpolationDisplay",
    "LabelSpreadDisplay",
    "ReconstructionDisplay",
    "SampleDisplay",
    "StrataCompositionDisplay",
    "SurvivalDisplay",
    "TrainingCurveDisplay",
]
