"""Schema of a saved estimator, and conversion of a checked tree to a model.

A file may come from an untrusted source. `ESTIMATOR` defines its fields and how their
sizes are related. Only trees that fit it are converted, and a network is created only
if the file contains its weights.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from contrastive_clustering._augmentation.auto import resolve_augmentation
from contrastive_clustering._augmentation.base import Preset
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._io.schema import (
    INTEGERS,
    NUMBERS,
    Array,
    Entries,
    Fields,
    Integer,
    Items,
    Maybe,
    Real,
    Scope,
    Text,
    shown,
)
from contrastive_clustering._model.divergence import MAX_TRIED
from contrastive_clustering._model.fitted import FittedModel
from contrastive_clustering._model.saved_params import (
    MAX_WIDTH,
    params_from_tree,
    params_to_tree,
)
from contrastive_clustering._networks.autoencoder import ContrastiveAutoencoder
from contrastive_clustering._saving.codec import VALUE, from_tree, to_tree
from contrastive_clustering._saving.fitted_parts import (
    CLUSTERING,
    DENSITY,
    SEARCH,
    clustering_from_tree,
    density_from_tree,
    search_from_tree,
)
from contrastive_clustering._saving.fitted_scaler import SCALER, scaler_from_tree
from contrastive_clustering._saving.net_state import NET, check_weights, load_net_state
from contrastive_clustering._training.build import given_parameters, make_net
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._training.net_param_checks import check_net_parameters
from contrastive_clustering._training.net_params import net_parameters_of
from contrastive_clustering._training.settings import TrainingSettings
from contrastive_clustering._utils.caller_warnings import warn
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.provenance import package_versions

# Largest batch that a file may define.
MAX_BATCH_SIZE = 2**20

NETWORK = Fields(
    {
        "latent_dim": Integer(1, MAX_WIDTH, size="latent_dim"),
        "kl_weight": Real(0.0),
        "max_epochs": Integer(),
        "batch_size": Integer(2, MAX_BATCH_SIZE),
        "seed": Integer(),
        "views": VALUE,
        "given": Entries(VALUE),
    }
)

ESTIMATOR = Fields(
    {
        "network": NETWORK,
        "scaler": SCALER,
        "net": NET,
        "clustering": CLUSTERING,
        "density": DENSITY,
        "search": Maybe(SEARCH),
        "params": Entries(VALUE),
        "n_features_in": Integer(1, size="n_features"),
        "feature_names_in": Maybe(Items(Text(), size="n_features")),
        "examples": VALUE,
        "group_labels": Maybe(
            Array(("n_groups",), INTEGERS, low=NOISE, below="n_clusters")
        ),
        "notes": Entries(VALUE),
        "scikit-learn": Text(100),
    }
)

# The weight with one value for each change between views that a network predicts.
CHANGES = "change_head.2.bias"

# Largest number of values in a sample for which the network is tried.
MAX_TRIED_VALUES = 2**18


def network_to_tree(net: ContrastiveNet, trusted: Collection[str]) -> dict[str, Any]:
    """Return a tree for the settings of a net in `fit`, which fits `NETWORK`."""
    preset = net.augmentation if isinstance(net.augmentation, Preset) else None
    return {
        "latent_dim": int(net.module__latent_dim),
        "kl_weight": float(net.criterion__kl_weight),
        "max_epochs": int(net.max_epochs),
        "batch_size": int(net.batch_size),
        "seed": int(net.seed),
        "views": to_tree(preset),
        "given": params_to_tree(given_parameters(net), trusted, ", as of fit,"),
    }


def read_model(
    tree: dict[str, Any],
    settings: TrainingSettings,
    augmentation: str | Callable[[torch.Tensor], torch.Tensor] | None,
    trusted: Collection[str],
) -> FittedModel:
    """Return the model that a tree describes.

    Parameters
    ----------
    tree : dict
        A tree that fits `ESTIMATOR`.

    settings : TrainingSettings
        Settings of the estimator. Settings that the network depends on are taken from
        the tree, because parameters may have been set after fit.

    augmentation : str, callable or None
        The parameter of the estimator.

    trusted : collection of str
        Import paths of classes and functions that the tree may name.

    Returns
    -------
    model : FittedModel
        A model that returns finite numbers for ordinary samples.

    Raises
    ------
    ValueError
        If the weights do not match the described network, or the model returns values
        that are not finite.

    Warns
    -----
    UserWarning
        If the clusterer comes from another version of scikit-learn.
    """
    scaler = scaler_from_tree(tree["scaler"])
    _check_examples(tree, scaler)
    settings = _read_settings(tree["network"], scaler, settings, augmentation, trusted)
    _check_size(scaler, settings, tree["net"]["weights"])
    net = make_net(settings, scaler, _rows_of(tree["net"]["weights"].get(CHANGES)))
    for name in ("input_mean", "input_std"):
        expected = getattr(net.module_, name).cpu().numpy()
        if not np.array_equal(expected, tree["net"]["weights"][name]):
            raise ValueError(f"{name} of the network does not match the scaler")
    load_net_state(net, tree["net"])
    clustering = clustering_from_tree(tree["clustering"], trusted)
    if tree["clustering"].get("clusterer", {}).get("kind") == "other":
        _warn_of_other_version(tree)
    names = tree["feature_names_in"]
    model = FittedModel(
        net,
        scaler,
        clustering,
        density=density_from_tree(tree["density"]),
        search=search_from_tree(tree["search"]),
        typical=np.empty(0, dtype=np.intp),
        resumable=tree["net"]["optimizer"] is not None,
        examples=tree["examples"],
        feature_names=None if names is None else np.array(names, dtype=object),
        group_labels=tree["group_labels"],
        notes=from_tree(tree["notes"]),
    )
    _try_model(model)
    return model


def _read_settings(
    network: dict[str, Any],
    scaler: Scaler,
    settings: TrainingSettings,
    augmentation: str | Callable[[torch.Tensor], torch.Tensor] | None,
    trusted: Collection[str],
) -> TrainingSettings:
    """Return settings in which those of a checked tree replace the estimator's."""
    given = params_from_tree(
        network["given"], trusted, ("encoder", "decoder", "optimizer")
    )
    views = from_tree(network["views"])
    if not isinstance(views, Preset | None):
        raise ValueError(f"views of the network is {shown(views)}, not a preset")
    settings = replace(
        settings,
        latent_dim=network["latent_dim"],
        kl_weight=network["kl_weight"],
        encoder=given.get("encoder", settings.encoder),
        decoder=given.get("decoder", settings.decoder),
        optimizer=given.get("optimizer", settings.optimizer),
        # The choice of "auto" depends on samples, which the file does not contain.
        augmentation=resolve_augmentation(
            augmentation if views is None else views, scaler.layout
        ),
        max_epochs=network["max_epochs"],
        batch_size=network["batch_size"],
        seed=network["seed"],
        # Callbacks belong to a training and might act as soon as a net is created.
        callbacks=(),
        net_params=net_parameters_of(given),
    )
    check_net_parameters(
        settings.net_params,
        optimizer=settings.optimizer,
        callbacks=(),
        early_stopping=settings.early_stopping,
    )
    return settings


def _check_examples(tree: dict[str, Any], scaler: Scaler) -> None:
    """Raise unless there is a sample of each stratum, or no sample at all."""
    if tree["examples"] is not None:
        n_clusters = len(tree["clustering"]["latent_centers"])
        shape = (n_clusters, *scaler.layout.sample_shape)
        node = Array(shape, dtypes=(*NUMBERS, "b1"))
        node.check(tree["examples"], "examples", Scope())


def _check_size(
    scaler: Scaler, settings: TrainingSettings, weights: Mapping[str, Any]
) -> None:
    """Compare shapes of weights before memory is allocated for a large network.

    A custom encoder or decoder is not checked here, because its code defines it.
    """
    parts = {"encoder": settings.encoder, "decoder": settings.decoder}
    custom: dict[str, Any] = {
        name: torch.nn.Identity() for name, part in parts.items() if part is not None
    }
    given = net_parameters_of(settings.net_params, "module")
    with torch.device("meta"):
        network = ContrastiveAutoencoder(
            scaler.layout.network_shape,
            torch.empty(scaler.mean.shape),
            torch.empty(scaler.std.shape),
            latent_dim=settings.latent_dim,
            variational=settings.kl_weight > 0,
            n_changes=_rows_of(weights.get(CHANGES)),
            **{name.removeprefix("module__"): given[name] for name in given},
            **custom,
        )
    checked = {
        name: value
        for name, value in weights.items()
        if name.partition(".")[0] not in custom
    }
    check_weights(checked, network.state_dict())


def _rows_of(weight: Any) -> int:
    """Return the number of rows of a weight; 0 if there is none."""
    return len(weight) if isinstance(weight, np.ndarray) and weight.ndim else 0


def _warn_of_other_version(tree: dict[str, Any]) -> None:
    """Warn if the clusterer comes from another version of scikit-learn."""
    saved, here = tree["scikit-learn"], package_versions()["scikit-learn"]
    if saved != here:
        warn(
            f"The clusterer was saved with scikit-learn {saved}, but version {here} is "
            "installed, which may interpret its attributes differently. Compare "
            "predictions, or load with the earlier version.",
        )


def _try_model(model: FittedModel) -> None:
    """Raise unless a model returns finite numbers for ordinary latents and samples."""
    latents = model.clustering.latent_centers[:MAX_TRIED]
    results = _assign(model, latents)
    shape = model.scaler.layout.network_shape
    if math.prod(shape) <= MAX_TRIED_VALUES:
        results.append(model.net.decode(latents, model.scaler.unscale))
        if "encoder" not in model.net.module_.custom_parts:
            encoded = _encode_near_mean(model.net.module_, shape)
            results.append(encoded)
            if np.isfinite(encoded).all():
                results += _assign(model, encoded)
    if not all(np.isfinite(values).all() for values in results):
        raise ValueError("the model returns values that are not finite")


def _assign(model: FittedModel, latents: np.ndarray) -> list[np.ndarray]:
    return [
        model.clustering.predict_proba(latents),
        model.clustering.predict(latents),
        model.density.score_samples(latents),
    ]


@torch.inference_mode()
def _encode_near_mean(
    module: ContrastiveAutoencoder, shape: tuple[int, ...]
) -> np.ndarray:
    """Return the latents of the mean sample and of two samples close to it."""
    batch = torch.stack([torch.full(shape, value) for value in (-1.0, 0.0, 1.0)])
    module.eval()
    latents, _ = module.encode(batch.to(module.input_mean.device))
    return np.asarray(latents.cpu().numpy())
