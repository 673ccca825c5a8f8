"""Find strata in unlabelled images with a contrastive autoencoder."""

from contrastive_clustering import datasets, metrics
from contrastive_clustering._augmentation import (
    GreyImageAugmentation,
    RGBImageAugmentation,
    TableAugmentation,
)
from contrastive_clustering._estimator import ContrastiveAutoencoderClusterer
from contrastive_clustering._losses import nt_xent

__version__ = "0.1.0"

__all__ = [
    "ContrastiveAutoencoderClusterer",
    "GreyImageAugmentation",
    "RGBImageAugmentation",
    "TableAugmentation",
    "__version__",
    "datasets",
    "metrics",
    "nt_xent",
]
