"""Saving a fitted estimator to one file, and loading it without running code."""

import os
from collections.abc import Callable, Collection
from typing import Any, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from contrastive_clustering._codec import decode, encode
from contrastive_clustering._container import (
    as_path,
    package_versions,
    read_tree,
    write_tree,
)
from contrastive_clustering._density import LatentDensity
from contrastive_clustering._device import resolve_device
from contrastive_clustering._fitting import FittedModel
from contrastive_clustering._loading import read_model
from contrastive_clustering._make_net import given_parameters
from contrastive_clustering._messages import shorten, show
from contrastive_clustering._net_state import net_state
from contrastive_clustering._presets import Preset
from contrastive_clustering._scaling import Scaler
from contrastive_clustering._training import ContrastiveNet

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
            parameters hold, such as a callable augmentation, another clusterer or what
            makes an encoder, and that whoever loads the file shall import.

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
                name: encode(value, trusted, f"{name}={show(value)}")
                for name, value in self.get_params(deep=False).items()
            },
            "net": net_state(net),
            # As they were in fit; parameters may have been set since.
            "network": {
                "latent_dim": int(net.module__latent_dim),
                "kl_weight": float(net.criterion__kl_weight),
                "max_epochs": int(net.max_epochs),
                "batch_size": int(net.batch_size),
                "seed": int(net.seed),
                "views": encode(
                    net.augmentation if isinstance(net.augmentation, Preset) else None
                ),
                "given": {
                    name: encode(value, trusted, f"{name}={show(value)}, as of fit,")
                    for name, value in given_parameters(net).items()
                },
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
                raise TypeError(f"device={show(device)} is no str and no torch.device.")
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
            model = read_model(tree, params, trusted)
            estimator._adopt(model, tree["examples"])
            estimator.n_features_in_ = int(tree["n_features_in"])
            names = decode(tree["feature_names_in"])
            if names is not None:
                estimator.feature_names_in_ = names  # type: ignore[attr-defined]
        except UNREADABLE as error:
            raise ValueError(
                f"{os.fspath(path)!r} cannot be read: {shorten(str(error))}. If it was "
                "damaged, take another copy of the file."
            ) from error
        return estimator


def _check_trusted(trusted: Any) -> Collection[str]:
    if not isinstance(trusted, list | tuple | set | frozenset) or not all(
        isinstance(name, str) for name in trusted
    ):
        raise TypeError(
            f"trusted={show(trusted)} has to be a list of import paths, such as "
            '["package.module.function"].'
        )
    return frozenset(trusted)
