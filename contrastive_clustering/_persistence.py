"""Saving a fitted estimator to one file, and loading it without running code."""

import os
import warnings
from collections.abc import Callable, Collection
from typing import Any, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from contrastive_clustering._augmentation import resolve_augmentation
from contrastive_clustering._codec import decode, encode
from contrastive_clustering._consensus import ConsensusClustering
from contrastive_clustering._container import (
    as_path,
    package_versions,
    read_tree,
    write_tree,
)
from contrastive_clustering._density import LatentDensity
from contrastive_clustering._device import resolve_device
from contrastive_clustering._fitting import FittedModel
from contrastive_clustering._latent import NOISE, LatentClustering
from contrastive_clustering._make_net import make_net
from contrastive_clustering._net_state import load_net_state, net_state
from contrastive_clustering._networks import ContrastiveAutoencoder
from contrastive_clustering._prototypes import PrototypeClustering
from contrastive_clustering._scaling import Scaler
from contrastive_clustering._training import ContrastiveNet
from contrastive_clustering._validation import read_layout

KIND = "estimator"

# What else a tree may lead to that fits its format and describes no estimator.
UNREADABLE = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)


Shapes = dict[str, tuple[np.ndarray, tuple[int, ...]]]


class PersistenceMixin:
    """Methods of an estimator that is saved and loaded without executing code."""

    net_: ContrastiveNet
    _scaler: Scaler
    _clustering: Any
    _density: LatentDensity
    cluster_number_search_: Any
    n_features_in_: int
    _adopt: Callable[[FittedModel, np.ndarray | None], None]
    _validate_params: Callable[[], None]
    get_params: Callable[..., dict[str, Any]]

    def save(
        self, path: str | os.PathLike[str], *, trusted: Collection[str] = ()
    ) -> None:
        """Save the fitted estimator to one file that holds no code.

        The file is in the format safetensors, with a JSON header that any text editor
        can read: parameters, versions, what was learnt and the strata of the training
        set. It holds none of its samples, unless `store_examples` keeps one for each
        stratum. Of the history the epochs are kept, and not their batches. The file
        appears when it is complete; if writing fails, one that was there before stays.

        Parameters
        ----------
        path : str or path-like
            The file. It is overwritten if it exists.

        trusted : collection of str, default=()
            Import paths of functions and classes outside of this package that
            parameters hold, such as a callable augmentation or another clusterer, and
            that whoever loads the file shall import.

        Raises
        ------
        TypeError
            If `path` is no path or `trusted` no list of strings.

        ValueError
            If a parameter holds code that is not trusted or cannot be imported by its
            path.

        OSError
            If the file cannot be written.

        See Also
        --------
        load : Reads the file.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from sklearn.datasets import load_digits
        >>> from contrastive_clustering import ContrastiveAutoencoderClusterer
        >>> images = load_digits().images[:300]
        >>> clusterer = ContrastiveAutoencoderClusterer(
        ...     n_clusters=10, max_epochs=2, random_state=0
        ... ).fit(images)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "digits.safetensors"
        ...     clusterer.save(path)
        ...     loaded = ContrastiveAutoencoderClusterer.load(path)
        >>> bool((loaded.predict(images) == clusterer.labels_).all())
        True
        """
        check_is_fitted(self)
        file = as_path(path, "path")
        trusted = _check_trusted(trusted)
        net = self.net_
        tree = {
            "params": {
                name: encode(value, trusted, f"{name}={value!r}")
                for name, value in self.get_params(deep=False).items()
            },
            "net": net_state(net),
            # As they were in fit; parameters may have been set since.
            "network": {
                "latent_dim": int(net.module__latent_dim),
                "kl_weight": float(net.criterion__kl_weight),
                "max_epochs": int(net.max_epochs),
                "seed": int(net.seed),
            },
            "scaler": encode(self._scaler),
            "clustering": encode(self._clustering, trusted, "clusterer"),
            "density": encode(self._density),
            "search": encode(self.cluster_number_search_),
            "n_features_in": int(self.n_features_in_),
            "feature_names_in": encode(getattr(self, "feature_names_in_", None)),
            "examples": getattr(self, "examples_", None),
            "scikit-learn": package_versions()["scikit-learn"],
        }
        write_tree(file, KIND, tree)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        device: str | torch.device | None = None,
        trusted: Collection[str] = (),
    ) -> Self:
        """Load an estimator that `save` has written, without executing code.

        On the device that it was saved from the estimator gives the same to the bit,
        with the same version of PyTorch, and training can go on.

        Parameters
        ----------
        path : str or path-like
            The file.

        device : str or torch.device, default=None
            The parameter `device` of the estimator; None leaves it as it was saved.

        trusted : collection of str, default=()
            Import paths that the file may name beside those of this package: they are
            imported, which runs their modules. Name none but those you know.

        Returns
        -------
        estimator : ContrastiveAutoencoderClusterer
            The fitted estimator.

        Raises
        ------
        OSError
            If there is no such file, or it cannot be read.

        TypeError
            If `path`, `device` or `trusted` is of another type.

        ValueError
            If the file is damaged, was not written by `save` or by a version of the
            format that cannot be read, or names what is not trusted; or if the device
            is not there.

        Warns
        -----
        UserWarning
            If strata are those of a clusterer of another version of scikit-learn.

        See Also
        --------
        save : Writes the file.
        """
        trusted = _check_trusted(trusted)
        if device is not None:
            if not isinstance(device, str | torch.device):
                raise TypeError(f"device={device!r} is no str and no torch.device.")
            resolve_device(device)
        tree = read_tree(as_path(path, "path"), KIND)
        try:
            params = decode(tree["params"], trusted)
            if device is not None:
                params["device"] = device
            estimator = cls(**params)
            estimator._validate_params()
            # With the defaults of what the file's version did not know.
            params = estimator.get_params(deep=False)
            model = _read_model(tree, params, trusted)
            _check_fit_together(model, tree["network"]["latent_dim"])
            estimator._adopt(model, tree["examples"])
            estimator.n_features_in_ = int(tree["n_features_in"])
            names = decode(tree["feature_names_in"])
            if names is not None:
                estimator.feature_names_in_ = names  # type: ignore[attr-defined]
        except UNREADABLE as error:
            raise ValueError(
                f"{os.fspath(path)!r} cannot be read: {error}. If it was damaged, take "
                "another copy of the file."
            ) from error
        return estimator


def _check_trusted(trusted: Any) -> Collection[str]:
    if not isinstance(trusted, list | tuple | set | frozenset) or not all(
        isinstance(name, str) for name in trusted
    ):
        raise TypeError(
            f"trusted={trusted!r} has to be a list of import paths, such as "
            '["package.module.function"].'
        )
    return frozenset(trusted)


def _read_model(
    tree: dict[str, Any],
    params: dict[str, Any],
    trusted: Collection[str],
) -> FittedModel:
    scaler: Scaler = decode(tree["scaler"])
    network = tree["network"]
    params = {
        **params,
        "latent_dim": network["latent_dim"],
        "kl_weight": network["kl_weight"],
        # They belong to a training, and might act as soon as a net has been made.
        "callbacks": None,
    }
    _check_size(scaler, params, tree["net"]["weights"])
    net = make_net(
        params,
        scaler=scaler,
        augmentation=resolve_augmentation(params["augmentation"], scaler.layout.kind),
        device=resolve_device(params["device"]),
        max_epochs=network["max_epochs"],
        seed=network["seed"],
    )
    load_net_state(net, tree["net"])
    clustering = decode(tree["clustering"], trusted)
    if isinstance(clustering, LatentClustering):
        _warn_of_versions(tree)
    return FittedModel(
        net,
        scaler,
        clustering,
        density=decode(tree["density"]),
        search=decode(tree["search"]),
        typical=np.empty(0, dtype=np.intp),
    )


def _check_size(
    scaler: Scaler, params: dict[str, Any], weights: dict[str, Any]
) -> None:
    """Compare shapes before any memory is taken for a network of whatever size."""
    with torch.device("meta"):
        network = ContrastiveAutoencoder(
            scaler.layout.network_shape,
            torch.empty(scaler.mean.shape),
            torch.empty(scaler.std.shape),
            latent_dim=params["latent_dim"],
            variational=params["kl_weight"] > 0,
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
    elif isinstance(clustering.clusterer, ConsensusClustering):
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
        *(value.cpu().numpy() for value in model.net.module_.state_dict().values()),
    ]
    if not all(np.isfinite(values).all() for values in tried):
        raise ValueError("it gives values that are not finite")


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
