"""The tree over the strata: the most similar ones merge into coarser strata."""

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from scipy.cluster.hierarchy import is_valid_linkage, linkage
from sklearn.utils import check_array, check_scalar

# A centre whose distance from the overall mean is below this part of the centres'
# size has no direction but rounding error: latents are float32.
NO_DIRECTION = 1e-6


def center_similarity(
    centers: ArrayLike, counts: ArrayLike | None = None
) -> np.ndarray:
    r"""Return the cosine similarity of the strata's centres about the overall mean.

    .. math::

        s_{ij} = \frac{\langle c_i - m, c_j - m \rangle}
        {\lVert c_i - m \rVert \, \lVert c_j - m \rVert}, \qquad
        m = \frac{\sum_i n_i c_i}{\sum_i n_i}

    The paper compares the centres themselves. Latents have no natural origin, though:
    any offset that all samples share brings all cosines near 1, and the tree would
    tell of the offset. Seen from the mean of the samples, the similarity is a
    correlation and does not change when latents are shifted or scaled. The counts
    make that mean independent of how finely a group of samples was divided.

    Parameters
    ----------
    centers : array-like of shape (n_clusters, latent_dim)
        Mean latent of each stratum.

    counts : array-like of shape (n_clusters,), default=None
        Number of members of each stratum; the same for all if None.

    Returns
    -------
    similarity : ndarray of shape (n_clusters, n_clusters)
        Similarities in ``[-1, 1]``, float64, symmetric with a diagonal of ones. A
        centre that is the overall mean has no direction: its similarity is 1 to
        others like it and 0 to the rest.

    Raises
    ------
    ValueError
        If `centers` is not a finite table, or if `counts` is not of one number,
        zero or more, a centre with a sum above zero.

    References
    ----------
    Ferrante, Boccato, Duggento, Spasov, Toschi, arXiv:2209.12005, for the correlation
    matrix of the prototypes.

    Examples
    --------
    >>> from contrastive_clustering._hierarchy import center_similarity
    >>> center_similarity([[9.0, 5.0], [9.0, 7.0], [8.0, 6.0], [10.0, 6.0]]).round(3)
    array([[ 1., -1.,  0.,  0.],
           [-1.,  1.,  0.,  0.],
           [ 0.,  0.,  1., -1.],
           [ 0.,  0., -1.,  1.]])
    """
    points = check_array(centers, dtype=np.float64, input_name="centers")
    weights = _check_counts(counts, len(points))
    size = np.abs(points).max()
    if size > 0:
        points = points / size  # so that no square overflows
    offsets = points - np.average(points, axis=0, weights=weights)
    lengths = np.linalg.norm(offsets, axis=1, keepdims=True)
    directionless = lengths[:, 0] <= NO_DIRECTION
    lengths[directionless] = 1.0
    directions = np.where(directionless[:, None], 0.0, offsets / lengths)
    similarity = np.clip(directions @ directions.T, -1.0, 1.0)
    similarity[np.ix_(directionless, directionless)] = 1.0
    np.fill_diagonal(similarity, 1.0)
    return np.asarray((similarity + similarity.T) / 2)


def _check_counts(counts: ArrayLike | None, n_clusters: int) -> np.ndarray:
    if counts is None:
        return np.ones(n_clusters)
    weights = check_array(
        counts, dtype=np.float64, ensure_2d=False, input_name="counts"
    )
    if weights.shape != (n_clusters,):
        raise ValueError(
            f"counts has shape {weights.shape}, but there are {n_clusters} centers. "
            "Give one number of members for each."
        )
    if weights.min() < 0 or weights.sum() == 0:
        raise ValueError(
            f"counts={weights.tolist()} must be numbers of members: none below zero, "
            "and at least one above."
        )
    return np.asarray(weights)


def link_centers(centers: ArrayLike, counts: ArrayLike | None = None) -> np.ndarray:
    """Return the tree in which the most similar strata merge first.

    Average linkage on ``1 - center_similarity(centers, counts)``: two groups of
    strata are as far apart as their members are on average, and every stratum counts
    as one.

    Parameters
    ----------
    centers : array-like of shape (n_clusters, latent_dim)
        Mean latent of each stratum.

    counts : array-like of shape (n_clusters,), default=None
        Number of members of each stratum; the same for all if None.

    Returns
    -------
    linkage : ndarray of shape (n_clusters - 1, 4)
        One merge a row, float64, heights in ``[0, 2]``, as
        :func:`scipy.cluster.hierarchy.dendrogram` reads it. It has no row if there
        is one stratum.

    Raises
    ------
    ValueError
        As for :func:`center_similarity`.

    Examples
    --------
    >>> from contrastive_clustering._hierarchy import link_centers
    >>> link_centers([[0.0, 5.0], [1.0, 5.0], [-1.0, -9.0]])[:, [0, 1, 3]]
    array([[0., 1., 2.],
           [2., 3., 3.]])
    """
    distance = 1.0 - center_similarity(centers, counts)
    n_clusters = len(distance)
    if n_clusters == 1:
        return np.empty((0, 4))
    rows, columns = np.triu_indices(n_clusters, k=1)
    return np.asarray(linkage(distance[rows, columns], method="average"))


def cut_linkage(linkage: ArrayLike, n: int) -> np.ndarray:
    """Return which of `n` coarser strata each stratum belongs to.

    The first ``n_clusters - n`` merges are carried out, so that also among merges of
    one height exactly `n` strata are left, and a cut at `n` only joins strata of the
    cut at ``n + 1``.

    Parameters
    ----------
    linkage : array-like of shape (n_clusters - 1, 4)
        Tree over the strata, as :func:`link_centers` returns it.

    n : int
        Number of coarser strata to keep, from 1 to `n_clusters`.

    Returns
    -------
    coarse : ndarray of shape (n_clusters,)
        Coarser stratum of each stratum, numbered from 0 in order of first appearance.

    Raises
    ------
    TypeError
        If `n` is not a whole number.

    ValueError
        If `n` is out of its range, or if `linkage` is none.

    Examples
    --------
    >>> from contrastive_clustering._hierarchy import cut_linkage, link_centers
    >>> cut_linkage(link_centers([[-1.0, -9.0], [0.0, 5.0], [1.0, 5.0]]), 2)
    array([0, 1, 1])
    """
    tree = _check_linkage(linkage)
    n_clusters = len(tree) + 1
    check_scalar(n, "n", Integral)
    if not 1 <= n <= n_clusters:
        raise ValueError(
            f"n={n} coarser strata cannot be kept of {n_clusters}. Set n to a number "
            f"from 1 to {n_clusters}."
        )
    # Row i merges two nodes into the node n_clusters + i.
    groups = {stratum: [stratum] for stratum in range(n_clusters)}
    for i, (left, right) in enumerate(tree[: n_clusters - n, :2].astype(int)):
        groups[n_clusters + i] = groups.pop(int(left)) + groups.pop(int(right))
    coarse = np.empty(n_clusters, dtype=np.intp)
    for number, members in enumerate(sorted(groups.values(), key=min)):
        coarse[members] = number
    return coarse


def _check_linkage(linkage: ArrayLike) -> np.ndarray:
    tree = np.asarray(linkage, dtype=np.float64)
    if tree.ndim != 2 or tree.shape[1] != 4:
        raise ValueError(
            f"linkage has shape {tree.shape}, but a tree over k strata has shape "
            "(k - 1, 4). Pass what link_centers returns."
        )
    if len(tree) and not is_valid_linkage(tree):
        raise ValueError(
            "linkage is no tree in SciPy's format. Pass what link_centers or "
            "scipy.cluster.hierarchy.linkage returns."
        )
    return tree


def merge_labels(labels: ArrayLike, linkage: ArrayLike, n: int) -> np.ndarray:
    """Replace strata by the coarser strata that are left when `n` are kept.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        Stratum of each sample, from 0 to ``n_clusters - 1``, or -1 for noise.

    linkage : array-like of shape (n_clusters - 1, 4)
        Tree over the strata, as :func:`link_centers` returns it.

    n : int
        Number of coarser strata to keep, from 1 to `n_clusters`.

    Returns
    -------
    merged : ndarray of shape (n_samples,)
        Coarser stratum of each sample; noise stays -1.

    Raises
    ------
    TypeError, ValueError
        As for :func:`cut_linkage`; also if `labels` holds anything but strata of the
        tree and -1.

    Examples
    --------
    >>> from contrastive_clustering._hierarchy import link_centers, merge_labels
    >>> tree = link_centers([[-1.0, -9.0], [0.0, 5.0], [1.0, 5.0]])
    >>> merge_labels([2, 0, 1, -1], tree, 2)
    array([ 1,  0,  1, -1])
    """
    coarse = cut_linkage(linkage, n)
    strata = np.asarray(labels)
    if strata.ndim != 1 or strata.dtype.kind not in "iu":
        raise ValueError(
            f"labels has shape {strata.shape} and dtype {strata.dtype}; one whole "
            "number a sample is needed. Pass what predict returns."
        )
    if len(strata) and not -1 <= strata.min() <= strata.max() < len(coarse):
        raise ValueError(
            f"labels run from {strata.min()} to {strata.max()}, but linkage is a tree "
            f"over the strata 0 to {len(coarse) - 1}. Pass labels and linkage of the "
            "same fit."
        )
    # -1 indexes the entry that is appended for noise.
    return np.asarray(np.append(coarse, -1)[strata])
