"""What displays ask a fitted estimator for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._estimator.clusterer import ContrastiveAutoencoderClusterer
from contrastive_clustering._utils.arrays import (
    check_axes,
    check_squares,
    errors_about,
    to_array,
)
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.optional import import_pyplot
from contrastive_clustering._utils.seeding import draw_rows
from contrastive_clustering._utils.snapshot import snapshot

# Numbers of strata beyond this are a mistake, such as a column of patients' numbers.
MAX_STRATA = 10_000


def check_fitted(estimator: Any, caller: str) -> ContrastiveAutoencoderClusterer:
    """Return the estimator, or raise unless it, and anything, can be drawn.

    Parameters
    ----------
    estimator : object
        What the user gave.

    caller : str
        The name of what draws, as a class and a method or as a function.

    Returns
    -------
    estimator : ContrastiveAutoencoderClusterer
        A snapshot of it, which does not change if it is fitted meanwhile.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    TypeError
        If it is anything else.

    NotFittedError
        If it is not fitted.
    """
    import_pyplot(caller)  # before minutes of encoding
    if not isinstance(estimator, ContrastiveAutoencoderClusterer):
        kind = estimator.__name__ if isinstance(estimator, type) else type(estimator)
        raise TypeError(
            f"{caller.partition('.')[0]} draws a fitted "
            f"ContrastiveAutoencoderClusterer, but estimator is {kind}. Of a Pipeline "
            "or a search pass the estimator within."
        )
    check_is_fitted(estimator)
    fitted: ContrastiveAutoencoderClusterer = snapshot(estimator)
    return fitted


@dataclass(frozen=True, eq=False)
class Encoded:
    """Samples and what an estimator says of them.

    Attributes
    ----------
    samples : ndarray or LazyArray of shape (n_all, ...)
        All samples.

    rows : ndarray of shape (n_samples,)
        Which of them were encoded.

    latents : ndarray of shape (n_samples, latent_dim)
        Their latents.

    labels : ndarray of shape (n_samples,)
        Their strata.

    scaler : Scaler
        The estimator's.
    """

    samples: Samples
    rows: np.ndarray
    latents: np.ndarray
    labels: np.ndarray
    scaler: Scaler

    def take(self, places: np.ndarray) -> np.ndarray:
        """Return samples by their places among those encoded."""
        return np.asarray(self.samples[self.rows[places]])


def encode(
    estimator: ContrastiveAutoencoderClusterer,
    X: Any,
    max_samples: int | None = None,
    rng: np.random.RandomState | None = None,
) -> Encoded:
    """Encode samples, or a part of them drawn at random.

    Parameters
    ----------
    estimator : ContrastiveAutoencoderClusterer
        A fitted estimator.

    X : array-like of shape (n_samples, ...)
        Samples as seen in `fit`.

    max_samples : int, default=None
        Most samples to encode; None encodes all.

    rng : RandomState, default=None
        Draws the part; needed if there is `max_samples`.

    Returns
    -------
    encoded : Encoded
        The samples, ascending in their rows.

    Raises
    ------
    TypeError, ValueError
        If X is not what `fit` has seen in shape and units.
    """
    samples, scaler = estimator._read(X)
    rows = np.arange(len(samples))
    if rng is not None and max_samples is not None:
        rows = draw_rows(len(samples), max_samples, rng)
    latents = estimator.net_.encode(ArrayDataset(samples, scaler, rows))
    labels = estimator._predict_latents(latents)
    return Encoded(samples, rows, latents, labels, scaler)


def check_strata(strata: Any, n_clusters: int) -> np.ndarray:
    """Return the strata to draw, all of them for None, in the order given.

    Parameters
    ----------
    strata : array-like of shape (n_strata,) or None
        Numbers of strata.

    n_clusters : int
        Number of strata that there are.

    Returns
    -------
    strata : ndarray of shape (n_strata,)
        Numbers from 0 to ``n_clusters - 1``.

    Raises
    ------
    ValueError
        If a number is no stratum, or if there is none.
    """
    if strata is None:
        return np.arange(n_clusters)
    numbers = np.asarray(to_array(strata, "strata"))
    if numbers.ndim != 1 or not len(numbers) or numbers.dtype.kind not in "iu":
        raise ValueError(
            f"strata={show(strata)} is no list of strata. Pass whole numbers from 0 to "
            f"{n_clusters - 1}, or None for all."
        )
    wrong = np.flatnonzero((numbers < 0) | (numbers >= n_clusters))
    if len(wrong):
        raise ValueError(
            f"strata[{wrong[0]}] is {numbers[wrong[0]]}, but there are {n_clusters} "
            f"strata, numbered from 0 to {n_clusters - 1}."
        )
    return numbers


def check_column(values: Any, n_samples: int, name: str) -> np.ndarray:
    """Return one value for each sample.

    Parameters
    ----------
    values : array-like of shape (n_samples,) or (n_samples, 1)
        What the user gave.

    n_samples : int
        Number of samples.

    name : str
        What the user calls it.

    Returns
    -------
    values : ndarray of shape (n_samples,)
        The same.

    Raises
    ------
    TypeError, ValueError
        If it is no column, or of another length.
    """
    with errors_about(name, "one value for each sample"):
        column = np.asarray(to_array(values, name))
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.ndim != 1 or len(column) != n_samples:
        raise ValueError(
            f"{name} has shape {column.shape}, but there are {n_samples} samples. Pass "
            "one value for each."
        )
    return column


def check_classes(
    values: Any, n_samples: int, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes among labels, and which of them each sample has.

    Parameters
    ----------
    values : array-like of shape (n_samples,) or (n_samples, 1)
        What the user gave.

    n_samples : int
        Number of samples.

    name : str
        What the user calls it.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        The labels that there are, sorted.

    codes : ndarray of shape (n_samples,)
        Place of each sample's label among them.

    Raises
    ------
    TypeError, ValueError
        If it is no column, of another length, or its labels cannot be sorted.
    """
    column = check_column(values, n_samples, name)
    with errors_about(name, "labels of one kind, numbers or names"):
        classes, codes = np.unique(column, return_inverse=True)
    return classes, codes


def check_table(latents: Any) -> np.ndarray:
    """Return latents, of this estimator or of any other, as a table.

    Parameters
    ----------
    latents : array-like of shape (n_samples, latent_dim)
        What the user gave.

    Returns
    -------
    latents : ndarray of shape (n_samples, latent_dim)
        float64 or float32, finite, with squares that are.

    Raises
    ------
    TypeError, ValueError
        If it is no such table.
    """
    table = to_array(latents, "latents")
    check_axes(table, "latents", "(n_samples, latent_dim)")
    with errors_about("latents", "a table of latents"):
        table = check_array(table, dtype=[np.float64, np.float32], input_name="latents")
    check_squares(table, "latents")
    return np.asarray(table)


def check_labels(labels: Any, n_samples: int | None = None) -> np.ndarray:
    """Return the stratum of each sample.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        What the user gave.

    n_samples : int, default=None
        Number of samples; None for any but 0.

    Returns
    -------
    labels : ndarray of shape (n_samples,)
        Whole numbers from 0; -1 for noise.

    Raises
    ------
    TypeError, ValueError
        If they are no strata, or of another number.
    """
    with errors_about("labels", "one stratum for each sample"):
        strata = np.asarray(to_array(labels, "labels"))
    if n_samples is not None:
        strata = check_column(strata, n_samples, "labels")
    if (
        strata.ndim != 1
        or not len(strata)
        or strata.dtype.kind not in "iu"
        or not NOISE <= strata.min() <= strata.max() < MAX_STRATA
    ):
        raise ValueError(
            f"labels of shape {strata.shape} and dtype {strata.dtype} are no strata: "
            "one whole number for each sample is needed, from 0 without large gaps, or "
            "-1 for noise. Pass what predict returns."
        )
    return strata
