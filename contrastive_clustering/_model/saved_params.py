"""Parameters in the file of an estimator: which of them it holds and may set."""

from collections.abc import Collection
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from contrastive_clustering._io.schema import Integer, Scope, shown
from contrastive_clustering._saving.codec import from_tree, to_tree
from contrastive_clustering._training.net_params import (
    KEYWORDS,
    concerns_machine,
    is_net_parameter,
)
from contrastive_clustering._utils.messages import show

# Largest layer that a file may define. Covariances of more latents would take
# gigabytes.
MAX_WIDTH = 2**13

_WIDTHS = ("latent_dim", "module__projection_dim", "module__projection_width")


def params_to_tree(
    params: dict[str, Any], trusted: Collection[str], note: str = ""
) -> dict[str, Any]:
    """Return a tree for the parameters of an estimator that a file contains.

    Parameters
    ----------
    params : dict
        Parameters by name.

    trusted : collection of str
        Import paths of classes and functions that may be named.

    note : str, default=""
        Text that follows the name and value of a parameter in error messages.

    Returns
    -------
    tree : dict
        All parameters except those that concern the machine.

    Raises
    ------
    ValueError
        If a parameter contains code that is not trusted or a value that cannot be
        saved.
    """
    return {
        # Fitted attributes of an estimator are not part of a parameter.
        name: to_tree(
            clone(value) if isinstance(value, BaseEstimator) else value,
            trusted,
            f"{name}={show(value)}{note}",
        )
        for name, value in params.items()
        if not concerns_machine(name)
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
        Names of the estimator's parameters, without those of the net.

    Returns
    -------
    params : dict
        Parameters by name. Their values must still be validated.

    Raises
    ------
    ValueError
        If a name is unknown or concerns the machine, a network would be too large, or
        a value is neither known nor trusted.
    """
    for name in tree:
        # A file that sets those of the machine could start processes or write to an
        # arbitrary folder.
        if (
            concerns_machine(name)
            or name == KEYWORDS
            or not (name in known or is_net_parameter(name))
        ):
            raise ValueError(f"{shown(name)} is not a parameter that a file may set")
    for name in _WIDTHS:
        if name in tree:
            Integer(1, MAX_WIDTH).check(_unboxed(tree[name]), name, Scope())
    return {name: from_tree(value, trusted) for name, value in tree.items()}


def _unboxed(tree: Any) -> Any:
    value = from_tree(tree) if isinstance(tree, dict) else tree
    return value.item() if isinstance(value, np.generic) else value
