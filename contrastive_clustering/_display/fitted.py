"""Input of displays: fitted estimators, samples, strata and labels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._display.strata import read_strata
from contrastive_clustering._estimator.clusterer import ContrastiveAutoencoderClusterer
from contrastive_clustering._utils.arrays import (
    check_axes,
    check_squares,
    errors_about,
    to_array,
)
from contrastive_clustering._utils.bad_samples import check_finite
from contrastive_clustering._utils.labels import (
    check_kinds,
    missing_labels,
    whole_numbers,
    with_entries,
)
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.optional import import_pyplot
from contrastive_clustering._utils.refused_values import errors_about_numbers
from contrastive_clustering._utils.seeding import draw_rows
from contrastive_clustering._utils.snapshot import snapshot

# Larger labels are probably not strata but, for instance, patient numbers.
MAX_STRATA = 10_000


def check_fitted(estimator: Any, caller: str) -> ContrastiveAutoencoderClusterer:
    """Return a snapshot of the estimator, or raise unless it can be plotted.

    Parameters
    ----------
    estimator : object
        The estimator as passed by the user.

    caller : str
        Name of the calling method, with its class, or function.

    Returns
    -------
    estimator : ContrastiveAutoencoderClusterer
        A snapshot, which does not change if the estimator is refitted.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    TypeError
        If it is of another type.

    NotFittedError
        If it is not fitted.
    """
    import_pyplot(caller)  # fail before encoding, which may take minutes
    if not isinstance(estimator, ContrastiveAutoencoderClusterer):
        kind = estimator.__name__ if isinstance(estimator, type) else type(estimator)
        raise TypeError(
            f"{caller.partition('.')[0]} needs a fitted "
            f"ContrastiveAutoencoderClusterer, but estimator is {kind}. For a Pipeline "
            "or a search, pass the estimator that it contains."
        )
    check_is_fitted(estimator)
    fitted: ContrastiveAutoencoderClusterer = snapshot(estimator)
    return fitted


@dataclass(frozen=True, eq=False)
class Encoded:
    """Encoded samples with their strata.

    Attributes
    ----------
    samples : ndarray or LazyArray of shape (n_all, ...)
        All samples.

    rows : ndarray of shape (n_samples,)
        Indices of those that were encoded.

    latents : ndarray of shape (n_samples, latent_dim)
        Their latents.

    labels : ndarray of shape (n_samples,)
        Their strata.

    scaler : Scaler
        The scaler of the estimator.
    """

    samples: Samples
    rows: np.ndarray
    latents: np.ndarray
    labels: np.ndarray
    scaler: Scaler

    def take(self, indices: np.ndarray) -> np.ndarray:
        """Return encoded samples by their indices."""
        return np.asarray(self.samples[self.rows[indices]])


def encode(
    estimator: ContrastiveAutoencoderClusterer,
    X: Any,
    max_samples: int | None = None,
    rng: np.random.RandomState | None = None,
) -> Encoded:
    """Encode samples, or a random selection of them.

    Parameters
    ----------
    estimator : ContrastiveAutoencoderClusterer
        A fitted estimator.

    X : array-like of shape (n_samples, ...)
        Samples with the shape and units seen in `fit`.

    max_samples : int, default=None
        Maximum number of samples to encode; None encodes all.

    rng : RandomState, default=None
        Generator for the selection; required with `max_samples`.

    Returns
    -------
    encoded : Encoded
        The samples, in ascending order of their rows.

    Raises
    ------
    TypeError, ValueError
        If X differs from the training set in shape or units.
    """
    samples, model = estimator._read(X), estimator._model
    rows = np.arange(len(samples))
    if rng is not None and max_samples is not None:
        rows = draw_rows(len(samples), max_samples, rng)
    latents = model.encode(samples, rows=rows)
    return Encoded(samples, rows, latents, model.assign(latents), model.scaler)


def check_strata(strata: Any, n_clusters: int) -> np.ndarray:
    """Return the strata to plot in the given order, or all for None.

    Parameters
    ----------
    strata : array-like of shape (n_strata,) or None
        Numbers of strata.

    n_clusters : int
        Number of existing strata.

    Returns
    -------
    strata : ndarray of shape (n_strata,)
        Numbers from 0 to ``n_clusters - 1``.

    Raises
    ------
    ValueError
        If a stratum does not exist, or if the list is empty.
    """
    if strata is None:
        return np.arange(n_clusters)
    numbers = whole_numbers(np.asarray(to_array(strata, "strata")))
    if numbers.ndim != 1 or not len(numbers) or numbers.dtype.kind not in "iu":
        raise ValueError(
            f"strata={show(strata)} is not a list of strata. Pass integers from 0 to "
            f"{n_clusters - 1}, or None for all."
        )
    wrong = np.flatnonzero((numbers < 0) | (numbers >= n_clusters))
    if len(wrong):
        raise ValueError(
            f"strata[{wrong[0]}] is {numbers[wrong[0]]}, but there are {n_clusters} "
            f"strata. Pass integers from 0 to {n_clusters - 1}."
        )
    return numbers


def check_column(values: Any, n_samples: int, name: str) -> np.ndarray:
    """Return one value for each sample.

    Parameters
    ----------
    values : array-like of shape (n_samples,) or (n_samples, 1)
        The values as passed by the user.

    n_samples : int
        Number of samples.

    name : str
        Name of the parameter, for error messages.

    Returns
    -------
    values : ndarray of shape (n_samples,)
        The same.

    Raises
    ------
    TypeError, ValueError
        If the values do not have this shape.
    """
    with errors_about(name, "one value for each sample"):
        column = np.asarray(to_array(values, name))
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.ndim != 1 or len(column) != n_samples:
        raise ValueError(
            f"{name} has shape {column.shape}, but there are {n_samples} samples. Pass "
            "one value for each sample."
        )
    return column


def check_classes(y: Any, n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct labels and the index of each sample's label.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 1)
        The labels as passed by the user.

    n_samples : int
        Number of samples.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        The distinct labels, sorted.

    codes : ndarray of shape (n_samples,)
        Index of each sample's label among them.

    Raises
    ------
    TypeError, ValueError
        If the labels do not have this shape or cannot be sorted.
    """
    column = with_entries(y, check_column(y, n_samples, "y"))
    with errors_about("y", "labels of one kind, numbers or names"):
        return number_classes(column)


def number_classes(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct labels and the index of each sample's label.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Numbers, dates or names.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        The distinct labels, sorted; NaN, for missing ones, is the last.

    codes : ndarray of shape (n_samples,)
        Index of each sample's label among them.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._display.fitted import number_classes
    >>> number_classes(np.array([2, np.nan, 1, np.nan, 2], dtype=object))
    (array([1, 2, nan], dtype=object), array([1, 2, 0, 2, 1]))
    """
    if labels.dtype.kind != "O":
        classes, codes = np.unique(labels, return_inverse=True)
        return classes, codes
    # NumPy sorts objects by comparisons, which missing values do not support.
    is_nan = missing_labels(labels)
    check_kinds(labels, np.flatnonzero(~is_nan))
    classes, known = np.unique(labels[~is_nan], return_inverse=True)
    codes = np.full(len(labels), len(classes))
    codes[~is_nan] = known
    missing = np.array([np.nan], dtype=object)[: is_nan.sum()]
    return np.concatenate([classes, missing]), codes


def check_table(latents: Any) -> np.ndarray:
    """Return latents from any estimator as an array.

    Parameters
    ----------
    latents : array-like of shape (n_samples, latent_dim)
        The values as passed by the user.

    Returns
    -------
    latents : ndarray of shape (n_samples, latent_dim)
        float64 or float32; the values and their squares are finite.

    Raises
    ------
    TypeError, ValueError
        If they are not such an array.
    """
    table = to_array(latents, "latents")
    check_axes(table, "latents", "(n_samples, latent_dim)")
    with errors_about_numbers(table, "latents", "a table of latents"):
        table = check_array(
            table, dtype=[np.float64, np.float32], ensure_all_finite=False
        )
    check_finite(table, "latents")
    check_squares(table, "latents")
    return np.asarray(table)


def check_sample_strata(strata: Any, n_samples: int) -> np.ndarray:
    """Return the stratum of each sample.

    Parameters
    ----------
    strata : array-like of shape (n_samples,)
        The values as passed by the user.

    n_samples : int
        Number of samples.

    Returns
    -------
    strata : ndarray of shape (n_samples,)
        Integers from 0; -1 is noise.

    Raises
    ------
    TypeError, ValueError
        If they are not strata, or if their number differs.
    """
    found, codes = read_strata(strata)
    if len(codes) != n_samples:
        raise ValueError(
            f"strata has {len(codes)} values, but there are {n_samples} samples. Pass "
            "one stratum for each sample."
        )
    is_number = np.zeros(len(found), dtype=bool)
    if found.dtype.kind == "i":
        is_number = (found >= NOISE) & (found < MAX_STRATA)
    others = np.flatnonzero(~is_number[codes])
    if len(others):
        raise ValueError(
            f"strata has dtype {found.dtype} and values that are not numbers of "
            f"strata, first in strata[{others[0]}]. Pass the output of predict: whole "
            "numbers from 0 without large gaps, or -1 for noise."
        )
    return np.asarray(found[codes], dtype=np.intp)
