"""What makes the strata of a fit doubtful, in sentences for warnings and reports."""

import numpy as np

from contrastive_clustering._data.duplicates import number_distinct
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._utils.numbering import name_strata

# Samples that are compared with each other, evenly spread over all.
MOST_COMPARED = 10_000

# Copies are worth a sentence from this part of the samples on: of one sample, and of
# all samples together.
MANY_OF_ONE = 0.05
MANY_COPIES = 0.2
FEWEST_COPIES = 5

# Rows of fewer values, such as those of a questionnaire, are alike by chance.
LEAST_VALUES = 64

# A part of the strata.
MANY_SINGLE = 0.1


def doubts_of_copies(
    samples: Samples, labels: np.ndarray, places: np.ndarray | None = None
) -> list[str]:
    """Say whether copies of samples may have made strata.

    Parameters
    ----------
    samples : ndarray or LazyArray of shape (n_samples, ...)
        Samples.

    labels : ndarray of shape (n_samples,)
        Their strata.

    places : ndarray of shape (n_samples,), default=None
        Their indices in X; counted from 0 if None.

    Returns
    -------
    sentences : list of str
        None or one.
    """
    if samples[0].size < LEAST_VALUES:
        return []
    rows = np.arange(0, len(samples), -(-len(samples) // MOST_COMPARED))
    codes = number_distinct(samples if len(rows) == len(samples) else samples[rows])
    counts = np.bincount(codes)
    n_copies = len(codes) - len(counts)
    most = int(counts.max())
    if n_copies < FEWEST_COPIES or (
        most < MANY_OF_ONE * len(codes) and n_copies < MANY_COPIES * len(codes)
    ):
        return []
    copied = codes == counts.argmax()
    first = rows[copied.argmax()]
    if places is not None:
        first = places[first]
    said = (
        f"{n_copies} of {len(codes)} samples of X are exact copies of others; "
        f"X[{first}] occurs {most} times."
    )
    strata = labels[rows]
    of_one = [
        int(stratum)
        for stratum in np.unique(strata[strata >= 0])
        if np.sum(strata == stratum) >= FEWEST_COPIES
        and len(np.unique(codes[strata == stratum])) == 1
    ]
    if of_one:
        names = name_strata(np.array(of_one)).capitalize()
        verb = "holds" if len(of_one) == 1 else "hold"
        said += f" {names} {verb} copies of one sample only."
    return [f"{said} Keep one of each unless the repetition means something."]


def doubts_of_sizes(labels: np.ndarray, n_clusters: int) -> list[str]:
    """Say whether many strata have a single member.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Strata of the training set, -1 for noise.

    n_clusters : int
        Number of strata.

    Returns
    -------
    sentences : list of str
        None or one.
    """
    sizes = np.bincount(labels[labels >= 0], minlength=n_clusters)
    n_single = int(np.sum(sizes == 1))
    if n_single <= MANY_SINGLE * n_clusters:
        return []
    verb = "has" if n_single == 1 else "have"
    return [
        f"{n_single} of {n_clusters} strata {verb} a single member: they are outliers "
        "rather than strata. Lower n_clusters, or look at these samples."
    ]


def doubts_of_reconstruction(error: float) -> list[str]:
    """Say whether the decoder is worse than the mean sample.

    Parameters
    ----------
    error : float
        Mean squared error of reconstructions as a part of the variance.

    Returns
    -------
    sentences : list of str
        None or one.
    """
    if not error > 1:
        return []
    return [
        f"The autoencoder reconstructs samples worse than the mean sample would: its "
        f"error is {error:.2f} of the variance. Decoded centers and generated samples "
        "mean little. Train for more epochs, or raise reconstruction_weight."
    ]
