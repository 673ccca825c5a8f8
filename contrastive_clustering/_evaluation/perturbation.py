"""Whether samples keep their strata if they are slightly changed."""

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.validation import _num_samples

from contrastive_clustering._clustering.group_rows import draw_sorted_rows
from contrastive_clustering._data.layout import SampleLayout, read_layout
from contrastive_clustering._data.sources import open_samples, take_rows
from contrastive_clustering._evaluation.encoding import predict_strata
from contrastive_clustering._evaluation.group_bootstrap import group_intervals
from contrastive_clustering._evaluation.perturbation_result import PerturbationAudit
from contrastive_clustering._evaluation.perturbations import (
    Perturbation,
    check_perturbations,
    default_perturbations,
    moments,
    perturb,
)
from contrastive_clustering._utils.arrays import errors_about, to_array
from contrastive_clustering._utils.chunks import chunk_slices
from contrastive_clustering._utils.grouping import Grouping, read_units
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.numbering import noise_mask
from contrastive_clustering._utils.param_validation import (
    Count,
    InstanceWith,
    validate_params,
)
from contrastive_clustering._utils.snapshot import snapshot
from contrastive_clustering._utils.weighted_tables import accuracy


@default_library_settings()
@validate_params(
    {
        "estimator": [InstanceWith("predict")],
        "max_samples": [Count(1)],
        "random_state": ["random_state"],
    }
)
def audit_perturbations(
    estimator: Any,
    X: ArrayLike,
    *,
    perturbations: Mapping[str, Callable[[np.ndarray], ArrayLike]] | None = None,
    groups: ArrayLike | None = None,
    max_samples: int = 1000,
    random_state: int | np.random.RandomState | None = None,
) -> PerturbationAudit:
    """Audit whether samples keep their strata if they are slightly changed.

    Two scans of the same patient differ in noise, sharpness, gray values and position.
    Strata that depend on such differences are not found again.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`ContrastiveAutoencoderClusterer`, or any fitted object with
        ``predict``. Flattened images are recognized by its `image_shape`, also by that
        of the last step of a :class:`~sklearn.pipeline.Pipeline`.

    X : array-like of shape (n_samples, ...)
        Samples, usually other ones than those of ``fit``.

    perturbations : mapping of str to callable, default=None
        Changes by name. Each takes an array of samples, (n, ...), as they are in X, and
        returns changed samples of the same shape. With None, images and volumes are
        changed in these ways, which are hardly visible from about 28 pixels on:

        - "noise": Gaussian noise of 0.1 standard deviations is added;
        - "blur": a Gaussian filter with a standard deviation of half a pixel;
        - "brightness": 0.1 standard deviations are added;
        - "contrast": differences from the mean are multiplied by 1.1;
        - "shift": by half a pixel along each axis;
        - "rotation": by 2 degrees in the plane of the last two axes;
        - "magnification": by a factor of 1.03.

        Standard deviations and means are those of each channel. Values stay in the
        range of X. To tables only noise is added, in standard deviations of each
        feature.

    groups : array-like of shape (n_samples,), default=None
        Identifier of the group of each sample, such as the patient. A group weighs as
        one, and intervals come from resampling whole groups. A sample without an
        identifier is a group of its own.

    max_samples : int, default=1000
        Maximum number of samples to change, drawn at random if there are more; with
        groups, from as many groups as possible.

    random_state : int, RandomState instance or None, default=None
        Seed of this random selection, the noise and the resamples.

    Returns
    -------
    audit : PerturbationAudit
        The shares of samples that keep their stratum; print it for an overview.

    Raises
    ------
    TypeError, ValueError
        If the estimator has no ``predict`` or is not fitted, if X does not hold
        numbers, if `groups` has another length, or if a perturbation does not return
        finite numbers in the shape of its input.

    See Also
    --------
    cluster_stability : Whether refits to subsets of the samples find the strata again.

    clustering_report : A page that includes this audit.

    References
    ----------
    Zwanenburg et al., "Assessing robustness of radiomic features by image
    perturbation", Scientific Reports 9 (2019).

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from contrastive_clustering import audit_perturbations
    >>> images = load_digits().images
    >>> flatten = FunctionTransformer(lambda images: images.reshape(len(images), -1))
    >>> kmeans = make_pipeline(flatten, KMeans(10, n_init=1, random_state=0))
    >>> audit = audit_perturbations(kmeans.fit(images), images, random_state=0)
    >>> audit.names[audit.shares.argmin()]
    'shift'
    """
    if perturbations is not None:
        perturbations = check_perturbations(perturbations)
    X = open_samples(X, "X")
    with errors_about("X", "samples"):
        n_samples = _num_samples(X)
    grouping = read_units(groups, n_samples)
    rng = check_random_state(random_state)
    rows = draw_sorted_rows(
        n_samples, max_samples, rng, None if groups is None else grouping
    )
    chosen = take_rows(X, rows)
    if isinstance(estimator, BaseEstimator):
        estimator = snapshot(estimator)  # another thread may refit it in the meantime
    labels = predict_strata(estimator, chosen, "X")
    samples = _as_numbers(chosen)
    if perturbations is None:
        perturbations = default_perturbations(samples, _layout(estimator, samples), rng)
    return perturb_samples(
        labels,
        samples,
        partial(_predict, estimator, chosen),
        perturbations,
        grouping.take(rows),
        rows=rows,
        grouped=groups is not None,
        rng=rng,
    )


def perturb_samples(
    labels: np.ndarray,
    samples: np.ndarray,
    predict: Callable[[np.ndarray, str], np.ndarray],
    perturbations: Mapping[str, Perturbation],
    grouping: Grouping,
    *,
    rows: np.ndarray,
    grouped: bool,
    rng: np.random.RandomState,
) -> PerturbationAudit:
    """Compare the strata of samples before and after changes.

    Parameters
    ----------
    labels : ndarray of shape (n_used,)
        Strata of the samples before.

    samples : ndarray of shape (n_used, ...)
        The samples.

    predict : callable
        Returns the strata of an array of samples that has the given name.

    perturbations : mapping of str to callable
        The changes by name.

    grouping : Grouping
        The group of each sample.

    rows : ndarray of shape (n_used,)
        Indices of the samples, for the result.

    grouped : bool
        Whether the user passed groups.

    rng : RandomState instance
        Source of the resamples.

    Returns
    -------
    audit : PerturbationAudit
        The result.
    """
    std = moments(samples)[1].item()
    predicted: dict[str, np.ndarray] = {}
    sizes = []
    for name, perturbation in perturbations.items():
        found, squares = [], 0.0
        for part in chunk_slices(len(samples), samples[0].size):
            changed = perturb(samples[part], name, perturbation)
            difference = changed.astype(np.float64) - samples[part]
            squares += float(np.sum(difference**2))
            found.append(predict(changed, f"perturbations[{name!r}](X)"))
        predicted[name] = np.concatenate(found)
        sizes.append(np.sqrt(squares / samples.size) / std if std > 0 else np.nan)
    intervals = group_intervals(
        {name: (accuracy, found) for name, found in predicted.items()},
        labels,
        grouping,
        rng,
    )
    same = np.stack([found == labels for found in predicted.values()])
    weights = grouping.weights()
    strata, counts = np.unique(labels[~noise_mask(labels)], return_counts=True)
    return PerturbationAudit(
        names=tuple(predicted),
        sizes=np.array(sizes),
        rows=rows,
        labels=labels,
        same=same,
        shares=np.average(same, axis=1, weights=weights),
        intervals=np.array([intervals[name] for name in predicted]),
        strata=strata,
        sample_counts=counts,
        strata_shares=np.array(
            [
                np.average(same[:, members], axis=1, weights=weights[members])
                for members in (labels == stratum for stratum in strata)
            ]
        ).reshape(len(strata), len(predicted)),
        n_groups=grouping.n_groups if grouped else None,
    )


def _as_numbers(chosen: Any) -> np.ndarray:
    """Return samples that an estimator accepts as an array of numbers."""
    samples = np.asarray(to_array(chosen, "X"))
    if samples.dtype.kind not in "buif":
        raise ValueError(
            f"X has dtype {samples.dtype}, but only numbers can be changed. Pass an "
            "array of numbers."
        )
    return samples


def _layout(estimator: Any, samples: np.ndarray) -> SampleLayout:
    """Return the layout of samples, of which the estimator may know the axes."""
    if isinstance(estimator, Pipeline):
        estimator = estimator[-1]
    image_shape = getattr(estimator, "image_shape", None)
    channel_axis: Any = getattr(estimator, "channel_axis", "auto")
    return read_layout(
        samples.shape,
        image_shape=image_shape if samples.ndim == 2 else None,
        channel_axis=channel_axis,
    )


def _predict(estimator: Any, chosen: Any, samples: np.ndarray, name: str) -> np.ndarray:
    """Return the strata of changed samples, in a data frame like that of the others."""
    columns = getattr(chosen, "columns", None)
    changed: Any = samples
    if columns is not None:
        changed = type(chosen)(dict(zip(columns, samples.T, strict=True)))
    with warnings.catch_warnings():
        # The samples were changed deliberately.
        warnings.filterwarnings("ignore", ".* not look like the images seen in fit")
        return predict_strata(estimator, changed, name)
