"""Which decoded centers a report may show without revealing a sample."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from contrastive_clustering._data.duplicates import count_distinct, number_distinct
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._report.data import Chosen
from contrastive_clustering._utils.chunks import iterate_chunks
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.weighted_tables import count

# The mean latent of fewer distinct samples is the latent of a single sample, and would
# decode to its reconstruction.
MIN_MEMBERS = 2

# An image resembles one sample if its distance from that sample is less than this
# fraction of its mean distance from the next ones, or if that sample and its
# near-copies make up more than this share of the stratum
# (docs/experiments/recognizable_centers.rst). The share holds for the samples of a
# group, such as a patient, as well.
MAX_DISTANCE_RATIO, N_NEXT = 0.7, 5
MAX_SHARE = 0.45

# Near-copies are samples closer to each other than this fraction of the typical
# distance between strata, which is the median over this many samples.
NEAR_COPY, N_TYPICAL = 0.7, 200

# Samples with fewer values may be similar by chance.
MIN_VALUES = 64


@dataclass(frozen=True, eq=False)
class Privacy:
    """Whether the decoded center of each stratum would reveal a sample.

    Attributes
    ----------
    n_distinct : ndarray of shape (n_clusters,)
        Number of distinct training samples of each stratum. If X is not the training
        set, copies are counted unless X shows that all members are copies.

    resembling : ndarray of shape (n_clusters,)
        Whether the decoded center resembles a single sample of X.

    of_one_group : ndarray of shape (n_clusters,)
        Whether most samples of the stratum belong to one group, such as a patient.

    is_training_set : bool
        Whether X is most likely the training set.
    """

    n_distinct: np.ndarray
    resembling: np.ndarray
    of_one_group: np.ndarray
    is_training_set: bool

    @property
    def shown(self) -> np.ndarray:
        """The strata whose decoded centers may be shown, in ascending order."""
        hidden = self.resembling | self.of_one_group
        return np.flatnonzero((self.n_distinct >= MIN_MEMBERS) & ~hidden)


def count_members(estimator: Any) -> np.ndarray:
    """Return the number of training samples, with copies, of each stratum."""
    labels = estimator.labels_
    return np.bincount(labels[labels >= 0], minlength=estimator.n_clusters_)


def is_training_set(estimator: Any, chosen: Chosen, n_samples: int) -> bool:
    """Return whether X has the size and the strata of the training set.

    That is not a proof, as the estimator does not keep its training set.
    """
    trained = estimator.labels_
    return n_samples == len(trained) and bool(
        np.array_equal(trained[chosen.rows], chosen.labels)
    )


def examine(
    estimator: Any,
    chosen: Chosen,
    samples: Samples,
    grouping: Grouping | None = None,
) -> Privacy:
    """Count distinct samples and compare the decoded centers with all samples of X."""
    n_clusters = estimator.n_clusters_
    codes = number_distinct(samples)
    is_same = is_training_set(estimator, chosen, len(samples))
    # The samples used may be few of a small stratum, or none.
    labels, rows = chosen.labels, chosen.rows
    if is_same:
        labels, rows = estimator.labels_, np.arange(len(samples))
        n_distinct = count_distinct(labels, codes, n_clusters)
    else:
        n_distinct = count_members(estimator)
        n_here = np.bincount(chosen.labels[chosen.labels >= 0], minlength=n_clusters)
        here = count_distinct(chosen.labels, codes[chosen.rows], n_clusters)
        n_distinct = np.where((n_here > 1) & (here == 1), 1, n_distinct)
    if grouping is not None:
        grouping = grouping.take(rows)
    of_one_group = is_of_one_group(labels, n_clusters, grouping)
    if samples[0].size < MIN_VALUES:
        return Privacy(n_distinct, np.zeros(n_clusters, bool), of_one_group, is_same)
    scaler = estimator._model.scaler
    centers = estimator.inverse_transform(estimator.cluster_centers_)
    near_copy = NEAR_COPY * typical_distance(chosen, codes[chosen.rows], scaler)
    ratios, alike = distance_ratios(centers, samples, codes, scaler, near_copy)
    members = np.arange(n_clusters)[:, None] == labels
    n_alike = (members & alike[:, rows]).sum(axis=1)
    is_one = n_alike > MAX_SHARE * members.sum(axis=1)
    resembling = (ratios < MAX_DISTANCE_RATIO) | is_one
    return Privacy(n_distinct, resembling, of_one_group, is_same)


def is_of_one_group(
    labels: np.ndarray, n_clusters: int, grouping: Grouping | None
) -> np.ndarray:
    """Return the strata in which one group has more than the allowed share, as a mask.

    It is False without groups, or if each sample is a group of its own.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._report.privacy import is_of_one_group
    >>> from contrastive_clustering._utils.grouping import Grouping
    >>> patients = Grouping.read(["A", "A", "A", "B", "C", "D"], 6)
    >>> is_of_one_group(np.array([0, 0, 0, 1, 1, 1]), 2, patients)
    array([ True, False])
    """
    if grouping is None or grouping.is_trivial:
        return np.zeros(n_clusters, bool)
    known = labels >= 0
    shape = (n_clusters, grouping.n_groups)
    counts = count(labels[known], grouping.codes[known], shape)[0]
    return np.asarray(counts.max(axis=1) > MAX_SHARE * counts.sum(axis=1))


def typical_distance(chosen: Chosen, codes: np.ndarray, scaler: Scaler) -> float:
    """Return the typical distance of a sample from the nearest one in another stratum.

    It is the median of the distances that `distance_ratios` uses. With a single
    stratum, it is that from the nearest other sample; with a single sample, it is
    infinite. `codes` are equal for copies.
    """
    # Codes are ordered by digests, so that this is a random selection.
    _, first = np.unique(codes, return_index=True)
    some = first[np.linspace(0, len(first) - 1, min(N_TYPICAL, len(first))).astype(int)]
    points = _directions(chosen.samples[some], scaler)
    distances = _distances(points, chosen.samples, scaler)
    groups = chosen.labels if len(np.unique(chosen.labels)) > 1 else codes
    distances[groups[some][:, None] == groups] = np.inf
    return float(np.median(distances.min(axis=1)))


def distance_ratios(
    images: np.ndarray,
    samples: Samples,
    codes: np.ndarray,
    scaler: Scaler,
    near_copy: float,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return how much closer images are to one sample than to the next ones.

    The distance of two samples is :math:`\sqrt{2 - 2r}` with the correlation :math:`r`
    of their standardized values. Copies count once. The next samples are the five
    closest to the image that are not near-copies of its nearest sample.

    Parameters
    ----------
    images : ndarray of shape (n_images, ...)
        Decoded samples, in the user's shape and units.

    samples : ndarray or LazyArray of shape (n_samples, ...)
        The samples, read in chunks, twice.

    codes : ndarray of shape (n_samples,)
        Equal numbers for copies.

    scaler : Scaler
        The scaler of the estimator.

    near_copy : float
        Largest distance between near-copies.

    Returns
    -------
    ratios : ndarray of shape (n_images,)
        The distance from the nearest sample divided by the mean distance from the next
        ones: 0 for a copy, 1 for an image equally far from several samples.

    alike : ndarray of bool of shape (n_images, n_samples)
        Which samples are copies or near-copies of the nearest one.
    """
    _, first = np.unique(codes, return_index=True)
    points = _directions(images, scaler)
    from_image = _distances(points, samples, scaler)[:, first]
    nearest = from_image.argmin(axis=1)
    points = _directions(np.asarray(samples[first[nearest]]), scaler)
    alike = _distances(points, samples, scaler) <= near_copy
    alike |= codes == codes[first[nearest]][:, None]
    rows = zip(from_image, ~alike[:, first], nearest, strict=True)
    return np.array([_ratio(*row) for row in rows]), alike


def _ratio(distances: np.ndarray, others: np.ndarray, nearest: int) -> float:
    """Return the ratio of one image from its distances and the mask of the others."""
    is_nearest = np.arange(len(distances)) == nearest
    if not others.any():  # if all are near-copies, each counts as another
        others = ~is_nearest
    following = np.sort(distances[others])[:N_NEXT]
    if not following.any():  # one sample, or the image equals all of them
        return 0.0
    return float(distances[nearest] / following.mean())


def _directions(samples: np.ndarray, scaler: Scaler) -> torch.Tensor:
    """Return standardized samples with mean 0 and length 1; constant ones are 0."""
    rows = scaler.scale(samples).flatten(1)  # (n, C, ...) -> (n, n_values)
    rows = rows - rows.mean(dim=1, keepdim=True)
    return torch.nn.functional.normalize(rows, dim=1)


def _distances(points: torch.Tensor, samples: Samples, scaler: Scaler) -> np.ndarray:
    """Return distances of shape (n_points, n_samples)."""
    parts = [points @ _directions(chunk, scaler).T for chunk in iterate_chunks(samples)]
    return (2 - 2 * torch.cat(parts, dim=1)).clamp(min=0).sqrt().numpy()
