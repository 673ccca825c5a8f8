"""What a reader of a report should know before reading anything from it."""

from typing import Any

import numpy as np

from contrastive_clustering._evaluation.doubts import (
    doubts_of_copies,
    doubts_of_reconstruction,
    doubts_of_sizes,
)
from contrastive_clustering._report.data import Chosen
from contrastive_clustering._report.privacy import (
    LEAST_MEMBERS,
    Privacy,
    is_training_set,
)
from contrastive_clustering._utils.numbering import name_strata

# Means of the latents of fewer distinct samples than this stay near to single ones.
FEW_MEMBERS = 5

# A picture of more classes than this cannot be read.
MOST_CLASSES_DRAWN = 40


def what_to_know(
    estimator: Any,
    chosen: Chosen,
    n_samples: int,
    privacy: Privacy | None,
    error: float,
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

    privacy : Privacy or None
        Which decoded centers may be shown; None if samples are shown.

    error : float
        The error of the reconstructions, as a part of the variance.

    Returns
    -------
    sentences : list of str
        One or two a fact.
    """
    said = _on_shown_samples() if privacy is None else _on_privacy(privacy)
    said += doubts_of_copies(chosen.samples, chosen.labels, chosen.rows)
    said += doubts_of_sizes(estimator.labels_, estimator.n_clusters_)
    said += doubts_of_reconstruction(error)
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


def _on_shown_samples() -> list[str]:
    return [
        "This page shows samples of X, as they are and as the autoencoder rebuilds "
        "them. Keep it and share it as you would the samples themselves."
    ]


def _on_privacy(privacy: Privacy) -> list[str]:
    said = [
        "This page shows no sample: its pictures are decoded from means of latents, "
        "and points of the map are latents."
    ]
    counts = privacy.n_distinct
    single = counts < LEAST_MEMBERS
    if single.any():
        said.append(
            "Not shown is the decoded center of "
            f"{name_strata(np.flatnonzero(single))}, with one training sample, copies "
            "of one or none: it would be a reconstruction of that sample."
        )
    hidden = np.flatnonzero(privacy.resembling & ~single)
    if len(hidden):
        said.append(
            f"Not shown is the decoded center of {name_strata(hidden)}: it resembles "
            "one sample of X far more than others, or is the mean of much the same "
            "sample many times over."
        )
    few = privacy.shown[counts[privacy.shown] < FEW_MEMBERS]
    if len(few):
        said.append(
            f"The decoded center of {name_strata(few)}, with fewer than {FEW_MEMBERS} "
            "distinct training samples, may look like one of them."
        )
    if not privacy.is_training_set:
        said.append(
            "X is not the training set, or cannot be told to be: decoded centers were "
            "compared with samples of X alone, and copies among the training samples "
            "were not counted. A decoded center may look like a training sample."
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
