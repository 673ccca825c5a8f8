"""What a reader of a report should know before reading anything from it."""

from typing import Any

import numpy as np

from contrastive_clustering._report_data import Chosen

# The mean of fewer latents than this is the latent of a sample, which would decode to
# a reconstruction of it.
LEAST_MEMBERS = 2

# Means of fewer latents than this stay near to single ones.
FEW_MEMBERS = 5

# A picture of more classes than this cannot be read.
MOST_CLASSES_DRAWN = 40


def count_members(estimator: Any) -> np.ndarray:
    """Return how many training samples each stratum has.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`ContrastiveAutoencoderClusterer`.

    Returns
    -------
    counts : ndarray of shape (n_clusters,)
        Numbers of members, noise left out.
    """
    labels = estimator.labels_
    return np.bincount(labels[labels >= 0], minlength=estimator.n_clusters_)


def may_be_shown(estimator: Any, show_samples: bool) -> np.ndarray:
    """Return the strata whose decoded centres may be shown.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`ContrastiveAutoencoderClusterer`.

    show_samples : bool
        Whether samples may be shown.

    Returns
    -------
    strata : ndarray of shape (n_shown,)
        All of them, or those whose centre is no single sample's latent.
    """
    least = 0 if show_samples else LEAST_MEMBERS
    return np.flatnonzero(count_members(estimator) >= least)


def is_training_set(estimator: Any, chosen: Chosen, n_samples: int) -> bool:
    """Return whether X is as large as the training set and falls in the same strata.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`ContrastiveAutoencoderClusterer`.

    chosen : Chosen
        The samples that were looked at.

    n_samples : int
        Number of samples of X.

    Returns
    -------
    is_training_set : bool
        True is no proof, as the estimator keeps nothing of its training set.
    """
    trained = estimator.labels_
    return n_samples == len(trained) and bool(
        np.array_equal(trained[chosen.rows], chosen.labels)
    )


def what_to_know(
    estimator: Any, chosen: Chosen, n_samples: int, *, show_samples: bool
) -> list[str]:
    """Return sentences on what is shown, what was looked at and what misleads.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`ContrastiveAutoencoderClusterer`.

    chosen : Chosen
        The samples that were looked at.

    n_samples : int
        Number of samples of X.

    show_samples : bool
        Whether samples are shown.

    Returns
    -------
    sentences : list of str
        One or two a fact.
    """
    said = _on_privacy(estimator, show_samples)
    said.append(
        "Strata are hypotheses: hold them against scanners, sites and other "
        "confounders before you read anything from them. This is no medical device."
    )
    if is_training_set(estimator, chosen, n_samples):
        said.append(
            "X is most likely the training set: figures of samples that the strata "
            "were made from flatter."
        )
    if len(chosen.rows) < n_samples:
        said.append(
            f"Figures and pictures are of {len(chosen.rows):,} samples, drawn at "
            f"random of {n_samples:,}."
        )
    empty = np.setdiff1d(np.arange(estimator.n_clusters_), chosen.labels)
    if len(empty):
        said.append(f"No sample looked at is in {name_strata(empty)}.")
    if chosen.y is not None:
        said += _on_classes(len(chosen.classes))
    return said


def _on_privacy(estimator: Any, show_samples: bool) -> list[str]:
    if show_samples:
        return [
            "This page shows samples of X, as they are and as the autoencoder rebuilds "
            "them. Keep it and share it as you would the samples themselves."
        ]
    counts = count_members(estimator)
    said = [
        "This page shows no sample: its pictures are decoded from means of latents, "
        "and points of the map are latents."
    ]
    hidden = np.flatnonzero(counts < LEAST_MEMBERS)
    if len(hidden):
        said.append(
            f"Not shown is the decoded centre of {name_strata(hidden)}, with one "
            "training sample or none: it would be a reconstruction of that sample."
        )
    few = np.flatnonzero((counts >= LEAST_MEMBERS) & (counts < FEW_MEMBERS))
    if len(few):
        said.append(
            f"The decoded centre of {name_strata(few)}, with fewer than {FEW_MEMBERS} "
            "training samples, may look like one of them."
        )
    return said


def _on_classes(n_classes: int) -> list[str]:
    if n_classes == 1:
        return ["y has one class alone: figures against labels say nothing."]
    said = [
        "Figures against labels match strata to classes on the samples that they "
        "score, which flatters, the more so the more strata there are. "
        "evaluate_clustering scores a test set."
    ]
    if n_classes > MOST_CLASSES_DRAWN:
        said.append(
            f"y has {n_classes} classes, too many for a picture of how they spread."
        )
    return said


def name_strata(strata: np.ndarray) -> str:
    """Return strata by their numbers.

    Parameters
    ----------
    strata : ndarray of shape (n_strata,)
        Numbers, at least one.

    Returns
    -------
    names : str
        Such as a sentence has them.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._report_notes import name_strata
    >>> name_strata(np.array([4])), name_strata(np.array([0, 1, 2, 3]))
    ('stratum 4', 'strata 0 to 3')
    >>> name_strata(np.array([1, 4, 5]))
    'strata 1, 4 and 5'
    """
    numbers = strata.tolist()
    if len(numbers) == 1:
        return f"stratum {numbers[0]}"
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"strata {numbers[0]} to {numbers[-1]}"
    return f"strata {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
