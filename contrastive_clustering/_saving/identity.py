"""Identity of a fit: the values that must match to resume it from a checkpoint."""

from dataclasses import replace
from typing import Any

import numpy as np
from skorch.callbacks import Callback

from contrastive_clustering._clustering.n_clusters_search import ClusterNumberSearch
from contrastive_clustering._data.metadata import Metadata
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._saving.description import (
    describe,
    hash_arrays,
    hash_text,
    to_bytes,
)
from contrastive_clustering._training.callbacks import (
    OBSERVERS,
    TRAINERS,
    class_of,
)
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._training.net_params import concerns_machine
from contrastive_clustering._utils import provenance
from contrastive_clustering._utils.chunks import iterate_chunks
from contrastive_clustering._utils.provenance import import_path

# Parameters that do not affect what is learned, besides those of the machine.
IRRELEVANT = {"device", "random_state", "store_examples", "verbose", "warm_start"}

# Longer texts are truncated, and a digest distinguishes them.
MAX_TEXT_LENGTH = 1000

Identity = dict[str, str]


def identify(
    params: dict[str, Any],
    X: Samples,
    seed: int | None,
    previous: ContrastiveNet | None,
    metadata: Metadata | None = None,
) -> Identity:
    """Return the values that must match for a fit to resume from a checkpoint.

    Objects are compared by their state and the code of their class, functions by their
    code and closures, and libraries by their minor versions. Callbacks that are not
    skorch's own are compared only by the name of their class, because their state may
    change during training.

    Parameters
    ----------
    params : dict
        The estimator's parameters.

    X : ndarray or LazyArray of shape (n_samples, ...)
        The training set; only a digest of it is kept.

    seed : int or None
        The seed; None if it was drawn at random.

    previous : ContrastiveNet or None
        The net whose training is continued.

    metadata : Metadata, default=None
        Groups and nuisance variables; only digests of them are kept.

    Returns
    -------
    identity : dict
        A short text for each parameter, the training set and its metadata.
    """
    identity = {
        name: _shorten(
            describe_callbacks(value if name == "callbacks" else [value])
            if _holds_callbacks(name, value)
            else describe(_without_machine(value))
        )
        for name, value in params.items()
        if name not in IRRELEVANT and not concerns_machine(name)
    }
    digest = hash_arrays(iterate_chunks(X))
    identity["X"] = f"{X.dtype} {X.shape} {digest}"
    if metadata is not None:
        identity |= _identify_metadata(metadata)
    identity["versions"] = ", ".join(
        # A patch release of a library is not expected to change results, but any
        # version of this package may.
        f"{name} {version if name == provenance.FORMAT else _minor(version)}"
        for name, version in sorted(provenance.package_versions().items())
    )
    if seed is not None:
        given = params.get("random_state")
        is_number = isinstance(given, int | np.integer)
        identity["random_state"] = str(given) if is_number else f"seed {seed}"
    identity["warm_start"] = "False"
    if previous is not None:
        weights = hash_arrays(map(to_bytes, previous.module_.state_dict().values()))
        identity["warm_start"] = f"True, from the weights {weights}"
    return identity


def _without_machine(value: Any) -> Any:
    """Return a value without settings that concern the machine."""
    if isinstance(value, ClusterNumberSearch):
        return replace(value, n_jobs=None)
    return value


def _identify_metadata(metadata: Metadata) -> Identity:
    """Return texts for groups and nuisance that do not reveal who is behind them."""
    identity = {}
    groups, nuisance = metadata.groups, metadata.nuisance
    if groups is not None:
        identity["groups"] = f"{groups.n_groups} groups {hash_arrays([groups.codes])}"
    if nuisance is not None:
        identity["nuisance"] = (
            f"{len(nuisance.names)} variables {hash_arrays([nuisance.codes])}"
        )
    return identity


def _shorten(text: str) -> str:
    """Return a text that is short enough for a checkpoint and a message."""
    if len(text) <= MAX_TEXT_LENGTH:
        return text
    return f"{text[: MAX_TEXT_LENGTH // 2]}... {hash_text(text)}"


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def digest_samples(X: Samples) -> list[str]:
    """Return a digest of each sample."""
    return [hash_arrays([sample]) for chunk in iterate_chunks(X) for sample in chunk]


def describe_training(net: ContrastiveNet | None) -> str:
    """Return a text that is equal for nets from which training continues equally.

    It has the number of epochs, and digests of the weights and the optimizer's moments.
    """
    if net is None:
        return "none"
    weights = hash_arrays(map(to_bytes, net.module_.state_dict().values()))
    moments = hash_text(describe(net.optimizer_.state_dict()["state"]))
    return f"{len(net.history)} epochs, weights {weights}, moments {moments}"


def _holds_callbacks(name: str, value: Any) -> bool:
    """Return whether a parameter is `callbacks`, or replaces one of them."""
    return name == "callbacks" or (
        name.startswith("callbacks__") and issubclass(class_of(value), Callback)
    )


def describe_callbacks(callbacks: Any) -> str:
    """Return a text for the callbacks that do more than record a training.

    It has their classes, and the settings of skorch's own, with the functions of those
    that change the training. Callbacks may be given as classes, or as pairs of a name
    and one of these.
    """
    if callbacks is None:
        return "None"
    described = []
    for item in callbacks:
        name, callback = item if isinstance(item, tuple) else ("", item)
        kind = class_of(callback)
        if issubclass(kind, OBSERVERS):
            continue
        text = f"{name} {import_path(kind)}".lstrip()
        if kind.__module__.startswith("skorch.") and callback is not kind:
            settings = callback.get_params().items()
            is_trainer = issubclass(kind, TRAINERS)
            # Functions that only score or print may enclose what they have collected.
            text += describe(
                {
                    name: item
                    for name, item in settings
                    if not callable(item) or (is_trainer and name != "sink")
                }
            )
        described.append(text)
    return f"[{', '.join(described)}]"
