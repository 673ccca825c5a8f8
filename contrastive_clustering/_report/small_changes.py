"""The section of a report on small changes of the samples."""

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from contrastive_clustering._clustering.group_rows import draw_sorted_rows
from contrastive_clustering._evaluation.perturbation import perturb_samples
from contrastive_clustering._evaluation.perturbations import default_perturbations
from contrastive_clustering._report.data import Chosen
from contrastive_clustering._report.page import Section, paragraph, table
from contrastive_clustering._report.sections import number, percent
from contrastive_clustering._utils.grouping import Grouping, read_units
from contrastive_clustering._utils.messages import quantity

# As in audit_perturbations.
MAX_SAMPLES = 1000


def small_changes(
    estimator: Any, chosen: Chosen, grouping: Grouping | None, seed: int
) -> Section:
    """Return the section that shows which small changes move samples to other strata.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`ContrastiveAutoencoderClusterer`.

    chosen : Chosen
        The samples used for the report, of which at most 1,000 are changed.

    grouping : Grouping or None
        The group of each sample; a group weighs as one.

    seed : int
        Seed of the selection and of the noise.

    Returns
    -------
    section : Section
        A table.
    """
    model, rng = estimator._model, check_random_state(seed)
    rows = draw_sorted_rows(len(chosen.labels), MAX_SAMPLES, rng, grouping)
    samples = np.asarray(chosen.samples[rows])
    audit = perturb_samples(
        chosen.labels[rows],
        samples,
        lambda changed, _: model.assign(model.encode(changed)),
        default_perturbations(samples, model.scaler.layout, rng),
        read_units(None, len(samples)) if grouping is None else grouping.take(rows),
        rows=chosen.rows[rows],
        grouped=grouping is not None,
        rng=rng,
    )
    used = quantity(len(rows), "sample")
    if audit.n_groups is not None:
        used += f" of {quantity(audit.n_groups, 'group')}; a group weighs as one"
    lines = []
    for i, name in enumerate(audit.names):
        low, high = audit.intervals[i]
        interval = "" if np.isnan(low) else f"{percent(low)} to {percent(high)}"
        least = ""
        if len(audit.strata):
            stratum = audit.strata_shares[:, i].argmin()
            share = percent(audit.strata_shares[stratum, i])
            least = f"{share} (stratum {audit.strata[stratum]})"
        size, share = number(audit.sizes[i]), percent(audit.shares[i])
        lines.append([name, size, share, interval, least])
    return Section(
        "small-changes",
        "Small changes",
        [
            table(
                "perturbations",
                f"Samples that keep their stratum if they are changed, on {used}",
                ["change", "size", "same stratum", "95 % interval", "least"],
                lines,
                numeric=range(1, 5),
            ),
            paragraph(
                "The changes are small, as between two scans of the same patient; "
                "audit_perturbations describes them. Sizes are root mean squares, in "
                "standard deviations of all values."
            ),
        ],
    )
