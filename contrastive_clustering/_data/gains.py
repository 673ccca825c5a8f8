"""Find images whose units seem to be arbitrary, as those of most MR images are."""

import math

import numpy as np

from contrastive_clustering._data.layout import SampleLayout
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._utils.chunks import chunk_slices
from contrastive_clustering._utils.seeding import draw_rows

# Maximum number of images to measure, drawn at random.
N_MEASURED = 1000

# With fewer images, their spread is not known.
MIN_MEASURED = 50

# Smallest standard deviation of the logarithms of the factors that is named. That of
# images in common units was at most 0.23 (docs, "Do extreme values hide the others?").
LARGEST_SPREAD = 0.5

# Part of the images at either end that may be almost empty, such as the outer slices of
# a scan, and the distance of its limits in a normal distribution of unit variance.
TAIL, DISTANCE = 0.1, 2.563


def doubts_of_gains(samples: Samples, layout: SampleLayout) -> list[str]:
    """Return a warning if images seem to differ by arbitrary factors.

    A factor multiplies both the range of an image and its root mean square. Brighter
    and darker content seldom changes both by much: the background or the range stays.

    Parameters
    ----------
    samples : ndarray or LazyArray of shape (n_samples, ...)
        The training set.

    layout : SampleLayout
        Its layout.

    Returns
    -------
    doubts : list of str
        At most one sentence about `X`; none for tables, for values of 8 bits, whose
        units are common, and for fewer than 50 images that are not constant.
    """
    if layout.is_table or samples.dtype.itemsize == 1:
        return []
    rows = draw_rows(len(samples), N_MEASURED, np.random.RandomState(0))
    measures = np.concatenate(
        [
            _measure(samples[rows[part]])
            for part in chunk_slices(len(rows), math.prod(layout.sample_shape))
        ]
    )
    measures = measures[(measures > 0).all(axis=1)]
    if len(measures) < MIN_MEASURED:
        return []
    low, high = np.quantile(np.log(measures), (TAIL, 1 - TAIL), axis=0)
    distance = (high - low).min()
    if distance < LARGEST_SPREAD * DISTANCE:
        return []
    return [
        f"The brightness and the contrast of the images in X differ by a factor of "
        f"{math.exp(distance):.1f} between the {TAIL:.0%} darkest and the {TAIL:.0%} "
        "brightest. If their units are arbitrary, as in MR, divide each image by its "
        "standard deviation before fit and predict; otherwise strata may follow the "
        "units."
    ]


def _measure(images: np.ndarray) -> np.ndarray:
    """Return the ranges and the root mean squares of images, of shape (n, 2)."""
    values = images.reshape(len(images), -1).astype(np.float64)
    # Single extreme values do not count.
    low, high = np.quantile(values, (0.01, 0.99), axis=1)
    return np.column_stack([high - low, np.sqrt(np.square(values).mean(axis=1))])
