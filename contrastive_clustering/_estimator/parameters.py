"""The estimator's parameters: their names, defaults and constraints."""

import os
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import HasMethods, StrOptions
from skorch.callbacks import Callback

from contrastive_clustering._augmentation.presets import PRESETS
from contrastive_clustering._clustering.clusterers import NAMED_CLUSTERERS
from contrastive_clustering._clustering.n_clusters_search import ClusterNumberSearch
from contrastive_clustering._data.layout import ChannelAxis
from contrastive_clustering._estimator.net_params_mixin import NetParametersMixin
from contrastive_clustering._networks.custom import Part
from contrastive_clustering._refinement.base import Refinement
from contrastive_clustering._refinement.resolve import REFINEMENTS
from contrastive_clustering._training.mixed_precision import PRECISIONS
from contrastive_clustering._utils.param_validation import (
    Count,
    InstanceOf,
    Number,
    WholeNumber,
)

PARAMETER_CONSTRAINTS: dict[str, list[Any]] = {
    "n_clusters": [
        Count(1),
        StrOptions({"auto"}),
        InstanceOf(ClusterNumberSearch, "a ClusterNumberSearch"),
    ],
    "clusterer": [StrOptions(set(NAMED_CLUSTERERS)), HasMethods("fit_predict")],
    "whiten": ["boolean"],
    "normalize": ["boolean"],
    "latent_dim": [Count(1)],
    "encoder": [callable, None],
    "decoder": [callable, None],
    "temperature": [Number(0, None, closed="neither")],
    "reconstruction_weight": [Number(0, None, closed="left")],
    "augmentation": [StrOptions({"auto", *PRESETS}), callable, None],
    "image_shape": ["array-like", None],
    "channel_axis": [WholeNumber(), StrOptions({"auto"}), None],
    "max_epochs": [Count(0), StrOptions({"auto"})],
    "refinement": [
        StrOptions(set(REFINEMENTS)),
        InstanceOf(Refinement, "a refinement such as SelfTrainingRefinement()"),
    ],
    "refinement_epochs": [Count(0), StrOptions({"auto"})],
    "kl_weight": [Number(0, None, closed="left")],
    "nuisance_removal": [StrOptions({"both", "negatives", "erasure"}), None],
    "batch_size": [Count(2), StrOptions({"auto"})],
    "optimizer": [type],
    "lr": [Number(0, None, closed="neither")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Number(0, 1, closed="neither")],
    "callbacks": [list, tuple, None],
    "warm_start": ["boolean"],
    "precision": [StrOptions(set(PRECISIONS))],
    "checkpoint_dir": [str, PathLike, None],
    "store_examples": ["boolean"],
    "device": [str, torch.device],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}


class EstimatorParameters(NetParametersMixin):
    """The parameters of :class:`ContrastiveAutoencoderClusterer`, which documents them.

    The mixins with the estimator's methods derive from this class, so that a type
    checker knows each parameter that they read.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = PARAMETER_CONSTRAINTS

    def __init__(
        self,
        n_clusters: int | str | ClusterNumberSearch = 8,
        *,
        clusterer: str | BaseEstimator = "consensus",
        whiten: bool = False,
        normalize: bool = False,
        latent_dim: int = 64,
        encoder: Part | None = None,
        decoder: Part | None = None,
        temperature: float = 0.5,
        reconstruction_weight: float = 0.1,
        augmentation: str | Callable[[torch.Tensor], torch.Tensor] | None = "auto",
        image_shape: tuple[int, ...] | None = None,
        channel_axis: ChannelAxis = "auto",
        max_epochs: int | str = "auto",
        refinement: str | Refinement = "self_training",
        refinement_epochs: int | str = "auto",
        kl_weight: float = 0.0,
        nuisance_removal: str | None = "both",
        batch_size: int | str = "auto",
        optimizer: type[torch.optim.Optimizer] = torch.optim.AdamW,
        lr: float = 3e-3,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        callbacks: Sequence[Callback] | None = None,
        warm_start: bool = False,
        precision: str = "32",
        checkpoint_dir: str | os.PathLike[str] | None = None,
        store_examples: bool = False,
        device: str | torch.device = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        **net_params: Any,
    ) -> None:
        self.n_clusters = n_clusters
        self.clusterer = clusterer
        self.whiten = whiten
        self.normalize = normalize
        self.latent_dim = latent_dim
        self.encoder = encoder
        self.decoder = decoder
        self.temperature = temperature
        self.reconstruction_weight = reconstruction_weight
        self.augmentation = augmentation
        self.image_shape = image_shape
        self.channel_axis = channel_axis
        self.max_epochs = max_epochs
        self.refinement = refinement
        self.refinement_epochs = refinement_epochs
        self.kl_weight = kl_weight
        self.nuisance_removal = nuisance_removal
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.lr = lr
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.precision = precision
        self.checkpoint_dir = checkpoint_dir
        self.store_examples = store_examples
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self._keep_net_params(net_params)
