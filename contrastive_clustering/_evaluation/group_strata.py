"""Strata of groups, such as patients, from the strata of their samples."""

from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np

from contrastive_clustering._utils.grouping import Grouping, number_groups
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.optional import import_pandas
from contrastive_clustering._utils.weighted_tables import are_largest, count


class GroupStrata(NamedTuple):
    """The stratum of each group, and how far its samples agree.

    Attributes
    ----------
    labels : ndarray of shape (n_groups,)
        Most frequent stratum of the samples of each group; -1 only if all are noise.

    proba : ndarray of shape (n_groups, n_clusters)
        Mean probabilities of the samples of each group.

    agreement : ndarray of shape (n_groups,)
        Fraction of the samples of each group that are in its stratum. Samples that are
        noise count as being in another one, unless all are noise.

    n_samples : ndarray of shape (n_groups,)
        Number of samples of each group.
    """

    labels: np.ndarray
    proba: np.ndarray
    agreement: np.ndarray
    n_samples: np.ndarray


def assign_groups(
    labels: np.ndarray, proba: np.ndarray, grouping: Grouping
) -> GroupStrata:
    """Return the stratum of each group.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Strata of the samples, from 0; -1 is noise.

    proba : ndarray of shape (n_samples, n_clusters)
        Probabilities of the strata.

    grouping : Grouping
        The group of each sample.

    Returns
    -------
    strata : GroupStrata
        Among equally frequent strata, the one with the largest mean probability, and
        among equally probable ones the one that comes first among the samples.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._evaluation.group_strata import assign_groups
    >>> from contrastive_clustering._utils.grouping import Grouping
    >>> proba = np.array([[0.6, 0.4], [0.1, 0.9], [1.0, 0.0]])
    >>> patients = Grouping(np.array([0, 0, 1]), 2)
    >>> strata = assign_groups(np.array([0, 1, 0]), proba, patients)
    >>> strata.labels.tolist(), strata.agreement.tolist()
    ([1, 0], [0.5, 1.0])
    """
    n_groups, n_clusters = grouping.n_groups, proba.shape[1]
    means = np.empty((n_groups, n_clusters))
    for cluster in range(n_clusters):
        means[:, cluster] = grouping.mean(proba[:, cluster].astype(np.float64))
    known = np.flatnonzero(labels != NOISE)
    rows, columns = grouping.codes[known], labels[known]
    counts = count(rows, columns, means.shape)[0]
    first = np.full(means.shape, len(labels))
    np.minimum.at(first, (rows, columns), known)
    most = counts.max(axis=1, initial=0)
    strata = np.full(n_groups, NOISE)
    found = most > 0
    if found.any():
        candidates = np.where(counts == most[:, None], means, -np.inf)[found]
        best = are_largest(candidates.T).T
        strata[found] = np.where(best, first[found], len(labels)).argmin(axis=1)
    n_samples = np.bincount(grouping.codes, minlength=n_groups)
    agreement = np.where(found, most, n_samples) / n_samples
    return GroupStrata(strata, means, agreement, n_samples)


def to_group_frame(labels: np.ndarray, proba: np.ndarray, groups: Any) -> Any:
    """Return a table of groups with their strata.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Strata of the samples, from 0; -1 is noise.

    proba : ndarray of shape (n_samples, n_clusters)
        Probabilities of the strata.

    groups : array-like of shape (n_samples,)
        Identifier of the group of each sample. Unlike in `fit`, a single group is
        accepted.

    Returns
    -------
    frame : pandas.DataFrame
        One row for each group, in the order in which they first appear, indexed by
        "group", with the columns "stratum", "n_samples", "agreement", "proba_0",
        "proba_1" and so on; see `assign_groups`. Samples without an identifier are
        groups of their own, which come last. They are indexed by "sample 17" if their
        index is 17.

    Raises
    ------
    ImportError
        If pandas is not installed.

    TypeError, ValueError
        If there is not one identifier for each sample.
    """
    pandas = import_pandas("predict_groups")
    grouping, names = _read_named_groups(groups, len(labels))
    strata = assign_groups(labels, proba, grouping)
    columns = {
        "stratum": strata.labels,
        "n_samples": strata.n_samples,
        "agreement": strata.agreement,
    }
    columns |= {f"proba_{i}": column for i, column in enumerate(strata.proba.T)}
    index = pandas.Index(names, name="group", tupleize_cols=False)
    return pandas.DataFrame(columns, index=index)


def _read_named_groups(groups: Any, n_samples: int) -> tuple[Grouping, list[Hashable]]:
    """Return the groups, in the order of `Grouping.read`, and their names."""
    codes, names = number_groups(groups, n_samples)
    names += [f"sample {index}" for index in np.flatnonzero(codes >= len(names))]
    return Grouping(codes, len(names)), names
