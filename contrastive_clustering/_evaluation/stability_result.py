"""The result of a stability analysis: similarities, the verdict and a table."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from contrastive_clustering._utils.messages import quantity
from contrastive_clustering._utils.numbering import name_strata
from contrastive_clustering._utils.optional import import_pandas

# Hennig (2007): a valid, stable cluster has a mean Jaccard similarity of at least 0.75.
MIN_STABLE = 0.75

# A stratum of 4 samples or groups that loses a single one has a Jaccard similarity of
# 0.75, the threshold. With fewer than 5, the verdict would depend on individual ones.
MIN_UNITS = 5


@dataclass(frozen=True, eq=False)
class ClusterStability:
    """Similarity of the strata of a reference fit and of refits to subsets.

    Stability is necessary for strata to be real, but not sufficient. A clusterer that
    splits a gradient, such as the brightness of images, in the middle will do so again.
    Fits also share samples, whose chance arrangement makes a few clusters in few
    dimensions recur: k-means finds three "stable" clusters in 300 samples of noise with
    two features, and none in noise with as many features as an image. A stratum that
    does not recur, however, should not be reported.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each stratum, indexed by "stratum", with the columns "n_samples",
        "n_groups" if groups were passed, "jaccard_mean", "jaccard_low", "jaccard_high",
        "jaccard_chance" and "stable". It needs pandas.

    labels : ndarray of shape (n_samples,)
        Strata of the reference, the fit to all samples; -1 is noise.

    strata : ndarray of shape (n_clusters,)
        The strata of the reference, sorted, without noise.

    sample_counts : ndarray of shape (n_clusters,)
        Number of samples of each stratum.

    jaccard : ndarray of shape (n_resamples, n_clusters)
        Jaccard similarity, in ``[0, 1]``, of each stratum and the best-matching cluster
        of the refit, computed on the resample. It is 0 if no member was drawn.

    jaccard_mean : ndarray of shape (n_clusters,)
        Mean over the resamples.

    jaccard_interval : ndarray of shape (n_clusters, 2)
        Percentiles 2.5 and 97.5 over the resamples.

    jaccard_chance : ndarray of shape (n_clusters,)
        Mean over the resamples with shuffled labels of the refit: the similarity
        expected by chance. It is high for a stratum that holds most samples.

    stable : ndarray of shape (n_clusters,)
        Whether a stratum is stable: its mean is at least 0.75, Hennig's rule of thumb,
        its interval lies above chance, and it has at least 5 samples or, with groups, 5
        groups.

    adjusted_rand : ndarray of shape (n_resamples,)
        Adjusted Rand index of the labels of the reference and of the refit, computed on
        the resample. Noise counts as one more stratum.

    adjusted_rand_mean : float
        Mean over the resamples.

    adjusted_rand_interval : ndarray of shape (2,)
        Percentiles 2.5 and 97.5 over the resamples.

    group_counts : ndarray of shape (n_clusters,) or None
        Number of groups in each stratum, each counted in the stratum of most of its
        samples. None if no groups were passed.

    n_groups : int or None
        Number of groups, or None. With groups, all similarities are computed on groups
        instead of samples.

    Examples
    --------
    See :func:`cluster_stability`.
    """

    labels: np.ndarray
    strata: np.ndarray
    sample_counts: np.ndarray
    jaccard: np.ndarray
    jaccard_mean: np.ndarray
    jaccard_interval: np.ndarray
    jaccard_chance: np.ndarray
    stable: np.ndarray
    adjusted_rand: np.ndarray
    adjusted_rand_mean: float
    adjusted_rand_interval: np.ndarray
    group_counts: np.ndarray | None = None
    n_groups: int | None = None

    @property
    def table(self) -> Any:
        """The similarities as a table."""
        pandas = import_pandas("ClusterStability.table")
        columns = {"n_samples": self.sample_counts}
        if self.group_counts is not None:
            columns["n_groups"] = self.group_counts
        columns |= {
            "jaccard_mean": self.jaccard_mean,
            "jaccard_low": self.jaccard_interval[:, 0],
            "jaccard_high": self.jaccard_interval[:, 1],
            "jaccard_chance": self.jaccard_chance,
            "stable": self.stable,
        }
        return pandas.DataFrame(
            columns, index=pandas.Index(self.strata, name="stratum")
        )

    def __str__(self) -> str:
        low, high = self.adjusted_rand_interval
        lines = [
            f"{quantity(len(self.strata), 'stratum', 'strata')} of "
            f"{_count(len(self.labels), self.n_groups)} in {len(self.adjusted_rand)} "
            f"refits: adjusted Rand index {self.adjusted_rand_mean:.2f} "
            f"[{low:.2f}, {high:.2f}]"
        ]
        for i, cluster in enumerate(self.strata):
            low, high = self.jaccard_interval[i]
            n_groups = None if self.group_counts is None else self.group_counts[i]
            lines.append(
                f"  stratum {cluster} ({_count(self.sample_counts[i], n_groups)}): "
                f"Jaccard {self.jaccard_mean[i]:.2f} [{low:.2f}, {high:.2f}], by "
                f"chance {self.jaccard_chance[i]:.2f}"
            )
        return "\n".join([*lines, *self._verdict()])

    def _verdict(self) -> list[str]:
        if not len(self.strata):
            return ["There is no stratum: all samples are noise."]
        lines = []
        unit, sizes = "samples", self.sample_counts
        if self.group_counts is not None:
            unit, sizes = "groups", self.group_counts
        is_small = sizes < MIN_UNITS
        if self.stable.any():
            stable, unstable = (
                ", ".join(map(str, self.strata[rows])) or "none"
                for rows in (self.stable, ~self.stable)
            )
            lines.append(f"Stable strata: {stable}. Unstable strata: {unstable}.")
        else:
            is_recurring = self.jaccard_mean >= MIN_STABLE
            is_above_chance = self.jaccard_interval[:, 0] > self.jaccard_chance
            reasons = {
                f"refits to subsets of the {unit} find other strata": ~is_recurring,
                "shuffled labels may be as similar": is_recurring & ~is_above_chance,
                f"strata have too few {unit}": is_small,
            }
            found = ", or ".join(text for text, rows in reasons.items() if rows.any())
            lines.append(f"No stratum is stable: {found}. Do not report these.")
        if is_small.any():
            few = name_strata(self.strata[is_small])
            lines.append(f"Fewer than {MIN_UNITS} {unit} cannot be stable: {few}.")
        return lines


def _count(n_samples: int, n_groups: int | None) -> str:
    samples = quantity(n_samples, "sample")
    return samples if n_groups is None else f"{samples}, {quantity(n_groups, 'group')}"
