"""Saving a fitted estimator to one file, and loading it without running code."""

import os
from collections.abc import Callable, Collection
from typing import Any, Self

import torch
from sklearn.utils.validation import check_is_fitted

from contrastive_clustering._clustering.density import LatentDensity
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._model.estimator_file import (
    check_estimator_tree,
    estimator_to_tree,
    read_estimator,
    write_estimator,
)
from contrastive_clustering._model.fit import FittedModel
from contrastive_clustering._model.load import params_from_tree, read_model
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._utils.device import resolve_device
from contrastive_clustering._utils.files import UNREADABLE, as_output_path, as_path
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.messages import reason_of, show
from contrastive_clustering._utils.snapshot import reads_fitted_state


class PersistenceMixin:
    """Methods of an estimator that is saved and loaded without executing code."""

    net_: ContrastiveNet
    _scaler: Scaler
    _clustering: Any
    _density: LatentDensity
    cluster_number_search_: Any
    n_features_in_: int
    warm_start: bool
    _resumable: bool
    _get_param_names: Callable[[], list[str]]
    _adopt: Callable[[FittedModel], None]
    _validate_params: Callable[[], None]
    get_params: Callable[..., dict[str, Any]]

    @reads_fitted_state
    def save(
        self, path: str | os.PathLike[str], *, trusted: Collection[str] = ()
    ) -> None:
        """Save the fitted estimator to one file that holds no code.

        The file is in the safetensors format, with a JSON header that any text editor
        can read: parameters, versions, what was learned and the strata of the training
        set. It holds none of its samples, unless `store_examples` keeps one for each
        stratum. The history keeps its epochs, but not their batches. The optimizer's
        state is saved if training is to be continued: with `warm_start`, or after
        `partial_fit`. Parameters that concern the machine are
        not saved: `checkpoint_dir`, `checkpoint_every`, `num_workers`, `compile` and
        the parameters of iterators. The file
        appears when it is complete; if writing fails, one that was there before stays.

        Parameters
        ----------
        path : str or path-like
            The file. It is overwritten if it exists, and keeps its mode; a symbolic
            link to it stays a link. "~" stands for the home folder.

        trusted : collection of str, default=()
            Import paths of functions and classes outside of this package that
            parameters hold, such as a callable augmentation, a clusterer of your own or
            what makes an encoder, and that whoever loads the file shall import.

        Raises
        ------
        TypeError
            If `path` is not a path or `trusted` not a list of strings.

        ValueError
            If a parameter holds code that is not trusted or cannot be imported by its
            path, or if `load` would refuse the file.

        OSError
            If the file cannot be written, or if `path` leads to a folder, a named pipe,
            a socket or a device.

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
        file = as_output_path(path, "path")
        trusted = _check_trusted(trusted)
        try:
            tree = estimator_to_tree(self, trusted)
        except RecursionError as error:
            raise ValueError(
                "The estimator cannot be saved, because a parameter or the clusterer "
                "holds objects that refer to each other in a circle or in too long a "
                "chain. Use pickle or joblib, whose files run code when they are "
                "loaded."
            ) from error
        try:
            # The parameter may name a device that this machine does not have.
            self._from_tree(tree, trusted, device="cpu")
        except UNREADABLE as error:
            raise ValueError(
                f"The estimator cannot be saved, because load would refuse the file: "
                f"{reason_of(error).rstrip('.')}."
            ) from error
        write_estimator(file, tree)

    @classmethod
    def _from_tree(
        cls, tree: dict[str, Any], trusted: Collection[str], **overruled: Any
    ) -> Self:
        """Return the estimator that a tree describes, after checking all of it."""
        check_estimator_tree(tree)
        known = cls._get_param_names()
        params = params_from_tree(tree["params"], trusted, known) | overruled
        estimator = cls(**params)
        estimator._validate_params()
        model = read_model(tree, estimator.get_params(deep=False), trusted)
        estimator._adopt(model)
        return estimator

    @classmethod
    @default_library_settings()
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        device: str | torch.device | None = None,
        trusted: Collection[str] = (),
    ) -> Self:
        """Load an estimator that `save` has written, without executing code.

        Every field of the file, and how their sizes depend on each other, is checked
        before any object is made. On the device that it was saved from, the estimator
        predicts the same to the bit with the same version of PyTorch.

        Parameters
        ----------
        path : str or path-like
            The file. "~" stands for the home folder.

        device : str or torch.device, default=None
            The parameter `device` of the estimator; None leaves it as it was saved.

        trusted : collection of str, default=()
            Import paths that the file may name beside those of this package: they are
            imported, which runs their modules, and objects of these classes get the
            attributes that the file has for them. Trust only files that you know.

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
            If the file is not a regular file, is damaged, was not written by `save` or
            by a version of the format that cannot be read, or names what is not
            trusted; or if the device is not there.

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
        tree = read_estimator(as_path(path, "path"))
        overruled = {} if device is None else {"device": device}
        try:
            return cls._from_tree(tree, trusted, **overruled)
        except UNREADABLE as error:
            raise ValueError(
                f"{os.fspath(path)!r} cannot be read: {reason_of(error).rstrip('.')}. "
                "If it was damaged, take another copy of the file."
            ) from error


def _check_trusted(trusted: Any) -> Collection[str]:
    if not isinstance(trusted, list | tuple | set | frozenset) or not all(
        isinstance(name, str) for name in trusted
    ):
        raise TypeError(
            f"trusted={show(trusted)} has to be a list of import paths, such as "
            '["package.module.function"].'
        )
    return frozenset(trusted)
