"""Reasons to doubt the strata of a fit, as sentences for warnings and reports."""

import numpy as np

from contrastive_clustering._data.duplicates import (
    count_distinct,
    number_distinct,
)
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.numbering import name_strata

# Copies are reported if this fraction of the samples are copies of a single one, or if
# that fraction are copies of any.
MANY_OF_ONE = 0.05
MANY_COPIES = 0.2
MIN_COPIES = 5

# Rows with fewer values, such as those of a questionnaire, may be equal by chance.
MIN_VALUES = 64

# Single members are reported if they make up more than this fraction of the strata.
MANY_SINGLE = 0.1


def doubts_of_copies(
    samples: Samples,
    labels: np.ndarray,
    indices: np.ndarray | None = None,
    groups: Grouping | None = None,
) -> list[str]:
    """Report many exact copies of samples, which may form strata of their own.

    Copies of a sample in its own group are not counted, because a group weighs as one.

    Parameters
    ----------
    samples : ndarray or LazyArray of shape (n_samples, ...)
        Samples.

    labels : ndarray of shape (n_samples,)
        Their strata.

    indices : ndarray of shape (n_samples,), default=None
        Their indices in X if they are a part of it; None if they are all samples.

    groups : Grouping, default=None
        The group of each sample.

    Returns
    -------
    sentences : list of str
        Empty, or one string.
    """
    if samples[0].size < MIN_VALUES:
        return []
    # A random part of the samples would have few of the pairs of copies.
    rows, codes = np.arange(len(samples)), number_distinct(samples)
    if groups is not None:
        pairs = np.column_stack([codes, groups.codes[rows]])
        kept = np.sort(np.unique(pairs, axis=0, return_index=True)[1])
        rows, codes = rows[kept], codes[kept]
    counts = np.bincount(codes)
    n_copies = len(codes) - len(counts)
    most = int(counts.max())
    if n_copies < MIN_COPIES or (
        most < MANY_OF_ONE * len(codes) and n_copies < MANY_COPIES * len(codes)
    ):
        return []
    copied = codes == counts.argmax()
    first = rows[copied.argmax()]
    counted, among = f"{len(codes)} samples of X", ""
    if indices is not None:
        first = indices[first]
        counted, among = f"the {len(codes)} samples used", " among them"
    occurs = f"{most} times"
    if len(rows) < len(samples):
        counted += ", not counting copies within a group,"
        occurs = f"in {most} groups"
    doubt = (
        f"{n_copies} of {counted} are exact copies of others{among}; X[{first}] "
        f"occurs {occurs}{among}."
    )
    strata = labels[rows]
    of_one = [
        int(stratum)
        for stratum in np.unique(strata[strata >= 0])
        if np.sum(strata == stratum) >= MIN_COPIES
        and len(np.unique(codes[strata == stratum])) == 1
    ]
    if of_one:
        names = name_strata(np.array(of_one)).capitalize()
        verb = "holds" if len(of_one) == 1 else "hold"
        doubt += f" {names} {verb} only copies of one sample."
    return [f"{doubt} Keep one of each unless the repetition is meaningful."]


def doubts_of_sizes(
    labels: np.ndarray, n_clusters: int, groups: Grouping | None = None
) -> list[str]:
    """Report many strata with a single member, or with members of a single group.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Strata of the training set, -1 for noise.

    n_clusters : int
        Number of strata.

    groups : Grouping, default=None
        The group of each sample.

    Returns
    -------
    sentences : list of str
        Empty, or one string.
    """
    # Without groups, each sample counts.
    units, codes = "member", np.arange(len(labels))
    if groups is not None:
        units, codes = "group", groups.codes
    sizes = count_distinct(labels, codes, n_clusters)
    n_single = int(np.sum(sizes == 1))
    if n_single <= MANY_SINGLE * n_clusters:
        return []
    verb = "has" if n_single == 1 else "have"
    return [
        f"{n_single} of {n_clusters} strata {verb} a single {units}, probably an "
        "outlier. Lower n_clusters, or inspect these samples."
    ]


def doubts_of_reconstruction(error: float) -> list[str]:
    """Report reconstructions that are worse than the mean sample.

    Parameters
    ----------
    error : float
        Mean squared error of the reconstructions as a fraction of the variance.

    Returns
    -------
    sentences : list of str
        Empty, or one string.
    """
    if not error > 1:
        return []
    return [
        f"Reconstructions are worse than the mean sample: their error is {error:.2f} "
        "of the variance. Decoded centers and generated samples are not informative. "
        "Train for more epochs, or raise reconstruction_weight."
    ]
