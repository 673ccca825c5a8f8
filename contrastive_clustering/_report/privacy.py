"""Which decoded centers a report may show without showing a sample."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from contrastive_clustering._data.duplicates import count_distinct, number_distinct
from contrastive_clustering._data.scaling import Scaler, iterate_chunks
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._report.data import Chosen

# The mean of the latents of fewer distinct samples than this is the latent of a sample,
# which would decode to a reconstruction of it.
LEAST_MEMBERS = 2

# A picture resembles one sample if it is nearer to it than this part of its mean
# distance from the next ones, or if that sample and those hardly different from it are
# more than this share of the stratum (docs/experiments/recognizable_centers.rst).
NEARNESS, N_NEXT = 0.7, 5
LARGEST_SHARE = 0.45

# Samples are hardly different if they are nearer to each other than this part of the
# usual distance between strata, which is taken of so many samples.
NEAR_COPY, N_USUAL = 0.7, 200

# Of fewer values, samples of a table are close to each other by chance.
LEAST_VALUES = 64


@dataclass(frozen=True, eq=False)
class Privacy:
    """What is known of the decoded centers of an estimator's strata.

    Attributes
    ----------
    n_distinct : ndarray of shape (n_clusters,)
        Number of distinct training samples of each stratum; where X is not the training
        set, of all of them, unless X shows that they are copies.

    resembling : ndarray of shape (n_clusters,)
        Whether a decoded center resembles one sample of X.

    is_training_set : bool
        Whether X is most likely the training set.
    """

    n_distinct: np.ndarray
    resembling: np.ndarray
    is_training_set: bool

    @property
    def shown(self) -> np.ndarray:
        """The strata whose decoded centers may be shown, ascending."""
        return np.flatnonzero((self.n_distinct >= LEAST_MEMBERS) & ~self.resembling)


def count_members(estimator: Any) -> np.ndarray:
    """Return how many training samples each stratum has.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`ContrastiveAutoencoderClusterer`.

    Returns
    -------
    counts : ndarray of shape (n_clusters,)
        Numbers of members, copies included and noise left out.
    """
    labels = estimator.labels_
    return np.bincount(labels[labels >= 0], minlength=estimator.n_clusters_)


def is_training_set(estimator: Any, chosen: Chosen, n_samples: int) -> bool:
    """Return whether X is as large as the training set and falls in the same strata.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`ContrastiveAutoencoderClusterer`.

    chosen : Chosen
        The samples that were looked at.

    n_samples : int
        Number of samples of X.

    Returns
    -------
    is_training_set : bool
        True is no proof, as the estimator keeps nothing of its training set.
    """
    trained = estimator.labels_
    return n_samples == len(trained) and bool(
        np.array_equal(trained[chosen.rows], chosen.labels)
    )


def examine(estimator: Any, chosen: Chosen, samples: Samples) -> Privacy:
    """Count distinct samples, and compare the decoded centers with all samples.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`ContrastiveAutoencoderClusterer`.

    chosen : Chosen
        The samples that are looked at.

    samples : ndarray or LazyArray of shape (n_samples, ...)
        All samples of X, which are read piece by piece.

    Returns
    -------
    privacy : Privacy
        What may be shown.
    """
    n_clusters = estimator.n_clusters_
    codes = number_distinct(samples)
    is_same = is_training_set(estimator, chosen, len(samples))
    if is_same:
        n_distinct = count_distinct(estimator.labels_, codes, n_clusters)
    else:
        n_distinct = count_members(estimator)
        n_here = np.bincount(chosen.labels[chosen.labels >= 0], minlength=n_clusters)
        here = count_distinct(chosen.labels, codes[chosen.rows], n_clusters)
        n_distinct = np.where((n_here > 1) & (here == 1), 1, n_distinct)
    if samples[0].size < LEAST_VALUES:
        return Privacy(n_distinct, np.zeros(n_clusters, bool), is_same)
    scaler = estimator._model.scaler
    centers = estimator.inverse_transform(estimator.cluster_centers_)
    near_copy = NEAR_COPY * usual_distance(chosen, codes[chosen.rows], scaler)
    ratios, alike = nearness(centers, samples, codes, scaler, near_copy)
    members = np.arange(n_clusters)[:, None] == chosen.labels
    n_alike = (members & alike[:, chosen.rows]).sum(axis=1)
    is_one = n_alike > LARGEST_SHARE * members.sum(axis=1)
    return Privacy(n_distinct, (ratios < NEARNESS) | is_one, is_same)


def usual_distance(chosen: Chosen, codes: np.ndarray, scaler: Scaler) -> float:
    """Return how far samples usually are from the nearest one of another stratum.

    Parameters
    ----------
    chosen : Chosen
        The samples that are looked at.

    codes : ndarray of shape (n_chosen,)
        The same number for copies among them.

    scaler : Scaler
        The estimator's.

    Returns
    -------
    distance : float
        The median, as `nearness` measures distances; from the nearest other sample if
        there is one stratum alone, and infinite if there is one sample alone.
    """
    # Ordered by their digests, that is by chance.
    _, first = np.unique(codes, return_index=True)
    some = first[np.linspace(0, len(first) - 1, min(N_USUAL, len(first))).astype(int)]
    points = _directions(chosen.samples[some], scaler)
    distances = _distances(points, chosen.samples, scaler)
    groups = chosen.labels if len(np.unique(chosen.labels)) > 1 else codes
    distances[groups[some][:, None] == groups] = np.inf
    return float(np.median(distances.min(axis=1)))


def nearness(
    pictures: np.ndarray,
    samples: Samples,
    codes: np.ndarray,
    scaler: Scaler,
    near_copy: float,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return how much nearer pictures are to one sample than to the next ones.

    Samples are compared by their correlation :math:`r` on the common scale, with the
    distance :math:`\sqrt{2 - 2r}`. Copies count once. The next ones are the five that
    are nearest to the picture, without those that are hardly different from its nearest
    sample.

    Parameters
    ----------
    pictures : ndarray of shape (n_pictures, ...)
        What was decoded, in the user's shape and units.

    samples : ndarray or LazyArray of shape (n_samples, ...)
        The samples, which are read piece by piece, twice.

    codes : ndarray of shape (n_samples,)
        The same number for copies.

    scaler : Scaler
        The estimator's.

    near_copy : float
        Samples at most so far from each other are hardly different.

    Returns
    -------
    ratios : ndarray of shape (n_pictures,)
        The distance from the nearest sample, as a part of the mean distance from the
        next ones: 0 is a copy, 1 a picture as far from many.

    alike : ndarray of bool of shape (n_pictures, n_samples)
        Which samples are copies of the nearest one or hardly different from it.
    """
    _, first = np.unique(codes, return_index=True)
    points = _directions(pictures, scaler)
    from_picture = _distances(points, samples, scaler)[:, first]
    nearest = from_picture.argmin(axis=1)
    points = _directions(np.asarray(samples[first[nearest]]), scaler)
    alike = _distances(points, samples, scaler) <= near_copy
    alike |= codes == codes[first[nearest]][:, None]
    rows = zip(from_picture, ~alike[:, first], nearest, strict=True)
    return np.array([_ratio(*row) for row in rows]), alike


def _ratio(distances: np.ndarray, others: np.ndarray, nearest: int) -> float:
    """Return the ratio of one picture by its distances, and by which are others."""
    is_nearest = np.arange(len(distances)) == nearest
    if not others.any():  # each is another where all are hardly different
        others = ~is_nearest
    following = np.sort(distances[others])[:N_NEXT]
    if not following.any():  # there is one sample, or the picture is all of them
        return 0.0
    return float(distances[nearest] / following.mean())


def _directions(samples: np.ndarray, scaler: Scaler) -> torch.Tensor:
    """Return samples on the common scale, of mean 0 and length 1 (constant ones: 0)."""
    rows = scaler.scale(samples).flatten(1)  # (n, C, ...) -> (n, n_values)
    rows = rows - rows.mean(dim=1, keepdim=True)
    return torch.nn.functional.normalize(rows, dim=1)


def _distances(points: torch.Tensor, samples: Samples, scaler: Scaler) -> np.ndarray:
    """Return distances of shape (n_points, n_samples)."""
    parts = [points @ _directions(chunk, scaler).T for chunk in iterate_chunks(samples)]
    return (2 - 2 * torch.cat(parts, dim=1)).clamp(min=0).sqrt().numpy()
