"""From a tree, of a file that anyone may have written, to a fitted model, checked."""

import warnings
from collections.abc import Collection
from typing import Any

import numpy as np
import torch

from contrastive_clustering._augmentation import resolve_augmentation
from contrastive_clustering._codec import decode
from contrastive_clustering._consensus import ConsensusClustering
from contrastive_clustering._container import package_versions
from contrastive_clustering._device import resolve_device
from contrastive_clustering._fitting import FittedModel
from contrastive_clustering._latent import NOISE, LatentClustering
from contrastive_clustering._make_net import make_net
from contrastive_clustering._net_parameters import (
    check_net_parameters,
    is_net_parameter,
    net_parameters_of,
)
from contrastive_clustering._net_state import load_net_state
from contrastive_clustering._networks import ContrastiveAutoencoder
from contrastive_clustering._presets import Preset
from contrastive_clustering._prototypes import PrototypeClustering
from contrastive_clustering._scaling import Scaler
from contrastive_clustering._validation import read_layout

Shapes = dict[str, tuple[np.ndarray, tuple[int, ...]]]


def read_model(
    tree: dict[str, Any], params: dict[str, Any], trusted: Collection[str]
) -> FittedModel:
    """Return the model that a tree describes.

    Parameters
    ----------
    tree : dict
        What `save` has written.

    params : dict
        The parameters of the estimator, checked one by one.

    trusted : collection of str
        Import paths of classes and functions that the tree may name.

    Returns
    -------
    model : FittedModel
        A model whose arrays have the shapes of one model and that gives numbers.

    Raises
    ------
    ValueError
        If the parts of the tree do not fit together. A forged tree may also raise any
        other error that Python has for values that are not what they should be.

    Warns
    -----
    UserWarning
        If strata are those of a clusterer of another version of scikit-learn.
    """
    scaler: Scaler = decode(tree["scaler"])
    network = tree["network"]
    if "given" in network:
        params = {n: value for n, value in params.items() if not is_net_parameter(n)}
        params |= decode(network["given"], trusted)
    params = {
        **params,
        "latent_dim": network["latent_dim"],
        "kl_weight": network["kl_weight"],
        # They belong to a training, and might act as soon as a net has been made.
        "callbacks": None,
    }
    check_net_parameters(params)
    _check_size(scaler, params, tree["net"]["weights"])
    # What "auto" took hangs on samples, of which the file has none.
    views = decode(network.get("views"))
    net = make_net(
        params,
        scaler=scaler,
        augmentation=resolve_augmentation(
            views if isinstance(views, Preset) else params["augmentation"],
            scaler.layout.kind,
        ),
        device=resolve_device(params["device"]),
        max_epochs=network["max_epochs"],
        batch_size=network.get("batch_size", 256),  # older files do not tell
        seed=network["seed"],
    )
    load_net_state(net, tree["net"])
    clustering = decode(tree["clustering"], trusted)
    if isinstance(clustering, LatentClustering):
        _warn_of_versions(tree)
    model = FittedModel(
        net,
        scaler,
        clustering,
        density=decode(tree["density"]),
        search=decode(tree["search"]),
        typical=np.empty(0, dtype=np.intp),
    )
    _check_fit_together(model, network["latent_dim"])
    return model


def _check_size(
    scaler: Scaler, params: dict[str, Any], weights: dict[str, Any]
) -> None:
    """Compare shapes before any memory is taken for a network of whatever size.

    The user's own encoder and decoder are left to the code that makes them.
    """
    parts = {name: params[name] for name in ("encoder", "decoder")}
    own: dict[str, Any] = {
        name: torch.nn.Identity() for name, part in parts.items() if part is not None
    }
    given = net_parameters_of(params, "module")
    with torch.device("meta"):
        network = ContrastiveAutoencoder(
            scaler.layout.network_shape,
            torch.empty(scaler.mean.shape),
            torch.empty(scaler.std.shape),
            latent_dim=params["latent_dim"],
            variational=params["kl_weight"] > 0,
            **{name.removeprefix("module__"): given[name] for name in given},
            **own,
        )
    for name, expected in network.state_dict().items():
        found = weights[name]["value"].shape
        if found != tuple(expected.shape):
            raise ValueError(
                f"{name} has shape {found} in the file, and {tuple(expected.shape)} in "
                "the network that it describes"
            )


def _warn_of_versions(tree: dict[str, Any]) -> None:
    """Warn if a clusterer's attributes may mean something else by now."""
    saved, here = tree["scikit-learn"], package_versions()["scikit-learn"]
    if saved != here:
        warnings.warn(
            f"The strata are those of a clusterer of scikit-learn {saved}, and here is "
            f"version {here}, which may read them otherwise. Compare predictions, or "
            "load with that version.",
            UserWarning,
            stacklevel=4,
        )


def _check_fit_together(model: FittedModel, latent_dim: int) -> None:
    """Raise unless arrays have the shapes of one model, and it gives numbers."""
    clustering, density, scaler = model.clustering, model.density, model.scaler
    _check_scaler(scaler)
    n_clusters, n_components = clustering.n_clusters, len(density.means)
    shapes: Shapes = {
        "latent_centers": (clustering.latent_centers, (n_clusters, latent_dim)),
        "means": (density.means, (n_components, latent_dim)),
        "factors": (density.factors, (n_components, latent_dim, latent_dim)),
        "strata": (density.strata, (n_components,)),
        "log_weights": (density.log_weights, (n_components,)),
        "std": (scaler.std, scaler.mean.shape),
    }
    if isinstance(clustering, PrototypeClustering):
        n_prototypes = clustering.prototypes.shape[1]
        expected = (n_clusters, n_prototypes, latent_dim)
        shapes["prototypes"] = (clustering.prototypes, expected)
        shapes["origin"] = (clustering.origin, (latent_dim,))
    else:
        _check_parameters(clustering.clusterer)
        if isinstance(clustering.clusterer, ConsensusClustering):
            shapes |= _consensus_shapes(clustering.clusterer)
    for name, (array, shape) in shapes.items():
        if array.shape != shape or array.dtype.kind not in "iuf":
            raise ValueError(f"{name} has shape {array.shape} and not {shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} is not finite")
    for name, strata in (("labels", clustering.labels), ("strata", density.strata)):
        if strata.ndim != 1 or strata.min() < NOISE or strata.max() >= n_clusters:
            raise ValueError(f"{name} are no strata from 0 to {n_clusters - 1}")
    latents = clustering.latent_centers.astype(np.float32)
    tried = [
        clustering.predict_proba(latents),
        density.score_samples(latents),
        model.net.decode(latents, scaler.unscale),
        clustering.predict(latents),
    ]
    if not all(np.isfinite(values).all() for values in tried):
        raise ValueError("it gives values that are not finite")
    _check_weights(model.net.module_)


def _check_parameters(clusterer: Any) -> None:
    """Raise for parameters that `fit` would refuse, and `predict` does not look at."""
    if hasattr(clusterer, "_parameter_constraints"):
        clusterer._validate_params()


def _check_weights(module: torch.nn.Module) -> None:
    for name, value in module.state_dict().items():
        # Parts of the user's own may keep anything there.
        if not isinstance(value, torch.Tensor):
            continue
        if not torch.isfinite(value).all():
            raise ValueError(f"{name} is not finite")
        if name.endswith("running_var") and (value < 0).any():
            raise ValueError(f"{name} holds variances below zero")


def _check_scaler(scaler: Scaler) -> None:
    """Raise unless the samples are such as `fit` can have read."""
    layout, axis = scaler.layout, scaler.layout.channel_axis
    sides = [*layout.sample_shape, *(layout.image_shape or ())]
    if not all(isinstance(side, int) for side in sides):
        raise ValueError("the shape of samples is no shape")
    expected = read_layout(
        (1, *layout.sample_shape),
        image_shape=layout.image_shape,
        channel_axis=None if axis is None else axis + 1,
    )
    if layout != expected:
        raise ValueError(f"{layout} is not how samples of that shape are read")
    if not isinstance(scaler.dtype, np.dtype) or not scaler.low <= scaler.high:
        raise ValueError(f"samples of {scaler.dtype} are no samples")


def _consensus_shapes(clusterer: ConsensusClustering) -> Shapes:
    """Return the arrays of a consensus and the shapes that they have to have."""
    n_clusters = clusterer.n_clusters
    shapes: Shapes = {}
    pairs = zip(clusterer._members, clusterer._shares, strict=True)
    for number, (member, shares) in enumerate(pairs):
        n_fine = len(member.fine.cluster_centers_)
        shapes[f"shares {number}"] = (shares, (n_clusters, n_clusters))
        shapes[f"merged {number}"] = (member.merged, (n_fine,))
        if member.merged.min() < 0 or member.merged.max() >= n_clusters:
            raise ValueError(f"merged {number} are no clusters below {n_clusters}")
    return shapes
