"""Pictures of strata, in scikit-learn's convention of displays."""

from contrastive_clustering._display._cluster_gallery_display import (
    ClusterGalleryDisplay,
)
from contrastive_clustering._display._cluster_number_display import ClusterNumberDisplay
from contrastive_clustering._display._embedding_display import EmbeddingDisplay
from contrastive_clustering._display._interpolation_display import InterpolationDisplay
from contrastive_clustering._display._label_spread_display import LabelSpreadDisplay
from contrastive_clustering._display._prototype_similarity_display import (
    PrototypeSimilarityDisplay,
)
from contrastive_clustering._display._reconstruction_display import (
    ReconstructionDisplay,
)
from contrastive_clustering._display._sample_display import SampleDisplay
from contrastive_clustering._display._training_curve_display import TrainingCurveDisplay

__all__ = [
    "ClusterGalleryDisplay",
    "ClusterNumberDisplay",
    "EmbeddingDisplay",
    "InterpolationDisplay",
    "LabelSpreadDisplay",
    "PrototypeSimilarityDisplay",
    "ReconstructionDisplay",
    "SampleDisplay",
    "TrainingCurveDisplay",
]
