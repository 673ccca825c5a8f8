"""Find images in which a few extreme values hide all others."""

import numpy as np
import torch

from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._utils.bad_samples import name_samples
from contrastive_clustering._utils.chunks import iterate_chunks

# Values this many standard deviations from the mean are extreme. By Chebyshev's
# inequality, they are less than a thousandth of all values.
EXTREME = 30.0

# Extreme values hide the others if they make up at least this part of the variance of a
# channel, in less than that part of the images. More images may share a structure of
# few pixels, such as the outline of a lesion.
HIDING, RARE = 0.25, 0.5


def doubts_of_extremes(samples: Samples, scaler: Scaler) -> list[str]:
    """Return a warning if a few extreme values hide all others.

    Samples are divided by their standard deviation. If that is due to a few artifacts,
    such as hot pixels, all other values become alike for the network.

    Parameters
    ----------
    samples : ndarray of shape (n_samples, ...)
        The training set. It is read again only if there are extreme values.

    scaler : Scaler
        Its standardization.

    Returns
    -------
    doubts : list of str
        At most one sentence about `X`; none for tables, whose columns are standardized
        on their own.
    """
    farthest = np.maximum(scaler.high - scaler.mean, scaler.mean - scaler.low)
    if scaler.layout.is_table or (farthest <= EXTREME * scaler.std).all():
        return []
    n_values = np.zeros(len(scaler.mean))
    part = np.zeros(len(scaler.mean))
    has_extreme = []
    for chunk in iterate_chunks(samples):
        values = scaler.scale(chunk).movedim(1, 0).flatten(2).double()
        # (n_channels, n, n_pixels)
        squares = values.square_()
        squares = torch.where(squares > EXTREME**2, squares, 0.0)
        part += squares.sum(dim=(1, 2)).numpy()
        n_values += squares[0].numel()
        has_extreme.append(squares.amax(dim=2).numpy() > 0)
    hidden = part >= HIDING * n_values
    extreme = np.flatnonzero(np.concatenate(has_extreme, axis=1)[hidden].any(axis=0))
    if not hidden.any() or len(extreme) >= RARE * len(samples):
        return []
    share = (part / n_values)[hidden].max()
    verb = "have" if len(extreme) > 1 else "has"
    return [
        f"{name_samples(extreme.tolist(), len(samples))} {verb} values more than "
        f"{EXTREME:.0f} standard deviations from the mean. They make up {share:.0%} of "
        "the variance of X, so that other values look alike to the network. If they "
        "are artifacts, clip X before fit and predict, for example to its percentiles "
        "0.1 and 99.9; otherwise transform X, for example by a logarithm."
    ]
