"""Save a fitted estimator to one file, and load it without running code."""

import os
from collections.abc import Collection
from typing import Any, Self

import torch
from sklearn.utils.validation import check_is_fitted

from contrastive_clustering._estimator.base import FittedAttributes
from contrastive_clustering._estimator.settings import unresolved_training
from contrastive_clustering._model.estimator_file import (
    check_estimator_tree,
    estimator_to_tree,
    read_estimator,
    write_estimator,
)
from contrastive_clustering._model.load import read_model
from contrastive_clustering._model.saved_params import params_from_tree
from contrastive_clustering._utils.device import resolve_device
from contrastive_clustering._utils.files import UNREADABLE, as_output_path, as_path
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.messages import reason_of, show
from contrastive_clustering._utils.snapshot import reads_fitted_state


class PersistenceMixin(FittedAttributes):
    """Methods of an estimator that is saved and loaded without executing code."""

    @reads_fitted_state
    def save(
        self,
        path: str | os.PathLike[str],
        *,
        trusted: Collection[str] = (),
        notes: dict[str, Any] | None = None,
    ) -> None:
        """Save the fitted estimator to one file that contains no code.

        The file is in the safetensors format, with a JSON header that any text editor
        can read. It contains parameters, versions, weights, and the strata of the
        training set, but no training samples, unless `store_examples` keeps one of each
        stratum. The history includes the epochs, but not their batches. The optimizer's
        state is saved with `warm_start` or after `partial_fit`, so that training can
        continue. Machine-specific parameters are not saved: `checkpoint_dir`,
        ``callbacks__checkpoint__every``, ``compile``, those that begin with
        ``compile__``, those of the iterators except ``iterator_train__group_positives``
        and the `n_jobs` of a :class:`ClusterNumberSearch`. The file appears only when
        it is complete. If writing fails, an existing file remains unchanged.

        Parameters
        ----------
        path : str or path-like
            The file. An existing file is overwritten and keeps its mode; a symbolic
            link to it stays a link. "~" stands for the home folder.

        trusted : collection of str, default=()
            Import paths of the functions and classes of other packages that parameters
            contain, such as a callable augmentation, a custom clusterer or a class of
            encoders. `load` imports them if they are also trusted there.

        notes : dict of str to plain values, default=None
            Facts to store with the model, such as how its images were read. They are
            the attribute `notes_` of the loaded estimator. None keeps those that it was
            loaded with.

        Raises
        ------
        TypeError
            If `path` is not a path, `trusted` is not a list of strings, or `notes` is
            not a dict with strings as keys.

        ValueError
            If a parameter contains code that is not trusted or cannot be imported, or
            if `load` would reject the file.

        OSError
            If the file cannot be written, or if `path` leads to a folder, a named pipe,
            a socket or a device.

        See Also
        --------
        load : Load the file.

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
            tree = estimator_to_tree(self, trusted, _check_notes(notes, self.notes_))
        except RecursionError as error:
            raise ValueError(
                "The estimator cannot be saved, because a parameter, the clusterer or "
                "notes contains circular references or too deeply nested objects. Use "
                "pickle or joblib, whose files run code when they are loaded."
            ) from error
        try:
            # The parameter may name a device that is not available on this machine.
            self._from_tree(tree, trusted, device="cpu")
        except UNREADABLE as error:
            raise ValueError(
                f"The estimator cannot be saved, because load would reject the file: "
                f"{reason_of(error).rstrip('.')}."
            ) from error
        write_estimator(file, tree)

    @classmethod
    def _from_tree(
        cls, tree: dict[str, Any], trusted: Collection[str], **overruled: Any
    ) -> Self:
        """Check a tree and return the estimator that it describes."""
        check_estimator_tree(tree)
        known = cls._get_param_names()
        estimator = cls(**params_from_tree(tree["params"], trusted, known))
        # The constructor of a derived class may have fewer parameters.
        vars(estimator).update(overruled)
        estimator._validate_params()
        estimator._model = read_model(
            tree, unresolved_training(estimator), estimator.augmentation, trusted
        )
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
        """Load an estimator that was written by `save`, without executing code.

        Every field of the file, and the consistency of their sizes, is checked before
        any object is created. On the same device and with the same version of PyTorch,
        the predictions are bit for bit those of the saved estimator.

        Parameters
        ----------
        path : str or path-like
            The file. "~" stands for the home folder.

        device : str or torch.device, default=None
            New value of the estimator's parameter `device`; None keeps the saved one.

        trusted : collection of str, default=()
            Import paths in other packages that the file may name. They are imported,
            which runs their modules, and objects of these classes get all attributes
            that the file has for them. Use this only with files that you trust.

        Returns
        -------
        estimator : ContrastiveAutoencoderClusterer
            The fitted estimator.

        Raises
        ------
        OSError
            If the file does not exist or cannot be read.

        TypeError
            If `path`, `device` or `trusted` has a wrong type.

        ValueError
            If the file is not a regular file, is damaged, was not written by `save`,
            has an unknown format version or names code that is not trusted; or if the
            device is not available.

        Warns
        -----
        UserWarning
            If the clusterer was saved with another version of scikit-learn.

        See Also
        --------
        save : Save the estimator.
        """
        trusted = _check_trusted(trusted)
        if device is not None:
            if not isinstance(device, str | torch.device):
                raise TypeError(
                    f"device={show(device)} is neither a str nor a torch.device. Pass "
                    'a device, such as "cpu".'
                )
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


def _check_notes(notes: Any, kept: dict[str, Any]) -> dict[str, Any]:
    if notes is None:
        return kept
    if not isinstance(notes, dict) or not all(isinstance(key, str) for key in notes):
        raise TypeError(
            f"notes={show(notes)} is not a dict with strings as keys. Pass one, such "
            'as {"size": 64}.'
        )
    return notes


def _check_trusted(trusted: Any) -> Collection[str]:
    if not isinstance(trusted, list | tuple | set | frozenset) or not all(
        isinstance(name, str) for name in trusted
    ):
        raise TypeError(
            f"trusted={show(trusted)} is not a list of import paths. Pass a list, such "
            'as ["package.module.function"].'
        )
    return frozenset(trusted)
