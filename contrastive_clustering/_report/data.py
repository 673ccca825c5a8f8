"""What a report looks at: a bounded part of the data, and a fingerprint of all."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._data.lazy_array import LazyArray
from contrastive_clustering._data.scaling import iterate_chunks
from contrastive_clustering._data.sources import take_rows
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._evaluation.evaluate import read_classes
from contrastive_clustering._utils.seeding import draw_rows


@dataclass(frozen=True)
class Fingerprint:
    """By what a set of samples can be told from another.

    Attributes
    ----------
    shape : tuple of int
        Shape, samples first.

    dtype : str
        Type of the values.

    low, high : float
        Least and greatest value.

    sha256 : str
        SHA-256 of the values' bytes in C order, as
        ``hashlib.sha256(X.tobytes()).hexdigest()`` gives it for an array.
    """

    shape: tuple[int, ...]
    dtype: str
    low: float
    high: float
    sha256: str


def take_fingerprint(samples: Samples) -> Fingerprint:
    """Return the fingerprint of samples, which are read piece by piece.

    Parameters
    ----------
    samples : ndarray or LazyArray of shape (n_samples, ...)
        The samples.

    Returns
    -------
    fingerprint : Fingerprint
        Its fingerprint.

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
    """Some samples of an array, read when they are asked for.

    Parameters
    ----------
    samples : ndarray or LazyArray of shape (n_samples, ...)
        The samples.

    rows : ndarray of shape (n_chosen,)
        Places of the chosen ones.
    """

    def __init__(self, samples: Samples, rows: np.ndarray) -> None:
        super().__init__((len(rows), *samples.shape[1:]), samples.dtype)
        self.samples = samples
        self.rows = rows

    def _read(self, indices: np.ndarray) -> np.ndarray:
        return np.asarray(self.samples[self.rows[indices]])


@dataclass(frozen=True, eq=False)
class Chosen:
    """The part of X that a report looks at.

    Attributes
    ----------
    X : LazyArray or data frame of shape (n_chosen, ...)
        The samples, as the estimator's methods take them.

    samples : LazyArray of shape (n_chosen, ...)
        The same without the names of columns.

    rows : ndarray of shape (n_chosen,)
        Their places in X, ascending.

    latents : ndarray of shape (n_chosen, latent_dim)
        Their latents.

    labels : ndarray of shape (n_chosen,)
        Their strata.

    y : ndarray of shape (n_chosen,) or None
        Their classes.

    y_name : str
        What the classes are: the name of a series, or "class".
    """

    X: Any
    samples: LazyArray
    rows: np.ndarray
    latents: np.ndarray
    labels: np.ndarray
    y: np.ndarray | None
    y_name: str = "class"

    @property
    def classes(self) -> np.ndarray:
        """The distinct classes, sorted; empty if there is no `y`."""
        return np.empty(0) if self.y is None else np.unique(self.y)


def choose_samples(
    estimator: Any,
    X: Any,
    samples: Samples,
    y: np.ndarray | None,
    *,
    y_name: str = "class",
    largest: int,
    seed: int,
) -> Chosen:
    """Draw the samples that a report looks at, and encode these alone.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`ContrastiveAutoencoderClusterer`.

    X : array-like of shape (n_samples, ...)
        What the caller passed.

    samples : ndarray or LazyArray of shape (n_samples, ...)
        What was read of it.

    y : ndarray of shape (n_samples,) or None
        Classes.

    y_name : str, default="class"
        What they are.

    largest : int
        How many samples to look at at most; all if there are no more.

    seed : int
        Seed of the draw.

    Returns
    -------
    chosen : Chosen
        The part.
    """
    rows = draw_rows(len(samples), largest, check_random_state(seed))
    lazy = ChosenSamples(samples, rows)
    latents = estimator.net_.encode(ArrayDataset(lazy, estimator._scaler))
    return Chosen(
        # A data frame's names are checked by whoever reads it.
        X=take_rows(X, rows) if hasattr(X, "columns") else lazy,
        samples=lazy,
        rows=rows,
        latents=latents,
        labels=estimator._predict_latents(latents),
        y=None if y is None else y[rows],
        y_name=y_name,
    )


def check_classes(y: Any, n_samples: int) -> np.ndarray | None:
    """Return the classes of samples, or raise an error that names `y`.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or None
        What the caller passed.

    n_samples : int
        Number of samples.

    Returns
    -------
    classes : ndarray of shape (n_samples,) or None
        One class a sample.

    Raises
    ------
    TypeError, ValueError
        If `y` holds no classes, or not one a sample.
    """
    if y is None:
        return None
    classes = read_classes(y, "y")
    if len(classes) != n_samples:
        raise ValueError(
            f"y has {len(classes)} labels, but X has {n_samples} samples. Give one "
            "label a sample, or y=None."
        )
    return classes
