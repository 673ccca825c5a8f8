"""Find samples that are exact copies of each other."""

import hashlib

import numpy as np

from contrastive_clustering._data.validation import Samples
from contrastive_clustering._utils.chunks import iterate_chunks


def number_distinct(samples: Samples) -> np.ndarray:
    """Return a number for each sample that is shared exactly by its copies.

    Parameters
    ----------
    samples : ndarray or LazyArray of shape (n_samples, ...)
        The samples, which are read in chunks.

    Returns
    -------
    codes : ndarray of shape (n_samples,)
        Consecutive numbers from 0.
    """
    # For a million samples, the probability of a collision is 1 in 40 million.
    digests = b"".join(
        hashlib.blake2b(sample.tobytes(), digest_size=8).digest()
        for chunk in iterate_chunks(samples)
        for sample in _without_negative_zeros(chunk)
    )
    _, codes = np.unique(np.frombuffer(digests, np.uint64), return_inverse=True)
    return np.asarray(codes)


def _without_negative_zeros(values: np.ndarray) -> np.ndarray:
    """Return equal values whose bytes are equal, too: -0.0 becomes 0.0."""
    return values + 0 if values.dtype.kind == "f" else values


def count_distinct(
    labels: np.ndarray, codes: np.ndarray, n_clusters: int
) -> np.ndarray:
    """Return the number of distinct samples of each stratum.

    Parameters
    ----------
    labels, codes : ndarray of shape (n_samples,)
        Stratum of each sample, -1 for noise, and number of each sample.

    n_clusters : int
        Number of strata.

    Returns
    -------
    counts : ndarray of shape (n_clusters,)
        Numbers of distinct samples.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._data.duplicates import count_distinct
    >>> count_distinct(np.array([0, 0, 0, 1, -1]), np.array([5, 5, 6, 5, 7]), 3)
    array([2, 1, 0])
    """
    pairs = np.unique(np.column_stack([labels, codes])[labels >= 0], axis=0)
    return np.bincount(pairs[:, 0], minlength=n_clusters)
