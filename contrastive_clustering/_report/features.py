"""By which features of a table strata differ from the other samples."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from contrastive_clustering._data.duplicates import number_distinct
from contrastive_clustering._data.scaling import Scaler, iterate_chunks
from contrastive_clustering._report.data import Chosen
from contrastive_clustering._report.page import Section, paragraph, table

# The mean of fewer distinct samples than this is near to the values of single ones.
LEAST_MEMBERS = 5

# Features to show of each stratum.
N_SHOWN = 5

# Differences and deviations on the common scale that are below this are 0.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Moments:
    """Sizes, means and variances of the features of some strata.

    Attributes
    ----------
    strata : ndarray of shape (n_strata,)
        Numbers of the strata that have members enough.

    sizes : ndarray of shape (n_strata,)
        Numbers of members.

    means, variances : ndarray of shape (n_strata, n_features)
        On the common scale; variances without Bessel's correction.
    """

    strata: np.ndarray
    sizes: np.ndarray
    means: np.ndarray
    variances: np.ndarray


def features(estimator: Any, chosen: Chosen) -> list[Section]:
    """Return a section on the features that differ most between strata, if any.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`ContrastiveAutoencoderClusterer`.

    chosen : Chosen
        The samples that are looked at.

    Returns
    -------
    sections : list of Section
        One for tables with two strata of at least five distinct members, else none.
        Samples of smaller strata are left out of all means, or those could be told
        from the difference of others.
    """
    scaler = estimator._model.scaler
    if not scaler.layout.is_table:
        return []
    moments = measure(chosen, scaler)
    if len(moments.strata) < 2:
        return []
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        names = [f"feature {number}" for number in range(len(scaler.mean))]
    rows: list[list[object]] = []
    for place, stratum in enumerate(moments.strata):
        differences, inside, outside = differ(moments, place, scaler)
        order = np.argsort(-np.abs(differences), kind="stable")[:N_SHOWN]
        rows += [
            [
                stratum,
                names[feature],
                f"{differences[feature]:+.2f}",
                f"{inside[feature]:.4g}",
                f"{outside[feature]:.4g}",
            ]
            for feature in order
            if differences[feature]
        ]
    return [
        Section(
            "features",
            "Features of the strata",
            [
                paragraph(
                    "The difference is the mean of the stratum less the mean of the "
                    "other samples, in pooled standard deviations: from about 0.8 on "
                    "it is large. Strata were made from these features, so that "
                    "differences in the training set are larger than in new samples, "
                    "and no test of significance applies. Strata of fewer than "
                    f"{LEAST_MEMBERS} distinct members are left out."
                ),
                table(
                    "feature-differences",
                    f"The {N_SHOWN} features of each stratum that differ most, among "
                    f"{moments.sizes.sum():,} samples",
                    ["stratum", "feature", "difference", "mean", "mean of the others"],
                    rows,
                    numeric=[2, 3, 4],
                ),
            ],
        )
    ]


def measure(chosen: Chosen, scaler: Scaler) -> Moments:
    """Return the moments of the strata that have at least five distinct members.

    Parameters
    ----------
    chosen : Chosen
        The samples that are looked at.

    scaler : Scaler
        The estimator's.

    Returns
    -------
    moments : Moments
        Sizes, means and variances.
    """
    codes = number_distinct(chosen.samples)
    pairs = np.unique(np.column_stack([chosen.labels, codes]), axis=0)
    found, n_distinct = np.unique(pairs[:, 0], return_counts=True)
    strata = found[(n_distinct >= LEAST_MEMBERS) & (found >= 0)]
    sizes = (chosen.labels == strata[:, None]).sum(axis=1)
    n_features = len(scaler.mean)
    # Centered by the training set's mean: squares of large offsets lose all digits.
    sums, squares = np.zeros((2, len(strata), n_features))
    start = 0
    for chunk in iterate_chunks(chosen.samples):
        values = (chunk.astype(np.float64) - scaler.mean) / scaler.std
        labels = chosen.labels[start : start + len(chunk)]
        members = (labels == strata[:, None]).astype(np.float64)  # (n_strata, n)
        sums += members @ values
        squares += members @ values**2
        start += len(chunk)
    means = sums / sizes[:, None]
    variances = np.maximum(squares / sizes[:, None] - means**2, 0)
    return Moments(strata, sizes, means, variances)


def differ(
    moments: Moments, place: int, scaler: Scaler
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return how a stratum differs from all others.

    The difference of a feature is

    .. math::

        \frac{\bar x_1 - \bar x_2}
        {\sqrt{((n_1 - 1) s_1^2 + (n_2 - 1) s_2^2) / (n_1 + n_2 - 2)}}

    with the sizes, means and variances of the stratum and of the others together.

    Parameters
    ----------
    moments : Moments
        Of all strata.

    place : int
        Place of the stratum among them.

    scaler : Scaler
        The estimator's.

    Returns
    -------
    differences : ndarray of shape (n_features,)
        In pooled standard deviations; infinite where the feature is constant in both,
        and 0 where it is the same constant.

    inside, outside : ndarray of shape (n_features,)
        Means in the user's units.
    """
    others = np.arange(len(moments.strata)) != place
    n_inside, sizes = moments.sizes[place], moments.sizes[others][:, None]
    inside, n_outside = moments.means[place], sizes.sum()
    outside = (sizes * moments.means[others]).sum(axis=0) / n_outside
    # The spread of the others together: within them, and between their means.
    spread = moments.variances[others] + (moments.means[others] - outside) ** 2
    scatter = n_inside * moments.variances[place] + (sizes * spread).sum(axis=0)
    pooled = np.sqrt(scatter / (n_inside + n_outside - 2))
    gap = inside - outside
    # Sums of values of about 1 leave rounding errors.
    pooled[pooled < ROUNDING] = 0.0
    gap[np.abs(gap) < ROUNDING] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        differences = np.where(gap == 0, 0.0, gap / pooled)
    return differences, _to_units(inside, scaler), _to_units(outside, scaler)


def _to_units(means: np.ndarray, scaler: Scaler) -> np.ndarray:
    """Return means on the common scale in the user's units, zeros without remains."""
    values = means * scaler.std + scaler.mean
    return np.where(np.abs(values) < ROUNDING * scaler.std, 0.0, values)
