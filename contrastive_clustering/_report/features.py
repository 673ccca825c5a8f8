"""The features of a table by which each stratum differs most from the others."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from contrastive_clustering._data.duplicates import count_distinct, number_distinct
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._report.data import Chosen
from contrastive_clustering._report.page import (
    Section,
    paragraph,
    stratum_name,
    table,
)
from contrastive_clustering._report.privacy import is_of_one_group
from contrastive_clustering._utils.chunks import chunk_slices
from contrastive_clustering._utils.grouping import Grouping

# The mean of fewer distinct samples may reveal the values of a single one.
MIN_MEMBERS = 5

# Number of features shown for each stratum.
N_SHOWN = 5

# Smaller standardized differences and deviations are rounding errors.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Moments:
    """Sizes, means and variances of the features of strata.

    Attributes
    ----------
    strata : ndarray of shape (n_strata,)
        The strata with enough distinct members and groups.

    sizes : ndarray of shape (n_strata,)
        Number of members of each stratum.

    means, variances : ndarray of shape (n_strata, n_features)
        Moments of the standardized features; variances without Bessel's correction.
    """

    strata: np.ndarray
    sizes: np.ndarray
    means: np.ndarray
    variances: np.ndarray


def features(
    estimator: Any, chosen: Chosen, grouping: Grouping | None = None
) -> list[Section]:
    """Return a section on the features that differ most between strata, if any.

    Returns
    -------
    sections : list of Section
        One section for tables with at least two strata of five or more distinct
        members, and groups, of which none has most samples; otherwise none. Other
        strata are left out of all means; otherwise their means could be inferred from
        those of the others.
    """
    scaler = estimator._model.scaler
    if not scaler.layout.is_table:
        return []
    moments = measure(chosen, scaler, grouping)
    if len(moments.strata) < 2:
        return []
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        names = [f"feature {number}" for number in range(len(scaler.mean))]
    left_out = "distinct members"
    if grouping is not None:
        left_out += " or groups, and those of which one group has most samples,"
    rows: list[list[object]] = []
    for index, stratum in enumerate(moments.strata):
        differences, inside, outside = differ(moments, index, scaler)
        order = np.argsort(-np.abs(differences), kind="stable")[:N_SHOWN]
        rows += [
            [
                stratum_name(stratum),
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
                    "The difference is the mean of the stratum minus the mean of the "
                    "other samples, in pooled standard deviations (Cohen's d); about "
                    "0.8 or more is large. The strata were derived from these "
                    "features, so differences are larger in the training set than in "
                    "new samples, and significance tests do not apply. Strata with "
                    f"fewer than {MIN_MEMBERS} {left_out} are left out."
                ),
                table(
                    "feature-differences",
                    f"The {N_SHOWN} features that differ most in each stratum, among "
                    f"{moments.sizes.sum():,} samples",
                    ["stratum", "feature", "difference", "mean", "mean of others"],
                    rows,
                    numeric=[2, 3, 4],
                ),
            ],
        )
    ]


def measure(
    chosen: Chosen, scaler: Scaler, grouping: Grouping | None = None
) -> Moments:
    """Return the moments of the strata with at least five distinct members and groups.

    With groups, strata of which one group has most samples are left out, too.
    """
    n_clusters = int(chosen.labels.max()) + 1
    units = [number_distinct(chosen.samples)]
    if grouping is not None:
        units.append(grouping.codes)
    is_enough = ~is_of_one_group(chosen.labels, n_clusters, grouping)
    for codes in units:
        n_distinct = count_distinct(chosen.labels, codes, n_clusters)
        is_enough &= n_distinct >= MIN_MEMBERS
    strata = np.flatnonzero(is_enough)
    sizes = (chosen.labels == strata[:, None]).sum(axis=1)
    n_features = len(scaler.mean)
    # Values are centered by the training mean, as squares of large offsets lose all
    # significant digits.
    sums, squares = np.zeros((2, len(strata), n_features))
    for rows in chunk_slices(len(chosen.samples), n_features):
        values = (chosen.samples[rows].astype(np.float64) - scaler.mean) / scaler.std
        members = (chosen.labels[rows] == strata[:, None]).astype(np.float64)
        # (n_strata, n), (n, n_features)
        sums += members @ values
        squares += members @ values**2
    means = sums / sizes[:, None]
    variances = np.maximum(squares / sizes[:, None] - means**2, 0)
    return Moments(strata, sizes, means, variances)


def differ(
    moments: Moments, index: int, scaler: Scaler
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return by how much each feature of a stratum differs from the other strata.

    The difference of a feature is

    .. math::

        \frac{\bar x_1 - \bar x_2}
        {\sqrt{((n_1 - 1) s_1^2 + (n_2 - 1) s_2^2) / (n_1 + n_2 - 2)}}

    with the sizes, means and variances of the stratum and of all other strata together.

    Parameters
    ----------
    moments : Moments
        The moments of all strata.

    index : int
        Index of the stratum among them.

    scaler : Scaler
        The scaler of the estimator.

    Returns
    -------
    differences : ndarray of shape (n_features,)
        Differences in pooled standard deviations; infinite where the feature has two
        different constant values, and 0 where it has the same one.

    inside, outside : ndarray of shape (n_features,)
        Means within and outside the stratum, in the user's units.
    """
    others = np.arange(len(moments.strata)) != index
    n_inside, sizes = moments.sizes[index], moments.sizes[others][:, None]
    inside, n_outside = moments.means[index], sizes.sum()
    outside = (sizes * moments.means[others]).sum(axis=0) / n_outside
    # The spread of all others together: within strata, and between their means.
    spread = moments.variances[others] + (moments.means[others] - outside) ** 2
    scatter = n_inside * moments.variances[index] + (sizes * spread).sum(axis=0)
    pooled = np.sqrt(scatter / (n_inside + n_outside - 2))
    gap = inside - outside
    # Remove rounding errors of sums of values of about 1.
    pooled[pooled < ROUNDING] = 0.0
    gap[np.abs(gap) < ROUNDING] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        differences = np.where(gap == 0, 0.0, gap / pooled)
    return differences, _to_units(inside, scaler), _to_units(outside, scaler)


def _to_units(means: np.ndarray, scaler: Scaler) -> np.ndarray:
    """Return standardized means in the user's units, with rounding errors set to 0."""
    values = means * scaler.std + scaler.mean
    return np.where(np.abs(values) < ROUNDING * scaler.std, 0.0, values)
