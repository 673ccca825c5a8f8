"""Find strata in unlabelled images with a contrastive autoencoder."""

from contrastive_clustering import datasets, metrics
from contrastive_clustering._cluster_number import (
    ClusterNumberResult,
    ClusterNumberSearch,
)
from contrastive_clustering._consensus import ConsensusClustering
from contrastive_clustering._display import (
    ClusterGalleryDisplay,
    ClusterNumberDisplay,
    EmbeddingDisplay,
    InterpolationDisplay,
    LabelSpreadDisplay,
    PrototypeSimilarityDisplay,
    ReconstructionDisplay,
    SampleDisplay,
    TrainingCurveDisplay,
)
from contrastive_clustering._estimator import ContrastiveAutoencoderClusterer
from contrastive_clustering._evaluation import evaluate_clustering
from contrastive_clustering._evaluation_result import ClusteringEvaluation
from contrastive_clustering._losses import nt_xent
from contrastive_clustering._presets import (
    GreyImageAugmentation,
    RGBImageAugmentation,
    TableAugmentation,
    VolumeAugmentation,
)
from contrastive_clustering._refinement import (
    PrototypeRefinement,
    SelfTrainingRefinement,
)
from contrastive_clustering._report import clustering_report
from contrastive_clustering._stability import ClusterStability, cluster_stability

__version__ = "0.1.0"

__all__ = [
    "ClusterGalleryDisplay",
    "ClusterNumberDisplay",
    "ClusterNumberResult",
    "ClusterNumberSearch",
    "ClusterStability",
    "ClusteringEvaluation",
    "ConsensusClustering",
    "ContrastiveAutoencoderClusterer",
    "EmbeddingDisplay",
    "GreyImageAugmentation",
    "InterpolationDisplay",
    "LabelSpreadDisplay",
    "PrototypeRefinement",
    "PrototypeSimilarityDisplay",
    "RGBImageAugmentation",
    "ReconstructionDisplay",
    "SampleDisplay",
    "SelfTrainingRefinement",
    "TableAugmentation",
    "TrainingCurveDisplay",
    "VolumeAugmentation",
    "__version__",
    "cluster_stability",
    "clustering_report",
    "datasets",
    "evaluate_clustering",
    "metrics",
    "nt_xent",
]
