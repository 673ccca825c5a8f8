"""The public names, imported from where they are defined.

The package imports this module when one of its names is used for the first time.
"""

from contrastive_clustering import datasets, metrics
from contrastive_clustering._augmentation.presets import (
    GrayImageAugmentation,
    RGBImageAugmentation,
    TableAugmentation,
    VolumeAugmentation,
)
from contrastive_clustering._clustering.consensus import ConsensusClustering
from contrastive_clustering._clustering.n_clusters_search import (
    ClusterNumberResult,
    ClusterNumberSearch,
)
from contrastive_clustering._display import (
    CenterSimilarityDisplay,
    ClusterGalleryDisplay,
    ClusterNumberDisplay,
    EmbeddingDisplay,
    InterpolationDisplay,
    LabelSpreadDisplay,
    ReconstructionDisplay,
    SampleDisplay,
    StrataCompositionDisplay,
    SurvivalDisplay,
    TrainingCurveDisplay,
)
from contrastive_clustering._estimator.clusterer import ContrastiveAutoencoderClusterer
from contrastive_clustering._estimator.cost import estimate_cost
from contrastive_clustering._evaluation.association import associate_strata
from contrastive_clustering._evaluation.association_result import StrataAssociation
from contrastive_clustering._evaluation.audit import audit_confounding
from contrastive_clustering._evaluation.audit_result import ConfoundingAudit
from contrastive_clustering._evaluation.evaluate import evaluate_clustering
from contrastive_clustering._evaluation.perturbation import audit_perturbations
from contrastive_clustering._evaluation.perturbation_result import PerturbationAudit
from contrastive_clustering._evaluation.result import ClusteringEvaluation
from contrastive_clustering._evaluation.stability import cluster_stability
from contrastive_clustering._evaluation.stability_result import ClusterStability
from contrastive_clustering._model.cost import CostEstimate
from contrastive_clustering._networks.losses import nt_xent
from contrastive_clustering._networks.pretrained import PretrainedEncoder
from contrastive_clustering._refinement.base import Refinement
from contrastive_clustering._refinement.prototype_refinement import PrototypeRefinement
from contrastive_clustering._refinement.self_training import SelfTrainingRefinement
from contrastive_clustering._report.report import clustering_report

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
