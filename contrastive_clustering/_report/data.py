"""The data of a report: a bounded selection of samples and a fingerprint of all."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from contrastive_clustering._clustering.group_rows import draw_sorted_rows
from contrastive_clustering._data.lazy_array import LazyArray
from contrastive_clustering._data.sources import take_rows
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._utils.chunks import iterate_chunks
from contrastive_clustering._utils.grouping import Grouping


@dataclass(frozen=True)
class Fingerprint:
    """Shape, range and hash that identify a set of samples.

    Attributes
    ----------
    shape : tuple of int
        Shape, samples first.

    dtype : str
        Data type of the values.

    low, high : float
        Smallest and largest value.

    sha256 : str
        SHA-256 of the bytes of the values in C order, equal to
        ``hashlib.sha256(X.tobytes()).hexdigest()`` for an array.
    """

    shape: tuple[int, ...]
    dtype: str
    low: float
    high: float
    sha256: str


def take_fingerprint(samples: Samples) -> Fingerprint:
    """Return the fingerprint of samples, which are read in chunks.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._report.data import take_fingerprint
    >>> take_fingerprint(np.zeros((3, 2))).shape
    (3, 2)
    """
    digest = hashlib.sha256()
    low, high = np.inf, -np.inf
    for chunk in iterate_chunks(samples):
        digest.update(chunk.tobytes())
        low, high = min(low, float(chunk.min())), max(high, float(chunk.max()))
    return Fingerprint(
        tuple(samples.shape), str(samples.dtype), low, high, digest.hexdigest()
    )


class ChosenSamples(LazyArray):
    """A selection of the samples of an array, by their indices, read on access."""

    def __init__(self, samples: Samples, rows: np.ndarray) -> None:
        super().__init__((len(rows), *samples.shape[1:]), samples.dtype)
        self.samples = samples
        self.rows = rows

    def _read(self, indices: np.ndarray) -> np.ndarray:
        return np.asarray(self.samples[self.rows[indices]])


@dataclass(frozen=True, eq=False)
class Chosen:
    """The samples used for a report.

    Attributes
    ----------
    X : LazyArray or data frame of shape (n_chosen, ...)
        The samples in the form that the methods of the estimator accept.

    samples : LazyArray of shape (n_chosen, ...)
        The same samples without column names.

    rows : ndarray of shape (n_chosen,)
        Their indices in X, in ascending order.

    latents : ndarray of shape (n_chosen, latent_dim)
        Their latents.

    labels : ndarray of shape (n_chosen,)
        Their strata.

    proba : ndarray of shape (n_chosen, n_clusters)
        Their soft assignments.

    y : ndarray of shape (n_chosen,) or None
        Their classes.

    y_name : str
        Name of the classes: that of a series, or "class".
    """

    X: Any
    samples: LazyArray
    rows: np.ndarray
    latents: np.ndarray
    labels: np.ndarray
    proba: np.ndarray
    y: np.ndarray | None
    y_name: str = "class"

    @property
    def classes(self) -> np.ndarray:
        """The distinct classes, sorted; empty if `y` is None."""
        return np.empty(0) if self.y is None else np.unique(self.y)


def choose_samples(
    estimator: Any,
    X: Any,
    samples: Samples,
    y: np.ndarray | None,
    *,
    y_name: str = "class",
    max_samples: int,
    seed: int,
    grouping: Grouping | None = None,
) -> Chosen:
    """Select the samples for a report at random, and encode only these.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`ContrastiveAutoencoderClusterer`.

    X : array-like of shape (n_samples, ...)
        The samples as passed by the caller.

    samples : ndarray or LazyArray of shape (n_samples, ...)
        The samples as read from X.

    y : ndarray of shape (n_samples,) or None
        Classes.

    y_name : str, default="class"
        Name of the classes.

    max_samples : int
        Maximum number of samples to select.

    seed : int
        Seed of the random selection.

    grouping : Grouping or None, default=None
        The group of each sample; the selection is of as many groups as possible.

    Returns
    -------
    chosen : Chosen
        The selected samples.
    """
    rng = check_random_state(seed)
    rows = draw_sorted_rows(len(samples), max_samples, rng, grouping)
    lazy = ChosenSamples(samples, rows)
    latents = estimator._model.encode(lazy)
    return Chosen(
        # Methods of the estimator check the column names of a data frame.
        X=take_rows(X, rows) if hasattr(X, "columns") else lazy,
        samples=lazy,
        rows=rows,
        latents=latents,
        labels=estimator._model.assign(latents),
        proba=estimator._model.clustering.predict_proba(latents),
        y=None if y is None else y[rows],
        y_name=y_name,
    )
