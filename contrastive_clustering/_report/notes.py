"""Notes at the top of a report: its contents, its limits and its caveats."""

from typing import Any

import numpy as np

from contrastive_clustering._evaluation.doubts import (
    doubts_of_copies,
    doubts_of_reconstruction,
    doubts_of_sizes,
)
from contrastive_clustering._report.data import Chosen
from contrastive_clustering._report.privacy import (
    MAX_SHARE,
    MIN_MEMBERS,
    Privacy,
    is_training_set,
)
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.numbering import name_strata

# The mean latent of fewer distinct samples may resemble one of them.
FEW_MEMBERS = 5

# Plots of more classes are not legible.
MAX_CLASSES_PLOTTED = 40


def caveats(
    estimator: Any,
    chosen: Chosen,
    n_samples: int,
    privacy: Privacy | None,
    error: float,
    *,
    grouping: Grouping | None = None,
) -> list[str]:
    """Return the notes on the contents of the report and on their limits.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`ContrastiveAutoencoderClusterer`.

    chosen : Chosen
        The samples used for the report.

    n_samples : int
        Number of samples in X.

    privacy : Privacy or None
        Which decoded centers may be shown; None if samples are shown.

    error : float
        The reconstruction error, as a fraction of the variance.

    grouping : Grouping or None, default=None
        The group of each sample used. Copies within a group are not reported.

    Returns
    -------
    notes : list of str
        One or two sentences each.
    """
    notes = _on_shown_samples() if privacy is None else _on_privacy(privacy)
    part = chosen.rows if len(chosen.rows) < n_samples else None
    notes += doubts_of_copies(chosen.samples, chosen.labels, part, grouping)
    is_trained = is_training_set(estimator, chosen, n_samples)
    # Only groups of the whole training set show which strata have a single one.
    of_trained = grouping if is_trained and part is None else None
    notes += doubts_of_sizes(estimator.labels_, estimator.n_clusters_, of_trained)
    notes += doubts_of_reconstruction(error)
    notes.append(
        "Strata are hypotheses. Before interpreting them, check whether they follow "
        "scanners, sites or other confounders. This report is not a medical device."
    )
    if is_trained:
        notes.append(
            "X is most likely the training set. Metrics on training data are "
            "optimistic."
        )
    if len(chosen.rows) < n_samples:
        notes.append(
            f"Metrics and plots use {len(chosen.rows):,} samples, drawn at random from "
            f"{n_samples:,}."
        )
    empty = np.setdiff1d(np.arange(estimator.n_clusters_), chosen.labels)
    if len(empty):
        notes.append(f"None of the samples used is in {name_strata(empty)}.")
    if chosen.y is not None:
        notes += _on_classes(len(chosen.classes))
    return notes


def _on_shown_samples() -> list[str]:
    return [
        "This page shows samples of X and their reconstructions. Store and share it "
        "with the same care as the samples themselves."
    ]


def _on_privacy(privacy: Privacy) -> list[str]:
    notes = [
        "This page shows no sample. Its images are decoded from mean latents, and the "
        "points of the map are latents."
    ]
    counts = privacy.n_distinct
    single = counts < MIN_MEMBERS
    if single.any():
        notes.append(
            f"{_centers_are(np.flatnonzero(single))} not shown: with at most one "
            "distinct training sample, a center would be a reconstruction of that "
            "sample."
        )
    hidden = np.flatnonzero(privacy.resembling & ~single)
    if len(hidden):
        notes.append(
            f"{_centers_are(hidden)} not shown: a center resembles one sample of X far "
            "more than the others, or most members are near-copies of one sample."
        )
    grouped = np.flatnonzero(privacy.of_one_group & ~privacy.resembling & ~single)
    if len(grouped):
        notes.append(
            f"{_centers_are(grouped)} not shown: more than {MAX_SHARE:.0%} of the "
            "stratum's samples belong to one group, such as a patient."
        )
    few = privacy.shown[counts[privacy.shown] < FEW_MEMBERS]
    if len(few):
        notes.append(
            "A decoded center may resemble a training sample if its stratum has fewer "
            f"than {FEW_MEMBERS} distinct ones, as {name_strata(few)} here."
        )
    if not privacy.is_training_set:
        notes.append(
            "X does not appear to be the training set. Decoded centers were compared "
            "only with samples of X, and copies among the training samples were not "
            "counted, so a decoded center may resemble a training sample."
        )
    return notes


def _centers_are(strata: np.ndarray) -> str:
    """Return the subject and the verb of a sentence on decoded centers."""
    center, verb = ("center", "is") if len(strata) == 1 else ("centers", "are")
    return f"The decoded {center} of {name_strata(strata)} {verb}"


def _on_classes(n_classes: int) -> list[str]:
    if n_classes == 1:
        return ["y has only one class, so metrics against labels are not informative."]
    notes = [
        "Metrics against labels match strata to classes on the samples that they "
        "score, so they are optimistic, increasingly so with more strata. Use "
        "evaluate_clustering to score a test set."
    ]
    if n_classes > MAX_CLASSES_PLOTTED:
        notes.append(f"y has {n_classes} classes, too many to plot.")
    return notes
