"""Find strata in unlabeled images with a contrastive autoencoder."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contrastive_clustering._public import *

__version__ = "0.1.0"

__all__ = [
    "CenterSimilarityDisplay",
    "ClusterGalleryDisplay",
    "ClusterNumberDisplay",
    "ClusterNumberResult",
    "ClusterNumberSearch",
    "ClusterStability",
    "ClusteringEvaluation",
    "ConfoundingAudit",
    "ConsensusClustering",
    "ContrastiveAutoencoderClusterer",
    "CostEstimate",
    "EmbeddingDisplay",
    "GrayImageAugmentation",
    "InterpolationDisplay",
    "LabelSpreadDisplay",
    "PerturbationAudit",
    "PretrainedEncoder",
    "PrototypeRefinement",
    "RGBImageAugmentation",
    "ReconstructionDisplay",
    "Refinement",
    "SampleDisplay",
    "SelfTrainingRefinement",
    "StrataAssociation",
    "StrataCompositionDisplay",
    "SurvivalDisplay",
    "TableAugmentation",
    "TrainingCurveDisplay",
    "VolumeAugmentation",
    "__version__",
    "associate_strata",
    "audit_confounding",
    "audit_perturbations",
    "cluster_stability",
    "clustering_report",
    "datasets",
    "estimate_cost",
    "evaluate_clustering",
    "metrics",
    "nt_xent",
]


# Importing PyTorch takes seconds, which the help of the command does not need.
def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module("contrastive_clustering._public"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, *globals()]
