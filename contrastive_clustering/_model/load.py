"""The file of a fitted estimator: its schema, and from a checked tree to a model.

Anyone may have written a file. `ESTIMATOR` says what each of its fields has to be and
how their sizes are related; nothing is made of a tree that does not fit it, and a
network only if its weights are in the file.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone

from contrastive_clustering._augmentation.auto import resolve_augmentation
from contrastive_clustering._augmentation.presets import Preset
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._io.schema import (
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
from contrastive_clustering._model.divergence import MOST_TRIED
from contrastive_clustering._model.fitted import FittedModel
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
from contrastive_clustering._training.net_params import (
    CHECKPOINT_EVERY,
    COMPILE,
    KEYWORDS,
    check_net_parameters,
    is_net_parameter,
    net_parameters_of,
)
from contrastive_clustering._training.settings import TrainingSettings
from contrastive_clustering._utils.caller_warnings import warn
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.provenance import package_versions

# The largest network and batches that a file may ask for. Latents of more directions
# would have covariances of gigabytes.
LARGEST_WIDTH, LARGEST_BATCH = 2**13, 2**20

NETWORK = Fields(
    {
        "latent_dim": Integer(1, LARGEST_WIDTH, size="latent_dim"),
        "kl_weight": Real(0.0),
        "max_epochs": Integer(),
        "batch_size": Integer(2, LARGEST_BATCH),
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
        "scikit-learn": Text(100),
    }
)

# Parameters that concern the machine and not the model. A file that set them could
# start processes, or write to a folder of its author's choice.
OF_THE_MACHINE = {"checkpoint_dir", CHECKPOINT_EVERY, COMPILE}
OF_THE_MACHINE_PREFIXES = ("iterator_train__", "iterator_valid__", "compile__")

_WIDTHS = ("latent_dim", "module__projection_dim", "module__projection_width")

# Samples of no more values are encoded and decoded to try a network.
LARGEST_TRIED = 2**18


def params_to_tree(
    params: dict[str, Any], trusted: Collection[str], note: str = ""
) -> dict[str, Any]:
    """Return a tree for those parameters of an estimator that a file holds.

    Parameters
    ----------
    params : dict
        Parameters by name.

    trusted : collection of str
        Import paths of classes and functions that may be named.

    note : str, default=""
        Follows the name and value of a parameter in an error message.

    Returns
    -------
    tree : dict
        All but those that concern the machine.

    Raises
    ------
    ValueError
        If a parameter holds code that is not trusted, or what cannot be saved.
    """
    return {
        # What an estimator has learned is not part of a parameter.
        name: to_tree(
            clone(value) if isinstance(value, BaseEstimator) else value,
            trusted,
            f"{name}={show(value)}{note}",
        )
        for name, value in params.items()
        if not _is_of_the_machine(name)
    }


def params_from_tree(
    tree: dict[str, Any], trusted: Collection[str], known: Collection[str]
) -> dict[str, Any]:
    """Return the parameters of a checked tree, or raise if one is not allowed.

    Parameters
    ----------
    tree : dict
        Parameters by name, each of which fits `VALUE`.

    trusted : collection of str
        Import paths of classes and functions that may be imported.

    known : collection of str
        Names of parameters beside those of the net.

    Returns
    -------
    params : dict
        Parameters by name. Their values have still to be validated.

    Raises
    ------
    ValueError
        If a name is unknown or concerns the machine, a network would be too large, or
        a value is neither known nor trusted.
    """
    for name in tree:
        if (
            _is_of_the_machine(name)
            or name == KEYWORDS
            or not (name in known or is_net_parameter(name))
        ):
            raise ValueError(f"{shown(name)} is not a parameter that a file may set")
    for name in _WIDTHS:
        if name in tree:
            Integer(1, LARGEST_WIDTH).check(_unboxed(tree[name]), name, Scope())
    return {name: from_tree(value, trusted) for name, value in tree.items()}


def _is_of_the_machine(name: str) -> bool:
    return name in OF_THE_MACHINE or name.startswith(OF_THE_MACHINE_PREFIXES)


def _unboxed(tree: Any) -> Any:
    value = from_tree(tree) if isinstance(tree, dict) else tree
    return value.item() if isinstance(value, np.generic) else value


def network_to_tree(net: ContrastiveNet, trusted: Collection[str]) -> dict[str, Any]:
    """Return a tree for how a net was made in `fit`, which fits `NETWORK`."""
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
        How the estimator would train. What the network depends on is taken from the
        tree, which holds it as it was in fit; parameters may have been set since.

    augmentation : str, callable or None
        The parameter of the estimator.

    trusted : collection of str
        Import paths of classes and functions that the tree may name.

    Returns
    -------
    model : FittedModel
        A model that gives finite numbers for ordinary samples.

    Raises
    ------
    ValueError
        If the weights are not those of the network that is described, or it gives
        values that are not finite.

    Warns
    -----
    UserWarning
        If strata are those of a clusterer of another version of scikit-learn.
    """
    scaler = scaler_from_tree(tree["scaler"])
    _check_examples(tree, scaler)
    settings = _read_settings(tree["network"], scaler, settings, augmentation, trusted)
    _check_size(scaler, settings, tree["net"]["weights"])
    net = make_net(settings, scaler)
    for name in ("input_mean", "input_std"):
        made = getattr(net.module_, name).cpu().numpy()
        if not np.array_equal(made, tree["net"]["weights"][name]):
            raise ValueError(f"{name} of the network is not that of the scaler")
    load_net_state(net, tree["net"])
    clustering = clustering_from_tree(tree["clustering"], trusted)
    if tree["clustering"].get("clusterer", {}).get("kind") == "other":
        _warn_of_versions(tree)
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
    """Return settings with those of a checked tree in place of the estimator's own."""
    given = params_from_tree(
        network["given"], trusted, ("encoder", "decoder", "optimizer")
    )
    views = from_tree(network["views"])
    if not isinstance(views, Preset | None):
        raise ValueError(f"views of the network is {shown(views)}")
    settings = replace(
        settings,
        latent_dim=network["latent_dim"],
        kl_weight=network["kl_weight"],
        encoder=given.get("encoder", settings.encoder),
        decoder=given.get("decoder", settings.decoder),
        optimizer=given.get("optimizer", settings.optimizer),
        # What "auto" chose depends on samples, of which the file has none.
        augmentation=resolve_augmentation(
            augmentation if views is None else views, scaler.layout
        ),
        max_epochs=network["max_epochs"],
        batch_size=network["batch_size"],
        seed=network["seed"],
        # They belong to a training, and might act as soon as a net has been made.
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
    """Raise unless there is a sample for each stratum, or none at all."""
    if tree["examples"] is not None:
        n_clusters = len(tree["clustering"]["latent_centers"])
        shape = (n_clusters, *scaler.layout.sample_shape)
        node = Array(shape, dtypes=(*NUMBERS, "b1"))
        node.check(tree["examples"], "examples", Scope())


def _check_size(
    scaler: Scaler, settings: TrainingSettings, weights: Mapping[str, Any]
) -> None:
    """Compare shapes before any memory is taken for a network of whatever size.

    The user's own encoder and decoder are left to the code that makes them.
    """
    parts = {"encoder": settings.encoder, "decoder": settings.decoder}
    own: dict[str, Any] = {
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
            **{name.removeprefix("module__"): given[name] for name in given},
            **own,
        )
    ours = {
        name: value
        for name, value in weights.items()
        if name.partition(".")[0] not in own
    }
    check_weights(ours, network.state_dict())


def _warn_of_versions(tree: dict[str, Any]) -> None:
    """Warn if a clusterer's attributes may mean something else by now."""
    saved, here = tree["scikit-learn"], package_versions()["scikit-learn"]
    if saved != here:
        warn(
            f"The strata are those of a clusterer of scikit-learn {saved}, and version "
            f"{here} is installed, which may read its attributes differently. Compare "
            "predictions, or load with that version.",
        )


def _try_model(model: FittedModel) -> None:
    """Raise unless a model gives finite numbers for ordinary latents and samples."""
    latents = model.clustering.latent_centers[:MOST_TRIED]
    results = _assign(model, latents)
    shape = model.scaler.layout.network_shape
    if math.prod(shape) <= LARGEST_TRIED:
        results.append(model.net.decode(latents, model.scaler.unscale))
        if "encoder" not in model.net.module_.own_parts:
            encoded = _encode_near_mean(model.net.module_, shape)
            results.append(encoded)
            if np.isfinite(encoded).all():
                results += _assign(model, encoded)
    if not all(np.isfinite(values).all() for values in results):
        raise ValueError("it gives values that are not finite")


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
    """Return the latents of the mean sample, and of samples next to it."""
    batch = torch.stack([torch.full(shape, value) for value in (-1.0, 0.0, 1.0)])
    module.eval()
    latents, _ = module.encode(batch.to(module.input_mean.device))
    return np.asarray(latents.cpu().numpy())
