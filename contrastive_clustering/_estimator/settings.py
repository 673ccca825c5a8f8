"""Convert the estimator's parameters to the settings of a fit."""

import math
from dataclasses import replace

from contrastive_clustering._augmentation.auto import resolve_augmentation
from contrastive_clustering._augmentation.strokes import has_uniform_background
from contrastive_clustering._clustering.settings import (
    ClusteringSettings,
    resolve_number,
)
from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._estimator.parameters import EstimatorParameters
from contrastive_clustering._model.fit import FitSettings
from contrastive_clustering._refinement.resolve import resolve_refinement
from contrastive_clustering._training.auto import (
    count_batch_size,
    count_epochs,
    count_refinement_epochs,
)
from contrastive_clustering._training.net_params import CHECKPOINT_EVERY
from contrastive_clustering._training.settings import TrainingSettings
from contrastive_clustering._training.step_memory import SMALL, step_bytes
from contrastive_clustering._utils.device import resolve_device

# Fraction of the members of the default consensus that are k-means partitions if X is a
# table: docs, "Defaults".
KMEANS_FRACTION_OF_TABLES = 1 / 3


def resolve_settings(
    params: EstimatorParameters, dataset: ArrayDataset, seed: int
) -> FitSettings:
    """Return the settings of a fit, with each "auto" resolved.

    Parameters
    ----------
    params : EstimatorParameters
        The parameters, checked.

    dataset : ArrayDataset
        The training set.

    seed : int
        Seed of all random numbers.

    Returns
    -------
    settings : FitSettings
        The settings.

    Raises
    ------
    ValueError
        If the augmentation does not suit the samples.
    """
    layout = dataset.scaler.layout
    refinement_epochs = count_refinement_epochs(
        params.refinement_epochs, kind=layout.kind.noun
    )
    # Only "auto" depends on the images, which may be slow to read.
    is_auto = isinstance(params.augmentation, str) and params.augmentation == "auto"
    training = replace(
        unresolved_training(params),
        augmentation=resolve_augmentation(
            params.augmentation,
            layout,
            has_uniform_background=is_auto and has_uniform_background(dataset),
        ),
        max_epochs=count_epochs(params.max_epochs, len(dataset), kind=layout.kind.noun),
        refinement_epochs=refinement_epochs,
        batch_size=count_batch_size(
            params.batch_size,
            len(dataset),
            sample_bytes=0
            if math.prod(layout.network_shape) <= SMALL
            else step_bytes(layout.network_shape, params.latent_dim),
        ),
        seed=seed,
    )
    clustering = ClusteringSettings(
        n_clusters=resolve_number(params.n_clusters, params.clusterer),
        clusterer=params.clusterer,
        whiten=params.whiten,
        normalize=params.normalize,
        kmeans_fraction=KMEANS_FRACTION_OF_TABLES if layout.is_table else 0.0,
    )
    return FitSettings(
        training=training,
        clustering=clustering,
        refinement=resolve_refinement(params.refinement) if refinement_epochs else None,
    )


def unresolved_training(params: EstimatorParameters) -> TrainingSettings:
    """Return the settings of training that do not depend on the training set.

    Parameters
    ----------
    params : EstimatorParameters
        The parameters, checked.

    Returns
    -------
    settings : TrainingSettings
        The settings, without an augmentation, with 0 epochs, the smallest batch size
        and seed 0.
    """
    return TrainingSettings(
        latent_dim=params.latent_dim,
        encoder=params.encoder,
        decoder=params.decoder,
        temperature=params.temperature,
        reconstruction_weight=params.reconstruction_weight,
        kl_weight=params.kl_weight,
        augmentation=None,
        max_epochs=0,
        refinement_epochs=0,
        batch_size=2,
        optimizer=params.optimizer,
        lr=params.lr,
        early_stopping=params.early_stopping,
        validation_fraction=params.validation_fraction,
        callbacks=params.callbacks or (),
        nuisance_removal=params.nuisance_removal,
        precision=params.precision,
        device=resolve_device(params.device),
        seed=0,
        verbose=params.verbose,
        net_params={
            name: value
            for name, value in params._net_params.items()
            if name != CHECKPOINT_EVERY
        },
    )
